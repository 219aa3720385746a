-- The webhook of hook.lua as a service of HAProxy, and its counters. Each thread runs this file for itself.

local hook = require "hook"

local counts = {} -- this thread's

local webhook = hook.new {
  egress = os.getenv "AICC_EGRESS" or "unix:/run/haproxy/egress.sock",
  timeout = 15,
  count = function(name) counts[name] = (counts[name] or 0) + 1 end,
}

local function answer(applet, status, content_type, body)
  applet:set_status(status)
  applet:add_header("content-type", content_type)
  applet:add_header("content-length", tostring(#body))
  applet:start_response()
  applet:send(body)
end

local MAX_BODY = 16000 -- bytes; as haproxy.cfg says, which refuses what is longer

-- The request's body: a read brings no more than what lies in one piece.
local function body_of(applet)
  local parts, size = {}, 0
  repeat
    local part = applet:receive(MAX_BODY + 1 - size)
    parts[#parts + 1] = part
    size = size + #part
  until #part == 0 or size > MAX_BODY
  return table.concat(parts)
end

-- All threads' counters are together in variables of the process, as text: "name count name count …".
local function publish(applet)
  local lines = {}
  for name, count in pairs(counts) do lines[#lines + 1] = ("%s %d"):format(name, count) end
  applet:set_var("proc.aicc_counts_" .. core.thread, table.concat(lines, " "))
end

core.register_service("signed_off", "http", function(applet)
  local secrets = applet.headers["x-hook-secret"]
  local status, body = webhook:signed_off(applet.path, secrets and secrets[0], body_of(applet))
  publish(applet)
  answer(applet, status, "application/json", body .. "\n")
end)

core.register_service("metrics", "http", function(applet)
  local sums, lines = {}, {}
  for thread = 1, 64 do
    for name, count in (applet:get_var("proc.aicc_counts_" .. thread) or ""):gmatch "(%S+) (%d+)" do
      sums[name] = (sums[name] or 0) + tonumber(count)
    end
  end
  for name, count in pairs(sums) do lines[#lines + 1] = ('aicc_events_total{event="%s"} %d\n'):format(name, count) end
  table.sort(lines)
  answer(applet, 200, "text/plain", table.concat(lines))
end)
