--- One agent out of all of their queues, and back: two methods of a client.
--
-- What was known before anything was sent, and what came of each queue, is one table. It says of a queue:
--
-- - `kept`: it was excepted, and nothing was sent;
-- - `not_sent`: nothing was sent yet, or could be: the agent is bound as before, as far as is known;
-- - `released`: the API said so, or it was found out;
-- - `failed`: the API refused it: the agent is bound as before, as far as is known;
-- - `unknown`: an answer was lost, and what came of it could not be found out;
-- - `bound`: bound again, by `restore_agent`.
-- @module aicc.offboard

local agents = require "aicc.agents"
local errors = require "aicc.error"
local lists = require "aicc.lists"
local results = require "aicc.result"

local M = {}

local OPERATION = { release = "release_agent", restore = "restore_agent" }

-- What an error says of a queue whose agent was to be released.
local OUTCOMES = { rejected = "failed", unknown = "unknown", not_sent = "not_sent" }

-- Errors that every other queue would meet as well.
local STOPS = {
  aborted = true, closed = true, auth = true, forbidden = true, blocked = true, not_found = true, redirect = true, tls = true,
  unsupported = true, deadline = true, throttled = true,
}

-- Outcomes that `restore_agent` has something to do for.
local IS_GONE = { released = true, unknown = true }

local KNOWN = { kept = true, not_sent = true, released = true, failed = true, unknown = true, bound = true }

local function argument(operation, message)
  return errors.new { kind = "argument", operation = operation, message = message }
end

-- An error from before anything was sent that changes something, as this operation's.
local function before_all(err, operation, what)
  return errors.copy(err, { operation = operation, outcome = "not_sent", message = ("%s: %s"):format(what, err.message) })
end

-- The options of the calls that a call is made of, at this moment.
local function limits_of(options, current)
  local limits = {}
  for name, value in pairs(options) do limits[name] = value end
  limits.deadline = current:remaining()
  return limits
end

-- The error of a queue whose turn does not come, for what another one met.
local function not_reached(err, operation, skill_id)
  return errors.copy(err, {
    operation = operation, outcome = "not_sent", skill_id = skill_id, attempts = 0, still_bound = nil,
    message = ("not sent, since an earlier request met: %s"):format(err.message),
  })
end

-- Does one queue after the other that is not done yet: `send(queue, limits)` returns a result, or nil and an error, and `settle`
-- puts either into the queue's entry. What every queue would meet ends it.
local function each_queue(self, current, result, wanted, send, settle)
  local stop
  for _, queue in ipairs(result.queues) do
    if wanted(queue) then
      if not stop and current:remaining() <= 0 then stop = current:expired(result.operation) end
      if stop then
        settle(queue, nil, not_reached(stop, result.operation, queue.skillId))
      else
        local done, err = send(self, queue)
        result.attempts = result.attempts + (done or err).attempts
        settle(queue, done, err)
        if err and STOPS[err.kind] then stop = err end
      end
    end
  end
end

-- Asks in which queues an agent is, as a part of a larger call. The agent has to be called so, letter by letter: nobody has said
-- whether "bob" is "BOB", and the wrong one would be unbound.
local function ask(self, current, account, operation, what)
  local agent, err = agents.find(self, current, account)
  if not agent then return nil, before_all(err, operation, what) end
  if agent.userAccount ~= account then
    return nil, errors.new {
      kind = "argument", operation = operation, known_as = agent.userAccount,
      message = what .. ": the API has the account in another spelling (known_as): give it in that one",
    }
  end
  if not agent.skills then
    return nil, errors.new {
      kind = "protocol", operation = operation,
      message = what .. ": the API does not say in which queues the agent is (no `skills` in its answer)",
    }
  end
  return agent
end

-- Splits options of these calls: those of every call, and those named in `own`.
local function split(options, own)
  if options ~= nil and type(options) ~= "table" then error("options: expected a table, got " .. type(options), 3) end
  local taken, rest = {}, {}
  for name, value in pairs(options or {}) do
    if own[name] then taken[name] = value else rest[name] = value end
  end
  return taken, rest
end

-- ---- release ----

-- Raises for an account of a wrong type, by the name that the caller has for it.
local function check_account(account, name, level)
  if type(account) ~= "string" then error(("%s: expected a string, got %s"):format(name, type(account)), level + 1) end
end

-- The queues of `except` as a set; nil and a message where a content is wrong.
local function read_except(except)
  local kept = {}
  if except == nil then return kept end
  if type(except) ~= "table" then error("except: expected a list of integers, got " .. type(except), 3) end
  local list, problem = lists.integers("except", except)
  if not list then return nil, problem end
  for _, skill_id in ipairs(list) do kept[skill_id] = true end
  return kept
end

