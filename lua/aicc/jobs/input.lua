--- Reads (skill_id, user_account) rows as a stream: CSV, JSON Lines, or a Lua iterator.
--
-- A reader is a function. Each call returns the next row, `line, skill_id, account`; or a bad one, `line, nil, problem`; and
-- nothing at the end. What cannot be read further is not at its end: the reader raises an error (`aicc.error`) then. Rows become
-- no tables that stay: how many there are costs no memory here.
-- @module aicc.jobs.input

local cjson = require "cjson.safe"
local core = require "aicc.core"
local database = require "aicc.jobs.database"
local errors = require "aicc.error"

local M = {}

local MAX_LINE = 2 ^ 31 - 1
local HEADERS = { skill_id = "skill", skillid = "skill", user_account = "account", useraccount = "account" }

local function refuse(...) return nil, errors.new { kind = "argument", message = string.format(...) } end

-- ---- what a row may be ----

-- One table for all rows: the core copies what it checks.
local probe = { skillId = 1, userAccounts = {} }

-- What is wrong with a row, or nil. The core decides, as for any call; the rest is what only files do.
local function problem_of(skill_id, account)
  if account:find "^%d+[.,]?%d*[eE]%+%d+$" then
    return ("the account %s was a number for a spreadsheet: have it export the column as text"):format(account)
  elseif account:find "^%s" or account:find "%s$" then
    return "the account begins or ends with a blank"
  end
  probe.skillId, probe.userAccounts[1] = skill_id, account
  local ok, err = core.check("release_agent_by_skill", probe)
  if not ok then return (err.message:gsub("^userAccounts%[1%]", "the account")) end
end

-- A checked row as a reader returns it.
local function row(line, skill_id, account)
  local problem = problem_of(skill_id, account)
  if problem then return line, nil, problem end
  return line, skill_id, account
end

-- ---- CSV ----

-- The fields of a line; or nil and what is wrong. Accounts have no line breaks, so neither has a quoted field.
local function split(text)
  local fields, at = {}, 1
  while true do
    if text:sub(at, at) == '"' then
      local closing = at + 1
      repeat
        closing = text:find('"', closing, true)
        if not closing then return nil, "a quote is not closed" end
        local doubled = text:sub(closing + 1, closing + 1) == '"'
        if doubled then closing = closing + 2 end
      until not doubled
      fields[#fields + 1] = text:sub(at + 1, closing - 1):gsub('""', '"')
      at = closing + 1
    else
      local stop = text:find(",", at, true) or #text + 1
      fields[#fields + 1] = text:sub(at, stop - 1)
      at = stop
    end
    if at > #text then return fields end
    if text:sub(at, at) ~= "," then return nil, "text after a closing quote" end
    at = at + 1
  end
end

-- Which column is which: { skill =, account = }; or nil and what is wrong.
local function columns_of(header)
  local names, problem = split(header)
  if not names then return nil, problem end
  local columns = {}
  for i, name in ipairs(names) do
    local meaning = HEADERS[name:lower():match "^%s*(.-)%s*$"]
    if meaning and columns[meaning] then return nil, ("two columns are called %s"):format(name) end
    if meaning then columns[meaning] = i end
  end
  if columns.skill and columns.account then return columns end
  return nil, "expected a header line with the columns skill_id and user_account"
end

-- What reports put before cells that a spreadsheet would take for a formula (`aicc.jobs.report`): a report can be a plan's input.
local QUOTED = "^'('*[=+@-])"

local function csv_row(line, text, columns)
  local fields, problem = split(text)
  if not fields then return line, nil, problem end
  local skill, account = fields[columns.skill], fields[columns.account]
  if not skill or not account then return line, nil, "too few columns" end
  account = account:gsub(QUOTED, "%1")
  local digits = skill:match "^%s*(%d+)%s*$"
  if not digits or #digits > 16 then return line, nil, ("skill_id: expected an integer, got '%s'"):format(skill) end
  return row(line, tonumber(digits), account)
end

-- ---- JSON Lines ----

local decoder = cjson.new()
decoder.decode_invalid_numbers(false)

local function json_row(line, text)
  local object, problem = decoder.decode(text)
  if type(object) ~= "table" then return line, nil, "expected a JSON object: " .. (problem or "got something else") end
  local skill, account = object.skill_id or object.skillId, object.user_account or object.userAccount
  if type(skill) ~= "number" then return line, nil, "skill_id: expected an integer" end
  if type(account) ~= "string" then return line, nil, "user_account: expected a string" end
  return row(line, skill, account)
end

-- ---- readers ----

-- The next line without its end, or nil after the last one. Raises what ends the reading earlier.
local function next_line(source)
  local text, problem = source.file:read "*l"
  if core.interrupted() then
    error(errors.new { kind = "aborted", message = "interrupted while rows were read: nothing was sent" }, 0)
  elseif problem then
    error(select(2, refuse("%s: cannot be read after line %d: %s", source.path, source.number, problem)), 0)
  elseif text then
    source.number = source.number + 1
    return (text:gsub("\r$", ""))
  end
end

-- The first line that is not empty, without what comes before it.
local function first_line(source)
  local text = next_line(source)
  if text then text = text:gsub("^\239\187\191", "") end
  while text == "" do text = next_line(source) end
  return text
end

local function reader_of(source, first, read)
  local pending = first
  return function()
    local text = pending
    pending = nil
    while not text or text == "" do
      text = next_line(source)
      if not text then return nil end
    end
    return read(source.number, text)
  end
end

local function open(path)
  local file, problem = io.stdin, nil
  if path ~= "-" then file, problem = io.open(path, "rb") end
  if not file then return refuse("%s", problem) end
  local source = { file = file, path = path, number = 0 }
  local first = first_line(source)
  if not first then return refuse("%s: it is empty", path) end
  if first:find "^%s*{" then return reader_of(source, first, json_row) end
  local columns, wrong = columns_of(first)
  if not columns then return refuse("%s:%d: %s", path, source.number, wrong) end
  return reader_of(source, nil, function(line, text) return csv_row(line, text, columns) end)
end

--- Opens a file of rows. What begins with a brace is JSON Lines, all else CSV with a header line.
-- @tparam string path "-" for standard input
-- @treturn ?function a reader
-- @treturn ?table an error of kind "argument"; "aborted", if Ctrl-C came before the first line
function M.open(path) return database.protect(open, path) end

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
    return row(line, skill_id, account)
  end
end

return M
