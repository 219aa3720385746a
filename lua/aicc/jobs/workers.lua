--- The workers of a run: some coroutines in `aicc.loop`, each of which works one queue after the other.
--
-- The line goes down from here: a policy (`aicc.jobs.release`, `aicc.jobs.undo`) works a queue, `aicc.jobs.send` sends its
-- chunks, and both ask the run for what they need (`aicc.jobs.work`), which calls nobody back.
-- @module aicc.jobs.workers

local loop = require "aicc.loop"
local pace = require "aicc.jobs.pace"
local pause = require "aicc.jobs.db.pause"
local send = require "aicc.jobs.send"
local works = require "aicc.jobs.work"

local M = {}

local TICK = 0.25         -- seconds between two looks at leases and other workers
local SOON = 3            -- seconds of a pause that who interrupts a run is kept waiting for

-- Why a request is not to be sent any more, or nil. Once the run is to end, listings that settle what was sent are let
-- through, unless they would have to sit out a long pause (their chunks then stay in doubt, for the next run to settle); those
-- from which new work would follow are not.
local function refuse(crew, request, timeout)
  local work, claim = crew.work, crew.at_work[coroutine.running()]
  if claim then
    local may_send, why = work.claims:may_send(claim, timeout)
    if not may_send then return pace.refusal(request, why) end
  end
  local changes = request.operation == "release_agent_by_skill" or request.operation == "bind_agents"
  local settles = claim and claim.settling and not changes and crew.pace:pause_left() <= SOON
  if not settles and work:is_stopping() then return pace.refusal(request, "interrupted before it was sent") end
end

-- Leaves a queue: done, if every row of it has its outcome; open if the run was stopped; else stopped, for the next run. `ready`:
-- whether it could be looked at.
local function leave(crew, claim, ready)
  local work, policy = crew.work, crew.policy
  if not work.turn:commit(claim) then return end
  local state, err, message = "done", claim.trouble, nil
  local remains, why = policy.remains(work.db, claim)
  if not ready or remains then state = work:is_stopping() and "open" or "stopped" end
  err = err or why
  if state ~= "done" then message = err and err.message end
  if state == "stopped" then
    if err then work.troubles[#work.troubles + 1] = err end
    message = message or send.given_up(claim) or policy.LEFT
    work.on_note { type = "queue_stopped", skill_id = claim.skill, message = message }
  end
  work.turn:note(claim, function(db) work.claims:leave(db, claim, state, message) end)
  work.turn:commit(claim)
end

-- Works queue after queue, until there is none left.
local function labour(crew)
  local work, thread = crew.work, coroutine.running()
  crew.threads[#crew.threads + 1] = thread
  while not work:is_stopping() do
    local claim = work.claims:next()
    if claim then
      crew.at_work[thread] = claim
      leave(crew, claim, crew.policy.work(work, claim))
      crew.at_work[thread] = nil
    elseif not work.claims:is_awaited() then
      return
    else
      loop.sleep(TICK)
    end
  end
end

local function is_working(crew)
  for _, thread in ipairs(crew.threads) do
    if coroutine.status(thread) ~= "dead" then return true end
  end
  return false
end

-- What this worker was told to wait is for the others too, and for who watches.
local function paused(work, seconds, rate)
  work.timeline:pause(seconds)
  pause.set(work.db, work.job, seconds, rate)
  work.on_note { type = "throttled", seconds = seconds, rate = rate }
end

-- Keeps the leases, and shares the rate and its pauses with the workers there are.
local function watch(crew)
  local work = crew.work
  while is_working(crew) do
    work.claims:renew()
    crew.pace:share(work.claims:workers())
    local seconds, rate = pause.get(work.db, work.job)
    if seconds then crew.pace:heed(seconds, rate) end
    loop.sleep(TICK)
  end
end

--- Runs a policy over all queues of a job.
-- @tparam table db
-- @tparam table job
-- @tparam table claimed as from `queue_claims.open`
-- @tparam table policy `work(work, claim)` (returns whether the queue could be looked at), `remains(db, claim)` (and perhaps an
--   error that says why), `LEFT`
-- @tparam table options `client`, `rate`, `concurrency`, `force`, `listed_within`, `interrupted()`, `on_progress(counts)`,
--   `on_note(event)`, `blast_radius(queue)` (an error if it takes the job beyond it), `progress` (counts to begin with: `total`,
--   `done`, …), `timeline` (`aicc.jobs.db.timeline`: whoever ends the run writes what is left of it)
-- @treturn table `stopped` (why, if it was), `troubles` (of queues), `requests`, `commits`
function M.run(db, job, claimed, policy, options)
  local work = works.new(db, job, claimed, options)
  local crew = { work = work, policy = policy, at_work = {}, threads = {} }
  work.client = options.client:through(function(transport)
    local function asked(request, timeout) return refuse(crew, request, timeout) end
    crew.pace = pace.new(transport, {
      rate = work.rate, refuse = asked, interrupted = function() return work:is_stopping() end,
      patience = options.client:limits().retry.max_retry_after, on_end = function(err) work:stop(err) end,
      on_request = function() work.timeline:request() end,
      on_pause = function(seconds, slowed) paused(work, seconds, slowed) end,
    })
    return crew.pace
  end)
  local labourers = pace.concurrency(options)
  loop.run_several(labourers + (claimed.shared and 1 or 0), function(number)
    if number > labourers then watch(crew) else labour(crew) end
  end)
  return { stopped = work.stopped, troubles = work.troubles, requests = crew.pace.requests, commits = work.turn.commits }
end

return M
