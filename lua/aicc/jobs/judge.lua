--- What came of a chunk: verdicts on its accounts, by a listing; and on an error, whether others would meet it too.
--
-- Functions of listings (`aicc.jobs.listing`) and chunks (`aicc.jobs.db.chunks`). Who lists, and what is sent again, is the
-- business of those who ask. What a failed request means for its chunk (halved, failed, unknown, pending) is decided in
-- `aicc.jobs.send`.
-- @module aicc.jobs.judge

local chunks = require "aicc.jobs.db.chunks"
local snapshot = require "aicc.jobs.db.snapshot"

local M = {}

-- What the next request would meet as well.
local FATAL = {
  blocked = true, forbidden = true, tls = true, not_found = true, auth = true, config = true, closed = true, unsupported = true,
}

--- Whether an error is one that every other request would meet as well, and so ends a job.
-- @tparam table err
-- @treturn boolean
function M.is_fatal(err) return FATAL[err.kind] == true end

--- Whether a listing shows that a chunk has been done for an account; nil if it proves neither. By the chunk's action.
M.is_done = {
  release = function(listing, _, account)
    if listing.find(account) then return false end
    return listing.is_proof or nil
  end,
  bind = function(listing, chunk, account)
    local weights = listing.exact[account] -- the server's own spelling; in another one, it is another agent
    if not weights then return not listing.is_proof and nil end
    return weights.agentWeight == chunk.agent_weight and weights.skillWeight == chunk.skill_weight
  end,
}

-- What it means for a line if somebody else has done what a chunk does.
local DISOWN = { release = snapshot.drop, bind = snapshot.skip }

-- What a listing says of each account of a chunk. Who is as the chunk would have them is "done" by this job if any of its
-- requests may have done it, though it was refused or remains without an answer. Else it was somebody else, and they are "gone".
-- Where it cannot be told they are "unknown", or, if nothing was asked for them, "unseen". Who is bound with other weights than a
-- bind's is "taken": somebody else has bound them.
local function verdicts(chunk, listing, otherwise)
  local is_done_for = M.is_done[chunk.action]
  local is_bind = chunk.action == "bind"
  local is_ours = is_bind or chunks.doubt(chunk) > 0
  return function(account)
    local is_done = is_done_for(listing, chunk, account)
    if is_done == false then return is_bind and listing.exact[account] and "taken" or otherwise end
    if is_done then return is_ours and "done" or "gone" end
    return is_ours and "unknown" or "unseen"
  end
end

--- Whether a listing does not tell of some account of these chunks what came of them.
-- @tparam {table,...} those
-- @tparam table listing
-- @treturn boolean
function M.is_undecided(those, listing)
  for _, chunk in ipairs(those) do
    local is_done = M.is_done[chunk.action]
    for _, account in ipairs(chunk.accounts) do
      if is_done(listing, chunk, account) == nil then return true end
    end
  end
  return false
end

--- Writes what a listing says of a chunk's accounts; those that somebody else has unbound, as it seems, leave the snapshot. For a
-- transaction.
-- @tparam table db
-- @tparam table chunk
-- @tparam table listing
-- @tparam string otherwise the state of those for whom it is not done
-- @treturn table state -> how many accounts; `gone`, `unseen`: how many left the snapshot, by a proof or without one; `taken`:
--   how many an undo has nothing to do for
function M.write(db, chunk, listing, otherwise)
  local verdict_on, disown = verdicts(chunk, listing, otherwise), DISOWN[chunk.action]
  local left = { gone = 0, unseen = 0, taken = 0 }
  chunks.sift(chunk, function(account, line)
    local verdict = verdict_on(account)
    if not left[verdict] then return false end
    left[verdict] = left[verdict] + 1
    disown(db, chunk.queue, line, verdict == "gone")
    return true
  end)
  local counts = chunks.divide(db, chunk, verdict_on)
  counts.gone, counts.unseen, counts.taken = left.gone, left.unseen, left.taken
  return counts
end

--- Adds what a listing says of a chunk's accounts to counts, without writing it.
-- @tparam table chunk with its `verdict`: the state of those for whom it is not done
-- @tparam table listing
-- @tparam table counts verdict -> how many accounts
function M.tally(chunk, listing, counts)
  local verdict_on = verdicts(chunk, listing, chunk.verdict)
  for _, account in ipairs(chunk.accounts) do
    local verdict = verdict_on(account)
    counts[verdict] = (counts[verdict] or 0) + 1
  end
end

-- ---- the releases of a queue ----

--- Whether a listing does not tell what came of some of a queue's releases.
-- @tparam table db
-- @tparam table claim
-- @tparam table listing
-- @tparam string which chunks, see `aicc.jobs.db.chunks`
-- @treturn boolean
function M.is_release_undecided(db, claim, listing, which)
  return M.is_undecided(chunks.of(db, claim.id, "release", which), listing)
end

--- Finds out by a listing what came of a queue's releases. Whoever is still bound is to be released again, unless nothing more is
-- sent and a slow server may still do it. For a transaction.
-- @tparam table db
-- @tparam table claim
-- @tparam table listing
-- @tparam string which chunks, see `aicc.jobs.db.chunks`
-- @tparam ?boolean is_over whether nothing more is sent
-- @treturn integer how many accounts turned out to be released
-- @treturn integer how many left the snapshot, since somebody else has unbound them
-- @treturn integer how many left it because nobody knows that
function M.settle_releases(db, claim, listing, which, is_over)
  local released, lost, unseen = 0, 0, 0
  for _, chunk in ipairs(chunks.of(db, claim.id, "release", which)) do
    if chunk.was_in_doubt then chunk.attempts = math.max(chunk.attempts, 1) end -- an intent without a result may have been sent
    local counts = M.write(db, chunk, listing, is_over and chunks.may_follow(chunk) and "unknown" or "pending")
    released, lost, unseen = released + (counts.done or 0), lost + counts.gone, unseen + counts.unseen
  end
  return released, lost, unseen
end

return M
