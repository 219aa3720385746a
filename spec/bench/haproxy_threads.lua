-- What it costs that all threads of HAProxy share one Lua (`lua-load`), beside one Lua for each (`lua-load-per-thread`): two
-- processes of the example with two threads each, on one sandbox, in turns. Calls a second of the wall clock, and CPU of a call.
--
--     make build && make library ABI=5.3 && lua5.4 spec/bench/haproxy_threads.lua [calls]
-- (with the paths that `make` prints; 2000 calls a round)

local host = require "spec.support.hosts.host"
local load = require "spec.support.hosts.load"
local proc = require "spec.support.proc"
local sandbox = require "aicc.sandbox"
local socket = require "socket"

local CALLS, ROUNDS = tonumber(arg[1]) or 2000, 7

local server = assert(sandbox.start { tls = true, agents = { [3] = { "1001" } } })

local function start(directive)
  local example = host.example("haproxy", server)
  example:configure(function(text) return (text:gsub("\n  lua%-load%-per%-thread ", "\n  " .. directive .. " ")) end)
  return { name = directive, example = example, pid = example:workers():match "%d+", seconds = {}, cpu = {} }
end

local function run(one, round)
  local began, used = socket.gettime(), proc.cpu(one.pid)
  for _, reply in ipairs((load.run(load.many(CALLS, one.example:hook("1001", { 3 }), 16)))) do
    assert(reply.status == 202, tostring(reply.status) .. tostring(reply.body))
  end
  one.seconds[round], one.cpu[round] = socket.gettime() - began, proc.cpu(one.pid) - used
  server:clear()
end

local ways = { start "lua-load-per-thread", start "lua-load" }
for _, one in ipairs(ways) do run(one, 1) end -- tokens
for round = 1, ROUNDS do
  for _, one in ipairs(ways) do run(one, round) end
end
for _, one in ipairs(ways) do
  table.sort(one.seconds)
  table.sort(one.cpu)
  local median = (ROUNDS + 1) / 2
  print(("%-20s %5.0f calls/s (%.0f to %.0f), %4.0f us of CPU a call"):format(
    one.name, CALLS / one.seconds[median], CALLS / one.seconds[ROUNDS], CALLS / one.seconds[1], one.cpu[median] / CALLS * 1e6))
  one.example:stop()
end
server:stop()
