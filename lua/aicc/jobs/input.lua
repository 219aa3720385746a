--- Reads (skill_id, user_account) rows as a stream: CSV, JSON Lines, or a Lua iterator. Also accounts alone.
--
-- A reader is a function. Each call returns the next row, `line, skill_id, account`; or a bad one, `line, nil, problem`; and
-- nothing at the end. Where a row has the queue's name that comes fourth, and in place of skill_id too if there is none: whoever
-- plans looks it up. A reader of accounts returns `line, account`, or `line, nil, problem`. What cannot be read further is not
-- at its end: the reader raises an error (`aicc.error`) then. Rows become no tables that stay: how many there are costs no memory
-- here.
--
-- What is certain is read, in whatever way a spreadsheet or a database wrote it; what is not certain is a bad line, or a file
-- that is refused. `aicc.jobs.input.bytes` knows encodings, `lines` lines, `csv` and `jsonl` formats, `row` what a row may be.
-- @module aicc.jobs.input

local csv = require "aicc.jobs.input.csv"
local errors = require "aicc.error"
local jsonl = require "aicc.jobs.input.jsonl"
local lines_of = require "aicc.jobs.input.lines"
local row = require "aicc.jobs.input.row"

local M = {}

local MAX_LINE = 2 ^ 31 - 1

local function fail(...) error(errors.new { kind = "argument", message = string.format(...) }, 0) end

-- The first line that is not empty. Raises if there is none, or if it is no text.
local function first_line(lines)
  local text, problem
  repeat text, problem = lines:next() until problem or text ~= ""
  if problem then fail("%s:%d: %s", lines.path, lines.number, problem) end
  if not text then fail("%s: it is empty", lines.path) end
  return text
end

-- What was assumed, in words.
local function told(assumed)
  return table.concat({ assumed.encoding, assumed.format, assumed.ending == "CR" and "lines ended by CR" or nil }, ", ")
end

local function open(path, kind)
  local lines = lines_of.open(path)
  local first = first_line(lines)
  if first:find "^%s*%[" then fail("%s:%d: a JSON array: expected JSON Lines, an object a line", path, lines.number) end
  local reader, separated
  if first:find "^%s*{" then
    lines:give_back { { first } }
    reader = jsonl.reader(lines, kind)
  else
    reader, separated = csv.reader(lines, first, kind)
  end
  lines.assumed.format = separated and "separated by " .. separated or "JSON Lines"
  return reader, nil, told(lines.assumed)
end

--- Opens a file of rows. What begins with a brace is JSON Lines, all else CSV with a header line.
-- @tparam string path "-" for standard input
-- @treturn ?function a reader
-- @treturn ?table an error of kind "argument"; "aborted", if Ctrl-C came before the first line
-- @treturn ?string as what it is read: "UTF-8, separated by commas", "UTF-16, separated by tabs", "UTF-8, JSON Lines", …
function M.open(path) return errors.protect(open, path, "rows") end

--- Opens a file of accounts: as `open`, with one column or field that is ours, `user_account`. One of rows is refused: it says
-- from which queue each is to be released.
-- @tparam string path "-" for standard input
-- @treturn ?function a reader of accounts
-- @treturn ?table as `open`
-- @treturn ?string as `open`
function M.open_accounts(path) return errors.protect(open, path, "accounts") end

--- A reader of what an iterator gives.
-- @tparam function iterator each call returns a skill id and an account, or nothing at the end; `pairs`-like state is not passed
-- @treturn function a reader; lines are counted from 1
function M.from(iterator)
  local line = 0
  return function()
    local skill_id, account = iterator()
    if skill_id == nil then return nil end
    line = line + 1
    if type(skill_id) ~= "number" then return line, nil, "skill_id: expected an integer, got a " .. type(skill_id) end
    if type(account) ~= "string" then return line, nil, "user_account: expected a string, got a " .. type(account) end
    if line > MAX_LINE then return line, nil, "too many rows" end
    return row.checked(line, skill_id, account)
  end
end

--- A reader of the accounts that an iterator gives.
-- @tparam function iterator each call returns an account, or nothing at the end
-- @treturn function a reader of accounts; lines are counted from 1
function M.from_accounts(iterator)
  local line = 0
  return function()
    local account = iterator()
    if account == nil then return nil end
    line = line + 1
    if type(account) ~= "string" then return line, nil, "user_account: expected a string, got a " .. type(account) end
    if line > MAX_LINE then return line, nil, "too many accounts" end
    return row.checked_account(line, account)
  end
end

return M
