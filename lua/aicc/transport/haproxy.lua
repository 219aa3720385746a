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

-- A reply with a string for each header: HAProxy gives lists, counted from 0.
local function reply_of(answer)
  local headers = {}
  for name, values in pairs(answer.headers or {}) do headers[name:lower()] = values[0] end
  local body, length = answer.body or "", tonumber(headers["content-length"])
  return { status = answer.status or 0, headers = headers, body = body, truncated = length ~= nil and #body < length }
end

local how = {
  name = "haproxy",
  cannot_wait = host.haproxy_cannot_wait,
  instead = "do it from an action, a service or a task: core.register_action, core.register_service, core.register_task",
}

function how.sleep(seconds) haproxy.msleep(math.max(1, math.ceil(seconds * 1000))) end

-- The time to connect is the egress's business.
function how.exchange(socket, encoded, limits)
  local headers, timeout = {}, math.max(1, math.ceil(limits.timeout * 1000))
  for name, value in pairs(encoded.headers) do headers[name] = { value } end
  headers["Content-Length"] = { ("%d"):format(#encoded.body) } -- or it would be sent in chunks
  headers["Connection"] = { "close" }                          -- on a kept one HAProxy leaves some failures to its client
  headers["X-Aicc-Timeout"] = { ("%d"):format(timeout) }
  return reply_of(haproxy.httpclient():post {
    url = "http://egress" .. encoded.path, dst = "unix@" .. socket, headers = headers, body = encoded.body,
    timeout = timeout + PATIENCE * 1000,
  })
end

local M = {}

--- Makes the transport.
-- @tparam table settings as from `aicc.config`
-- @treturn ?table the transport (`aicc.transport.egress`)
-- @treturn ?table an error of kind "config"
function M.new(settings) return egress.new(settings, how) end

return M
