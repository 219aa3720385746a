--- Finds the queues that accounts are in: asks the API for each account, or lists every queue, or both.
--
-- Nobody says that what the API names for an account is complete; a queue's listing is the truth of that queue. So each queue
-- that is named is listed, which a plan does anyway, and whoever of the accounts is on that listing is found, named or not. Where
-- the two ways differ that is told.
-- @module aicc.jobs.find

local agents = require "aicc.jobs.db.agents"
local errors = require "aicc.error"
local jobs = require "aicc.jobs.db.jobs"
local listings = require "aicc.jobs.listing"
local loop = require "aicc.loop"
local snapshot = require "aicc.jobs.db.snapshot"
local text = require "aicc.jobs.db.text"

local M = {}

-- What the API says of one account or queue, and not of the next: the others go on.
local OF_ONE = { business = true, bad_request = true, protocol = true }

-- Runs `work(index)` for 1 to count, so many at once, until one returns an error; returns that.
local function each(count, concurrency, work)
  local next_one, failure = 1, nil
  local function labour()
    while next_one <= count and not failure do
      local mine = next_one
      next_one = next_one + 1
      local err = work(mine)
      failure = failure or err
    end
  end
  loop.run_several(math.min(concurrency, count), labour)
  return failure
end

-- ---- asking for each account ----

-- What is noted of an account by what the API answers.
local function understood(row, agent, err)
  local answer = { line = row.line, skills = {} }
  if not agent then
    answer.state = err.kind == "unknown_agent" and "no_agent" or "failed"
    answer.code = err.result_code or answer.state == "failed" and err.kind or nil
    answer.message = answer.state == "failed" and "its queues are not told: " .. err.message or err.message
  elseif agent.userAccount ~= row.account then
    answer.state = "no_agent"
    answer.message = ("the API has it in another spelling, '%s': give it so"):format(text.line(agent.userAccount))
  else
    if not agent.skills then
      answer.state, answer.message = "failed", "its queues are not told: no `skills` in the API's answer"
    elseif #agent.skills == 0 then
      answer.state, answer.message = "no_queue", "the API names no queue for it"
    end
    for i, skill in ipairs(agent.skills or {}) do answer.skills[i] = skill.skillId end
  end
  return answer
end

local function ask_all(db, job, context, total)
  local asked, line = 0, 0
  repeat
    local page, answers = agents.page(db, job, line), {}
    local err = each(#page, context.concurrency, function(i)
      local agent, problem = context.client:query_agent(page[i].account, context.limits)
      if not agent and problem.kind ~= "unknown_agent" and not OF_ONE[problem.kind] then return problem end
      answers[i] = understood(page[i], agent, problem)
      asked = asked + 1
      context.on_progress { asked = asked, accounts = total }
    end)
    if err then return err end
    db:transaction(agents.note, db, job, answers)
    line = #page > 0 and page[#page].line or line
  until #page == 0
end

-- ---- listing queues ----

