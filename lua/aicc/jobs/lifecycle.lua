--- Applies, resumes and undoes a job: what must hold before anything is sent, and what is written when all is done.
-- @module aicc.jobs.lifecycle

local blast_radius = require "aicc.jobs.blast_radius"
local chunks = require "aicc.jobs.db.chunks"
local counts = require "aicc.jobs.db.counts"
local errors = require "aicc.error"
local job_lock = require "aicc.jobs.job_lock"
local jobs = require "aicc.jobs.db.jobs"
local queue_claims = require "aicc.jobs.queue_claims"
local release = require "aicc.jobs.release"
local timelines = require "aicc.jobs.db.timeline"
local undo = require "aicc.jobs.undo"
local workers = require "aicc.jobs.workers"

local M = {}

local function refuse(kind, ...) return nil, errors.new { kind = kind, message = string.format(...) } end

-- ---- beginning and ending ----

-- What each kind of run does to the job's state, and in which states it may begin.
local RELEASE = {
  policy = release, action = "release", state = "running", ends = "finished",
  refusals = {
    planning = "its plan was not finished: forget it, and plan again", undoing = "it is being undone: undo it to the end",
    undone = "it has been undone: plan it again",
  },
}
local UNDO = {
  policy = undo, action = "bind", state = "undoing", ends = "undone",
  refusals = { planning = "its plan was not finished: forget it", planned = "it was never applied" },
}

-- Why a job in this state cannot be run, as an error.
local function refusal_of(job, kind, verb)
  local refusal = kind.refusals[job.state]
  return refusal and select(2, refuse("argument", "the job %s cannot be %s: %s", job.name, verb, refusal))
end

-- What an undo begins with: the queues from which this job may have released somebody.
local TURN_AROUND = ([[UPDATE queues SET owner = NULL, lease = NULL, state = CASE WHEN EXISTS (
    SELECT 1 FROM chunks WHERE queue = queues.id AND action = 'release' AND %s) THEN 'planned' ELSE 'done' END
  WHERE job = ?]]):format(chunks.RELEASED)

-- Puts the job into the kind's state. Queues that an earlier run left alone get another chance.
local function begin(db, job, kind, verb, rate)
  -- Workers that begin at once take turns here, and each goes by the state in which the one before has left the job.
  jobs.pin(db, job)
  local refusal = refusal_of(job, kind, verb)
  if refusal then return nil, refusal end
  if job.state == kind.ends then return true end
  if job.state ~= kind.state then
    -- Ours is the lock already; with PostgreSQL others may be in the middle of what this would turn around.
    local others = db.dialect.name == "postgresql" and queue_claims.workers_of(db, job)
    if others then return nil, job_lock.taken(job, others) end
    if kind == UNDO then
      jobs.pin_queues(db, job)
      db:run(TURN_AROUND, job.id)
    end
    jobs.set_state(db, job, kind.state)
  end
  chunks.renew_doubts(db)
  jobs.set_rate(db, job, rate)
  jobs.pin_queues(db, job, "stopped")
  db:run("UPDATE queues SET state = 'open', owner = NULL, lease = NULL WHERE job = ? AND state = 'stopped'", job.id)
  return true
end

-- Ends the job if all its queues are done, and nobody has turned it around meanwhile.
local function finish(db, job, kind, timeline)
  jobs.pin(db, job)
  timeline:write(db)
  if job.state ~= kind.state then return end
  local left = db:row("SELECT COUNT(*) AS n FROM queues WHERE job = ? AND state <> 'done'", job.id).n
  if left == 0 then jobs.set_state(db, job, kind.ends) end
end

-- The counts to begin with. What is unknown is settled first.
local function progress_of(db, job, kind)
  local progress = { total = 0, done = 0, failed = 0, unknown = 0 }
  local was_sent = job.state ~= "planned" -- else nothing was, and there is no need to count
  local agents = was_sent and counts.agents(db, job) or { released = 0, was_released = 0, undone = 0, failed = 0 }
  if kind == UNDO then
    progress.total, progress.done = agents.was_released, agents.undone
  else
    for _, queue in ipairs(jobs.queues(db, job)) do progress.total = progress.total + (queue.bound or 0) end
    progress.done, progress.failed = agents.released, agents.failed
  end
  return progress
end

local function summary_of(db, job, kind, result)
  local all, undone = counts.all(db, job)
  return {
    job = job.name, action = kind.action, state = job.state, lines = job.lines, counts = all,
    undo = undone, stopped = result.stopped, troubles = result.troubles or {},
    requests = result.requests or 0, commits = result.commits or 0,
  }
end

-- Runs a job that is ours to work on.
local function work(db, kind, claimed, options)
  local job = jobs.reload(db, claimed.job) -- it may have changed while somebody else had it
  claimed.job = job
  local refusal = refusal_of(job, kind, options.verb)
  if refusal then return nil, refusal end
  if job.state == kind.ends then return summary_of(db, job, kind, {}) end
  local guard = not options.force and blast_radius.beyond(db, job, kind.action)
  if guard then return nil, guard end
  local progress = progress_of(db, job, kind)
  local begun, err = db:transaction(begin, db, job, kind, options.verb, options.rate)
  if not begun then return nil, err end
  local timeline = timelines.new(job, kind.action)
  local result = workers.run(db, job, claimed, kind.policy, {
    client = options.client, rate = options.rate, concurrency = options.concurrency, force = options.force, timeline = timeline,
    listed_within = options.listed_within,
    interrupted = options.interrupted, on_progress = options.on_progress, on_note = options.on_note, progress = progress,
    blast_radius = function(queue)
      return blast_radius.is_beyond(db, job, queue) and blast_radius.beyond(db, job, kind.action)
    end,
  })
  db:transaction(finish, db, job, kind, timeline)
  return summary_of(db, job, kind, result)
end

local function execute(db, name, kind, options)
  local job, err = jobs.find(db, name)
  if not job then return nil, err end
  -- A lease that is shorter than an attempt would let nothing be sent.
  local lease = options.lease or math.max(queue_claims.LEASE, options.client:limits().timeout + 3 * queue_claims.MARGIN)
  local claimed, taken = queue_claims.open(db, job, { lease = lease })
  if not claimed then return nil, taken end
  local ok, summary, problem = pcall(work, db, kind, claimed, options)
  claimed:close()
  if not ok then error(summary, 0) end
  return summary, problem
end

--- Releases what is not released yet: `apply` and `resume` are the same.
-- @tparam table db
-- @tparam string name
-- @tparam table options see `aicc.jobs`
-- @treturn ?table summary: `action` ("release", or "bind" for an undo), `state`, `lines`, `counts` (status -> rows), `undo`,
--   `stopped` (an error, if something ended it), `troubles` (errors of queues that were left alone), `requests`, `commits`
-- @treturn ?table the error, where nothing was begun
function M.apply(db, name, options) return execute(db, name, RELEASE, options) end

--- Binds again what the job released.
-- @tparam table db
-- @tparam string name
-- @tparam table options see `aicc.jobs`
-- @treturn ?table summary, as for `apply`
-- @treturn ?table the error
function M.undo(db, name, options) return execute(db, name, UNDO, options) end

return M
