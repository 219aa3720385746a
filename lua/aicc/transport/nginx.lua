--- The transport in nginx: a cosocket to an egress server on a Unix socket.
--
-- A cosocket waits for this request only, in every phase that may wait and in timers, whatever HTTP version the client speaks.
-- It says HTTP/1.0, so that no answer comes in chunks: one ends where its Content-Length says, or else with its connection. One
-- whose end is known leaves its connection for the next attempt. An attempt is one request on such a connection too: when it
-- brings no answer, nobody can tell whether the egress had closed it before, or read the request and then died. So it is not sent
-- again here, but ends `unknown`, and the client, who knows the operation, decides. That is rare: nginx takes a connection out as
-- soon as the other end has closed it, and IDLE is well below the egress's keepalive_timeout.
-- @module aicc.transport.nginx

local core = require "aicc.core"
local egress = require "aicc.transport.egress"
local http = require "aicc.transport.http"
local semaphore -- ngx.semaphore, where there is one

-- The phases in which nginx lets Lua wait for a socket. In those of a TLS handshake that come before the certificate is chosen
-- (ssl_client_hello, ssl_session_fetch) it is OpenSSL that would have to wait, which not every one can.
local MAY_WAIT = { server_rewrite = true, rewrite = true, access = true, content = true, timer = true, ssl_cert = true }

-- What to do where there are no timers.
local WITHOUT_TIMERS = {
  init = "nginx is reading its configuration: do it from a timer that init_worker_by_lua_block starts",
  exit_worker = "the worker is about to end: do it before, or in another program",
}

-- From another phase that may not wait. What a timer comes to nobody else sees, and nginx starts only so many at once.
local RECIPE = "do it from a timer: assert(ngx.timer.at(0, function() local _, err = client:release_agent_by_skill(skill_id, " ..
  "accounts) if err then ngx.log(ngx.ERR, tostring(err)) end end)), with lua_max_running_timers (256) large enough"

local IDLE = 20  -- seconds that a connection to the egress is kept unused
local KEPT = 64  -- connections that a worker keeps at most

local function milliseconds(seconds) return math.max(1, math.ceil(seconds * 1000)) end

local function wait_at_most(socket, seconds) socket:settimeout(milliseconds(seconds)) end

local how = { name = "nginx", version = "1.0" }

function how.instead() return WITHOUT_TIMERS[ngx.get_phase()] or RECIPE end

function how.sleep(seconds) ngx.sleep(seconds) end

function how.warn(text) ngx.log(ngx.WARN, text) end

-- A timer is nobody's request.
function how.apart(f) return (ngx.timer.at(0, function() f() end)) end

function how.bell()
  local sleepers = semaphore.new()
  return {
    wait = function(seconds)
      sleepers:wait(seconds)
      return true
    end,
    ring = function() sleepers:post(math.max(1, -sleepers:count())) end,
  }
end

function how.cannot_wait()
  local phase = ngx.get_phase()
  return not MAY_WAIT[phase] and ("nginx's %s phase"):format(phase) or nil
end

function how.lines(_, is_fresh)
  return is_fresh and "Connection: close\r\nX-Aicc-Connection: fresh\r\n" or "Connection: keep-alive\r\n"
end

-- Where a socket's path leads, and the pools of its connections. For aicc.ALL, which nobody sends again, a new one is made: from
-- a pool that nothing was ever left in.
local ways = setmetatable({}, { __index = function(all, path)
  all[path] = { address = "unix:" .. path, kept = { pool = path }, fresh = { pool = "fresh " .. path } }
  return all[path]
end })

function how.exchange(path, bytes, timeout, connect_timeout, is_fresh)
  local socket, ends, way = ngx.socket.tcp(), core.now() + timeout, ways[path]
  local most = milliseconds(timeout)
  socket:settimeouts(milliseconds(math.min(connect_timeout, timeout)), most, most)
  local done, problem = socket:connect(way.address, is_fresh and way.fresh or way.kept)
  if not done then return nil, "network", "not_sent", ("the egress at %s cannot be reached: %s"):format(path, problem) end
  local text, how_or_kind, keeps_or_outcome, message = http.exchange(socket, bytes, http.read, timeout, ends, wait_at_most)
  if not text or is_fresh or not keeps_or_outcome or not socket:setkeepalive(IDLE * 1000, KEPT) then socket:close() end
  return text, how_or_kind, keeps_or_outcome, message
end

local M = {}

--- Makes the transport.
-- @tparam table settings as from `aicc.config`
-- @tparam table sources as from there
-- @treturn ?table the transport (`aicc.transport.egress`)
-- @treturn ?table an error of kind "config"
function M.new(settings, sources)
  local made, err = egress.new(settings, how, sources)
  if made then semaphore = require "ngx.semaphore" end
  return made, err
end

return M
