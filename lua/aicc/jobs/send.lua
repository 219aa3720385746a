--- Sends one chunk, and does not rest before each of its accounts has an outcome that is true.
--
-- A chunk that the API refuses is halved until the accounts that it refuses stand alone, so that they hold back no others.
-- Nobody is written "failed" on the API's word alone: one listing at the end decides all that is in doubt.
-- @module aicc.jobs.send

local ledger = require "aicc.jobs.db.chunks"
local snapshot = require "aicc.jobs.db.snapshot"

local M = {}

-- What halving can cure.
local DIVISIBLE = { business = true, bad_request = true, too_large = true, argument = true }

-- What the API says of the accounts themselves, and perhaps only after it has done some of them.
local ANSWERS = { business = true, bad_request = true }

-- What the next request would meet as well.
local FATAL = {
  blocked = true, forbidden = true, tls = true, not_found = true, auth = true, config = true, closed = true, unsupported = true,
}

--- Whether an error is one that every other request would meet as well, and so ends a job.
-- @tparam table err
-- @treturn boolean
function M.is_fatal(err) return FATAL[err.kind] == true end

--- What a chunk does: how it is sent, whether a listing shows that it has been done for an account (nil if it proves neither),
-- and what it means for a line if somebody else did it (nothing, for binds).
M.actions = {
  release = {
    send = function(client, skill, chunk, limits) return client:release_agent_by_skill(skill, chunk.accounts, limits) end,
    is_done = function(listing, _, account)
      if listing.find(account) then return false end
      return listing.is_proof or nil
    end,
    disown = snapshot.drop,
  },
  bind = {
    send = function(client, skill, chunk, limits)
      return client:bind_agents(skill, chunk.accounts, {
        agent_weight = chunk.agent_weight, skill_weight = chunk.skill_weight, deadline = limits.deadline,
      })
    end,
    is_done = function(listing, chunk, account)
      local agent = listing.exact[account] -- the server's own spelling; in another one, it is another agent
      if not agent then return not listing.is_proof and nil end
      return agent.agentWeight == chunk.agent_weight and agent.skillWeight == chunk.skill_weight
    end,
  },
}

-- The columns code and message: the API's own where it gave them.
local function tell(chunk, told)
  chunk.code = told.resultCode or told.result_code or (told.status and tostring(told.status)) or told.kind
  chunk.message = told.resultMessage or told.result_message or told.message
  -- An attempt that was called off did not take place.
  local called_off = told.kind == "aborted" and told.outcome == "not_sent"
  chunk.attempts = chunk.attempts + (told.attempts or 0) - (called_off and 1 or 0)
end

