--- The API itself: a function of state and request. It runs in the handler's Lua state, one call at a time, and knows nothing
-- of sockets: the C module tells it of a request's head (`admit`), then its body (`answer`), or that it broke off (`forget`).
-- The other methods are what `aicc.sandbox` asks and sets from the user's side.
-- @module aicc.sandbox.service

local faults = require "aicc.sandbox.faults"
local operations = require "aicc.sandbox.operations"
local queues = require "aicc.sandbox.queues"
local replies = require "aicc.sandbox.replies"

local Service = {}
Service.__index = Service

local M = {}

-- ---- tokens ----

--- A new token for an app key, which lives for `lifetime` seconds from `now`, by the requests' own clock. The clock is in its
-- name too, so that no other sandbox of this machine takes it for one of its own.
-- @tparam string app_key
-- @tparam number now seconds
-- @tparam number lifetime seconds
-- @treturn string
function Service:issue_token(app_key, now, lifetime)
  self.tokens_made = self.tokens_made + 1
  local token = ("sandbox-token-%d-%.0f"):format(self.tokens_made, now * 1e9)
  self.tokens[token] = { app_key = app_key, dies = now + lifetime }
  return token
end

-- Why a request is not let in; nil when it is.
local function unauthorized(self, request)
  local name = (request.header.authorization or ""):match "^Bearer (%S+)$"
  local token = name and self.tokens[name]
  if not token then return "the token is missing or unknown" end
  if request.time >= token.dies then
    self.tokens[name] = nil
    return "the token has expired"
  end
  if request.header["x-app-key"] ~= token.app_key then return "x-app-key is not the token's" end
  local tenant = self.options.tenant_space_id
  if tenant and request.header["x-tenantspaceid"] ~= tenant then return "X-TenantSpaceID is missing or wrong" end
end

-- ---- requests ----

local function header_map(headers)
  local map = {}
  for _, header in ipairs(headers) do
    local name, value = header[1]:lower(), header[2]
    map[name] = map[name] and map[name] .. ", " .. value or value
  end
  return map
end

--- The head is here.
-- @tparam table request `path`, `method`, `headers`, `time`, `connection`, `for_tokens`
-- @treturn integer|boolean a ticket, or false to have the connection closed before the body is read
function Service:admit(request)
  local route = operations.by_path[request.path]
  request.operation = route and route.name
  request.header = header_map(request.headers)
  request.body = ""
  self.entries = self.entries + 1
  request.n = self.entries
  if self.options.log then self.log[request.n] = request end
  local fault = self.faults:match(request.operation)
  if fault and fault.expire_tokens then self.tokens = {} end
  if fault and fault.close == "headers" then
    self.arrived = self.arrived + 1
    return false
  end
  self.tickets = self.tickets + 1
  self.pending[self.tickets] = { request = request, fault = fault, log = self.log }
  return self.tickets
end

-- The answer without any fault.
local function natural(self, request)
  local route = operations.by_path[request.path]
  local for_tokens = route and route.name == "token"
  if not route or (self.options.has_token_port and for_tokens ~= request.for_tokens) then
    return replies.refusal(404, "no such path")
  end
  if request.method ~= "POST" then
    local reply = replies.refusal(405, "only POST is allowed")
    reply.headers = { { "Allow", "POST" }, reply.headers[1] }
    return reply
  end
  local why = not for_tokens and unauthorized(self, request)
  if why then return replies.refusal(401, why) end
  return route.answer(self, request)
end

-- The answer as it leaves.
local function reply_to(self, request, fault)
  if not fault then return natural(self, request) end
  local reply = { status = 200, headers = { { "Content-Type", "application/json" } }, body = "" }
  if fault.apply or not faults.replaces(fault) then reply = natural(self, request) end
  return faults.spoil(fault, reply)
end

--- The body is here too.
-- @tparam integer ticket
-- @tparam string text the body
-- @treturn table the reply; an error of ours is one with status 599, so that a spec sees it
function Service:answer(ticket, text)
  local pending = self.pending[ticket]
  self.pending[ticket] = nil
  local request, fault = pending.request, pending.fault
  request.body = text
  local good, reply = pcall(reply_to, self, request, fault)
  if not good then
    request.error = tostring(reply)
    reply = { status = 599, headers = {}, body = request.error }
  end
  if not (fault and faults.hides_status(fault)) then request.status = reply.status end
  -- Read by state.c after each call. A request that the log has forgotten meanwhile does not count for the new one.
  if pending.log == self.log then self.arrived = self.arrived + 1 end
  return reply
end

--- The request broke off before it was complete.
-- @tparam integer ticket
function Service:forget(ticket) self.pending[ticket] = nil end

-- ---- from the user's side ----

--- Who is bound to a queue.
-- @tparam integer skill_id
-- @treturn {table,...}
function Service:agents(skill_id) return self.queues:list(skill_id) end

--- The queues of an account.
-- @tparam string account
-- @treturn {table,...}
function Service:queues_of(account) return self.queues:skills_of(account) end

--- Binds agents.
-- @tparam integer skill_id
-- @tparam {table,...} agents
function Service:bind(skill_id, agents) self.queues:bind(skill_id, agents) end

--- Unbinds accounts.
-- @tparam integer skill_id
-- @tparam {string,...} accounts
function Service:unbind(skill_id, accounts) self.queues:unbind(skill_id, accounts) end

--- What arrived.
-- @treturn {table,...}
function Service:requests() return self.log end

--- How many requests have arrived completely.
-- @treturn integer
function Service:count() return self.arrived end

--- Adds a fault.
-- @tparam table fault
function Service:set_fault(fault) self.faults:set(fault) end

--- Changes the API's shape.
-- @tparam table fields
function Service:set_shape(fields)
  for name, value in pairs(fields) do self.shape[name] = value end
end

--- Drops the faults and the log.
function Service:clear()
  self.faults:clear()
  self.log, self.entries, self.arrived = {}, 0, 0
end

--- Everything anew.
-- @tparam ?table agents queue -> array of agents; those of the start, if not given
function Service:reset(agents)
  self:clear()
  self.tokens, self.shape = {}, {}
  self:set_shape(self.options.shape)
  self.queues = queues.new(agents or self.options.agents, self.options)
end

--- The API, at its start.
-- @tparam table options as `options.start` has checked them
-- @treturn table
function M.new(options)
  local self = setmetatable({ options = options, faults = faults.new(), pending = {}, tickets = 0, tokens_made = 0 }, Service)
  self:reset()
  return self
end

return M
