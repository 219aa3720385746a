--- How many columns of a terminal a text takes, and how a name is brought to so many: Chinese ones take two each.
--
-- Texts are UTF-8. What terminals themselves disagree on (emoji that are joined, characters of ambiguous width) may be off.
-- @module aicc.cli.width

local core = require "aicc.core"

local M = {}

local GAP = "..." -- what is left out of a name
local LONGEST = 500 -- bytes of a name that are looked at

-- A character: one byte, or a first one and those that continue it.
local CHARACTER = "[^\128-\191][\128-\191]*"

-- From, to: characters that take no column, and those that take two. In order.
local NONE = {
  { 0x0300, 0x036F }, { 0x0483, 0x0489 }, { 0x0591, 0x05BD }, { 0x0610, 0x061A }, { 0x064B, 0x065F }, { 0x06D6, 0x06DC },
  { 0x0900, 0x0902 }, { 0x093C, 0x093C }, { 0x0941, 0x0948 }, { 0x094D, 0x094D }, { 0x0E31, 0x0E31 }, { 0x0E34, 0x0E3A },
  { 0x0E47, 0x0E4E }, { 0x1AB0, 0x1AFF }, { 0x1DC0, 0x1DFF }, { 0x200B, 0x200F }, { 0x2060, 0x2064 }, { 0x20D0, 0x20FF },
  { 0x302A, 0x302D }, { 0x3099, 0x309A }, { 0xFE00, 0xFE0F }, { 0xFE20, 0xFE2F }, { 0xFEFF, 0xFEFF }, { 0xE0100, 0xE01EF },
}
local TWO = {
  { 0x1100, 0x115F }, { 0x231A, 0x231B }, { 0x2329, 0x232A }, { 0x23E9, 0x23EC }, { 0x25FD, 0x25FE }, { 0x2614, 0x2615 },
  { 0x2648, 0x2653 }, { 0x26AA, 0x26AB }, { 0x26BD, 0x26BE }, { 0x2705, 0x2705 }, { 0x274C, 0x274C }, { 0x2753, 0x2755 },
  { 0x2795, 0x2797 }, { 0x2E80, 0x303E }, { 0x3041, 0x33FF }, { 0x3400, 0x4DBF }, { 0x4E00, 0xA4CF }, { 0xA960, 0xA97F },
  { 0xAC00, 0xD7A3 }, { 0xF900, 0xFAFF }, { 0xFE10, 0xFE19 }, { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 }, { 0xFFE0, 0xFFE6 },
  { 0x16FE0, 0x18CFF }, { 0x1AFF0, 0x1B2FF }, { 0x1F300, 0x1F64F }, { 0x1F680, 0x1F6FF }, { 0x1F900, 0x1F9FF },
  { 0x1FA70, 0x1FAFF }, { 0x20000, 0x3FFFD },
}

local function is_in(ranges, code)
  for _, range in ipairs(ranges) do
    if code <= range[2] then return code >= range[1] end
  end
  return false
end

local function code_of(character)
  local a, b, c, d = character:byte(1, 4)
  if a < 0x80 then return a end
  if a < 0xE0 then return (a - 0xC0) * 64 + (b or 0x80) - 0x80 end
  if a < 0xF0 then return (a - 0xE0) * 4096 + ((b or 0x80) - 0x80) * 64 + (c or 0x80) - 0x80 end
  return (a - 0xF0) * 262144 + ((b or 0x80) - 0x80) * 4096 + ((c or 0x80) - 0x80) * 64 + (d or 0x80) - 0x80
end

-- How many columns a character takes.
local function columns_of(character)
  if #character == 1 then return 1 end
  local code = code_of(character)
  return is_in(NONE, code) and 0 or is_in(TWO, code) and 2 or 1
end

--- How many columns a text takes.
-- @tparam string text
-- @treturn integer
function M.of(text)
  local columns = 0
  for character in text:gmatch(CHARACTER) do columns = columns + columns_of(character) end
  return columns
end

--- How many bytes of a text fit into so many columns, from byte `at` on.
-- @tparam string text
-- @tparam integer at
-- @tparam integer columns
-- @treturn integer the last one's position
function M.fitting(text, at, columns)
  local used, last = 0, at - 1
  for character in text:sub(at):gmatch(CHARACTER) do
    used = used + columns_of(character)
    if used > columns then break end
    last = last + #character
  end
  return last
end

-- What turns the direction of a line, or ends it, in the eyes of a terminal that heeds Unicode.
local TURNS = "\226\128[\142\143\168-\174]"    -- U+200E, U+200F, U+2028 to U+202E
local ISOLATES = "\226\129[\166-\175]"         -- U+2066 to U+206F

--- A server's name as a terminal can be given it: on one line, no escape sequence begins in it, and none of it turns the line
-- around. A control character becomes a blank for each of its bytes, what turns the line a question mark.
-- @tparam ?string name
-- @treturn ?string
function M.harmless(name)
  if name == nil then return nil end
  return (core.printable(tostring(name), LONGEST):gsub(TURNS, "?"):gsub(ISOLATES, "?"))
end

-- The last bytes of a text that fit into so many columns: from where.
local function tail(text, columns)
  local used, from, pending = 0, #text + 1, 0
  for at = #text, 1, -1 do
    local byte = text:byte(at)
    pending = pending + 1
    if byte < 0x80 or byte >= 0xC0 then
      local width = columns_of(text:sub(at, at + pending - 1))
      used, pending = used + width, 0
      if used > columns then break end
      if width > 0 then from = at end -- what takes no column belongs to the character before it
    end
  end
  return from
end

--- Leaves out the middle of a name that is too wide.
-- @tparam string name
-- @tparam ?integer columns nil leaves it as it is
-- @treturn string
function M.shortened(name, columns)
  if not columns or M.of(name) <= columns then return name end
  local left = math.floor((columns - #GAP) / 2)
  return name:sub(1, M.fitting(name, 1, left)) .. GAP .. name:sub(tail(name, columns - #GAP - left))
end

--- A name in exactly so many columns: shortened, or with blanks behind it.
-- @tparam string name
-- @tparam integer columns
-- @treturn string
function M.padded(name, columns)
  local short = M.shortened(name, columns)
  return short .. (" "):rep(columns - M.of(short))
end

return M
