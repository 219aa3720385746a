-- What a call of the webhook costs in HAProxy, beside the smallest code by hand that does the same: it compares the secret,
-- reads the body's JSON, sends the same bytes to the same egress with core.tcp and a token that is there, and reads the reply's
-- JSON. It counts nothing, tries nothing again, and believes whatever comes. In one process, in turns.
--
--     make build && make library ABI=5.3 && lua5.4 spec/bench/haproxy.lua [calls a round]    (with the paths that `make` prints)

local host = require "spec.support.hosts.host"
local load = require "spec.support.hosts.load"
local sandbox = require "aicc.sandbox"

local CALLS, ROUNDS = tonumber(arg[1]) or 2000, 5

-- What is added to hook_haproxy.lua. Its token is the one that the webhook's own call has just used.
local BY_HAND = [[

local cjson = require "cjson"
local path = os.getenv("AICC_EGRESS"):gsub("^unix:", "unix@")
local last
local attempt = webhook.client.transport.attempt
webhook.client.transport.attempt = function(self, request)
  last = request.token or last
  return attempt(self, request)
end
core.register_service("by_hand", "http", function(applet)
  if applet.headers["x-hook-secret"][0] ~= "hook-secret-7f3a" then return answer(applet, 401, "text/plain", "") end
  local account = applet.path:match "^/agents/([^/]+)/"
  local body = cjson.encode { skillId = cjson.decode(applet:receive()).queues[1], userAccounts = { account } }
  local socket = core.tcp()
  socket:settimeout(15)
  socket:connect(path)
  socket:send("POST /apiaccess/rest/cc-management/v1/agentAccount/releaseAgentBySkillId HTTP/1.1\r\nHost: localhost\r\n" ..
    "Connection: close\r\nContent-Type: application/json\r\nAuthorization: Bearer " .. last .. "\r\nx-app-key: sandbox-key\r\n" ..
    "User-Agent: by-hand\r\nX-Aicc-Timeout: 15000\r\nX-Aicc-Ends: " .. os.time() + 16 .. "\r\n" ..
    "Content-Length: " .. #body .. "\r\n\r\n" .. body)
  local reply = socket:receive "*a"
  socket:close()
  local result = cjson.decode(reply:match "\r\n\r\n(.*)$")
  local status = result.resultCode == "0" and 202 or 502
  answer(applet, status, "application/json", cjson.encode { account = account, released = { 3 } })
end)
]]

local function content(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

-- Seconds of CPU that a process has used.
local function cpu(pid)
  local fields = {}
  for field in content("/proc/" .. pid .. "/stat"):match "%) (.*)$":gmatch "%S+" do fields[#fields + 1] = field end
  return (fields[12] + fields[13]) / 100
end

local server = assert(sandbox.start { tls = true, agents = { [3] = { "1001" } } })
local example = host.example("haproxy", server)
local file = assert(io.open(example.work .. "/hook_haproxy.lua", "a"))
file:write(BY_HAND)
file:close()
example:configure(function(text)
  text = text:gsub("nbthread 2", "nbthread 1")
  return (text:gsub("\n  http%-request use%-service lua.signed_off",
    "\n  http-request use-service lua.by_hand if { path_beg /agents/by-hand/ }%0"))
end)
local pid = example:workers():match "%d+"

local function run(request)
  local before = cpu(pid)
  for _, reply in ipairs((load.run(load.many(CALLS, request, 8)))) do
    assert(reply.status == 202, tostring(reply.status) .. tostring(reply.body))
  end
  server:clear()
  return (cpu(pid) - before) / CALLS * 1e6
end

local hook = example:hook("1001", { 3 })
local by_hand = { port = example.port, path = "/agents/by-hand/signed-off", body = hook.body, headers = hook.headers }
run(hook)
run(by_hand)
local ours, bare = {}, {}
for i = 1, ROUNDS do ours[i], bare[i] = run(hook), run(by_hand) end
table.sort(ours)
table.sort(bare)
local median = (ROUNDS + 1) / 2
local line = "CPU of a call in HAProxy, with egress: webhook %.0f us (%.0f to %.0f), by hand %.0f us (%.0f to %.0f): %.2f times"
print(line:format(
  ours[median], ours[1], ours[ROUNDS], bare[median], bare[1], bare[ROUNDS], ours[median] / bare[median]))
example:stop()
server:stop()
