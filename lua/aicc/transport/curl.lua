--- The default transport: libcurl, through a session of the C module aicc.curl, which nothing else in Lua knows.
--
-- A transport has two functions that wait, `attempt` and `sleep`, and a client knows no more of it. Inside `aicc.loop` both
-- yield, and in the event loops of others that `aicc.transport.polled` knows; outside they wait for themselves. Where others
-- would have to wait too, a host's other requests or all that an event loop does, they refuse.
-- @module aicc.transport.curl

local core = require "aicc.core" -- has no libcurl in it
local errors = require "aicc.error"
local host = require "aicc.host"
local loop = require "aicc.loop"
local native = require "aicc.native"
local polled = require "aicc.transport.polled"

local Transport = { __name = "aicc.transport.curl" }
Transport.__index = Transport

function Transport.__tostring() return "aicc.transport.curl" end

--- Whether it sends a request's `headers`.
Transport.forwards = true

-- What a session is told of a client's settings.
local SESSION_OPTIONS = {
  "base_url", "token_url", "app_key", "app_secret", "tenant_space_id", "user_agent", "ca_file", "ca_path", "proxy", "verify",
  "timeout", "connect_timeout", "max_in_flight",
}

local function new_session(settings)
  local loaded, curl = pcall(native.load, "aicc.curl")
  if not loaded then
    return nil, errors.new { kind = "config", message = "transport: libcurl cannot be had: " .. tostring(curl) }
  end
  local options = { facts = settings.on_event ~= nil }
  for _, name in ipairs(SESSION_OPTIONS) do options[name] = settings[name] end
  return curl.session(options)
end

-- Whose other requests would be held up if anybody waited here, in a loop of ours or of another's too: the host does not know it.
-- With what to do instead; nil: nobody's.
local function host_held_up(self)
  local where = not self.allow_blocking and host.shared_with()
  return where and where .. " would be held up by libcurl: leave out `transport` and give `egress`, or set allow_blocking"
end

-- Whom the caller would hold up if it waited by itself, and what to do instead; nil: nobody.
local function loop_held_up(self, by_loop)
  return not self.allow_blocking and by_loop and by_loop .. ", or set allow_blocking"
end

local function unsupported(operation, why)
  return nil, errors.new { kind = "unsupported", operation = operation, message = why }
end

-- What waits in the event loops of others, with a session of its own; or nil and an error.
local function polled_of(self)
  if not self.polled then
    local session, err = new_session(self.settings)
    if not session then return nil, err end
    self.polled = polled.new(session)
    if self.is_closed then self.polled:close() end
  end
  return self.polled
end

--- One attempt of one operation: at most one request.
-- @tparam table request `operation`; `headers`, of the caller's; `arguments`, a table of the API's fields, or prepared of one
--   (`core.prepare`)
-- @tparam ?string token nil for the operation "token"
-- @tparam number timeout seconds that it may take
-- @tparam number deadline seconds after which it may not begin any more, where it waits for its turn
-- @treturn ?table the reply
-- @treturn ?table the error
-- @treturn ?table libcurl's timings and sizes, where the client listens to events
function Transport:attempt(request, token, timeout, deadline)
  local session, operation = self.session, request.operation
  local why = self.is_hosted and host_held_up(self)
  if why then return unsupported(operation, why) end
  if loop.is_inside() then
    local ticket, err = session:start(operation, token, request.arguments, timeout, deadline, request.headers)
    if not ticket then return nil, err end
    return loop.await(session, ticket)
  end
  local how, where = polled.find(self.chosen)
  if how then
    local made, err = polled_of(self)
    if not made then return nil, err end
    return made:call(how, where, request, token, timeout, deadline)
  end
  why = where and loop_held_up(self, where)
  if why then return unsupported(operation, why) end
  if operation == "token" then return session:token(request.arguments, timeout, deadline) end
  return session[operation](session, token, request.arguments, timeout, deadline, request.headers)
end

--- Waits.
-- @tparam number seconds
-- @treturn boolean false when Ctrl-C ended it
function Transport:sleep(seconds)
  if self.is_hosted and host_held_up(self) then return false end
  if loop.is_inside() then return loop.sleep(seconds) end
  local how, where = polled.find(self.chosen)
  if how then
    local made = polled_of(self)
    return made ~= nil and made:sleep(how, where, seconds)
  end
  if loop_held_up(self, where) then return false end
  return core.sleep(seconds)
end

--- Whether others go on while the caller waits.
-- @treturn boolean
function Transport:yields() return loop.is_inside() or polled.find(self.chosen) ~= nil end

--- Whether a coroutine that waits here will ever go on.
-- @tparam thread thread
-- @treturn boolean
function Transport:is_alive(thread)
  return loop.is_task(thread) or self.polled ~= nil and self.polled:is_parked(thread)
end

--- Closes the connections; calls under way are given up.
function Transport:close()
  self.is_closed = true
  self.session:close()
  if self.polled then self.polled:close() end
end

local M = {}

--- What libcurl calls itself, and its TLS library. Raises where there is none.
-- @treturn string
function M.version() return native.load("aicc.curl").curl_version end

--- Makes the transport.
-- @tparam table settings as from `aicc.config`
-- @tparam ?table _ where the settings came from
-- @tparam ?table how of the event loop that the program named (`aicc.transport.polled`)
-- @treturn ?table the transport
-- @treturn ?table the error
function M.new(settings, _, how)
  local session, err = new_session(settings)
  if not session then return nil, err end
  return setmetatable({
    session = session, settings = settings, chosen = how or false, allow_blocking = settings.allow_blocking,
    is_hosted = host.name() ~= nil,
  }, Transport)
end

--- A transport of this kind that is for one event loop.
-- @tparam table how see `aicc.transport.polled`
-- @treturn table a module of a transport: `new(settings, sources)`
function M.waiting(how)
  return {
    how = how,
    new = function(settings, sources)
      local made, err = M.new(settings, sources, how)
      return made, err
    end,
  }
end

return M
