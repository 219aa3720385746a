--- One operation until it is decided: token, attempt, retry, and settling what may have been applied.
--
-- The only retry path there is. It waits in the transport's `attempt` and in `sleep`, and nowhere else.
-- @module aicc.engine

local call = require "aicc.call"
local core = require "aicc.core"
local errors = require "aicc.error"
local retry = require "aicc.retry"
local settle = require "aicc.settle"

local Engine = {}
Engine.__index = Engine

local M = {}

-- The operations that change something.
local CHANGES = { release_agent_by_skill = true, bind_agents = true }

-- What the server may have done in the attempts so far: the outcome of a call that ends without another one.
local function outcome_of(history)
  if not history then return "not_sent" end
  return history.unknown and "unknown" or history.rejected and "rejected" or "not_sent"
end

-- An error that no attempt of the request's had, as the request's.
local function without_attempt(request, err, history)
  local message = err.operation == "token" and "no token: " .. err.message or nil
  return errors.copy(err, { operation = request.operation, message = message, outcome = outcome_of(history) })
end

local function decide(self, current, request, err, history, is_settled)
  local limits = current.retry
  return retry.decide(err, history, {
    attempts = limits.attempts, base = limits.base, throttle_base = limits.throttle_base, cap = limits.cap,
    max_retry_after = limits.max_retry_after, budget = self.budget, random = self.random,
    remaining = current:remaining(CHANGES[request.operation]), with_token = request.operation ~= "token",
    everybody = call.is_for_everybody(request.arguments), settled = is_settled,
  })
end

local last_id = 0 -- of the attempts that were told of in this Lua state

-- An attempt that is told of: that it begins, and what it came to.
local function attempt_aloud(self, current, request, bearer, timeout, remaining)
  last_id = last_id + 1
  local id, began = last_id, current.clock()
  self.emit { type = "send", operation = request.operation, id = id, timeout = timeout }
  local reply, err, facts = self.transport:attempt(request, bearer, timeout, remaining)
  local event = {
    type = "attempt", operation = request.operation, id = id, elapsed = current.clock() - began, timing = facts,
  }
  if err then
    event.kind, event.outcome, event.status, event.curl_code, event.message =
      err.kind, err.outcome, err.status, err.curl_code, err.message
  else
    event.status = 200
  end
  self.emit(event)
  return reply, err
end

-- One attempt.
local function attempt(self, current, request, bearer, remaining)
  if request.operation == current.operation then current.attempts = current.attempts + 1 end
  if bearer and request ~= current then request.headers = current.headers end -- a token is fetched for others too
  local timeout = current.timeout
  if timeout > remaining then timeout = remaining end
  if self.listened then return attempt_aloud(self, current, request, bearer, timeout, remaining) end
  return self.transport:attempt(request, bearer, timeout, remaining)
end

-- Pays for a retry and waits before it. False when interrupted.
local function prepare_retry(self, request, err, history, wait, cost, key)
  history.retries = history.retries + 1
  history.spent = history.spent + cost
  self.budget = self.budget - cost
  if key then
    history.once = history.once or {}
    history.once[key] = true
  end
  local what = err.kind == "throttled" and "throttle" or "retry"
  self.emit { type = what, operation = request.operation, kind = err.kind, wait = wait }
  return wait <= 0 or self.sleep(wait)
end

-- A success gives back to the budget what its retries cost, or 1.
local function refund(self, history)
  self.budget = math.min(self.max_budget, self.budget + math.max(1, history and history.spent or 0))
end

--- Sends a request until it succeeds or is not to be sent again.
-- @tparam table current the call that it is part of (`aicc.call`)
-- @tparam table request `operation`; `arguments`, a table or prepared (`core.prepare`). The call itself is one
-- @tparam ?table history of the same request, when it goes on after settling
-- @treturn ?table the reply
-- @treturn ?table the last error
-- @treturn ?table what came before them, where anything failed: `attempts`; `unknown` where one of them may have been applied
function Engine:perform(current, request, history)
  while true do
    local bearer, reply, err
    if request.operation ~= "token" then
      bearer, err = self.tokens:get(current)
      if not bearer then return nil, without_attempt(request, err, history), history end
    end
    local remaining = current:remaining(CHANGES[request.operation])
    if remaining <= 0 then return nil, without_attempt(request, current:expired(request.operation), history), history end
    reply, err = attempt(self, current, request, bearer, remaining)
    if reply then
      if self.budget < self.max_budget then refund(self, history) end
      return reply, nil, history
    end
    history = history or { attempts = 0, retries = 0, spent = 0 }
    history.attempts = history.attempts + 1
    history.unknown = history.unknown or err.outcome == "unknown"
    history.rejected = history.rejected or err.outcome == "rejected"
    if bearer and err.status == 401 then self.tokens:invalidate(bearer) end
    local action, wait, cost, key = decide(self, current, request, err, history)
    if action == "stop" then return nil, err, history end
    if action == "reauthenticate" then
      history.reauthenticated = true
    elseif not prepare_retry(self, request, err, history, wait, cost, key) then
      return nil, without_attempt(request, current:interrupted(request.operation), history), history
    end
  end
