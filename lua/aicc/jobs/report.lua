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

local unpack = table.unpack or unpack

local M = {}

-- Lines of the input that are read at once. The database comes back to each queue's pages for each such part, and reads most of
-- them from the file again. So a part has more lines where they share what became of them (FEW such fates in a part), and where
-- no library keeps a copy of them: libpq holds the whole of a result.
local LEAST, FEW = 10000, 5000
local MOST = { sqlite = 30000, postgresql = LEAST }

-- The lines of a job behind one and up to another. Their queues may take turns: the databases are told to look for them queue by
-- queue, since they would come back to each queue's pages for each line, and find them neither in their cache nor in the
-- processor's. (LIMIT -1 and OFFSET 0 keep that order from being optimised away.) In SQLite they are looked for once for each
-- queue, not once for each line.
local LINES = {
  sqlite = [[(SELECT queue FROM rows WHERE job = ? AND line > ? AND line <= ? GROUP BY queue LIMIT -1) p
    CROSS JOIN rows r ON r.queue = p.queue AND r.line > ? AND r.line <= ?]],
  postgresql = "(SELECT * FROM rows WHERE job = ? AND line > ? AND line <= ? ORDER BY queue, line OFFSET 0) r",
}

-- Behind the account is what all rows of a request have in common.
local COLUMNS = [[SELECT line, user_account, CAST(skill_id AS TEXT) AS skill_id, skill_name, status, code, message, attempts,
    finished_at, undo, undo_message FROM ]]

local FILTERS = {
  all = "1 = 1",
  failed = "status IN ('failed', 'unknown', 'pending', 'no_agent')",
  unrestored = "twin IS NULL AND undo IN ('failed', 'unknown')",
}

-- The query for such lines, in no order; in a job that is made from accounts also those of accounts without a queue.
local function query(db, job, filter)
  local dialect = db.dialect.name
  local is_undone = job.state == "undoing" or job.state == "undone"
  local rows = ("%s(%s) r WHERE %s"):format(COLUMNS, schema.report_of(LINES[dialect], is_undone, dialect), FILTERS[filter])
  if job.source == "rows" then return rows end
  return ("%s UNION ALL SELECT * FROM (%sreport_of_agents WHERE job = ? AND line > ? AND line <= ? AND %s) a"):format(rows,
    COLUMNS, FILTERS[filter])
end

-- What its question marks stand for.
local function bounds(db, job, from, to)
  local values = { job.id, from, to }
  local function add(...)
    for _, value in ipairs { ... } do values[#values + 1] = value end
  end
  if db.dialect.name == "sqlite" then add(from, to) end
  if job.source ~= "rows" then add(job.id, from, to) end
  return values
end

local LAST = [[SELECT (SELECT COALESCE(MAX(line), 0) FROM rows WHERE job = ?) AS of_rows,
  (SELECT COALESCE(MAX(place), 0) FROM agents WHERE job = ?) AS of_agents]]

-- ---- rows ----

-- What a row has in common with others: what stands behind the account, and skill_id as a number (an account without a queue has
-- none). Smaller than the row.
local function fate_of(row)
  return { row[3], row[4], row[5], row[6], row[7], row[8], row[9], row[10], row[11], row[3] and connection.big(row[3]) }
end

local function is_fate_of(fate, row)
  return fate[7] == row[9] and fate[1] == row[3] and fate[2] == row[4] and fate[3] == row[5] and fate[4] == row[6]
    and fate[5] == row[7] and fate[6] == row[8] and fate[8] == row[10] and fate[9] == row[11]
end

local function told(line, account, fate)
  return {
    line = line, skill_id = fate[10], skill_name = fate[2], user_account = account, status = fate[3], code = fate[4],
    message = fate[5], attempts = fate[6], finished_at = fate[7], undo = fate[8], undo_message = fate[9],
  }
end

-- Reads the lines behind `from`, `size` of them, into two arrays: of each line that is a row its account and its fate. Returns
-- how many fates there are.
local function read(db, sql, job, part, from, size)
  local accounts, fates, latest, count = part.accounts, part.fates, {}, 0
  for i = 1, size do accounts[i], fates[i] = false, false end -- in order: they are arrays then, in whatever order rows come
  db:each(function(row)
    local i, status = row[1] - from, row[5]
    local fate = latest[status]
    if not fate or not is_fate_of(fate, row) then
      fate, count = fate_of(row), count + 1
      latest[status] = fate
    end
    if fates[i] then error(connection.failure(("the job %s has two rows of line %d"):format(job.name, row[1])), 0) end
    accounts[i], fates[i] = row[2], fate
  end, sql, unpack(bounds(db, job, from, from + size)))
  return count
end

--- The rows of a report one by one.
-- @tparam table db
-- @tparam table job
-- @tparam string filter "all"; "failed": those that are failed, unknown, pending or no_agent; "unrestored": those that an
--   undo did not bring back
-- @treturn function iterator over tables: the columns, `line`, and `undo` (restored, skipped, failed, unknown, pending) of rows
--   that were released and that an undo has dealt with
function M.rows(db, job, filter)
  local sql, part = query(db, job, filter), { accounts = {}, fates = {} }
  local last = db:row(LAST, job.id, job.id)
  last = math.max(last.of_rows, last.of_agents)
  local from, size, at, next_size = 0, 0, 0, LEAST
  local function next_part()
    local count = read(db, sql, job, part, from + size, next_size)
    from, size, at = from + size, next_size, 0
    next_size = count < FEW and MOST[db.dialect.name] or LEAST
  end
  return function()
    while true do
      for i = at + 1, size do
        local account, fate = part.accounts[i], part.fates[i]
        if fate then
          part.accounts[i], part.fates[i], at = false, false, i
          return told(from + i, account, fate)
        end
      end
      at = size
      if from + size >= last then return nil end
      next_part()
    end
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