local function conclude(work, claim, chunk, state)
  chunk.state = state
  work.journal:note(claim, function(db) ledger.conclude(db, chunk) end)
  if state ~= "pending" then work:count(state, #chunk.accounts) end
end

-- Keeps in mind how far the request that failed may have been applied.
local function doubt(chunk, err)
  local level = err.outcome == "unknown" and ledger.UNANSWERED or ANSWERS[err.kind] and ledger.REFUSED
  if level then chunk.in_doubt = math.max(chunk.in_doubt or 0, level) end
end

-- Halves a chunk; both halves are to be sent, the left one first.
local function halve(work, claim, chunk, stack)
  local left, right = ledger.halves(chunk)
  work.journal:note(claim, function(db) ledger.split(db, chunk, left, right) end)
  stack[#stack + 1], stack[#stack + 2] = right, left
end

-- What a failed request means for its chunk. Returns whether the rest of the chunk should still be sent.
local function fail(work, claim, chunk, err, stack, doubtful)
  tell(chunk, err)
  doubt(chunk, err)
  local unanswered = chunk.in_doubt == ledger.UNANSWERED
  if DIVISIBLE[err.kind] then
    if #chunk.accounts > 1 then
      halve(work, claim, chunk, stack)
    else
      chunk.verdict = ledger.may_follow(chunk) and "unknown" or "failed"
      doubtful[#doubtful + 1] = chunk
    end
    return true
  end
  if err.kind == "aborted" then
    -- What may have been applied stays an intent, for the next run to settle.
    if not unanswered then conclude(work, claim, chunk, "pending") end
    -- A doubt from an earlier run would go with the chunk.
    if chunk.attempts == 0 and ledger.doubt(chunk) == 0 and work:is_stopping() then
      work.journal:note(claim, function(db) ledger.withdraw(db, chunk) end)
    end
  elseif unanswered then
    chunk.verdict = "unknown"
    doubtful[#doubtful + 1] = chunk
  else
    conclude(work, claim, chunk, "pending")
  end
  if M.is_fatal(err) then work:stop(err) end
  return false
end

-- What a listing says of each account of a chunk. Who is as the chunk would have them is "done" by this job if any of its
-- requests may have done it, though it was refused or remains without an answer. Else it was somebody else, and they are "gone".
-- Where it cannot be told they are "unknown", or, if nothing was asked for them, "unseen".
local function verdicts(chunk, listing, otherwise)
  local action = M.actions[chunk.action]
  local is_ours = not action.disown or ledger.doubt(chunk) > 0
  return function(account)
    local is_done = action.is_done(listing, chunk, account)
    if is_done == false then return otherwise end
    if is_done then return is_ours and "done" or "gone" end
    return is_ours and "unknown" or "unseen"
  end
end

--- Whether a listing does not tell of some account of these chunks what came of them.
-- @tparam {table,...} chunks
-- @tparam table listing
-- @treturn boolean
function M.is_undecided(chunks, listing)
  for _, chunk in ipairs(chunks) do
    local is_done = M.actions[chunk.action].is_done
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
-- @treturn table state -> how many accounts; `gone`, `unseen`: how many left the snapshot, by a proof or without one
function M.judge(db, chunk, listing, otherwise)
  local verdict_on, action = verdicts(chunk, listing, otherwise), M.actions[chunk.action]
  local left = { gone = 0, unseen = 0 }
  ledger.sift(chunk, function(account, line)
    local verdict = verdict_on(account)
    if not left[verdict] then return false end
    left[verdict] = left[verdict] + 1
    action.disown(db, chunk.queue, line, verdict == "gone")
    return true
  end)
  local counts = ledger.divide(db, chunk, verdict_on)
  counts.gone, counts.unseen = left.gone, left.unseen
  return counts
end

-- Adds what a listing says of a chunk's accounts to the counts.
local function tally(chunk, listing, counts)
  local verdict_on = verdicts(chunk, listing, chunk.verdict)
  for _, account in ipairs(chunk.accounts) do
    local verdict = verdict_on(account)
    counts[verdict] = (counts[verdict] or 0) + 1
  end
end

-- Lets one listing decide what is in doubt. Returns how many accounts turned out to be done.
local function settle(work, claim, doubtful)
  local listing = work:list(claim, function(listing) return M.is_undecided(doubtful, listing) end)
  local counts = { gone = 0, unseen = 0 }
  for _, chunk in ipairs(doubtful) do
    if not listing then
      conclude(work, claim, chunk, "unknown")
    else
      tally(chunk, listing, counts)
      work.journal:note(claim, function(db) M.judge(db, chunk, listing, chunk.verdict) end)
    end
  end
  if listing then
    work:differs(claim, { gained = 0, lost = counts.gone, changed = 0, unseen = counts.unseen }, listing.size)
  end
  counts.gone, counts.unseen = nil, nil
  for state, accounts in pairs(counts) do work:count(state, accounts) end
  return counts.done or 0
end

--- Sends a chunk. What it leaves noted is committed with the claim's next commit.
-- @tparam table work the run (see `aicc.jobs.workers`)
-- @tparam table claim
-- @tparam table chunk as from `aicc.jobs.db.chunks`
-- @treturn integer for how many accounts it has been done
-- @treturn ?table the error that kept it from being sent as a whole
function M.send(work, claim, chunk)
  local action, stack, doubtful = M.actions[chunk.action], { chunk }, {}
  local done, trouble = 0, nil
  while #stack > 0 and not trouble do
    local part = table.remove(stack)
    work.journal:note(claim, function(db) ledger.intend(db, part) end)
    if not work.journal:commit(claim) then return done, work.lost end
    local reply, err = action.send(work.client, claim.skill, part, work.limits)
    if reply then
      tell(part, reply)
      conclude(work, claim, part, "done")
      done = done + #part.accounts
    elseif not fail(work, claim, part, err, stack, doubtful) then
      trouble = err
    elseif work:is_stopping() then
      break
    end
  end
  if #doubtful > 0 then done = done + settle(work, claim, doubtful) end
  return done, trouble
end

return M
