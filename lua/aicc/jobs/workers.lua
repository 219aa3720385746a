--- A run: some coroutines in `aicc.loop`, each of which works one queue after the other. What apply, resume and undo share.
--
-- The policies, `aicc.jobs.release` and `aicc.jobs.undo`, get a run as `work`: the client (paced), the journal, the claims, and
-- the methods here.
-- @module aicc.jobs.workers

local core = require "aicc.core"
local dispatch = require "aicc.jobs.send"
local errors = require "aicc.error"
local journal = require "aicc.jobs.turn"
local loop = require "aicc.loop"
local pace = require "aicc.jobs.pace"
local recent = require "aicc.jobs.recent"
local snapshot = require "aicc.jobs.db.snapshot"
local throttle = require "aicc.jobs.db.pause"

local M = {}

M.RATE, M.CONCURRENCY = 5, 4

local STRIKES = 3         -- chunks in a row without one success, after which a queue is left alone
local TICK = 0.25         -- seconds between two looks at leases and other workers
local DEADLINE = 300      -- seconds for a change: the rate's waits count too
local SOON = 3            -- seconds of a pause that who interrupts a run is kept waiting for
local LISTING = 3600      -- seconds for a listing of however many pages

local Run = {}
Run.__index = Run

-- ---- what policies ask ----

--- Lists a claim's queue: so that it is a proof, if that is needed and can be had.
-- @tparam table claim
-- @tparam function needs_proof takes a listing that is none; returns whether it is to show of somebody that they are not bound
-- @treturn ?table a listing (`aicc.jobs.db.snapshot`)
-- @treturn ?table the error; if it is one that all would meet, the run stops
function Run:list(claim, needs_proof)
  local function as_proof(found, agreed) return needs_proof(snapshot.index(found, claim.skill, { agreed = agreed })) end
  local agents, err, known = self.client:query_agents(claim.skill, { deadline = LISTING * self.slowness, as_proof = as_proof })
  if agents then return snapshot.index(agents, claim.skill, known) end
  if dispatch.is_fatal(err) then self:stop(err) end
  return nil, err
end

--- Whether a plan of this process has listed a claim's queue so short a time ago that it need not be listed again.
-- @tparam table claim
-- @treturn boolean
function Run:was_listed(claim)
  return self.listed_within ~= nil and recent.take(self.db, claim.id, self.planner, self.listed_within)
end

--- Ends the run: what is under way is finished, nothing begins any more. The first reason counts.
-- @tparam table err
function Run:stop(err) self.stopped = self.stopped or err end

--- Whether the run is to end.
-- @treturn boolean
function Run:is_stopping()
  if not self.stopped and self.interrupted() then
    self:stop(errors.new { kind = "aborted", message = "interrupted" })
  end
  return self.stopped ~= nil
end

--- Counts accounts that have an outcome now, for whoever watches.
-- @tparam string state of their chunk
-- @tparam integer accounts
function Run:count(state, accounts)
  self.progress[state] = (self.progress[state] or 0) + accounts
  if state ~= "pending" then self.on_progress(self.progress) end
end

--- Sends a chunk, and counts the strikes.
-- @tparam table claim
-- @tparam table chunk
-- @treturn boolean false if nothing more is to be sent to this queue
function Run:send(claim, chunk)
  claim.settling = true -- whatever is listed from here on shows what came of the chunk
  local done, trouble = dispatch.send(self, claim, chunk)
  claim.settling = false
  claim.trouble = trouble or claim.trouble
  claim.strikes = done > 0 and 0 or claim.strikes + 1
  return claim.strikes < STRIKES and not claim.lost and not self:is_stopping()
end

--- Tells how a queue differs from what was known of it, if it does.
-- @tparam table claim
-- @tparam table changes `gained`, `lost`, `changed`, `unseen`: rows
-- @tparam integer size agents in the queue now
function Run:differs(claim, changes, size)
  if changes.gained + changes.lost + changes.changed + changes.unseen == 0 then return end
  self.progress.total = self.progress.total + changes.gained - changes.lost - changes.unseen
  self.on_note { type = "difference", skill_id = claim.skill, gained = changes.gained, lost = changes.lost,
    changed = changes.changed, unseen = changes.unseen, size = size }
end

--- Takes note of a queue that was looked at again: tells the differences, and keeps to the blast radius.
-- @tparam table claim
-- @tparam table changes as from `snapshot.refresh`
-- @tparam integer size agents in the queue now
function Run:refreshed(claim, changes, size)
  self:differs(claim, changes, size)
  -- The queue may have shrunk without a row of the job being different.
  local refusal = not self.force and self.blast_radius(claim.id)
  if refusal then self:stop(refusal) end
end