-- Notes what a queue's listing shows. Returns what it differs in from what the API named.
local function look(db, job, context, skill, found)
  local exact = listings.by_name(found)
  local named = context.asks and agents.of_queue(db, job, skill) or {}
  local unnamed, alike = agents.match(db, job, skill, found)
  local differences = {}
  if context.asks then
    for _, account in ipairs(unnamed) do differences[#differences + 1] = { account = account, is_named = false } end
  end
  for _, row in ipairs(named) do
    if not exact[row.account] then differences[#differences + 1] = { account = row.account, is_named = true } end
  end
  for line, account in pairs(alike) do
    context.alike[line] = ("queue %.0f has '%s', which differs in upper and lower case: give it so if it is meant"):format(skill,
      text.line(account))
  end
  return differences
end

-- Whether a listing must be a proof: somebody is looked for in the queue who is not on it.
local function needs_proof(db, job, context, skill, found)
  if context.sweeps then return true end
  local exact = listings.by_name(found)
  for _, row in ipairs(agents.of_queue(db, job, skill)) do
    if not exact[row.account] then return true end
  end
  return false
end

local function list(db, job, context, skill)
  local found, err, known = context.client:query_agents(skill, {
    deadline = context.listing_deadline,
    as_proof = function(shown) return needs_proof(db, job, context, skill, shown) end,
  })
  if not found then
    if not OF_ONE[err.kind] then return err end
    context.listings[skill] = { err = err }
    if context.sweeps then db:transaction(agents.suspect, db, job, skill) end
    return
  end
  context.listings[skill] = { size = #found, is_proof = known.is_proof, agreed = known.agreed }
  local differences = db:transaction(look, db, job, context, skill, found)
  if context.sweeps and not known.is_proof then db:transaction(agents.suspect, db, job, skill) end
  for _, difference in ipairs(differences) do
    if known.is_proof or not difference.is_named then
      context.on_note { type = "ways_differ", skill_id = skill, user_account = difference.account,
        is_named = difference.is_named }
    end
  end
end

-- The queues to list; nil and an error. Whether they are all of the tenant's is in `context.has_all`: a list without a queue that
-- the API names for somebody is not whole, and one of none is no list to say by that somebody is in no queue.
local function queues_of(db, context)
  local skills = agents.skills(db)
  if not context.sweeps then return skills end
  local all, err = context.names:every()
  if all and #all == 0 then
    err = errors.new { kind = "protocol", operation = "query_skills", outcome = "unknown", message = "there is no queue on it" }
  end
  if err then return nil, errors.copy(err, { message = "the list of queues cannot be had: " .. err.message }) end
  local named, missing = {}, #skills
  for _, skill in ipairs(skills) do named[skill] = true end
  for _, queue in ipairs(all) do
    if named[queue.skillId] then missing = missing - 1 else skills[#skills + 1] = queue.skillId end
  end
  context.has_all = missing == 0
  return skills
end

local function list_all(db, job, context)
  local skills, err = queues_of(db, context)
  if not skills then return err end
  local listed = 0
  return each(#skills, context.concurrency, function(i)
    local problem = list(db, job, context, skills[i])
    if problem then return problem end
    listed = listed + 1
    context.on_progress { listed = listed, queues = #skills }
  end)
end

-- ---- both ----

-- Keeps what a queue's listing showed as its snapshot.
local function take(db, job, queue, known)
  jobs.pin(db, job)
  if known.err then return agents.leave_open(db, job, queue.id, "it could not be listed: " .. known.err.message) end
  local listing = listings.index(listings.by_name(agents.kept(db, queue.skill)), queue.skill, known) -- of the size of all
  local _, err = snapshot.refresh(db, queue.id, listing)
  if err then agents.leave_open(db, job, queue.id, err.message) end -- an agent has no weights
end

--- Finds the queues of a job's accounts, makes them its rows, and looks at those queues: what `aicc.jobs.plan` does with rows.
-- @tparam table db
-- @tparam table job whose accounts are loaded
-- @tparam table context `asks`, `sweeps`: the way, or both; `client`; `names` (`aicc.jobs.names`); `limits`; `listing_deadline`;
--   `concurrency`; `on_progress` (called with `asked` and `accounts`, or `listed` and `queues`); `on_note`
-- @tparam integer total how many accounts there are
-- @treturn ?table the error
function M.queues(db, job, context, total)
  context.alike, context.listings = {}, {}
  agents.begin(db)
  local err
  if context.asks then err = ask_all(db, job, context, total) end
  err = err or list_all(db, job, context)
  if err then
    agents.finish(db)
    return err
  end
  local source = context.asks and context.sweeps and "both" or context.asks and "agents" or "sweep"
  db:transaction(agents.make_rows, db, job, source, context.alike, context.has_all)
  for _, queue in ipairs(jobs.queues(db, job)) do db:transaction(take, db, job, queue, context.listings[queue.skill]) end
  agents.finish(db)
end

return M
