--- When a job's requests left, minute by minute, and when all waited because the API had asked for it.
--
-- A run counts in memory, and writes what it has counted with a commit that is due anyway, once a second at most and at its end:
-- workers that share a job would else wait for each other at the row of the minute. So whoever is killed leaves out what left
-- within the last second, and no more. Times are those of the worker's own clock.
-- @module aicc.jobs.db.timeline

local core = require "aicc.core"
local jobs = require "aicc.jobs.db.jobs"

local M = {}

--- The version of the tables that has this first (`aicc.jobs.db.schema`).
M.SINCE = 4

local INTERVAL = 1 -- seconds between two writes

local Timeline = {}
Timeline.__index = Timeline

--- Counts a request that leaves now.
function Timeline:request()
  local minute = math.floor(os.time() / 60)
  self.minutes[minute] = (self.minutes[minute] or 0) + 1
end

--- Notes a pause that begins now.
-- @tparam number seconds
function Timeline:pause(seconds) self.pauses[#self.pauses + 1] = { began_at = jobs.time(), seconds = math.ceil(seconds) } end

--- Whether it is time to write.
-- @treturn boolean
function Timeline:is_due() return core.now() - self.written_at >= INTERVAL end

--- Writes what was counted and is not yet written, in one order for all workers, so that two never wait for each other's rows.
-- For a transaction; `written` is to follow once that is committed.
-- @tparam table db
function Timeline:write(db)
  local minutes = {}
  for minute in pairs(self.minutes) do minutes[#minutes + 1] = minute end
  table.sort(minutes)
  for _, minute in ipairs(minutes) do
    db:run([[INSERT INTO minutes (job, minute, action, requests) VALUES (?, ?, ?, ?)
        ON CONFLICT (job, minute, action) DO UPDATE SET requests = minutes.requests + excluded.requests]],
      self.job.id, os.date("!%Y-%m-%dT%H:%MZ", minute * 60), self.action, self.minutes[minute])
  end
  for _, pause in ipairs(self.pauses) do
    db:run([[INSERT INTO pauses (job, began_at, seconds) VALUES (?, ?, ?) ON CONFLICT (job, began_at) DO UPDATE
        SET seconds = excluded.seconds WHERE excluded.seconds > pauses.seconds]], self.job.id, pause.began_at, pause.seconds)
  end
end

--- Takes what was written as written.
function Timeline:written() self.minutes, self.pauses, self.written_at = {}, {}, core.now() end

--- Writes what is left, in a transaction of its own.
-- @tparam table db
function Timeline:finish(db)
  if not next(self.minutes) and #self.pauses == 0 then return end
  db:transaction(self.write, self, db)
  self:written()
end

--- A timeline of a run.
-- @tparam table job
-- @tparam string action "plan", "release" or "bind"
-- @treturn table
function M.new(job, action)
  return setmetatable({ job = job, action = action, minutes = {}, pauses = {}, written_at = core.now() }, Timeline)
end

--- What a job's runs noted.
-- @tparam table db
-- @tparam table job
-- @treturn table `minutes`: `minute` ("2026-11-26T22:03Z"), `action`, `requests`; `pauses`: `began_at`, `seconds`, both in order;
--   `is_whole`: nothing ran the job that did not note it yet, as older versions
function M.read(db, job)
  if db.version and db.version < M.SINCE then return { minutes = {}, pauses = {}, is_whole = false } end
  local minutes = db:rows("SELECT minute, action, requests FROM minutes WHERE job = ? ORDER BY minute, action", job.id)
  local is_whole = false
  for _, row in ipairs(minutes) do is_whole = is_whole or row.action == "plan" end -- and no plan does without
  return {
    minutes = minutes, is_whole = is_whole,
    pauses = db:rows("SELECT began_at, seconds FROM pauses WHERE job = ? ORDER BY began_at", job.id),
  }
end

return M