end

--- What fetches a queue's pages, reading after reading: the first page of each finds out in which form the server is to be asked.
-- @tparam table current the call
-- @tparam integer skill_id
-- @treturn function takes a page's number, from 0; returns the reply, or nil and an error
function Engine:pages(current, skill_id)
  local number, form
  local function ask(in_form)
    local reply, err = self:perform(current, {
      operation = "query_agents",
      arguments = { skillId = skill_id, pageSize = settle.PAGE_SIZE, pageNum = number, form = in_form },
    })
    return reply, err
  end
  return function(page)
    number = page
    local reply, err
    if page == 0 then reply, err, form = self.forms:first(ask) else reply, err = ask(form) end
    return reply, err
  end
end

--- Lists a queue.
-- @tparam table current the call
-- @tparam integer skill_id
-- @tparam ?boolean|function as_proof see `aicc.settle`
-- @treturn ?table array of agents
-- @treturn ?table the error
-- @treturn ?table what is known of the listing
function Engine:list(current, skill_id, as_proof)
  return settle.listing(self:pages(current, skill_id), as_proof)
end

-- The request that a call is, for these accounts alone.
local function with_accounts(current, accounts)
  local arguments = core.arguments(current.arguments)
  arguments.userAccounts = accounts or arguments.userAccounts
  return { operation = current.operation, arguments = arguments, everybody = call.is_for_everybody(arguments) }
end

-- Whether what is left over may be sent once more, and if so when. What the server has just refused as it is may not.
local function decide_repeat(self, current, request, err, history, left)
  local is_refused = err.outcome ~= "unknown" and not err.retryable and #left == #request.arguments.userAccounts
  if request.everybody or is_refused then return "stop" end
  return decide(self, current, request, err, history, true)
end

-- The reply as a result. Whatever a server sends under that name, what came of the call is ours to say.
local function applied(reply)
  reply.outcome = "applied"
  return reply
end

-- Finds out what a call came to that may have been applied, and sends again what is left of it while that is allowed. It never
-- says that the call failed: a slow server may still do it.
local function settled(self, current, history, err)
  local request = with_accounts(current)
  local function list() return self:list(current, request.arguments.skillId, true) end
  while err.kind ~= "aborted" and err.kind ~= "closed" do
    local left, problem = settle.left_over(request, list)
    self.emit { type = "settle", operation = request.operation, left = left and #left, kind = problem and problem.kind }
    if not left and (problem.kind == "aborted" or problem.kind == "closed") then
      return nil, errors.copy(problem, { operation = request.operation })
    end
    if not left then
      return nil, errors.copy(err, { message = ("%s; what came of it cannot be told: %s"):format(err.message, problem.message) })
    end
    if #left == 0 then
      refund(self, history)
      return { outcome = "applied_earlier" }
    end
    local action, wait, cost = decide_repeat(self, current, request, err, history, left)
    if action == "stop" then
      return nil, errors.copy(err, {
        message = ("%s; not done so far for %d account%s"):format(err.message, #left, #left == 1 and "" or "s"),
        still_bound = request.operation == "release_agent_by_skill" and left or nil,
      })
    end
    if not prepare_retry(self, request, err, history, wait, cost) then
      return nil, current:interrupted(request.operation)
    end
    request = with_accounts(current, left)
    local reply
    reply, err = self:perform(current, request, history)
    if reply then return applied(reply) end
  end
  return nil, err
end

--- Does what changes something, and finds out what came of it where an answer was lost.
-- @tparam table current the call, which is its own request: its `arguments` are prepared
-- @treturn ?table the result, with its `outcome`
-- @treturn ?table the error, whose outcome is "unknown" if any attempt's was
function Engine:change(current)
  local result, err, history = self:perform(current, current)
  if result then return applied(result) end
  if history and history.unknown then
    result, err = settled(self, current, history, err)
    if err then err = errors.copy(err, { outcome = "unknown" }) end
  end
  return result, err
end

--- Makes an engine.
-- @tparam table fields `transport`, `tokens`, `forms` (`aicc.forms`), `budget` (tokens),
--   `sleep(seconds)`, `random()`, `emit(event)`, `listened` (whether anybody hears it)
-- @treturn table
function M.new(fields)
  fields.max_budget = fields.budget
  return setmetatable(fields, Engine)
end

return M
