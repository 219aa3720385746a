--- A report for machines and spreadsheets: a line for each row, as CSV or as JSON Lines.
-- @module aicc.jobs.report.lines

local json = require "aicc.json"

local M = {}

--- The report's columns.
M.COLUMNS = { "skill_id", "skill_name", "user_account", "status", "code", "message", "attempts", "finished_at" }

-- ---- CSV ----

-- A cell. Those that a spreadsheet would take for a formula begin with a quote there, so that they stay text. So do those that
-- begin with such a quote already: who takes one off again (`aicc.jobs.input`) has what was there before.
local function cell(value)
  if value == nil then return "" end
  if type(value) == "number" then return ("%.0f"):format(value) end
  if value:find "^'*[=+@-]" then value = "'" .. value end
  if value:find "[\",\r\n']" then value = '"' .. value:gsub('"', '""') .. '"' end
  return value
end

local function csv(row)
  local cells = {}
  for i, name in ipairs(M.COLUMNS) do cells[i] = cell(row[name]) end
  return table.concat(cells, ",")
end

-- ---- JSON Lines ----

local JSON_FIELDS = { "line" }
for _, name in ipairs(M.COLUMNS) do JSON_FIELDS[#JSON_FIELDS + 1] = name end
JSON_FIELDS[#JSON_FIELDS + 1] = "undo"

local function jsonl(row) return json.object(row, JSON_FIELDS) end

-- ---- both ----

-- Begins a report of which each row is a line.
local function beginning(line_of, header)
  return function(write)
    if header then write(header .. "\n") end
    return {
      row = function(_, row) write(line_of(row) .. "\n") end,
      finish = function() end,
    }
  end
end

--- Begins a report: as `new` of the other formats (`aicc.jobs.report`).
-- @function csv
-- @tparam function write takes a string
-- @treturn table
M.csv = beginning(csv, table.concat(M.COLUMNS, ","))

--- The same as JSON Lines.
-- @function jsonl
-- @tparam function write takes a string
-- @treturn table
M.jsonl = beginning(jsonl)

return M
