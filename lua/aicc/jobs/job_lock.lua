--- A job's lock: who plans a job, forgets it or (SQLite) works on it has it alone.
--
-- It dies with whoever holds it. SQLite: a `flock` on a file beside the database; PostgreSQL: an advisory lock of the session.
-- The file may be removed while others have it open: a job's number is never given to another job, so what they lock is nothing.
-- @module aicc.jobs.job_lock

local connection = require "aicc.jobs.db.connection"
local core = require "aicc.core"
local jobs = require "aicc.jobs.db.jobs"

local Lock = {}
Lock.__index = Lock

local M = {}

-- Whoever only asks who is at work has a `flock` for a moment too: it is tried so often, with so many seconds between.
local TRIES, PAUSE = 10, 0.01

local PROGRAM = "CAST(CAST(CAST('jobs' AS regclass) AS oid) AS integer)" -- the table: several may be in one database
local TRY = ("SELECT CASE WHEN pg_try_advisory_lock(%s, ?) THEN 1 ELSE 0 END AS is_ours"):format(PROGRAM)
local UNLOCK = ("SELECT CASE WHEN pg_advisory_unlock(%s, ?) THEN 1 ELSE 0 END AS was_ours"):format(PROGRAM)

-- The file whose lock says that somebody has a SQLite job.
local function path_of(db, job) return ("%s.%d.lock"):format(db.path, job.id) end

-- The file's lock; false if somebody has it; nil and what went wrong.
local function lock_file(db, job)
  local held, problem
  for try = 1, TRIES do
    if try > 1 then core.sleep(PAUSE) end
    held, problem = core.lock_file(path_of(db, job))
    if held ~= false then break end
  end
  return held, problem
end

-- The lock, as something to release; false if somebody has it; nil and what went wrong. Once it is held nothing may raise that
-- leaves it to the collector: what releases it is made before.
local function hold(db, job)
  if db.path then return lock_file(db, job) end
  local held = { release = function() pcall(db.row, db, UNLOCK, job.id) end } -- it may be gone, with its session
  return db:row(TRY, job.id).is_ours ~= 0 and held
end

--- This process, as others are told of it.
-- @treturn string "4711 on db1"
function M.process() return ("%d on %s"):format(core.process()) end

--- The error of a job that others have.
-- @tparam table job
-- @tparam ?string workers
-- @treturn table of kind "store"
function M.taken(job, workers)
  return connection.failure(("process %s is working on the job %s: wait for it, or end it"):format(workers or "of another user",
    job.name))
end

-- Says who has the job. Returns how many jobs that are, 0 or 1.
local function tell_worker(db, job) return db:run("UPDATE jobs SET worker = ? WHERE id = ?", M.process(), job.id) end

--- Takes a job's lock.
-- @tparam table db
-- @tparam table job
-- @treturn ?table a lock: `release` it
-- @treturn ?table an error of kind "store": somebody has it, or the job is gone
function M.take(db, job)
  local self = setmetatable({ db = db, job = job, held = false }, Lock)
  local held, problem = hold(db, job)
  if held == false then -- by ourselves, maybe: what could not be released for want of memory goes with the collector
    collectgarbage()
    held, problem = hold(db, job)
  end
  self.held = held
  if held == nil then return nil, connection.failure(problem) end
  if not held then
    local row = db:row("SELECT worker FROM jobs WHERE id = ?", job.id)
    return nil, M.taken(job, row and row.worker)
  end
  local ok, changed = pcall(tell_worker, db, job)
  if ok and changed > 0 then return self end
  if ok then M.clean(db, job) end
  self:release()
  if not ok then error(changed, 0) end
  return nil, jobs.gone(job)
end

--- Lets others have the job, even where the database fails.
function Lock:release()
  pcall(self.db.run, self.db, "UPDATE jobs SET worker = NULL WHERE id = ?", self.job.id)
  self.held:release()
end

--- Calls a function while the job's lock is held.
-- @tparam table db
-- @tparam table job
-- @tparam function f
-- @param ... its arguments
-- @return what f returned; or nil and an error of kind "store"
function M.during(db, job, f, ...)
  local self, err = M.take(db, job)
  if not self then return nil, err end
  local function ended(ok, ...)
    self:release()
    if not ok then error((...), 0) end
    return ...
  end
  return ended(pcall(f, ...))
end

--- Who has a SQLite job right now. What a killed worker left behind does not count.
-- @tparam table db
-- @tparam table job
-- @treturn ?string the process
function M.holder(db, job)
  local held = job.worker and lock_file(db, job)
  if held then held:release() end
  return held == false and job.worker or nil
end

--- Removes what a job's lock leaves beside the database.
-- @tparam table db
-- @tparam table job
function M.clean(db, job)
  if db.path then core.remove_file(path_of(db, job)) end
end

return M