--- Leaves a queue: done, if every row of it has its outcome; open if the run was stopped; else stopped, for the next run.
-- @tparam table claim
-- @tparam boolean ready whether it could be looked at
function Run:leave(claim, ready)
  if not self.journal:commit(claim) then return end
  local state, err, message = "done", claim.trouble, nil
  local remains, why = self.policy.remains(self.db, claim)
  if not ready or remains then state = self:is_stopping() and "open" or "stopped" end
  err = err or why
  if state ~= "done" then message = err and err.message end
  if state == "stopped" then
    if err then self.troubles[#self.troubles + 1] = err end
    message = message or claim.strikes >= STRIKES and ("%d chunks in a row without one success"):format(STRIKES)
      or self.policy.LEFT
    self.on_note { type = "queue_stopped", skill_id = claim.skill, message = message }
  end
  self.journal:note(claim, function(db) self.claims:leave(db, claim, state, message) end)
  self.journal:commit(claim)
end

-- ---- the coroutines ----

-- Why a request is not to be sent any more, or nil. Once the run is to end, listings that settle what was sent are let
-- through, unless they would have to sit out a long pause (their chunks then stay in doubt, for the next run to settle); those
-- from which new work would follow are not.
local function refuse(self, request, timeout)
  local claim = self.at_work[coroutine.running()]
  if claim then
    local may_send, why = self.claims:may_send(claim, timeout)
    if not may_send then return pace.refusal(request, why) end
  end
  local changes = request.operation == "release_agent_by_skill" or request.operation == "bind_agents"
  local settles = claim and claim.settling and not changes and self.pace:pause_left() <= SOON
  if not settles and self:is_stopping() then return pace.refusal(request, "interrupted before it was sent") end
end

-- Works queue after queue, until there is none left.
local function labour(self)
  local thread = coroutine.running()
  self.threads[#self.threads + 1] = thread
  while not self:is_stopping() do
    local claim = self.claims:next()
    if claim then
      self.at_work[thread] = claim
      self.policy.work(self, claim)
      self.at_work[thread] = nil
    elseif not self.claims:is_awaited() then
      return
    else
      loop.sleep(TICK)
    end
  end
end

local function is_working(self)
  for _, thread in ipairs(self.threads) do
    if coroutine.status(thread) ~= "dead" then return true end
  end
  return false
end

-- What this worker was told to wait is for the others too.
local function paused(self, seconds, rate)
  if self.claims.shared then throttle.set(self.db, self.job, seconds, rate) end
  self.on_note { type = "throttled", seconds = seconds, rate = rate }
end

-- Keeps the leases, and shares the rate and its pauses with the workers there are.
local function watch(self)
  while is_working(self) do
    self.claims:renew()
    self.pace:share(self.claims:workers())
    local seconds, rate = throttle.get(self.db, self.job)
    if seconds then self.pace:heed(seconds, rate) end
    loop.sleep(TICK)
  end
end

--- How many queues are worked at once: as many as were asked for, but not more than the client has requests under way. What
-- would wait for its turn behind that has passed the last look at whether it is still to be sent.
-- @tparam table options `concurrency`, `client`
-- @treturn integer
function M.concurrency(options)
  return math.min(options.concurrency or M.CONCURRENCY, options.client.settings.max_in_flight)
end

--- How much longer calls may take because of the rate: below one request a second their turns come late.
-- @tparam number rate requests a second; 0 for no limit
-- @treturn number 1 or more
function M.slowness(rate) return rate > 0 and math.max(1, 1 / rate) or 1 end

--- Runs a policy over all queues of a job.
-- @tparam table db
-- @tparam table job
-- @tparam table claimed as from `claims.open`
-- @tparam table policy `work(run, claim)`, `remains(db, claim)` (and perhaps an error that says why), `LEFT`
-- @tparam table options `client`, `rate`, `concurrency`, `force`, `listed_within`, `interrupted()`, `on_progress(counts)`,
--   `on_note(event)`,
--   `blast_radius(queue)` (an error if it takes the job beyond it), `progress` (counts to begin with: `total`, `done`, …)
-- @treturn table `stopped` (why, if it was), `troubles` (of queues), `requests`, `commits`
function M.run(db, job, claimed, policy, options)
  local rate = options.rate or M.RATE
  local self = setmetatable({
    db = db, job = job, claims = claimed, policy = policy, at_work = {}, troubles = {}, threads = {},
    limits = { deadline = math.max(DEADLINE, options.client.settings.deadline) * M.slowness(rate) }, slowness = M.slowness(rate),
    planner = options.client, listed_within = options.listed_within, force = options.force,
    blast_radius = options.blast_radius, progress = options.progress,
    interrupted = options.interrupted or core.interrupted, on_progress = options.on_progress or function() end,
    on_note = options.on_note or function() end, lost = errors.new { kind = "aborted", message = "another worker has the queue" },
  }, Run)
  self.journal = journal.new(db, claimed)
  self.client = options.client:through(function(transport)
    local function asked(request, timeout) return refuse(self, request, timeout) end
    self.pace = pace.new(transport, {
      rate = rate, refuse = asked, interrupted = function() return self:is_stopping() end,
      patience = options.client.retry.max_retry_after, on_end = function(err) self:stop(err) end,
      on_pause = function(seconds, slowed) paused(self, seconds, slowed) end,
    })
    return self.pace
  end)
  for _ = 1, M.concurrency(options) do loop.spawn(labour, self) end
  if claimed.shared then loop.spawn(watch, self) end
  loop.run()
  return { stopped = self.stopped, troubles = self.troubles, requests = self.pace.requests, commits = self.journal.commits }
end

return M
