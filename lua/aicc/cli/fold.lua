--- Text on a terminal: how wide it is, where its lines are broken, how it is shortened. On a pipe text is left as it is.
-- @module aicc.cli.fold

local core = require "aicc.core"

local M = {}

local USUAL = 80  -- columns of a terminal that does not tell
local GAP = "..." -- what is left out of a name

-- A character: one byte, or a first one and those that continue it.
local CHARACTER = "[^\128-\191][\128-\191]*"

-- How many columns a character takes. Those of four bytes, and those from U+3000 on (Chinese, say), take two.
local function columns_of(character)
  local first = character:byte()
  return first >= 0xE3 and first ~= 0xEF and 2 or first == 0xEF and character:byte(2) >= 0xBC and 2 or 1
end

--- The columns that lines may have, or nil where nobody looks at them. The last one stays free: some terminals go on to the next
-- line once it is filled.
-- @tparam integer descriptor 1 or 2
-- @treturn ?integer
function M.width(descriptor)
  if not core.is_terminal(descriptor) then return nil end
  return (core.terminal_width(descriptor) or USUAL) - 1
end

-- How many bytes of a text fit into so many columns, from byte `at` on. Returns the last one's position.
local function fitting(text, at, width)
  local used, last = 0, at - 1
  for character in text:sub(at):gmatch(CHARACTER) do
    used = used + columns_of(character)
    if used > width then break end
    last = last + #character
  end
  return last
end

-- Breaks one line at blanks; what has none, where the width ends.
local function fold(line, width)
  local parts, at, indent = {}, 1, ""
  while true do
    local last = math.max(fitting(line, at, width - #indent), at)
    if last >= #line then break end
    local blank = line:sub(at, last + 1):match "^.*%S()%s+%S?" -- the last one that something stands before
    local stop = blank and at + blank - 2 or last
    parts[#parts + 1] = indent .. line:sub(at, stop)
    at = line:match("^%s*()", stop + 1)
    indent = "  "
  end
  parts[#parts + 1] = indent .. line:sub(at)
  return table.concat(parts, "\n")
end

--- Breaks a text's lines so that none is wider.
-- @tparam string text
-- @tparam ?integer width nil leaves them as they are
-- @treturn string
function M.text(text, width)
  if not width then return text end
  return (text:gsub("[^\n]+", function(line) return fold(line, width) end))
end

--- Puts a command's words on lines that can be pasted as they are. A word is never broken.
-- @tparam string prefix what stands before it
-- @tparam {string,...} words
-- @tparam ?integer width nil makes it one line
-- @treturn string
function M.command(prefix, words, width)
  local lines, line = {}, prefix .. words[1]
  for i = 2, #words do
    if width and #line + #words[i] + #"  \\" > width then
      lines[#lines + 1] = line .. " \\"
      line = "  " .. words[i]
    else
      line = line .. " " .. words[i]
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

--- Leaves out the middle of a name that is too long.
-- @tparam string name ASCII
-- @tparam ?integer width nil leaves it as it is
-- @treturn string
function M.name(name, width)
  if not width or #name <= width then return name end
  local left = math.floor((width - #GAP) / 2)
  return name:sub(1, left) .. GAP .. name:sub(#name - (width - #GAP - left) + 1)
end

return M
