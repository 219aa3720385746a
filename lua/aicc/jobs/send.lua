--- Sends one chunk, and does not rest before each of its accounts has an outcome that is true.
--
-- A chunk that the API refuses is halved until the accounts that it refuses stand alone, so that they hold back no others.
-- Nobody is written "failed" on the API's word alone: one listing at the end decides all that is in doubt.
-- @module aicc.jobs.send

local chunks = require "aicc.jobs.db.chunks"
local judge = require "aicc.jobs.judge"

local M = {}

local STRIKES = 3 -- chunks in a row without one success, after which a queue is left alone

-- What halving can cure.
local DIVISIBLE = { business = true, bad_request = true, too_large = true, argument = true }

-- What the API says of the accounts themselves, and perhaps only after it has done some of them.
local ANSWERS = { business = true, bad_request = true }

-- How a chunk is sent, by its action.
local REQUESTS = {
  release = function(client, skill, chunk, limits) return client:release_agent_by_skill(skill, chunk.accounts, limits) end,
  bind = function(client, skill, chunk, limits)
    return client:bind_agents(skill, chunk.accounts, {
      agent_weight = chunk.agent_weight, skill_weight = chunk.skill_weight, deadline = limits.deadline,
    })
  end,
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
  work.turn:note(claim, function(db) chunks.conclude(db, chunk) end)
  if state ~= "pending" then work:count(state, #chunk.accounts) end
end

-- Keeps in mind how far the request that failed may have been applied.
local function doubt(chunk, err)
  local level = err.outcome == "unknown" and chunks.UNANSWERED or ANSWERS[err.kind] and chunks.REFUSED
  if level then chunk.in_doubt = math.max(chunk.in_doubt or 0, level) end
end

-- Halves a chunk; both halves are to be sent, the left one first.
local function halve(work, claim, chunk, stack)
  local left, right = chunks.halves(chunk)
  work.turn:note(claim, function(db) chunks.split(db, chunk, left, right) end)
  stack[#stack + 1], stack[#stack + 2] = right, left
end

-- What a failed request means for its chunk. Returns whether the rest of the chunk should still be sent.
local function fail(work, claim, chunk, err, stack, doubtful)
  tell(chunk, err)
  doubt(chunk, err)
  local unanswered = chunk.in_doubt == chunks.UNANSWERED
  if DIVISIBLE[err.kind] then
    if #chunk.accounts > 1 then
      halve(work, claim, chunk, stack)
    else
      chunk.verdict = chunks.may_follow(chunk) and "unknown" or "failed"
      doubtful[#doubtful + 1] = chunk
    end
    return true
  end
  if err.kind == "aborted" then
    -- What may have been applied stays an intent, for the next run to settle.
    if not unanswered then conclude(work, claim, chunk, "pending") end
    -- A doubt from an earlier run would go with the chunk.
    if chunk.attempts == 0 and chunks.doubt(chunk) == 0 and work:is_stopping() then
      work.turn:note(claim, function(db) chunks.withdraw(db, chunk) end)
    end
  elseif unanswered then
    chunk.verdict = "unknown"
    doubtful[#doubtful + 1] = chunk
  else
    conclude(work, claim, chunk, "pending")
  end
  if judge.is_fatal(err) then work:stop(err) end
  return false
end

-- Lets one listing decide what is in doubt. Returns how many accounts turned out to be done.
local function settle(work, claim, doubtful)
  local listing = work:list(claim, function(listing) return judge.is_undecided(doubtful, listing) end)
  local counts = { gone = 0, unseen = 0, taken = 0 }
  for _, chunk in ipairs(doubtful) do
    if not listing then
      conclude(work, claim, chunk, "unknown")
    else
      judge.tally(chunk, listing, counts)
      work.turn:note(claim, function(db) judge.write(db, chunk, listing, chunk.verdict) end)
    end
  end
  if listing then
    work:differs(claim, { gained = 0, lost = counts.gone, changed = 0, unseen = counts.unseen }, listing.size)
  end
  counts.done = counts.taken > 0 and (counts.done or 0) + counts.taken or counts.done -- nothing is left to do for them
  counts.gone, counts.unseen, counts.taken = nil, nil, nil
  for state, accounts in pairs(counts) do work:count(state, accounts) end
  return counts.done or 0
end

-- Sends a chunk. Returns for how many accounts it has been done, and the error that kept it from being sent as a whole.
local function deliver(work, claim, chunk)
  local request, stack, doubtful = REQUESTS[chunk.action], { chunk }, {}
  local done, trouble = 0, nil
  while #stack > 0 and not trouble do
    local part = table.remove(stack)
    work.turn:note(claim, function(db) chunks.intend(db, part) end)
    if not work.turn:commit(claim) then return done, work.lost end
    local reply, err = request(work.client, claim.skill, part, work.limits)
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

--- Sends a chunk, and counts the strikes. What it leaves noted is committed with the claim's next commit.
-- @tparam table work the run (see `aicc.jobs.work`)
-- @tparam table claim
-- @tparam table chunk as from `aicc.jobs.db.chunks`
-- @treturn boolean false if nothing more is to be sent to this queue
function M.chunk(work, claim, chunk)
  claim.settling = true -- whatever is listed from here on shows what came of the chunk
  local done, trouble = deliver(work, claim, chunk)
  claim.settling = false
  claim.trouble = trouble or claim.trouble
  claim.strikes = done > 0 and 0 or claim.strikes + 1
  return claim.strikes < STRIKES and not claim.lost and not work:is_stopping()
end

--- Why nothing more is sent to a queue though nothing else keeps it from that.
-- @tparam table claim
-- @treturn ?string
function M.given_up(claim)
  return claim.strikes >= STRIKES and ("%d chunks in a row without one success"):format(STRIKES) or nil
end

return M
