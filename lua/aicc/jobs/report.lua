--- A job's report: one line per input line, in input order; in several formats (`aicc.jobs.report.*`).
-- @module aicc.jobs.report

local connection = require "aicc.jobs.db.connection"
local core = require "aicc.core"
local html = require "aicc.jobs.report.html"
local jobs = require "aicc.jobs.db.jobs"
local lines = require "aicc.jobs.report.lines"
local markdown = require "aicc.jobs.report.markdown"
local queue_claims = require "aicc.jobs.queue_claims"
local schema = require "aicc.jobs.db.schema"
local timeline = require "aicc.jobs.db.timeline"

local M = {}

local PAGE = 10000 -- lines of the input that are in memory at once, as far as they are rows

-- The lines of a job behind one and up to another. Their queues may take turns: the databases are told to look for them queue by
-- queue, since they would come back to each queue's pages for each line, and find them neither in their cache nor in the
-- processor's. (LIMIT -1 and OFFSET 0 keep that order from being optimised away.)
local LINES = {
  sqlite = [[(SELECT queue, line FROM rows WHERE job = ? AND line > ? AND line <= ? ORDER BY queue, line LIMIT -1) p
    CROSS JOIN rows r ON r.queue = p.queue AND r.line = p.line]],
  postgresql = "(SELECT * FROM rows WHERE job = ? AND line > ? AND line <= ? ORDER BY queue, line OFFSET 0) r",
}

local COLUMNS = [[SELECT line, CAST(skill_id AS TEXT) AS skill_id, skill_name, user_account, status, code, message, attempts,
    finished_at, undo, undo_message FROM ]]

local FILTERS = {
  all = "1 = 1",
  failed = "status IN ('failed', 'unknown', 'pending', 'no_agent')",
  unrestored = "twin IS NULL AND undo IN ('failed', 'unknown')",
}

-- The query for such lines; in a job that is made from accounts also those of accounts without a queue.
local function query(db, job, filter)
  local dialect = db.dialect.name
  local is_undone = job.state == "undoing" or job.state == "undone"
  local rows = ("%s(%s) r WHERE %s"):format(COLUMNS, schema.report_of(LINES[dialect], is_undone, dialect), FILTERS[filter])
  if job.source == "rows" then return rows .. " ORDER BY line" end
  return ("SELECT * FROM (%s) r UNION ALL SELECT * FROM (%sreport_of_agents WHERE job = ? AND line > ? AND line <= ? AND %s) a "
    .. "ORDER BY line"):format(rows, COLUMNS, FILTERS[filter])
end

local LAST = [[SELECT (SELECT COALESCE(MAX(line), 0) FROM rows WHERE job = ?) AS of_rows,
  (SELECT COALESCE(MAX(place), 0) FROM agents WHERE job = ?) AS of_agents]]

--- The rows of a report one by one.
-- @tparam table db
-- @tparam table job
-- @tparam string filter "all"; "failed": those that are failed, unknown, pending or no_agent; "unrestored": those that an
--   undo did not bring back
-- @treturn function iterator over tables: the columns, `line`, and `undo` (restored, skipped, failed, unknown, pending) of rows
--   that were released and that an undo has dealt with
function M.rows(db, job, filter)
  local sql, page, size, at, line = query(db, job, filter), {}, 0, 0, 0
  local last = db:row(LAST, job.id, job.id)
  last = math.max(last.of_rows, last.of_agents)
  local function rows_of(from, to)
    if job.source == "rows" then return db:rows(sql, job.id, from, to) end
    return db:rows(sql, job.id, from, to, job.id, from, to)
  end
  local function next_page()
    page, size, at = {}, 0, 0 -- the last one is not kept beside the next
    local from = line
    line = from + PAGE
    page = rows_of(from, line)
    size = #page
  end
  return function()
    while at == size and line < last do next_page() end
    if at == size then return nil end
    at = at + 1
    local row = page[at]
    page[at] = false -- nor a row that is told
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
    worker = format.has_sums and queue_claims.workers_of(db, job) or nil,
  })
  local filter = wanted.failed and not format.has_sums and "failed" or "all"
  for row in M.rows(db, job, filter) do document:row(row, not wanted.failed or FAILED[row.status] or false) end
  document:finish()
end

return M
