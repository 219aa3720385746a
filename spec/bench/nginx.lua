-- What a call costs in nginx, beside the smallest code by hand that does the same on a kept cosocket: it sends the same bytes to
-- the same egress with a token that is there, and reads the reply's JSON. It counts nothing, tries nothing again, and believes
-- whatever comes. In one process, in turns; then many calls, and what they left behind.
--
--     make build && make library ABI=5.1 && lua5.4 spec/bench/nginx.lua [calls a round [calls at the end]]
--     (with the paths that `make` prints)

local host = require "spec.support.hosts.host"
local load = require "spec.support.hosts.load"
local sandbox = require "aicc.sandbox"

local CALLS, MANY, ROUNDS = tonumber(arg[1]) or 2000, tonumber(arg[2]) or 50000, 5

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

local function lines_of(command)
  local pipe = io.popen(command)
  local n = 0
  for _ in pipe:lines() do n = n + 1 end
  pipe:close()
  return n
end

local server = assert(sandbox.start { tls = true, agents = { [3] = { "1001" } } })
local example = host.example("openresty", server)
example:configure(function(text)
  text = text:gsub("worker_processes 2", "worker_processes 1")
  local by_hand = BY_HAND:gsub("@EGRESS@", example:egress():sub(6)):gsub("%%", "%%%%")
  return (text:gsub("\n    location = /ready", "\n" .. by_hand .. "%0"))
end)
local pid = example:workers():match "%d+"

-- So many calls; returns the microseconds of CPU for each, and on how many connections they came to the API.
local function run(request, calls)
  local before, connections, n = cpu(pid), {}, 0
  for _ = 1, calls, 1000 do
    for _, reply in ipairs((load.run(load.many(math.min(calls, 1000), request, 8)))) do
      assert(reply.status == 202, tostring(reply.status) .. tostring(reply.body))
    end
    for _, sent in ipairs(server:requests()) do
      if not connections[sent.connection] then n = n + 1 end
      connections[sent.connection] = true
    end
    server:clear()
  end
  return (cpu(pid) - before) / calls * 1e6, n
end

local hook = example:hook("1001", { 3 })
local by_hand = { port = example.port, path = "/by-hand/1001/", body = hook.body, headers = hook.headers }
run(hook, CALLS)
run(by_hand, CALLS)
local ours, bare = {}, {}
for i = 1, ROUNDS do ours[i], bare[i] = run(hook, CALLS), run(by_hand, CALLS) end
table.sort(ours)
table.sort(bare)
local median = (ROUNDS + 1) / 2
local line = "CPU of a call in nginx, with egress: webhook %.0f us (%.0f to %.0f), by hand %.0f us (%.0f to %.0f): %.2f times"
print(line:format(
  ours[median], ours[1], ours[ROUNDS], bare[median], bare[1], bare[ROUNDS], ours[median] / bare[median]))

local function state()
  return tonumber(content("/proc/" .. pid .. "/status"):match "VmRSS:%s*(%d+)"), lines_of("ls /proc/" .. pid .. "/fd")
end

local memory, descriptors = state()
local _, connections = run(hook, MANY)
local memory_after, descriptors_after = state()
print(("%d calls: %d kB before, %d kB after; %d and %d descriptors; %d connections to the API"):format(
  MANY, memory, memory_after, descriptors, descriptors_after, connections))
example:stop()
server:stop()
