-- What a call of the webhook costs in HAProxy, beside the smallest code by hand that does the same: it compares the secret,
-- reads the body's JSON, sends the same bytes to the same egress with core.tcp and a token that is there, and reads the reply's
-- JSON. It counts nothing, tries nothing again, and believes whatever comes. In one process, in turns; then many calls, and what
-- they left behind.
--
--     make bench-hosts, or with its paths: lua5.4 spec/bench/haproxy.lua [calls a turn [rounds [calls at the end]]]

local hooks = require "spec.bench.hooks"
local host = require "spec.support.hosts.host"
local sandbox = require "aicc.sandbox"

local CALLS, ROUNDS, MANY = tonumber(arg[1]) or 1000, tonumber(arg[2]) or 15, tonumber(arg[3]) or 50000

-- What is added to hook_haproxy.lua. Its token is the one that the webhook's own call has just used.
local BY_HAND = [[

local cjson = require "cjson"
local path = os.getenv("AICC_EGRESS"):gsub("^unix:", "unix@")
local last
local attempt = webhook.client.transport.attempt
webhook.client.transport.attempt = function(self, request, token, ...)
  last = token or last
  return attempt(self, request, token, ...)
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

local hook = example:hook("1001", { 3 })
local by_hand = { port = example.port, path = "/agents/by-hand/signed-off", body = hook.body, headers = hook.headers }
hooks.compare("HAProxy", pid, { webhook = hook, by_hand = by_hand }, {
  calls = CALLS, rounds = ROUNDS, after = function() server:clear() end, target = 1.3,
})
hooks.many("HAProxy", pid, hook, server, MANY)
example:stop()
server:stop()
