--- A job's report: one line per input line, in input order; in several formats (`aicc.jobs.report.*`).
-- @module aicc.jobs.report

local connection = require "aicc.jobs.db.connection"
local core = require "aicc.core"
local html = require "aicc.jobs.report.html"
local jobs = require "aicc.jobs.db.jobs"
local lines = require "aicc.jobs.report.lines"
local markdown = require "aicc.jobs.report.markdown"
local timeline = require "aicc.jobs.db.timeline"

local M = {}

local PAGE = 1000 -- rows that are in memory at once

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
  -- The order is the input's, and its queues may take turns: rows, snapshot and chunks of each.
  db:keep_pages(3 * db:row("SELECT COUNT(*) AS n FROM queues WHERE job = ?", job.id).n)
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

-- ---- formats ----

-- name -> how a report is begun: `new(write, facts)` returns what takes each `row(row, is_wanted)`, and then `finish()`. Of some
-- all rows are to be seen, also if only some are to be shown: they tell sums.
local FORMATS = {
  csv = { new = lines.csv }, jsonl = { new = lines.jsonl }, html = { new = html.new, has_sums = true },
  markdown = { new = markdown.new, has_sums = true },
}

--- The formats there are.
M.FORMATS = { "csv", "jsonl", "html", "markdown" }

local FAILED = { failed = true, unknown = true, pending = true, no_agent = true }

--- Writes a report, in pieces, with memory for some thousand rows.
-- @tparam table db
-- @tparam table job
-- @tparam table wanted `format`: one of `FORMATS`; `failed`: only rows that are failed, unknown, pending or no_agent
-- @tparam function write takes a string; may raise
function M.write(db, job, wanted, write)
  local format = FORMATS[wanted.format]
  local document = format.new(write, {
    job = job, timeline = format.has_sums and timeline.read(db, job), made_at = jobs.time(db), version = core._VERSION,
  })
  local filter = wanted.failed and not format.has_sums and "failed" or "all"
  for row in M.rows(db, job, filter) do document:row(row, not wanted.failed or FAILED[row.status] or false) end
  document:finish()
end

return M
