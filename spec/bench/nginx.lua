-- What a call costs in nginx, beside the smallest code by hand that does the same on a kept cosocket: it sends the same bytes to
-- the same egress with a token that is there, and reads the reply's JSON. It counts nothing, tries nothing again, and believes
-- whatever comes. In one process, in turns; then many calls, and what they left behind.
--
--     make bench-hosts, or with its paths: lua5.4 spec/bench/nginx.lua [calls a turn [rounds [calls at the end]]]

local hooks = require "spec.bench.hooks"
local host = require "spec.support.hosts.host"
local sandbox = require "aicc.sandbox"

local CALLS, ROUNDS, MANY = tonumber(arg[1]) or 1000, tonumber(arg[2]) or 15, tonumber(arg[3]) or 50000

-- Beside the webhook. The token is the one that the library has in its store.
local BY_HAND = [[
    location ~ ^/by-hand/(.+)/ {
      content_by_lua_block {
        ngx.req.read_body()
        if ngx.var.http_x_hook_secret ~= "hook-secret-7f3a" then return ngx.exit(401) end
        local cjson = require "cjson"
        local queues = cjson.decode(ngx.req.get_body_data()).queues
        token = token or cjson.decode(ngx.shared.aicc:get(ngx.shared.aicc:get_keys()[1])).token
        local body = cjson.encode { skillId = queues[1], userAccounts = { ngx.var[1] } }
        local socket = ngx.socket.tcp()
        socket:settimeout(15000)
        assert(socket:connect "unix:@EGRESS@")
        assert(socket:send("POST /apiaccess/rest/cc-management/v1/agentAccount/releaseAgentBySkillId HTTP/1.0\r\n" ..
          "Host: localhost\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n" ..
          "Authorization: Bearer " .. token .. "\r\n" ..
          "x-app-key: sandbox-key\r\nUser-Agent: by-hand\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body))
        local length
        repeat
          local line = assert(socket:receive "*l")
          length = length or tonumber(line:match "^Content%-Length: (%d+)")
        until line == ""
        local result = cjson.decode(assert(socket:receive(length)))
        socket:setkeepalive(20000, 64)
        ngx.status = result.resultCode == "0" and 202 or 502
        ngx.header.content_type = "application/json"
        ngx.say(cjson.encode { account = ngx.var[1], released = queues })
      }
    }
]]

local server = assert(sandbox.start { tls = true, agents = { [3] = { "1001" } } })
local example = host.example("openresty", server)
example:configure(function(text)
  text = text:gsub("worker_processes 2", "worker_processes 1")
  local by_hand = BY_HAND:gsub("@EGRESS@", example:egress():sub(6)):gsub("%%", "%%%%")
  return (text:gsub("\n    location = /ready", "\n" .. by_hand .. "%0"))
end)
local pid = example:workers():match "%d+"

local hook = example:hook("1001", { 3 })
local by_hand = { port = example.port, path = "/by-hand/1001/", body = hook.body, headers = hook.headers }
hooks.compare("nginx", pid, { webhook = hook, by_hand = by_hand }, {
  calls = CALLS, rounds = ROUNDS, after = function() server:clear() end, target = 1.3,
})

hooks.many("nginx", pid, hook, server, MANY)
example:stop()
server:stop()
