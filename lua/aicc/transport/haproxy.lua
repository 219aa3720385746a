--- The transport in HAProxy: its own HTTP client, to an egress frontend on a Unix socket.
--
-- Not straight to the API, for that client sends a POST up to four times by itself when no answer comes. The egress always
-- answers, and before the client's patience ends. Load this where HAProxy reads its configuration: after `chroot` no file is
-- found.
-- @module aicc.transport.haproxy

local egress = require "aicc.transport.egress"
local host = require "aicc.host"

local haproxy = core -- the global, which elsewhere is hidden by aicc.core

-- Seconds longer than the attempt; more than the egress's `timeout connect` and `wait-for-body time` together.
local PATIENCE = 30

local RECIPE = "do it from an action, a service or a task: core.register_action, core.register_service, core.register_task"

local Transport = {}
Transport.__index = Transport

-- A reply with a string for each header: HAProxy gives lists, counted from 0.
local function reply_of(answer)
  local headers = {}
  for name, values in pairs(answer.headers or {}) do headers[name:lower()] = values[0] end
  local body, length = answer.body or "", tonumber(headers["content-length"])
  return { status = answer.status or 0, headers = headers, body = body, truncated = length ~= nil and #body < length }
end

--- One attempt of one operation: at most one request. As `aicc.transport.curl`.
-- @tparam table request `operation`, `token` (nil for the operation "token"), `arguments`, and `limits` (`timeout`: seconds; the
--   time to connect is the egress's business)
-- @treturn ?table the reply
-- @treturn ?table the error
function Transport:attempt(request)
  local where = host.haproxy_cannot_wait()
  if where then return nil, egress.unsupported(request.operation, where, RECIPE) end
  if self.closed then return nil, egress.failure(request.operation, "closed", "not_sent", "the client is closed") end
  local encoded, err = self.egress:encode(request)
  if not encoded then return nil, err end
  local headers, timeout = {}, math.max(1, math.ceil(request.limits.timeout * 1000))
  for name, value in pairs(encoded.headers) do headers[name] = { value } end
  headers["Content-Length"] = { ("%d"):format(#encoded.body) } -- or it would be sent in chunks
  headers["Connection"] = { "close" }                          -- on a kept one HAProxy leaves some failures to its client
  headers["X-Aicc-Timeout"] = { ("%d"):format(timeout) }
  local answer = haproxy.httpclient():post {
    url = "http://egress" .. encoded.path, dst = "unix@" .. self.egress.socket, headers = headers, body = encoded.body,
    timeout = timeout + PATIENCE * 1000,
  }
  return self.egress:decode(request, reply_of(answer))
end

--- Waits.
-- @tparam number seconds
-- @treturn boolean false where HAProxy lets nobody wait
function Transport:sleep(seconds) -- luacheck: ignore self
  if host.haproxy_cannot_wait() then return false end
  haproxy.msleep(math.max(1, math.ceil(seconds * 1000)))
  return true
end

--- Whether others go on while the caller waits: wherever waiting is possible at all.
-- @treturn boolean
function Transport:yields() return host.haproxy_cannot_wait() == nil end -- luacheck: ignore self

--- Whether a coroutine that waits here will ever go on: as far as one can tell. A request that was given up takes its own along.
-- @treturn boolean
function Transport:is_alive() return true end -- luacheck: ignore self

--- Refuses further attempts. Connections are HAProxy's.
function Transport:close() self.closed = true end

local M = {}

--- Makes the transport.
-- @tparam table settings as from `aicc.config`
-- @treturn ?table the transport
-- @treturn ?table an error of kind "config"
function M.new(settings)
  local out, err = egress.new(settings, "haproxy")
  if not out then return nil, err end
  return setmetatable({ egress = out }, Transport)
end

return M
