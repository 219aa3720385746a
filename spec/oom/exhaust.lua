-- exhaust.lua - memory runs out at the n-th allocation, for one n after the other: Lua's, ours and libcurl's alike. A program:
--
--   LD_PRELOAD=nomem.so lua spec/oom/exhaust.lua SCENARIO once|twice|forever [FIRST[-LAST] [STEP [BASE_URL]]]
--
-- `twice` is the n-th and the one after it: Lua asks a second time, when it has collected garbage; C does not.
--
-- Runs n = FIRST, FIRST + STEP, … until a round needs fewer, and prints how many rounds that took and the last n. A scenario
-- (calls.lua, loops.lua, jobs.lua) has `before()`, which makes what a round needs, `run(it)`, in which memory runs out, and
-- `after(it, told)`, which raises where what came of it must not be: `told` has `good`, `result` and `err` as `pcall` told them,
-- and `failed`.
--
-- With BASE_URL the sandbox is in another process, nothing is asked of it, and what is looked for is leaks: blocks that are more
-- after a round than before it, each of four times.

local path = os.getenv "LD_PRELOAD"
local nomem = assert(package.loadlib(path, "luaopen_nomem"), path)()

local name, mode = arg[1], arg[2]
local first, last = (arg[3] or "1"):match "^(%d+)-?(%d*)$"
local step, base_url = tonumber(arg[4] or 1), arg[5]
first, last = tonumber(first), tonumber(last) or math.huge
local count = assert(({ once = 1, twice = 2, forever = true })[mode], "no mode of that name")

local errors = require "aicc.error"

local scenarios = {}
for _, file in ipairs { "calls", "loops", "jobs" } do
  for scenario, made in pairs(dofile("spec/oom/" .. file .. ".lua")) do scenarios[scenario] = made end
end
local scenario = assert(scenarios[name], "no scenario of that name: " .. tostring(name))
scenario = scenario(base_url)

-- A round. Returns how many allocations failed.
local function round(n)
  local it = scenario.before()
  nomem.fail(n, count)
  local good, result, err = pcall(scenario.run, it)
  local failed = nomem.stop() -- before the table is made
  local told = { good = good, result = result, err = err, failed = failed }
  if not told.good then
    local problem = tostring(told.result)
    assert(problem:find "[Mm]emory" or told.failed == 0 and problem, problem)
    assert(told.failed > 0, "raised with memory enough: " .. problem)
  elseif told.result == nil and told.err ~= nil then
    assert(errors.is_error(told.err), "an error of another kind: " .. tostring(told.err))
  end
  if not base_url then scenario.after(it, told) elseif scenario.close then scenario.close(it) end
  return told.failed
end

local function blocks()
  collectgarbage()
  collectgarbage()
  return nomem.live()
end

local function leaks(n)
  local before, failed = blocks(), nil
  for _ = 1, 4 do
    failed = round(n)
    local now = blocks()
    if now <= before then return false, failed end
    before = now
  end
  return true, failed
end

-- What is loaded or kept once, is so before the first round.
for _ = 1, 3 do round(2 ^ 40) end
local n, rounds, enough, leaking = first, 0, 0, {}
repeat
  local failed
  if base_url then
    local leaked
    leaked, failed = leaks(n)
    if leaked then leaking[#leaking + 1] = n end
  else
    local ok, problem = xpcall(round, debug.traceback, n)
    if not ok then error(("%s, %s, n = %d: %s"):format(name, mode, n, problem), 0) end
    failed = problem
  end
  rounds = rounds + 1
  enough = failed == 0 and enough + 1 or 0
  n = n + step
until enough == 2 or n > last
if scenario.finish then scenario.finish() end
print(("%d rounds, up to allocation %d"):format(rounds, n - step * 2))
assert(#leaking == 0, "leaks at " .. table.concat(leaking, ", ", 1, math.min(20, #leaking)))
