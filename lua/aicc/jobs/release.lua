--- Releases the rows of one queue: look at the queue, settle what an earlier run left open, then chunk after chunk.
-- @module aicc.jobs.release

local chunks = require "aicc.jobs.db.chunks"
local errors = require "aicc.error"
local judge = require "aicc.jobs.judge"
local send = require "aicc.jobs.send"
local snapshot = require "aicc.jobs.db.snapshot"

local M = {}

local SWEEPS = 2 -- how often what could not be sent is tried in one run

--- What is told of a queue that is left with rows that nothing else explains.
M.LEFT = "what came of some requests is not known"

-- Whether the queue's snapshot is good enough to go by: just listed by the plan, as the run's options allow, and nothing depends
-- on a later listing. Where something was sent for it before, only a listing since then tells what came of that; and rows of
-- which no listing told whether they are bound are to be asked for again.
local function is_known(work, claim)
  return work:was_listed(claim) and chunks.frontier(work.db, claim.id) == 0 and snapshot.unseen(work.db, claim.id) == 0
end

-- Looks at the queue right before its first write of this run. Returns false if it must not be touched, with an error if the
-- queue's state is unknown.
local function prepare(work, claim)
  if is_known(work, claim) then return not work:is_stopping() end
  local listing, err = work:list(claim, function(listing)
    return judge.is_release_undecided(work.db, claim, listing, chunks.OPEN) or snapshot.misses(work.db, claim.id, listing)
  end)
  if not listing then return false, err end
  local changes, problem, released, lost, unseen
  work.turn:note(claim, function(db)
    released, lost, unseen = judge.settle_releases(db, claim, listing, chunks.OPEN)
    changes, problem = snapshot.refresh(db, claim.id, listing)
  end)
  if not work.turn:commit(claim) then return false, work.lost end
  work:count("done", released)
  if problem then
    work:differs(claim, { gained = 0, lost = lost, changed = 0, unseen = unseen }, listing.size)
    return false, problem
  end
  changes.lost, changes.unseen = changes.lost + lost, changes.unseen + unseen
  work:refreshed(claim, changes, listing.size)
  return not work:is_stopping()
end

local function send_pending(work, claim)
  for _, chunk in ipairs(chunks.of(work.db, claim.id, "release", chunks.PENDING)) do
    if not send.chunk(work, claim, chunk) then return false end
  end
  return true
end

local function send_fresh(work, claim)
  local frontier = chunks.frontier(work.db, claim.id)
  local chunk = chunks.next(work.db, claim.id, frontier, work.job.chunk)
  while chunk do
    if not send.chunk(work, claim, chunk) then return false end
    chunk = chunks.next(work.db, claim.id, chunk.last_line, work.job.chunk)
  end
  return true
end

local function send_all(work, claim)
  for sweep = 1, SWEEPS do
    if not send_pending(work, claim) then return false end
    if sweep == 1 and not send_fresh(work, claim) then return false end
    if not work.turn:commit(claim) then return false end
  end
  return true
end

--- Whether a queue has rows without an outcome.
-- @tparam table db
-- @tparam table claim
-- @treturn boolean
-- @treturn ?table why, if that is known
function M.remains(db, claim)
  if chunks.has(db, claim.id, chunks.OPEN, "release") then return true end
  if chunks.next(db, claim.id, chunks.frontier(db, claim.id), 1) then return true end
  local unseen = snapshot.unseen(db, claim.id)
  if unseen == 0 then return false end
  return true, errors.new {
    kind = "protocol", operation = "query_agents", outcome = "unknown", skill_id = claim.skill,
    message = ("no listing proves whether %d agent%s bound: the queue changes, or is not shown whole, or shows somebody who is "
      .. "spelled alike"):format(unseen, unseen == 1 and " is" or "s are"),
  }
end

--- Works one queue until it is done, or cannot be.
-- @tparam table work the run (`aicc.jobs.work`)
-- @tparam table claim
-- @treturn boolean whether it could be looked at
function M.work(work, claim)
  local ready, err = prepare(work, claim)
  if ready then send_all(work, claim) else claim.trouble = err end
  return ready
end

return M
