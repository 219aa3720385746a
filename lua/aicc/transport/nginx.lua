--- The transport in nginx: a cosocket to an egress server on a Unix socket.
--
-- A cosocket waits for this request only, in every phase that may wait and in timers, whatever HTTP version the client speaks.
-- It says HTTP/1.0, so that the answer ends where the connection does.
-- @module aicc.transport.nginx

local core = require "aicc.core"
local egress = require "aicc.transport.egress"

-- The phases in which nginx lets Lua wait.
local MAY_WAIT = {
  server_rewrite = true, rewrite = true, access = true, content = true, timer = true,
  ssl_cert = true, ssl_session_fetch = true, ssl_client_hello = true,
}

-- From a phase that may not wait. What a timer comes to nobody else sees, and nginx starts only so many at once.
local RECIPE = "do it from a timer: assert(ngx.timer.at(0, function() local _, err = client:release_agent_by_skill(skill_id, " ..
  "accounts) if err then ngx.log(ngx.ERR, tostring(err)) end end)), with lua_max_running_timers (256) large enough"

local function milliseconds(seconds) return math.max(1, math.ceil(seconds * 1000)) end

-- The request as bytes.
local function format(encoded)
  local lines = { ("POST %s HTTP/1.0"):format(encoded.path) }
  for name, value in pairs(encoded.headers) do lines[#lines + 1] = ("%s: %s"):format(name, value) end
  lines[#lines + 1] = ("Content-Length: %d\r\n\r\n"):format(#encoded.body)
  return table.concat(lines, "\r\n") .. encoded.body
end

-- All that comes until the egress closes, or more than a reply may have. Each read waits for what is left of the attempt.
local function read_all(socket, ends)
  local parts, size = {}, 0
  while size <= egress.MAX_REPLY do
    local left = ends - core.now()
    if left <= 0 then return nil, "timeout" end
    socket:settimeout(milliseconds(left))
    local data, problem = socket:receiveany(64 * 1024)
    if not data and problem ~= "closed" then return nil, problem end
    if not data then break end
    parts[#parts + 1] = data
    size = size + #data
  end
  return table.concat(parts)
end

-- The reply that the bytes are; nil if they are none.
local function parse(bytes)
  local status, head_end = bytes:match "^HTTP/1%.[01] (%d%d%d)", select(2, bytes:find("\r\n\r\n", 1, true))
  if not status or not head_end then return end
  local headers = {}
  for name, value in bytes:sub(1, head_end):gmatch "\n([^:\r\n]+):[ \t]*([^\r\n]*)" do headers[name:lower()] = value end
  local body, length = bytes:sub(head_end + 1), tonumber(headers["content-length"])
  return {
    status = tonumber(status), headers = headers, head_size = head_end, body = body, truncated = length ~= nil and #body < length,
  }
end

local how = { name = "nginx", instead = RECIPE, sleep = function(seconds) ngx.sleep(seconds) end }

function how.cannot_wait()
  local phase = ngx.get_phase()
  return not MAY_WAIT[phase] and ("nginx's %s phase"):format(phase) or nil
end

function how.exchange(path, encoded, limits)
  local socket, ends = ngx.socket.tcp(), core.now() + limits.timeout
  socket:settimeout(milliseconds(math.min(limits.connect_timeout, limits.timeout)))
  local done, problem = socket:connect("unix:" .. path)
  if not done then return nil, "network", "not_sent", ("the egress at %s cannot be reached: %s"):format(path, problem) end
  socket:settimeout(milliseconds(limits.timeout))
  done, problem = socket:send(format(encoded))
  local answer
  if done then answer, problem = read_all(socket, ends) end
  socket:close()
  if problem == "timeout" then return nil, "timeout", "unknown", ("no answer within %.3g s"):format(limits.timeout) end
  if not answer then return nil, "network", "unknown", "the egress's connection broke: " .. problem end
  if #answer > egress.MAX_REPLY then return nil, "too_large" end
  local reply = parse(answer)
  if not reply then return nil, "network", "unknown", "the egress closed the connection without an answer" end
  return reply
end

local M = {}

--- Makes the transport.
-- @tparam table settings as from `aicc.config`
-- @treturn ?table the transport (`aicc.transport.egress`)
-- @treturn ?table an error of kind "config"
function M.new(settings) return egress.new(settings, how) end

return M
