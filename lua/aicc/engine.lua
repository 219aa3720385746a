--- One change until it is decided: sent, settled where an answer was lost, and sent again where that is allowed.
-- @module aicc.engine

local call = require "aicc.call"
local core = require "aicc.core"
local errors = require "aicc.error"
local pages = require "aicc.pages"
local settle = require "aicc.settle"

local Engine = {}
Engine.__index = Engine

local M = {}

-- The request that a call is, for these accounts alone.
local function with_accounts(current, accounts)
  local arguments = core.arguments(current.arguments)
  arguments.userAccounts = accounts or arguments.userAccounts
  return { operation = current.operation, arguments = arguments, everybody = call.is_for_everybody(arguments) }
end

-- Lists a call's queue, as a proof. Returns for whom what was asked for has not been done; or nil and an error.
local function left_over(self, current, request)
  local page_of = pages.of_queue(self.requests, self.forms, current, request.arguments.skillId)
  local function list() return pages.listing(page_of, true) end
  local agents, err = list()
  if agents and settle.is_to_be_seen_twice(request, agents) then agents, err = list() end
  if not agents then return nil, err end
  return settle.left_over(request, agents)
end

-- Whether what is left over may be sent once more, and if so when. What the server has just refused as it is may not.
local function decide_repeat(self, current, request, err, history, left)
  local is_refused = err.outcome ~= "unknown" and not err.retryable and #left == #request.arguments.userAccounts
  if request.everybody or is_refused then return "stop" end
  return self.requests:decide(current, request, err, history, true)
end

-- The reply as a result. Whatever a server sends under that name, what came of the call is ours to say.
local function applied(reply)
  reply.outcome = "applied"
  return reply
end

-- Finds out what a call came to that may have been applied, and sends again what is left of it while that is allowed. It never
-- says that the call failed: a slow server may still do it.
local function settled(self, current, history, err)
  local requests, request = self.requests, with_accounts(current)
  while err.kind ~= "aborted" and err.kind ~= "closed" do
    local left, problem = left_over(self, current, request)
    requests.emit { type = "settle", operation = request.operation, left = left and #left, kind = problem and problem.kind }
    if not left and (problem.kind == "aborted" or problem.kind == "closed") then
      return nil, errors.copy(problem, { operation = request.operation })
    end
    if not left then
      return nil, errors.copy(err, { message = ("%s; what came of it cannot be told: %s"):format(err.message, problem.message) })
    end
    if #left == 0 then
      requests:refund(history)
      return { outcome = "applied_earlier" }
    end
    local action, wait, cost = decide_repeat(self, current, request, err, history, left)
    if action == "stop" then
      return nil, errors.copy(err, {
        message = ("%s; not done so far for %d account%s"):format(err.message, #left, #left == 1 and "" or "s"),
        still_bound = request.operation == "release_agent_by_skill" and left or nil,
      })
    end
    if not requests:prepare_retry(request, err, history, wait, cost) then
      return nil, current:interrupted(request.operation)
    end
    request = with_accounts(current, left)
    local reply
    reply, err = requests:perform(current, request, history)
    if reply then return applied(reply) end
  end
  return nil, err
end

--- Does what changes something, and finds out what came of it where an answer was lost.
-- @tparam table current the call, which is its own request: its `arguments` are prepared
-- @treturn ?table the result, with its `outcome`
-- @treturn ?table the error, whose outcome is "unknown" if any attempt's was
function Engine:change(current)
  local result, err, history = self.requests:perform(current, current)
  if result then return applied(result) end
  if history and history.unknown then
    result, err = settled(self, current, history, err)
    if err then err = errors.copy(err, { outcome = "unknown" }) end
  end
  return result, err
end

--- Makes an engine.
-- @tparam table fields `requests` (`aicc.requests`, with tokens), `forms` (`aicc.forms`)
-- @treturn table
function M.new(fields) return setmetatable(fields, Engine) end

return M