local function release_one(account, options, current)
  return function(self, queue)
    return self:release_agent_by_skill(queue.skillId, { account }, limits_of(options, current))
  end
end

local function settle_release(queue, done, err)
  queue.outcome = done and "released" or OUTCOMES[err.outcome]
  queue.how, queue.err = done and done.outcome, err
end

local function is_complete(result, done)
  for _, queue in ipairs(result.queues) do
    if not done(queue.outcome) then return false end
  end
  return true
end

-- ---- restore ----

-- A queue's number, which a file may have as a string of digits: JSON libraries write large numbers with an exponent, and cut.
local function number_of(value) return type(value) == "string" and value:find "^%d+$" and tonumber(value) or value end

-- What is wrong with a result that is to be restored. Raises for a wrong type.
local function problem_of(result)
  if type(result) ~= "table" then error("result: expected the table that release_agent returned, got " .. type(result), 3) end
  if type(result.queues) ~= "table" then return "result: it has no `queues`: expected what release_agent returned" end
  local count = 0
  for _ in next, result.queues do count = count + 1 end
  for n = 1, count do -- what a hole hid would be said to be done
    local queue = result.queues[n]
    if type(queue) ~= "table" or not KNOWN[queue.outcome] then
      return ("result.queues[%d]: expected a queue with an outcome of release_agent's"):format(n)
    end
    local _, problem = lists.integers("skillId", { number_of(queue.skillId) })
    if problem then return ("result.queues[%d]: %s"):format(n, (problem:gsub("%[1%]", "", 1))) end
    for _, name in ipairs { "agentWeight", "skillWeight" } do
      if queue[name] ~= nil and type(queue[name]) ~= "number" then
        return ("result.queues[%d]: %s: expected an integer from 1, got %s"):format(n, name, type(queue[name]))
      end
    end
  end
end

local function copy_of(result)
  local copy = { operation = OPERATION.restore, userAccount = result.userAccount, userName = result.userName, queues = {} }
  for n, queue in ipairs(result.queues) do
    copy.queues[n] = {
      skillId = number_of(queue.skillId), agentWeight = queue.agentWeight, skillWeight = queue.skillWeight,
      outcome = queue.outcome,
    }
    if not IS_GONE[queue.outcome] then copy.queues[n].how, copy.queues[n].err = queue.how, queue.err end
  end
  return copy
end

local function bind_one(account, options, current)
  return function(self, queue)
    if not queue.agentWeight or not queue.skillWeight then
      local err = argument("bind_agents", "the weights are not known: the API did not tell them; bind the agent with bind_agents")
      err.attempts, err.skill_id = 0, queue.skillId
      return nil, err
    end
    local limits = limits_of(options, current)
    limits.agent_weight, limits.skill_weight = queue.agentWeight, queue.skillWeight
    return self:bind_agents(queue.skillId, { account }, limits)
  end
end

-- Where a bind failed nothing has changed: what was released still is.
local function settle_restore(queue, done, err)
  if done then queue.outcome = "bound" elseif err.outcome == "unknown" then queue.outcome = "unknown" end
  queue.how, queue.err = done and done.outcome, err
end

-- Leaves alone where the agent is bound again already, whoever did it, and with whatever weights.
local function skip_bound(result, agent)
  local bound = {}
  for _, skill in ipairs(agent.skills) do bound[skill.skillId] = skill end
  for _, queue in ipairs(result.queues) do
    local now = bound[queue.skillId]
    if now and IS_GONE[queue.outcome] then
      queue.outcome, queue.how = "bound", "already"
      queue.agentWeight, queue.skillWeight = now.agentWeight, now.skillWeight
    end
  end
end

-- ---- the methods ----

