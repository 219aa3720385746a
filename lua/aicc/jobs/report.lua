--- A job's report: one line per input line, in input order.
-- @module aicc.jobs.report

local connection = require "aicc.jobs.db.connection"
local json = require "aicc.json"

local M = {}

local PAGE = 1000 -- rows that are in memory at once

--- The report's columns.
M.COLUMNS = { "skill_id", "skill_name", "user_account", "status", "code", "message", "attempts", "finished_at" }

local ALL = [[SELECT line, CAST(skill_id AS TEXT) AS skill_id, skill_name, user_account, status, code, message, attempts,
    finished_at, undo, undo_message
  FROM %s WHERE job = ? AND line > ?%s ORDER BY line LIMIT ?]]

-- The next rows; and, of a job that is made from accounts, of both what comes first.
local function query(condition)
  local rows = ALL:format("report_of_rows", condition)
  local both = ("SELECT * FROM (%s) r UNION ALL SELECT * FROM (%s) a ORDER BY line LIMIT ?"):format(rows,
    ALL:format("report_of_agents", condition))
  return { rows = rows, both = both }
end

local FILTERS = {
  all = query "",
  failed = query " AND status IN ('failed', 'unknown', 'pending', 'no_agent')",
  unrestored = query " AND status = 'released' AND twin IS NULL AND undo IN ('failed', 'unknown')",
}

--- The rows of a report one by one.
-- @tparam table db
-- @tparam table job
-- @tparam string filter "all"; "failed": those that are failed, unknown, pending or no_agent; "unrestored": those that an
--   undo did not bring back
-- @treturn function iterator over tables: the columns, `line`, and `undo` (restored, skipped, failed, unknown) of rows that
--   were undone
function M.rows(db, job, filter)
  local page, at, line, wanted = {}, 0, 0, FILTERS[filter]
  local function next_page()
    if job.source == "rows" then return db:rows(wanted.rows, job.id, line, PAGE) end
    return db:rows(wanted.both, job.id, line, PAGE, job.id, line, PAGE, PAGE)
  end
  return function()
    if at == #page and line then
      page, at = next_page(), 0
      line = #page == PAGE and page[PAGE].line or nil
    end
    at = at + 1
    local row = page[at]
    if not row then return nil end
    row.skill_id = row.skill_id and connection.big(row.skill_id) -- an account without a queue has none
    return row
  end
end

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

local FORMATS = { csv = { row = csv, header = table.concat(M.COLUMNS, ",") }, jsonl = { row = jsonl } }

--- Writes a report, line by line.
-- @tparam function rows iterator as from `rows`
-- @tparam string format "csv" or "jsonl"
-- @tparam function write takes a string
function M.write(rows, format, write)
  local lines = FORMATS[format]
  if lines.header then write(lines.header .. "\n") end
  for row in rows do write(lines.row(row) .. "\n") end
end

return M
