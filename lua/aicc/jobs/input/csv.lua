--- Rows in CSV: separated by commas, semicolons or tabs, as the header line has them.
--
-- A line that does not fit the header line is a bad one: what is in which column is not certain then.
-- @module aicc.jobs.input.csv

local errors = require "aicc.error"
local row = require "aicc.jobs.input.row"

local M = {}

local SEPARATORS = { [","] = "commas", [";"] = "semicolons", ["\t"] = "tabs", ["|"] = "bars" }
local BY_HEADER = { ",", ";", "\t" }
local LONGEST = 65536 -- bytes of a row whose fields have line ends: a quote that is never closed does not swallow the file

-- What is wrong with a text whose last field goes on beyond its end.
local UNCLOSED = "a quote is not closed"

-- What reports put before cells that a spreadsheet would take for a formula (`aicc.jobs.report`): a report can be a plan's input.
local QUOTED = "^'('*[=+@-])"

-- ---- fields ----

-- The fields of a text; or nil and what is wrong.
local function split(text, separator)
  local fields, at = {}, 1
  while true do
    if text:sub(at, at) == '"' then
      local closing = at + 1
      repeat
        closing = text:find('"', closing, true)
        if not closing then return nil, UNCLOSED end
        local doubled = text:sub(closing + 1, closing + 1) == '"'
        if doubled then closing = closing + 2 end
      until not doubled
      fields[#fields + 1] = text:sub(at + 1, closing - 1):gsub('""', '"')
      at = closing + 1
    else
      local stop = text:find(separator, at, true) or #text + 1
      local field = text:sub(at, stop - 1)
      if field:find "[\r\n]" then return nil, "a line's end within the line" end
      fields[#fields + 1] = field
      at = stop
    end
    if at > #text then return fields end
    if text:sub(at, at) ~= separator then return nil, "text after a closing quote" end
    at = at + 1
  end
end

-- Reads on until no quote is open any more. Returns what the row's text is split into, or nil and what is wrong; and the line
-- that this is to be told of, if that is a later one. Where the quote is not closed, the lines that were read for it come again.
local function read_on(lines, text, separator)
  local parts, read, size = { text }, {}, #text
  local broken, broken_at
  while size <= LONGEST do
    local more, problem = lines:next()
    if not more then break end
    parts[#parts + 1], read[#read + 1] = more, { more, problem }
    size = size + #more + 1
    if problem and not broken then broken, broken_at = problem, lines.number end
    if more:find('"', 1, true) then
      local fields, wrong = split(table.concat(parts, "\n"), separator)
      if fields then
        if broken then return nil, broken, broken_at end
        return fields
      elseif wrong ~= UNCLOSED then
        break
      end
    end
  end
  lines:give_back(read)
  return nil, UNCLOSED
end

-- The fields of the row that begins with this text.
local function fields_of(lines, text, separator)
  local fields, problem = split(text, separator)
  if problem == UNCLOSED then return read_on(lines, text, separator) end
  return fields, problem
end

-- ---- the header line ----

-- What a header line must have, in words.
local EXPECTED = {
  rows = "the columns skill_id and user_account (or skill_name and user_account)", accounts = "a column user_account",
}

-- Which column is which: `skill_id`, `skill_name`, `user_account`, and how many have a name; or nil and what is wrong.
local function columns_of(names, kind)
  local columns = { count = 0 }
  for i, name in ipairs(names) do
    local meaning = row.meaning(name)
    if meaning and columns[meaning] then return nil, ("two columns are called %s"):format(meaning) end
    if meaning then columns[meaning] = i end
    if name ~= "" then columns.count = i end
  end
  if not columns.user_account then return nil end
  local queue = columns.skill_id and "skill_id" or columns.skill_name and "skill_name"
  if kind == "accounts" then
    if queue then return nil, ("a column %s: these are rows, not agents to release from all of their queues"):format(queue) end
    return columns
  end
  return queue and columns
end

-- The header line's columns, and what separates them; or nil and what is wrong.
local function header_of(lines, text, separators, kind)
  local first_problem
  for _, separator in ipairs(separators) do
    local names, problem = fields_of(lines, text, separator)
    local columns
    if names then columns, problem = columns_of(names, kind) end
    if columns then return columns, separator end
    first_problem = first_problem or problem
  end
  if first_problem then return nil, first_problem end
  return nil, ("expected a header line with %s, got '%s'"):format(EXPECTED[kind], row.shown(text))
end

-- ---- rows ----

-- Why fields do not fit the header line, or nil.
local function misfit(fields, count)
  for i = count + 1, #fields do
    if fields[i] ~= "" then
      return ("%d fields, but the header line has %d: '%s' is one too many"):format(#fields, count, row.shown(fields[i]))
    end
  end
  if #fields < count then return ("too few fields: %d, but the header line has %d"):format(#fields, count) end
end

-- The text of a cell as it was before a report put its quote there; nil where there is no such column, or nothing in it.
local function cell(fields, at)
  local text = at and fields[at]:gsub(QUOTED, "%1")
  return text ~= "" and text or nil
end

local function row_of(line, fields, columns)
  local problem = misfit(fields, columns.count)
  if problem then return line, nil, problem end
  local skill, account = columns.skill_id and fields[columns.skill_id], fields[columns.user_account]:gsub(QUOTED, "%1")
  if columns.kind == "accounts" then return row.checked_account(line, account) end
  local name = cell(fields, columns.skill_name)
  if name and (not skill or skill:find "^[ \t]*$") then return row.checked(line, nil, account, name) end
  if not skill then return line, nil, "skill_name: nothing in it" end
  local digits = skill:match "^[ \t]*(%d+)[ \t]*$"
  if not digits or #digits > 16 then
    return line, nil, ("skill_id: expected an integer, got '%s'"):format(row.shown(skill))
  end
  return row.checked(line, tonumber(digits), account, name)
end

--- Makes a reader of what has a header line, perhaps after a line `sep=;` as spreadsheets write it. Raises an error of kind
-- "argument" if it has none.
-- @tparam table lines `aicc.jobs.input.lines`
-- @tparam string first the first line that is not empty
-- @tparam string kind "rows" or "accounts"
-- @treturn function the reader
-- @treturn string what was assumed: "commas", "semicolons", "tabs" or "bars"
function M.reader(lines, first, kind)
  local separators, told = BY_HEADER, first:match "^[sS][eE][pP]=(.)$"
  local text, problem = first, nil
  if told and SEPARATORS[told] then
    separators = { told }
    text, problem = lines:next()
  elseif told then
    problem = ("sep=%s: expected a comma, semicolon, bar or tab"):format(row.shown(told))
  end
  local number = lines.number
  local columns, separator
  if not problem then columns, separator = header_of(lines, text or "", separators, kind) end
  if not columns then
    error(errors.new { kind = "argument", message = ("%s:%d: %s"):format(lines.path, number, problem or separator) }, 0)
  end
  columns.kind = kind
  local function next_row()
    local line_text, wrong
    repeat
      line_text, wrong = lines:next()
      if not line_text then return nil end
    until wrong or line_text ~= ""
    local line = lines.number
    if wrong then return line, nil, wrong end
    local fields, where
    fields, wrong, where = fields_of(lines, line_text, separator)
    if not fields then return where or line, nil, wrong end
    return row_of(line, fields, columns)
  end
  return next_row, SEPARATORS[separator]
end

return M
