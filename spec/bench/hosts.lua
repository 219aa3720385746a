-- `aicc` in nginx and in HAProxy beside the smallest code by hand that does the same: runs nginx.lua and haproxy.lua, which say
-- how they measure, and keeps what they tell in build/bench/hosts.json. Needs the library for their Luas (`make bench` builds
-- it).
--     hosts.lua [calls a turn [rounds [calls at the end]]]

local tools = require "spec.bench.tools"

local CALLS, ROUNDS, MANY = tonumber(arg[1]) or 1000, tonumber(arg[2]) or 15, tonumber(arg[3]) or 1000

local SCRIPTS = {
  { host = "nginx", command = "lua5.4 spec/bench/nginx.lua %d %d %d" },
  { host = "HAProxy", command = "lua5.4 spec/bench/haproxy.lua %d %d %d" },
}

local rows = {}
print "\nIn the hosts"
for _, script in ipairs(SCRIPTS) do
  local told = tools.output(script.command:format(CALLS, ROUNDS, MANY))
  local ours, bare, ratio = told:match "webhook (%d+) us, by hand (%d+) us.-([%d.]+) times"
  if not ours then error(told, 0) end
  rows[#rows + 1] = { host = script.host, ours = tonumber(ours), by_hand = tonumber(bare), ratio = tonumber(ratio) }
  print("  " .. told:gsub("\n(.)", "\n  %1"):gsub("\n$", ""))
end
tools.save("hosts", rows)
