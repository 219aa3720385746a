--- The event loops of others in which clients wait, for specs that are the same in each.
--
--     for _, loop in ipairs(loops) do                       -- cqueues, luv, copas: those that this Lua has
--       loop.run({ f, g }, function() ... end)              -- as tasks of the loop, with a tick about every 5 ms while they run
--     end
--
-- A task may not raise: Lua 5.1 yields through no pcall, and each loop has its own way with errors. What a task finds it returns:
-- `run` returns a table of the tasks' results, `{ n =, ... }` each, in order.

local core = require "aicc.core"

local loops = { missing = {} }

local TICK = 0.005
local PATIENCE = 60 -- seconds, after which tasks are taken for lost

local function pack(...) return { n = select("#", ...), ... } end

-- Functions that note what each of the tasks returns, the table of that, and a function that tells whether all have ended.
local function noting(tasks)
  local results, wrapped, left = {}, {}, #tasks
  for n, task in ipairs(tasks) do
    wrapped[n] = function()
      results[n] = pack(task())
      left = left - 1
    end
  end
  local give_up = core.now() + PATIENCE
  return wrapped, results, function()
    assert(core.now() < give_up, "a task does not end")
    return left == 0
  end
end

-- A C module, opened once in this Lua state: busted forgets modules between two files, and luv crashes when it is opened again.
local function once(name)
  local kept, key = debug.getregistry(), "spec.support.loops: " .. name
  kept[key] = kept[key] or require(name)
  package.loaded[name] = kept[key]
  return kept[key]
end

local makers = {}

function makers.cqueues()
  local cqueues = require "cqueues"
  local loop = { sleep = cqueues.sleep }
  function loop.run(tasks, tick)
    local wrapped, results, is_over = noting(tasks)
    local controller = cqueues.new()
    for _, task in ipairs(wrapped) do controller:wrap(task) end
    controller:wrap(function()
      while not is_over() do
        cqueues.sleep(TICK)
        if tick then tick() end
      end
    end)
    assert(controller:loop())
    return results
  end
  return loop
end

function makers.luv()
  local uv = once "luv"
  local loop = {}
  function loop.sleep(seconds)
    local timer, thread = uv.new_timer(), coroutine.running()
    timer:start(math.ceil(seconds * 1000), 0, function()
      timer:close()
      assert(coroutine.resume(thread))
    end)
    coroutine.yield()
  end
  function loop.run(tasks, tick)
    local wrapped, results, is_over = noting(tasks)
    local timer = uv.new_timer()
    timer:start(0, TICK * 1000, function()
      if is_over() then return timer:close() end
      if tick then tick() end
    end)
    for _, task in ipairs(wrapped) do coroutine.wrap(task)() end
    uv.run()
    return results
  end
  return loop
end

function makers.copas()
  -- It wants to be there before socket.http, for whose sake it changes LuaSocket.
  local http = package.loaded["socket.http"]
  package.loaded["socket.http"] = nil
  local copas = require "copas"
  package.loaded["socket.http"] = http
  local loop = { sleep = copas.sleep } -- nil: the one that Debian has knows no time
  function loop.run(tasks, tick)
    local wrapped, results, is_over = noting(tasks)
    copas.running = copas.wakeup and true or nil -- as copas.loop sets it
    for _, task in ipairs(wrapped) do copas.addthread(task) end
    while not is_over() do
      copas.step(TICK)
      if tick then tick() end
    end
    copas.running = copas.wakeup and false or nil
    return results
  end
  return loop
end

for _, name in ipairs { "cqueues", "luv", "copas" } do
  local ok, loop = pcall(makers[name])
  if ok then
    loop.name = name
    loops[#loops + 1], loops[name] = loop, loop
  else
    loops.missing[#loops.missing + 1] = ("%s: %s"):format(name, tostring(loop):match "^[^\n]*")
  end
end

return loops
