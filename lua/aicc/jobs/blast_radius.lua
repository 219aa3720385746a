--- The blast radius: how many agents a job may be about before somebody has to say that it is meant.
-- @module aicc.jobs.blast_radius

local chunks = require "aicc.jobs.db.chunks"
local connection = require "aicc.jobs.db.connection"
local errors = require "aicc.error"
local jobs = require "aicc.jobs.db.jobs"

local M = {}

--- Agents in a job above which it needs to be forced.
M.AGENTS = 500

-- Those to release; for an undo, those that may have been released: whoever is in a chunk that is done or may yet turn out to be.
-- Each chunk counts its own lines, which costs one look into the snapshot's key.
local AGENTS = {
  release = "SELECT CAST(skill AS TEXT) AS skill, COALESCE(bound, 0) AS n FROM queues WHERE job = ?",
  bind = ([[SELECT CAST(q.skill AS TEXT) AS skill, CAST(SUM(c.n) AS INTEGER) AS n FROM queues q
    JOIN (SELECT queue, (SELECT COUNT(*) FROM snapshot s
          WHERE s.queue = chunks.queue AND s.line BETWEEN chunks.first_line AND chunks.last_line) AS n
        FROM chunks WHERE action = 'release' AND %s) c ON c.queue = q.id
    WHERE q.job = ? GROUP BY q.skill]]):format(chunks.RELEASED),
}

--- How many agents of each queue a run is about.
-- @tparam table db
-- @tparam table job
-- @tparam string action "release", or "bind" for an undo
-- @treturn table skill -> count; nil for those of which it is about nobody
function M.agents(db, job, action)
  local agents = {}
  for _, row in ipairs(db:rows(AGENTS[action], job.id)) do agents[connection.big(row.skill)] = row.n end
  return agents
end

--- How a run is beyond the blast radius of its job; nil if it is not.
-- @tparam table db
-- @tparam table job
-- @tparam string action "release", or "bind" for an undo
-- @treturn ?table an error of kind "guard"
function M.beyond(db, job, action)
  local agents, total, why = M.agents(db, job, action), 0, nil
  for _, queue in ipairs(jobs.queues(db, job)) do
    local about, size = agents[queue.skill] or 0, queue.size or 0
    total = total + about
    if not why and about * 2 > size then
      why = ("it is about %d of the %d agents of queue %.0f, more than half"):format(about, size, queue.skill)
    end
  end
  if total > M.AGENTS then why = ("it is about %d agents, more than %d"):format(total, M.AGENTS) end
  return why and errors.new { kind = "guard", message = ("the job %s needs to be forced: %s"):format(job.name, why) }
end

--- Whether the releases of one queue, or of all together, are beyond the blast radius. It is asked for each queue in turn, and
-- `beyond` would read all of them each time.
-- @tparam table db
-- @tparam table job
-- @tparam integer queue its number in the store
-- @treturn boolean
function M.is_beyond(db, job, queue)
  local it = db:row([[SELECT COALESCE(bound, 0) AS bound, COALESCE(size, 0) AS size,
      (SELECT COALESCE(SUM(bound), 0) FROM queues WHERE job = ?) AS total FROM queues WHERE id = ?]], job.id, queue)
  return it.bound * 2 > it.size or it.total > M.AGENTS
end

return M
