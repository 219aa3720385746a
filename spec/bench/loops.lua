-- `make bench-loops`: clients inside the event loops of others. A timer ticks every 5 ms, first alone, then beside 200 tasks
-- that call without a pause: by how much its worst tick is late; and how many calls that makes a second, beside `aicc.loop`
-- with as many.
--     loops.lua                      all, each in a process of its own, in each Lua that has it; JSON in build/bench/loops.json
--     loops.lua worker LOOP URL EACH one of them: prints its numbers
--
-- The server is an nginx that answers at once, so that what is measured is the client, and the worst that it does to the loop. An
-- API that takes its time lets the loop rest in between: that is the second table, answers after 20 ms.

local IN_FLIGHT, ROUNDS, TICK = 200, 3, 0.005
local ALONE = 1 -- seconds

-- ---- one loop: in any Lua ----

-- How late the worst tick was, in milliseconds; and how much of this process's own computing lay between two ticks at most,
-- beyond the 5 ms of which each tick is due: what is late by more than that, others on this machine have made so.
local function new_clock(now)
  local clock = { worst = 0, own = 0, due = now() + TICK }
  local computed = os.clock()
  function clock.left() return math.max(0, clock.due - now()) end
  function clock.tick()
    local so_far = os.clock()
    clock.worst = math.max(clock.worst, (now() - clock.due) * 1000)
    clock.own = math.max(clock.own, (so_far - computed - TICK) * 1000)
    clock.due, computed = now() + TICK, so_far
  end
  return clock
end

-- Each runs the tasks, and the clock until `is_over()`.
local RUN = {}

function RUN.aicc(tasks, clock, is_over)
  local loop = require "aicc.loop"
  for _, task in ipairs(tasks) do loop.spawn(task) end
  loop.spawn(function()
    while not is_over() do
      loop.sleep(clock.left())
      clock.tick()
    end
  end)
  loop.run()
end

function RUN.cqueues(tasks, clock, is_over)
  local cqueues = require "cqueues"
  local controller = cqueues.new()
  for _, task in ipairs(tasks) do controller:wrap(task) end
  controller:wrap(function()
    while not is_over() do
      cqueues.sleep(clock.left())
      clock.tick()
    end
  end)
  assert(controller:loop())
end

function RUN.luv(tasks, clock, is_over)
  local uv = require "luv"
  local timer = uv.new_timer()
  timer:start(TICK * 1000, TICK * 1000, function()
    clock.tick()
    if is_over() then timer:close() end
  end)
  for _, task in ipairs(tasks) do coroutine.wrap(task)() end
  uv.run()
end

function RUN.copas(tasks, clock, is_over)
  local copas = require "copas"
  for _, task in ipairs(tasks) do copas.addthread(task) end
  while not is_over() do -- it has no timers
    copas.step(clock.left())
    if clock.left() == 0 then clock.tick() end
  end
end

local function worker(name, url, each)
  local aicc = require "aicc"
  local core = require "aicc.core"
  local run, transport = RUN[name], name ~= "aicc" and name or nil
  local client = assert(aicc.new {
    base_url = url, app_key = "sandbox-key", app_secret = "sandbox-secret", transport = transport, max_in_flight = IN_FLIGHT,
    deadline = 600,
  })
  local alone, began = new_clock(core.now), core.now()
  run({}, alone, function() return core.now() - began > ALONE end)
  local left, tasks = IN_FLIGHT, {}
  local function warm()
    assert(client:release_agent_by_skill(3, { "1001", "1002" }))
    left = left - 1
  end
  for n = 1, IN_FLIGHT do tasks[n] = warm end
  run(tasks, new_clock(core.now), function() return left == 0 end)
  left = IN_FLIGHT
  local function work()
    for _ = 1, each do assert(client:release_agent_by_skill(3, { "1001", "1002" })) end
    left = left - 1
  end
  for n = 1, IN_FLIGHT do tasks[n] = work end
  local busy, start = new_clock(core.now), core.now()
  run(tasks, busy, function() return left == 0 end)
  print(IN_FLIGHT * each / (core.now() - start), alone.worst, busy.worst, busy.own)
  client:close()
end

if arg[1] == "worker" then
  worker(arg[2], arg[3], tonumber(arg[4]))
  os.exit(0)
end

-- ---- all of them ----

local sandbox = require "spec.bench.sandbox"
local tools = require "spec.bench.tools"

-- How a Lua runs this file, with what was built for it.
local function program(lua, abi)
  return ("env LUA_PATH='lua/?.lua;lua/?/init.lua;;' LUA_CPATH='build/%s/?.so;;' %s "):format(abi, lua)
end

-- The loops that a Lua has, with aicc's own first.
local function found(lua)
  local names = { "aicc" }
  for _, name in ipairs { "cqueues", "luv", "copas" } do
    if os.execute(("%s -e 'require [[%s]]' >/dev/null 2>&1"):format(lua, name)) then names[#names + 1] = name end
  end
  return names
end

local results = {}

local function table_of(title, url, each)
  print(("\n%s: %d tasks with %d calls each, 3 rounds"):format(title, IN_FLIGHT, each))
  print "                     calls/s   beside aicc.loop   worst tick alone   with 200 in flight   of that its own computing"
  for _, which in ipairs { { "lua5.4", "5.4" }, { "lua5.1", "5.1" } } do
    local lua, abi = which[1], which[2]
    local names, rounds = found(lua), {}
    for _ = 1, ROUNDS do
      for _, name in ipairs(names) do
        local speed, alone, busy, computing = tools.numbers(("%s%s spec/bench/loops.lua worker %s %s %d"):format(
          tools.on_core(true), program(lua, abi), name, url, each))
        local row = rounds[name] or { speed = {}, alone = {}, busy = {}, own = {} }
        rounds[name] = row
        table.insert(row.speed, speed)
        table.insert(row.alone, alone)
        table.insert(row.busy, busy)
        table.insert(row.own, computing)
      end
    end
    local own = tools.median(rounds.aicc.speed)
    for _, name in ipairs(names) do
      local row = rounds[name]
      local speed, alone, busy = tools.median(row.speed), tools.median(row.alone), tools.median(row.busy)
      local computing = tools.median(row.own)
      print(("  %-9s Lua %s %9.0f %18.2f %15.1f ms %17.1f ms %24.1f ms"):format(name == "aicc" and "aicc.loop" or name, abi,
        speed, speed / own, alone, busy, computing))
      results[#results + 1] = {
        load = title, loop = name, lua = abi, speed = speed, alone = alone, busy = busy, computing = computing,
      }
    end
  end
end

tools.with_server(function(nginx) table_of("nginx, which answers at once", nginx.http, 100) end)
local slow = sandbox.start { agents = { [3] = { "1001", "1002" } }, delay = 0.02 }
table_of("A sandbox that answers after 20 ms", slow.url, 20)
slow.stop()
tools.save("loops", results)
