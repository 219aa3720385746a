-- `make bench-encode`: what an account costs on its way into JSON, beside lua-cjson, which checks nothing and writes what comes
-- twice two times. `core.encode` makes path and headers too, which is what a short list costs. Interleaved rounds of CPU time,
-- their medians; read the ratios. The last column is issue 11's target. JSON into build/bench/encode.json.

local cjson = require "cjson"
local core = require "aicc.core"
local tools = require "spec.bench.tools"

local ROUNDS = 15

-- A list of so many names in order, each a string of its own; or in no order.
local function names(count, pattern, is_shuffled)
  local list = {}
  for i = 1, count do list[i] = pattern:format(i) end
  math.randomseed(1)
  for i = is_shuffled and count or 1, 2, -1 do
    local j = math.random(i)
    list[i], list[j] = list[j], list[i]
  end
  return list
end

local CASES = {
  { "1", names(1, "a%09d") },
  { "10", names(10, "a%09d") },
  { "10 shuffled", names(10, "a%09d", true) },
  { "50 (a chunk)", names(50, "a%09d") },
  { "1,000", names(1000, "a%09d"), 0.7 },
  { "1,000 shuffled", names(1000, "a%09d", true), 0.7 },
  { "100,000", names(100000, "a%09d"), 0.8 },
  { "100,000 shuffled", names(100000, "a%09d", true), 0.8 },
  { "1,000 of 25 bytes", names(1000, "agent%09d@example.com") },
  { "1,000 not ASCII", names(1000, "坐席%09d") },
}

-- Nanoseconds of CPU per account.
local function time(f, times, count)
  collectgarbage()
  local began = os.clock()
  for _ = 1, times do f() end
  return (os.clock() - began) / times / count * 1e9
end

print(("%-20s %12s %12s %12s %8s %8s"):format("ns per account", "core.encode", "core.check", "cjson.encode", "ratio", "target"))
local rows = {}
for at, case in ipairs(CASES) do
  local name, accounts, target = table.unpack(case)
  local arguments, count = { skillId = 3, userAccounts = accounts }, #accounts
  local times = math.max(2, 20000 // count)
  local ours, checks, theirs, ratios = {}, {}, {}, {}
  for i = 1, ROUNDS do
    ours[i] = time(function() core.encode("release_agent_by_skill", arguments, { token = "t" }) end, times, count)
    theirs[i] = time(function() cjson.encode(arguments) end, times, count)
    checks[i] = time(function() core.check("release_agent_by_skill", arguments) end, times, count)
    ratios[i] = ours[i] / theirs[i]
  end
  local row = {
    name = name, encode = tools.median(ours), check = tools.median(checks), cjson = tools.median(theirs),
    ratio = tools.median(ratios), target = target,
  }
  rows[at] = row
  print(("%-20s %12.0f %12.0f %12.0f %8.2f %8s"):format(name, row.encode, row.check, row.cjson, row.ratio,
    target and ("%.1f"):format(target) or ""))
end
tools.save("encode", rows)
