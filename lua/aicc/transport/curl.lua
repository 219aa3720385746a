--- The default transport: libcurl, through a session of the C module aicc.curl, which nothing else in Lua knows.
--
-- A transport has two functions that wait, `attempt` and `sleep`, and a client knows no more of it. Inside `aicc.loop` both
-- yield; outside they wait for themselves. Where a host's other requests would have to wait too, they refuse.
-- @module aicc.transport.curl

local core = require "aicc.core" -- has no libcurl in it
local errors = require "aicc.error"
local host = require "aicc.host"
local loop = require "aicc.loop"
local native = require "aicc.native"

local Transport = { __name = "aicc.transport.curl" }
Transport.__index = Transport

function Transport.__tostring() return "aicc.transport.curl" end

-- What a session is told of a client's settings.
local SESSION_OPTIONS = {
  "base_url", "token_url", "app_key", "app_secret", "tenant_space_id", "user_agent", "ca_file", "ca_path", "proxy", "verify",
  "timeout", "connect_timeout", "max_in_flight",
}

--- One attempt of one operation: at most one request.
-- @tparam table request `operation`, `token` (nil for the operation "token"), `arguments`, and `limits` (`timeout`,
--   `connect_timeout`, `deadline`: seconds)
-- @treturn ?table the reply
-- @treturn ?table the error
-- @treturn ?table libcurl's timings and sizes, where the client listens to events
function Transport:attempt(request)
  local session = self.session
  local where = not self.allow_blocking and host.shared_with()
  if where then
    return nil, errors.new {
      kind = "unsupported", operation = request.operation,
      message = where .. " would be held up by libcurl: leave out `transport` and give `egress`, or set allow_blocking",
    }
  end
  if loop.is_inside() then
    local ticket, err = session:start(request.operation, request.token, request.arguments, request.limits)
    if not ticket then return nil, err end
    return loop.await(session, ticket)
  end
  if request.operation == "token" then return session:token(request.arguments, request.limits) end
  return session[request.operation](session, request.token, request.arguments, request.limits)
end

--- Waits.
-- @tparam number seconds
-- @treturn boolean false when Ctrl-C ended it
function Transport:sleep(seconds)
  if not self.allow_blocking and host.shared_with() then return false end
  if loop.is_inside() then return loop.sleep(seconds) end
  return core.sleep(seconds)
end

--- Whether others go on while the caller waits.
-- @treturn boolean
function Transport:yields() return loop.is_inside() end -- luacheck: ignore self

--- Whether a coroutine that waits here will ever go on.
-- @tparam thread thread
-- @treturn boolean
function Transport:is_alive(thread) return loop.is_task(thread) end -- luacheck: ignore self

--- Closes the connections; calls under way are given up.
function Transport:close() self.session:close() end

local M = {}

--- Makes the transport.
-- @tparam table settings as from `aicc.config`
-- @treturn ?table the transport
-- @treturn ?table the error
function M.new(settings)
  local options = {}
  for _, name in ipairs(SESSION_OPTIONS) do options[name] = settings[name] end
  options.facts = settings.on_event ~= nil
  local loaded, curl = pcall(native.load, "aicc.curl")
  if not loaded then
    local message = "transport: libcurl cannot be had: " .. tostring(curl)
    return nil, errors.new { kind = "config", message = message }
  end
  local session, err = curl.session(options)
  if not session then return nil, err end
  return setmetatable({ session = session, allow_blocking = settings.allow_blocking }, Transport)
end

return M
