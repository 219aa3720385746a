--- Lines of a text that comes in blocks: numbered, and looked at.
--
-- How lines end is decided by the first one: with LF, or CR LF, or CR alone. Then the other character ends none. A line is never
-- read past what it holds: NUL is a byte like others here, and makes the line a bad one.
-- @module aicc.jobs.input.lines

local bytes = require "aicc.jobs.input.bytes"
local core = require "aicc.core"
local errors = require "aicc.error"

local M = {}

local LONGEST = 2 ^ 20 -- bytes of a line, so that what has no lines is not read into memory

local Lines = {}
Lines.__index = Lines

local function fail(kind, ...) error(errors.new { kind = kind, message = string.format(...) }, 0) end

-- ---- what a line may be ----

-- The characters of several bytes in UTF-8, by what they begin with: no surrogates, nothing above U+10FFFF, no longer forms.
local CHARACTERS = {
  "^[\194-\223][\128-\191]()", "^[\225-\236\238\239][\128-\191][\128-\191]()", "^\224[\160-\191][\128-\191]()",
  "^\237[\128-\159][\128-\191]()", "^\240[\144-\191][\128-\191][\128-\191]()",
  "^[\241-\243][\128-\191][\128-\191][\128-\191]()", "^\244[\128-\143][\128-\191][\128-\191]()",
}

local function character_end(text, at)
  for _, pattern in ipairs(CHARACTERS) do
    local next_one = text:match(pattern, at)
    if next_one then return next_one end
  end
end

-- What is wrong with a line's bytes, or nil.
local function problem_of(text, encoding)
  local at = text:find "[%z\128-\255]"
  while at do
    if text:byte(at) == 0 then
      return encoding == "UTF-8" and "a NUL byte (if it is UTF-16: save it as CSV UTF-8)" or "a NUL"
    end
    local next_one = character_end(text, at)
    if not next_one then
      if encoding == "UTF-16" then return "broken UTF-16: half a character" end
      return ("not UTF-8 (byte 0x%02X): save it as CSV UTF-8"):format(text:byte(at))
    end
    at = text:find("[%z\128-\255]", next_one)
  end
end

-- ---- reading ----

-- Appends the next block to what is not read yet. False at the end. Raises what ends the reading earlier.
local function fill(self)
  local text, problem = self.source:read()
  if core.interrupted() then fail("aborted", "interrupted while rows were read: nothing was sent") end
  if problem and self.source.is_foreign then fail("argument", "%s: %s", self.path, problem) end
  if problem then fail("argument", "%s: cannot be read after line %d: %s", self.path, self.number, problem) end
  if not text then return false end
  self.buffer, self.at = self.buffer:sub(self.at) .. text, 1
  if #self.buffer > LONGEST + #text then
    fail("argument", "%s: line %d is longer than %.0f bytes: these are no rows", self.path, self.number + 1, LONGEST)
  end
  return true
end

-- How the first line ends, if in the first block. A line's end within quotes ends none.
local function ending(self)
  local at = 1
  while true do
    local stop = self.buffer:find("[\r\n]", at)
    if not stop then return "\n" end
    local quotes = select(2, self.buffer:sub(1, stop):gsub('"', ""))
    if quotes % 2 == 0 or self.buffer:find "^%s*[{[]" then
      if stop == #self.buffer then fill(self) end
      return self.buffer:find("^\r[^\n]", stop) and "\r" or "\n"
    end
    at = stop + 1
  end
end

--- The next line, without its end.
-- @treturn ?string nil after the last one; `number` is its number, from 1
-- @treturn ?string what is wrong with its bytes
function Lines:next()
  local returned = table.remove(self.returned)
  if returned then
    self.number = self.number + 1
    return returned[1], returned[2]
  end
  local from = self.at
  local stop = self.buffer:find(self.ending, from, true)
  while not stop do
    local seen = #self.buffer - self.at + 1
    if not fill(self) then break end
    stop = self.buffer:find(self.ending, self.at + seen, true)
  end
  if not stop and self.at > #self.buffer then return nil end
  local text = self.buffer:sub(self.at, (stop or #self.buffer + 1) - 1)
  self.at = stop and stop + 1 or #self.buffer + 1
  if self.ending == "\n" and text:byte(-1) == 13 then text = text:sub(1, -2) end
  self.number = self.number + 1
  return text, problem_of(text, self.source.encoding)
end

--- Takes lines back that were read last: they come again.
-- @tparam {table,...} lines what `next` returned for each, in their order
function Lines:give_back(lines)
  for i = #lines, 1, -1 do self.returned[#self.returned + 1] = lines[i] end
  self.number = self.number - #lines
end

--- Opens a file. Raises an error of kind "argument" if it cannot be read, or "aborted"; so does `next`.
-- @tparam string path "-" for standard input
-- @treturn table lines: `next`, `give_back`, `number`, and `assumed`, what its text was taken for
function M.open(path)
  local source, problem = bytes.open(path)
  if not source then fail("argument", "%s", problem) end
  local self = setmetatable({ source = source, path = path, buffer = "", at = 1, number = 0, returned = {} }, Lines)
  fill(self)
  self.ending = ending(self)
  self.assumed = { encoding = source.encoding, ending = self.ending == "\r" and "CR" or "LF" }
  return self
end

return M