--- Puts the methods into a client's class.
-- @tparam table Client
-- @tparam table internal `begin`, `tell` and `tell_end` of `aicc.client`
function M.install(Client, internal)
  local begin, tell, tell_end = internal.begin, internal.tell, internal.tell_end

  local function finish(current, result, done)
    result.attempts, result.elapsed = result.attempts + current.attempts, current:elapsed()
    result.complete = is_complete(result, done)
    return results.offboarding(result)
  end

  --- Unbinds one agent from all queues that the API names for them (agentAccount/query, then one release after the other).
  --
  -- What came of it is a result, also where only a part was done: look at `complete`, and at each queue's `outcome`. (That the
  -- API names every queue of an agent, no document says.)
  -- @tparam string account the agent's account, in the API's own spelling
  -- @tparam ?table options `except` (array of queues' numbers in which the agent stays), `before` (function: called with the
  --   result before anything is sent, so that it can be kept: it has all queues with their weights, and "unknown" where something
  --   is to be sent, so that `restore_agent` may be given it whatever comes; where it returns false, nothing is sent), and those
  --   of `release_agent_by_skill`; the deadline is for all of it
  -- @treturn ?table `userAccount`, `userName`; `queues`, an array of `{ skillId=, agentWeight=, skillWeight=, outcome=, how=,
  --   err= }` in the API's order, `outcome` being "released", "kept" (excepted), "failed" (refused), "unknown" or "not_sent",
  --   `how` "applied" or "applied_earlier", `err` an error; `complete` (boolean: each is released or kept), `attempts`, `elapsed`
  --   (seconds)
  -- @treturn ?table the error, where nothing was sent: `unknown_agent`, or as `query_agent`; `argument` with `known_as` where the
  --   API has the account in another spelling; `protocol` where it does not say in which queues the agent is
  function Client:release_agent(account, options)
    local own, rest = split(options, { except = true, before = true })
    if own.before ~= nil and type(own.before) ~= "function" then
      error("before: expected a function, got " .. type(own.before), 2)
    end
    local kept, problem = read_except(own.except)
    check_account(account, OPERATION.release .. ": account", 2)
    local current, checked = begin(self, "query_agent", { userAccount = account }, rest, 2)
    if not current then return nil, errors.copy(checked, { operation = OPERATION.release }) end
    if not kept then return nil, tell(self, current, {}, argument(OPERATION.release, problem)) end
    local agent, err = ask(self, current, checked.userAccount, OPERATION.release, "nothing was released")
    if not agent then return nil, tell(self, current, {}, err) end
    tell_end(self, current, "answered") -- each release is a call of its own
    local result = {
      operation = OPERATION.release, userAccount = agent.userAccount, userName = agent.userName, queues = {}, attempts = 0,
      complete = false,
    }
    for n, skill in ipairs(agent.skills) do
      result.queues[n] = {
        skillId = skill.skillId, agentWeight = skill.agentWeight, skillWeight = skill.skillWeight,
        outcome = kept[skill.skillId] and "kept" or "unknown", -- from now on: whatever breaks it off, that is true
      }
    end
    local goes_on = not own.before or own.before(result) ~= false
    local function is_wanted(queue) return queue.outcome == "unknown" end
    if goes_on then
      each_queue(self, current, result, is_wanted, release_one(agent.userAccount, rest, current), settle_release)
    else
      for _, queue in ipairs(result.queues) do
        if is_wanted(queue) then queue.outcome = "not_sent" end
      end
    end
    return finish(current, result, function(outcome) return outcome == "released" or outcome == "kept" end)
  end

  --- Binds an agent again as before `release_agent`, with the same weights: to those queues that are "released" or "unknown" in
  -- its result. Where the API names the agent as bound by now, with whatever weights, nothing is changed. (In a queue that it
  -- does not name, though they are bound, they get the weights of before.)
  --
  -- It may be called again, with the first result or with its own, which has "bound" where that is done and else what was there.
  -- (A release whose answer was lost may still be done late, after this.)
  -- @tparam table result what `release_agent` or `restore_agent` returned: at least `userAccount`, and `queues` with `skillId`,
  --   `agentWeight`, `skillWeight` and `outcome` each, as kept in a file, say. (A `skillId` may be a string of digits: lua-cjson
  --   cuts what has more than 14.)
  -- @tparam ?table options those of `release_agent_by_skill`; the deadline is for all of it
  -- @treturn ?table as `release_agent` returns; `outcome` is "bound" where the agent is bound again, `how` then "applied",
  --   "applied_earlier" or "already" (the weights are those that were found); `complete`: no queue is "released" or "unknown"
  -- @treturn ?table the error, where nothing was sent
  function Client:restore_agent(result, options)
    local _, rest = split(options, {})
    local problem = problem_of(result)
    check_account(result.userAccount, OPERATION.restore .. ": result.userAccount", 2)
    local current, checked = begin(self, "query_agent", { userAccount = result.userAccount }, rest, 2)
    if not current then
      local message = checked.message:gsub("^account", "result.userAccount")
      return nil, errors.copy(checked, { operation = OPERATION.restore, message = message })
    end
    if problem then return nil, tell(self, current, {}, argument(OPERATION.restore, problem)) end
    local restored = copy_of(result)
    restored.attempts = 0
    if not is_complete(restored, function(outcome) return not IS_GONE[outcome] end) then
      local agent, err = ask(self, current, checked.userAccount, OPERATION.restore, "nothing was bound")
      if not agent then return nil, tell(self, current, {}, err) end
      tell_end(self, current, "answered")
      skip_bound(restored, agent)
      each_queue(self, current, restored, function(queue) return IS_GONE[queue.outcome] end,
        bind_one(agent.userAccount, rest, current), settle_restore)
    end
    return finish(current, restored, function(outcome) return not IS_GONE[outcome] end)
  end
end

return M
