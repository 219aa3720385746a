--- One request until it is decided: token, attempts, retries, and the budget that they are paid from.
--
-- The only retry path there is. It waits in the transport's `attempt`, in `sleep`, and where its tokens come from.
--
-- A client has two of these, which share the budget: one asks for tokens, and so has none; the other, for all else, has the
-- tokens (`aicc.token`) that the first one fetches.
-- @module aicc.requests

local call = require "aicc.call"
local errors = require "aicc.error"
local retry = require "aicc.retry"

local Requests = {}
Requests.__index = Requests

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

--- Whether a request that failed is to be sent again.
-- @tparam table current the call
-- @tparam table request
-- @tparam table err
-- @tparam table history
-- @tparam ?boolean is_settled whether what is left over of it has just been asked for
-- @return as `aicc.retry.decide`
function Requests:decide(current, request, err, history, is_settled)
  local limits = current.retry
  return retry.decide(err, history, {
    attempts = limits.attempts, base = limits.base, throttle_base = limits.throttle_base, cap = limits.cap,
    max_retry_after = limits.max_retry_after, budget = self.budget.left, random = self.random,
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

--- Pays for a retry and waits before it.
-- @tparam table request
-- @tparam table err
-- @tparam table history
-- @tparam number wait this and the rest as from `decide`
-- @tparam number cost
-- @tparam ?string key
-- @treturn boolean false when interrupted
function Requests:prepare_retry(request, err, history, wait, cost, key)
  history.retries = history.retries + 1
  history.spent = history.spent + cost
  self.budget.left = self.budget.left - cost
  if key then
    history.once = history.once or {}
    history.once[key] = true
  end
  local what = err.kind == "throttled" and "throttle" or "retry"
  self.emit { type = what, operation = request.operation, kind = err.kind, wait = wait }
  return wait <= 0 or self.sleep(wait)
end

--- Gives back to the budget what a success's retries cost, or 1.
-- @tparam ?table history
function Requests:refund(history)
  local budget = self.budget
  budget.left = math.min(budget.max, budget.left + math.max(1, history and history.spent or 0))
end

--- Sends a request until it succeeds or is not to be sent again.
-- @tparam table current the call that it is part of (`aicc.call`)
-- @tparam table request `operation`; `arguments`, a table or prepared (`core.prepare`). The call itself is one
-- @tparam ?table history of the same request, when it goes on after settling
-- @treturn ?table the reply
-- @treturn ?table the last error
-- @treturn ?table what came before them, where anything failed: `attempts`; `unknown` where one of them may have been applied
function Requests:perform(current, request, history)
  local tokens = self.tokens
  while true do
    local bearer, reply, err
    if tokens then
      bearer, err = tokens:get(current)
      if not bearer then return nil, without_attempt(request, err, history), history end
    end
    local remaining = current:remaining(CHANGES[request.operation])
    if remaining <= 0 then return nil, without_attempt(request, current:expired(request.operation), history), history end
    if request.operation == current.operation then current.attempts = current.attempts + 1 end
    if bearer and request ~= current then request.headers = current.headers end -- a token is fetched for others too
    local timeout = current.timeout
    if timeout > remaining then timeout = remaining end
    if self.listened then
      reply, err = attempt_aloud(self, current, request, bearer, timeout, remaining)
    else
      reply, err = self.transport:attempt(request, bearer, timeout, remaining)
    end
    if reply then
      local budget = self.budget
      if budget.left < budget.max then self:refund(history) end
      return reply, nil, history
    end
    history = history or { attempts = 0, retries = 0, spent = 0 }
    history.attempts = history.attempts + 1
    history.unknown = history.unknown or err.outcome == "unknown"
    history.rejected = history.rejected or err.outcome == "rejected"
    if bearer and err.status == 401 then tokens:invalidate(bearer) end
    local action, wait, cost, key = self:decide(current, request, err, history)
    if action == "stop" then return nil, err, history end
    if action == "reauthenticate" then
      history.reauthenticated = true
    elseif not self:prepare_retry(request, err, history, wait, cost, key) then
      return nil, without_attempt(request, current:interrupted(request.operation), history), history
    end
  end
end

--- What sends requests.
-- @tparam table fields `transport`; `tokens` (`aicc.token`; nil for what asks for tokens itself); `budget` as from
--   `budget`; `sleep(seconds)`, `random()`, `emit(event)`, `listened` (whether anybody hears it)
-- @treturn table
function M.new(fields) return setmetatable(fields, Requests) end

--- What retries are paid from.
-- @tparam number tokens how many there are, and ever will be
-- @treturn table
function M.budget(tokens) return { left = tokens, max = tokens } end

return M
