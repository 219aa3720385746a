--- Releases the rows of one queue: look at the queue, settle what an earlier run left open, then chunk after chunk.
-- @module aicc.jobs.release

local dispatch = require "aicc.jobs.send"
local errors = require "aicc.error"
local ledger = require "aicc.jobs.db.chunks"
local snapshot = require "aicc.jobs.db.snapshot"

local M = {}

local SWEEPS = 2 -- how often what could not be sent is tried in one run

--- What is told of a queue that is left with rows that nothing else explains.
M.LEFT = "what came of some requests is not known"

--- Whether a listing does not tell what came of some of a queue's releases.
-- @tparam table db
-- @tparam table claim
-- @tparam table listing
-- @tparam string which chunks, see `aicc.jobs.db.chunks`
-- @treturn boolean
function M.is_undecided(db, claim, listing, which)
  return dispatch.is_undecided(ledger.chunks(db, claim.id, "release", which), listing)
end

--- Finds out by a listing what came of chunks (see `dispatch.judge`). Whoever is still bound is to be released again, unless
-- nothing more is sent and a slow server may still do it. For a transaction.
-- @tparam table db
-- @tparam table claim
-- @tparam table listing
-- @tparam string which chunks, see `aicc.jobs.db.chunks`
-- @tparam ?boolean is_over whether nothing more is sent
-- @treturn integer how many accounts turned out to be released
-- @treturn integer how many left the snapshot, since somebody else has unbound them
-- @treturn integer how many left it because nobody knows that
function M.settle(db, claim, listing, which, is_over)
  local released, lost, unseen = 0, 0, 0
  for _, chunk in ipairs(ledger.chunks(db, claim.id, "release", which)) do
    if chunk.was_in_doubt then chunk.attempts = math.max(chunk.attempts, 1) end -- an intent without a result may have been sent
    local counts = dispatch.judge(db, chunk, listing, is_over and ledger.may_follow(chunk) and "unknown" or "pending")
    released, lost, unseen = released + (counts.done or 0), lost + counts.gone, unseen + counts.unseen
  end
  return released, lost, unseen
end

-- Whether the queue's snapshot is good enough to go by: just listed by the plan, as the run's options allow, and nothing depends
-- on a later listing. Where something was sent for it before, only a listing since then tells what came of that; and rows of
-- which no listing told whether they are bound are to be asked for again.
local function is_known(work, claim)
  return work:was_listed(claim) and ledger.frontier(work.db, claim.id) == 0 and snapshot.unseen(work.db, claim.id) == 0
end

-- Looks at the queue right before its first write of this run. Returns false if it must not be touched, with an error if the
-- queue's state is unknown.
local function prepare(work, claim)
  if is_known(work, claim) then return not work:is_stopping() end
  local listing, err = work:list(claim, function(listing)
    return M.is_undecided(work.db, claim, listing, ledger.OPEN) or snapshot.misses(work.db, claim.id, listing)
  end)
  if not listing then return false, err end
  local changes, problem, released, lost, unseen
  work.journal:note(claim, function(db)
    released, lost, unseen = M.settle(db, claim, listing, ledger.OPEN)
    changes, problem = snapshot.refresh(db, claim.id, listing)
  end)
  if not work.journal:commit(claim) then return false, work.lost end
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
  for _, chunk in ipairs(ledger.chunks(work.db, claim.id, "release", ledger.PENDING)) do
    if not work:send(claim, chunk) then return false end
  end
  return true
end

local function send_fresh(work, claim)
  local frontier = ledger.frontier(work.db, claim.id)
  local chunk = ledger.next(work.db, claim.id, frontier, work.job.chunk)
  while chunk do
    if not work:send(claim, chunk) then return false end
    chunk = ledger.next(work.db, claim.id, chunk.last_line, work.job.chunk)
  end
  return true
end

local function send_all(work, claim)
  for sweep = 1, SWEEPS do
    if not send_pending(work, claim) then return false end
    if sweep == 1 and not send_fresh(work, claim) then return false end
    if not work.journal:commit(claim) then return false end
  end
  return true
end

--- Whether a queue has rows without an outcome.
-- @tparam table db
-- @tparam table claim
-- @treturn boolean
-- @treturn ?table why, if that is known
function M.remains(db, claim)
  if ledger.has(db, claim.id, ledger.OPEN, "release") then return true end
  if ledger.next(db, claim.id, ledger.frontier(db, claim.id), 1) then return true end
  local unseen = snapshot.unseen(db, claim.id)
  if unseen == 0 then return false end
  return true, errors.new {
    kind = "protocol", operation = "query_agents", outcome = "unknown", skill_id = claim.skill,
    message = ("no listing proves whether %d agent%s bound: the queue changes, or is not shown whole, or shows somebody who is "
      .. "spelled alike"):format(unseen, unseen == 1 and " is" or "s are"),
  }
end

--- Works one queue until it is done, or cannot be.
-- @tparam table work the run
-- @tparam table claim
function M.work(work, claim)
  local ready, err = prepare(work, claim)
  if ready then send_all(work, claim) else claim.trouble = err end
  work:leave(claim, ready)
end

return M
