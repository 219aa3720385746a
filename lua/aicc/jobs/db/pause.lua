--- What the API said to one worker of a job, for all of them: wait so long, then go on slower.
--
-- It is in the job's row, by the database's clock, so that the workers' own need not agree.
-- @module aicc.jobs.db.pause

local connection = require "aicc.jobs.db.connection"

local M = {}

-- Milliseconds by the database's clock.
local NOW = {
  sqlite = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
  postgresql = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
}

--- Tells the others of a pause. A longer one that somebody has told already stays.
-- @tparam table db
-- @tparam table job
-- @tparam number seconds from now for which nobody sends
-- @tparam number rate requests a second of the whole job, from then on
function M.set(db, job, seconds, rate)
  local ends = NOW[db.dialect.name] .. " + CAST(? AS BIGINT)"
  db:run(([[UPDATE jobs SET paused_until = %s, slowed_rate = ? WHERE id = ? AND (paused_until IS NULL OR paused_until < %s)]])
    :format(ends, ends), seconds * 1000, rate * 1000, job.id, seconds * 1000)
end

--- The last pause that anybody has told of.
-- @tparam table db
-- @tparam table job
-- @treturn ?number seconds until it ends; below 0 since it has ended
-- @treturn ?number requests a second of the whole job, from its end on
function M.get(db, job)
  local row = db:row(([[SELECT CAST(paused_until - %s AS TEXT) AS left_over, CAST(slowed_rate AS TEXT) AS rate
    FROM jobs WHERE id = ? AND paused_until IS NOT NULL]]):format(NOW[db.dialect.name]), job.id)
  if row then return connection.big(row.left_over) / 1000, connection.big(row.rate) / 1000 end
end

return M
