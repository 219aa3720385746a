-- What others see of a host's webhook when 500 callers come at once to an API that hangs: how many polls of /health failed, and
-- how long the others took. Then everything has to answer again, without a reload. In nginx and HAProxy.
--
--     make bench-hosts, or with its paths: lua5.4 spec/bench/overload.lua [callers [seconds]]

local host = require "spec.support.hosts.host"
local load = require "spec.support.hosts.load"
local sandbox = require "aicc.sandbox"
local socket = require "socket"

local CALLERS, SECONDS = tonumber(arg[1]) or 500, tonumber(arg[2]) or 5

local function quantile(seconds, q) return seconds[math.max(1, math.ceil(#seconds * q))] * 1000 end

for _, name in ipairs { "haproxy", "openresty" } do
  local server = assert(sandbox.start { tls = true, agents = { [3] = { "1001" } } })
  local example = host.example(name, server)
  local hook = example:hook("1001", { 3 })
  for _ = 1, 20 do load.send(hook) end -- there are tokens
  server:fault { operation = "release_agent_by_skill", hold = true, to = math.huge }
  local calls, statuses, ended = load.many(CALLERS, hook), {}, 0
  calls.on_reply = function(reply)
    ended = ended + 1
    statuses[reply.status or 0] = (statuses[reply.status or 0] or 0) + 1
  end
  local till = socket.gettime() + SECONDS
  local polls = { next = function()
    if socket.gettime() > till then server:release_held() end
    return ended < CALLERS and { port = example.port, path = "/health" } or nil
  end }
  local _, health = load.run(calls, polls)
  local failed, seconds = 0, {}
  for i, reply in ipairs(health) do
    if reply.status ~= 200 then failed = failed + 1 end
    seconds[i] = reply.seconds
  end
  table.sort(seconds)
  server:reset()
  local well = 0
  for _, reply in ipairs((load.run(load.many(100, hook, 20)))) do well = well + (reply.status == 202 and 1 or 0) end
  print(("%s: %d callers at an API that hangs for %g s: %d done, %d told to come again; of %d polls of /health %d failed, " ..
    "p50 %.1f ms, p99 %.1f ms, the longest %.1f ms; then %d of 100 calls done"):format(
    name, CALLERS, SECONDS, statuses[202] or 0, statuses[503] or 0, #health, failed, quantile(seconds, 0.5),
    quantile(seconds, 0.99), seconds[#seconds] * 1000, well))
  example:stop()
  server:stop()
end
