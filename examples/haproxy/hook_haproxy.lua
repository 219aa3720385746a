-- The webhook of hook.lua as services of HAProxy. Each thread runs this file for itself, if haproxy.cfg says so; what they share
-- is in aicc.shared.

local hook = require "hook"
local shared = require "aicc.shared"

local webhook = hook.new {
  egress = os.getenv "AICC_EGRESS" or "unix:/run/haproxy/egress.sock",
  timeout = 15,
  shared = shared.new "hook",
  numbers = shared.new "numbers",
  log = function(line) core.log(core.err, line) end,
}

local function answer(applet, status, content_type, body, retry_after)
  applet:set_status(status)
  applet:add_header("content-type", content_type)
  applet:add_header("content-length", tostring(#body))
  if retry_after then applet:add_header("retry-after", ("%d"):format(retry_after)) end
  applet:start_response()
  applet:send(body)
end

local function header(applet, name)
  local values = applet.headers[name]
  return values and values[0]
end

local MAX_BODY = 16000 -- bytes; as haproxy.cfg says, which refuses what is longer

-- The request's body: a read brings no more than what lies in one piece, and one more, which finds the end, costs a turn.
local function body_of(applet)
  local length, parts, size = tonumber(header(applet, "content-length")), {}, 0
  repeat
    local part = applet:receive(MAX_BODY + 1 - size)
    parts[#parts + 1] = part
    size = size + #part
  until #part == 0 or size == length or size > MAX_BODY
  return table.concat(parts)
end

-- What the webhook needs to know of a request.
local function request_of(applet)
  return {
    path = applet.path, secret = header(applet, "x-hook-secret"), id = header(applet, "x-request-id"),
    trace = header(applet, "traceparent"), source = applet.sf:src(), body = body_of(applet),
  }
end

core.register_service("signed_off", "http", function(applet)
  local status, body, retry_after = webhook:signed_off(request_of(applet))
  answer(applet, status, "application/json", body .. "\n", retry_after)
end)

core.register_service("offboarded", "http", function(applet)
  local status, body, retry_after = webhook:offboarded(request_of(applet))
  answer(applet, status, "application/json", body .. "\n", retry_after)
end)

core.register_service("ready", "http", function(applet)
  local status, body, retry_after = webhook:ready()
  answer(applet, status, "application/json", body .. "\n", retry_after)
end)

core.register_service("metrics", "http", function(applet)
  answer(applet, 200, webhook.metrics.CONTENT_TYPE, webhook.metrics:text())
end)
