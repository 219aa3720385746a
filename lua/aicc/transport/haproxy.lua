--- The transport in HAProxy: a socket of `core.tcp` to an egress frontend on a Unix socket.
--
-- Not HAProxy's own HTTP client, which sends a POST up to four times by itself when no answer comes. Load this where HAProxy
-- reads its configuration: after `chroot` no file is found.
-- @module aicc.transport.haproxy

local aicc = require "aicc.core"
local egress = require "aicc.transport.egress"
local host = require "aicc.host"
local http = require "aicc.transport.http"

local haproxy = core -- the global

local how = {
  name = "haproxy",
  version = "1.1",
  cannot_wait = host.haproxy_cannot_wait,
  instead = function()
    return "do it from an action, a service or a task: core.register_action, core.register_service, core.register_task"
  end,
}

function how.sleep(seconds) haproxy.msleep(math.max(1, math.ceil(seconds * 1000))) end

function how.warn(text) haproxy.Warning(text) end

-- A task is nobody's request.
function how.apart(f)
  haproxy.register_task(f)
  return true
end

-- HAProxy counts milliseconds; 0 would be no limit. It raises where the connection has just ended, which the next read tells.
local function wait_at_most(socket, seconds) pcall(socket.settimeout, socket, math.max(0.001, seconds)) end

function how.lines(timeout, is_fresh) -- os.time cuts off a part of a second
  return ("Connection: close\r\n%sX-Aicc-Ends: %d\r\nX-Aicc-Timeout: %d\r\n"):format(
    is_fresh and "X-Aicc-Connection: fresh\r\n" or "", os.time() + math.ceil(timeout) + 1, math.ceil(timeout * 1000))
end

function how.exchange(path, bytes, timeout, connect_timeout)
  local made, socket = pcall(haproxy.tcp) -- it raises where there is nothing left to make one of
  if not made then return nil, "network", "not_sent", "HAProxy makes no socket: " .. tostring(socket) end
  local ends = aicc.now() + timeout
  wait_at_most(socket, math.min(connect_timeout, timeout))
  local done, problem = socket:connect("unix@" .. path)
  if not done then return nil, "network", "not_sent", ("the egress at %s cannot be reached: %s"):format(path, problem) end
  local text, kind, outcome, message = http.exchange(socket, bytes, http.read_whole, timeout, ends, wait_at_most)
  socket:close()
  return text, kind, outcome, message
end

local M = {}

--- Makes the transport.
-- @tparam table settings as from `aicc.config`
-- @tparam table sources as from there
-- @treturn ?table the transport (`aicc.transport.egress`)
-- @treturn ?table an error of kind "config"
function M.new(settings, sources) return egress.new(settings, how, sources) end

return M
