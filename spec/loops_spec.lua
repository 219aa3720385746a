-- Calls inside the event loops of others: cqueues, luv, Copas. What each call comes to is loops_matrix_spec's; here is who waits
-- for whom, who must not wait, and what is left of those who are abandoned.

local aicc = require "aicc"
local child = require "spec.support.child"
local core = require "aicc.core"
local loops = require "spec.support.loops"
local sandbox = require "aicc.sandbox"

local RELEASE = "release_agent_by_skill"

local server, client

before_each(function() server = assert(sandbox.start { agents = { [3] = { "1001", "1002", "1003" } } }) end)

after_each(function()
  server:release_held()
  if client then client:close() end
  server:stop()
  client = nil
end)

local function new_client(options)
  client = assert(server:client(options))
  return client
end

local function release() return client:release_agent_by_skill(3, { "1001" }) end

-- How many calls are under way in the loops of others.
local function under_way() return (client.transport.polled.session:step(0)) end

local function collect()
  for _ = 1, 3 do collectgarbage() end
end

-- How many descriptors this process has open, but for the pipe that tells.
local function open_files()
  collect()
  local pipe = io.popen "ls /proc/$PPID/fd 2>/dev/null | wc -l"
  local count = tonumber(pipe:read "*a")
  pipe:close()
  return count
end

local function times(n, f)
  local tasks = {}
  for i = 1, n do tasks[i] = f end
  return tasks
end

for _, missing in ipairs(loops.missing) do
  it("cannot be shown here: " .. missing .. " #loops", function() pending "this Lua has no such loop" end)
end

for _, loop in ipairs(loops) do
  describe("inside " .. loop.name .. " #loops", function()
    it("an answer that hangs holds up nobody: the loop ticks on", function()
      new_client { transport = loop.name }
      server:fault { operation = RELEASE, hold = true }
      local ticks = 0
      local results = loop.run({ release }, function()
        if server:stats().held == 1 then ticks = ticks + 1 end
        if ticks == 20 then server:release_held() end
      end)
      assert.equal("applied", results[1][1].outcome)
      assert.is_true(ticks >= 20)
    end)

    it("200 calls are under way at once, while it ticks, on one descriptor of the loop's", function()
      new_client { transport = loop.name, max_in_flight = 200 }
      assert(client:access_token())
      server:fault { operation = RELEASE, hold = true, to = math.huge }
      local ticks = 0
      local results = loop.run(times(200, release), function()
        if server:stats().held < 200 then return end
        ticks = ticks + 1
        if ticks == 10 then
          server:clear()
          server:release_held()
        end
      end)
      for n = 1, 200 do assert.equal("applied", results[n][1].outcome) end
      assert.equal(0, under_way())
    end)

    it("max_in_flight is what it is elsewhere, and all calls share those connections", function()
      new_client { transport = loop.name, max_in_flight = 3 }
      server:fault { operation = RELEASE, hold = true, to = math.huge }
      local most, ticks = 0, 0
      local results = loop.run(times(12, release), function()
        local held = server:stats().held
        most, ticks = math.max(most, held), held == 3 and ticks + 1 or ticks
        if ticks > 3 then server:release_held() end
      end)
      for n = 1, 12 do assert.equal("applied", results[n][1].outcome) end
      assert.equal(3, most)
      assert.is_true(server:stats().connections <= 4, server:stats().connections .. " connections")
    end)

    it("one fetches the token for all", function()
      new_client { transport = loop.name }
      loop.run(times(20, release))
      local tokens = 0
      for _, request in ipairs(server:requests()) do tokens = tokens + (request.operation == "token" and 1 or 0) end
      assert.equal(1, tokens)
    end)

    it("a retry waits by the loop, which ticks on", function()
      new_client { transport = loop.name, random = function() return 1 end }
      server:fault { operation = "query_agents", status = 503 }
      local ticks, began = 0, core.now()
      local results = loop.run({ function() return client:query_agents(3) end }, function()
        if #server:requests() == 2 then ticks = ticks + 1 end -- the token and the first try
      end)
      assert.equal(3, #results[1][1])
      assert.is_true(core.now() - began >= 0.2)
      assert.is_true(ticks >= 3, ticks .. " ticks")
    end)

    it("timeouts and deadlines end calls in time", function()
      new_client { transport = loop.name, timeout = 0.2, retry = { attempts = 1 } }
      assert(client:access_token())
      server:fault { operation = "query_agents", hold = true, to = math.huge }
      local began = core.now()
      local results = loop.run({
        function() return client:query_agents(3) end,
        function() return client:query_agents(3, { timeout = 30, deadline = 0.3 }) end,
      })
      assert.same({ "timeout", "timeout" }, { results[1][2].kind, results[2][2].kind })
      assert.is_true(core.now() - began >= 0.25)
      assert.is_true(results[1][2].elapsed < results[2][2].elapsed)
    end)

    it("closing the client tells those who wait, at once", function()
      new_client { transport = loop.name }
      server:fault { operation = RELEASE, hold = true, to = math.huge }
      local closed = false
      local results = loop.run({ release, release }, function()
        if server:stats().held == 2 and not closed then
          closed = true
          client:close()
        end
      end)
      for n = 1, 2 do assert.same({ "closed", "unknown" }, { results[n][2].kind, results[n][2].outcome }) end
      assert.is_nil((client.transport.polled.session:pollfd())) -- it went with the last of them
    end)

    it("closing the client tells those, too, who wait for another try or for another one's token", function()
      for _, operation in ipairs { "query_agents", "token" } do
        new_client { transport = loop.name, random = function() return 1 end }
        server:reset()
        server:clear()
        server:fault { operation = operation, status = 503, to = math.huge }
        local function query() return client:query_agents(3) end
        local closed_at
        local results = loop.run({ query, query, query }, function()
          local failed = 0
          for _, request in ipairs(server:requests()) do failed = failed + (request.status == 503 and 1 or 0) end
          if failed < (operation == "token" and 1 or 3) or closed_at then return end
          closed_at = core.now()
          client:close()
          client:close() -- what closes twice takes nothing away from those who are to be told
        end)
        for n = 1, 3 do assert.equal("closed", results[n][2].kind) end
        assert.is_true(core.now() - closed_at < 5)
      end
    end)

    it("what has been closed returns an error, and keeps no descriptor", function()
      local files = open_files()
      new_client { transport = loop.name }
      loop.run { release, release }
      client:close()
      local results = loop.run { release }
      assert.equal("closed", results[1][2].kind)
      client = nil
      assert.is_true(open_files() <= files + 4, "more is left than the loop's own, which may have been made in passing")
    end)

    it("one loop after the other uses the client, and so does who has no loop", function()
      new_client { transport = loop.name }
      for _ = 1, 3 do
        assert.equal("applied", loop.run({ release })[1][1].outcome)
        assert.equal("applied", release().outcome)
      end
      assert.equal("applied", (function()
        local result
        local own = require "aicc.loop"
        own.spawn(function() result = release() end)
        own.run()
        return result.outcome
      end)())
    end)

    it("a finalizer inside a task may not yield: its call is refused (or raises, in Lua 5.1), and disturbs nobody", function()
      new_client { transport = loop.name }
      assert(client:access_token())
      local refused, is_called
      local function finalize()
        is_called = true
        local _, err = client:release_agent_by_skill(4, { "9" })
        refused = err
      end
      local results = loop.run { function()
        local proxy = rawget(_G, "newproxy") and newproxy(true) -- luacheck: ignore
        getmetatable(proxy or setmetatable({}, { __gc = finalize })).__gc = finalize
        proxy = nil -- luacheck: ignore
        local raised
        for _ = 1, 3 do raised = raised or not pcall(collectgarbage) end -- plain Lua 5.1 raises what a finalizer raises
        local values = { coroutine.wrap(function() return coroutine.yield(1) end)() } -- what else the program yields
        local own = release()
        return own, values[1], raised
      end }
      local own, value, raised = results[1][1], results[1][2], results[1][3]
      assert.same({ true, 3, "applied", 1 }, { is_called, own.skill_id, own.outcome, value })
      if coroutine.isyieldable then
        assert.same({ "unsupported", "not_sent" }, { refused.kind, refused.outcome })
        assert.matches("by what may not yield", refused.message)
      else
        assert.is_true(raised)
      end
      assert.same({}, (client.transport.polled.owners))
      for _, request in ipairs(server:requests()) do assert.is_nil(request.body:find('"skillId":4', 1, true)) end
    end)

    it("the example does what it says", function()
      local output = child.run(("dofile 'examples/%s.lua'"):format(loop.name))
      local lines = {}
      for line in output:gmatch "[^\n]+" do lines[#lines + 1] = line end
      assert.matches(" on meanwhile$", table.remove(lines))
      table.sort(lines)
      local expected = {}
      for queue = 1, 10 do expected[queue] = ("queue %d: applied"):format(queue) end
      table.sort(expected)
      assert.same(expected, lines)
    end)

    it("a call after the other, from one task and many, leaves nothing behind", function()
      new_client { transport = loop.name }
      loop.run(times(5, function()
        for _ = 1, 20 do assert(release()) end
      end))
      assert.equal(0, under_way())
      assert.is_nil(next(client.transport.polled.owners))
      assert.is_nil(next(client.transport.polled.parked))
      collect()
      assert.is_nil(next(client.transport.polled.watchers))
    end)
  end)
end

-- Whether an error refuses to hold up the loop, before anything has been sent.
local function assert_refused(results, advice)
  local err = results[1][2]
  assert.same({ "unsupported", "not_sent" }, { err.kind, err.outcome })
  assert.matches(advice, err.message)
  assert.equal(0, #server:requests())
end

-- Whether a task's call waited in the loop, with no transport named: whether there were ticks while it hung.
local function waits_in(loop, task)
  server:fault { operation = RELEASE, hold = true }
  local ticks = 0
  local results = loop.run({ task }, function()
    if server:stats().held == 1 then ticks = ticks + 1 end
    if ticks == 3 then server:release_held() end
  end)
  return ticks >= 3, results
end

if loops.cqueues then
  describe("cqueues #loops", function()
    local cqueues = require "cqueues"
    local condition = require "cqueues.condition"

    it("is found by itself; in a coroutine of a thread's own a call is refused, or blocks where that is allowed", function()
      new_client()
      assert.is_true(waits_in(loops.cqueues, release))
      server:clear()
      local function nested() return coroutine.wrap(release)() end
      assert_refused(loops.cqueues.run { nested }, "cqueues would be held up.*wrap.*allow_blocking")
      client:close()
      new_client { allow_blocking = true }
      assert.equal("applied", loops.cqueues.run({ nested })[1][1].outcome)
    end)

    it("is what waits in its threads, also where a client was told of another loop", function()
      if not loops.luv then return pending "this Lua has no other one" end
      new_client { transport = "luv" }
      server:fault { operation = RELEASE, hold = true }
      local ticks = 0
      local results = loops.cqueues.run({ release }, function()
        if server:stats().held == 1 then ticks = ticks + 1 end
        if ticks == 5 then server:release_held() end
      end)
      assert.equal("applied", results[1][1].outcome)
    end)

    it("polls a session itself, with its three methods", function()
      local session = assert(require "aicc.curl".session { base_url = server.base_url, app_key = "sandbox-key" })
      local into, controller = {}, cqueues.new()
      controller:wrap(function()
        assert(session:start("token", nil, { app_key = "sandbox-key", app_secret = "sandbox-secret" }))
        repeat cqueues.poll(session) until session:turn(0, into) == 1
      end)
      assert(controller:loop())
      assert.is_string(into[2].AccessToken)
      session:close()
    end)

    it("with two controllers, each is told of its own calls, and ends", function()
      new_client()
      local told, controllers = {}, { cqueues.new(), cqueues.new() }
      for n, controller in ipairs(controllers) do
        controller:wrap(function()
          for _ = 1, 5 do
            local result = release()
            told[#told + 1] = result.outcome .. n
          end
        end)
      end
      local give_up = core.now() + 20
      while not (controllers[1]:empty() and controllers[2]:empty()) and core.now() < give_up do
        for _, controller in ipairs(controllers) do assert(controller:step(0.001)) end
      end
      table.sort(told)
      assert.equal("applied1 applied1 applied1 applied1 applied1 applied2 applied2 applied2 applied2 applied2",
        table.concat(told, " "))
      assert.same({ true, true }, { controllers[1]:empty(), controllers[2]:empty() })
    end)

    it("with two controllers, one that is told by the other's turn ends, too", function()
      new_client()
      assert(client:access_token())
      server:fault { operation = RELEASE, hold = true, to = 2 }
      local controllers, told = { cqueues.new(), cqueues.new() }, {}
      for n, controller in ipairs(controllers) do
        controller:wrap(function() told[n] = release().outcome end)
      end
      local give_up = core.now() + 20
      local function step(controller)
        assert(controller:step(0.005))
        assert(core.now() < give_up, "it does not end")
      end
      while server:stats().held < 2 do
        step(controllers[1])
        step(controllers[2])
      end
      server:release_held()
      while under_way() > 0 do step(controllers[1]) end
      repeat step(controllers[1]) until controllers[1]:empty()
      local steps = 0
      repeat
        step(controllers[2])
        steps = steps + 1
      until controllers[2]:empty()
      assert.same({ "applied", "applied" }, told)
      assert.is_true(steps <= 5, steps .. " steps: it was not told, but looked when libcurl's next timer was due")
    end)

    it("whose controller is collected takes its calls along: they are never told, and leave nothing", function()
      new_client()
      assert(client:access_token())
      server:fault { operation = RELEASE, hold = true, to = math.huge, apply = true }
      local told, threads = 0, setmetatable({}, { __mode = "v" })
      local function abandon()
        local controller = cqueues.new()
        for n = 1, 3 do
          controller:wrap(function()
            threads[n] = coroutine.running()
            release()
            told = told + 1
          end)
        end
        local give_up = core.now() + 20
        while server:stats().held < 3 and core.now() < give_up do assert(controller:step(0.01)) end
        assert.equal(3, under_way())
      end
      abandon()
      collect()
      assert.is_nil(next(threads))
      assert.equal(0, under_way())
      server:clear()
      server:release_held()
      assert.equal("applied", loops.cqueues.run({ release })[1][1].outcome)
      assert.equal(0, told)
    end)

    it("whose controller is collected while it fetches the token keeps nobody else from fetching one", function()
      new_client { timeout = 5 }
      server:fault { operation = "token", hold = true }
      local function abandon()
        local controller = cqueues.new()
        controller:wrap(release)
        local give_up = core.now() + 20
        while server:stats().held < 1 and core.now() < give_up do assert(controller:step(0.01)) end
      end
      abandon()
      collect()
      local began = core.now()
      assert.equal("applied", loops.cqueues.run({ release })[1][1].outcome)
      assert.is_true(core.now() - began < 5)
    end)

    it("threads that wait for something else are not disturbed", function()
      new_client()
      local bell, order = condition.new(), {}
      local results = loops.cqueues.run {
        function() return bell:wait(20) end,
        function()
          order[1] = release().outcome
          bell:signal()
        end,
      }
      assert.same({ "applied", true }, { order[1], results[1][1] })
    end)
  end)
end

if loops.luv then
  describe("luv #loops", function()
    local uv = require "luv"
    local transport = require "aicc.transport.luv"

    it("is found by itself in what its `spawn` began", function()
      new_client()
      local spawned = 0
      local waited, results = waits_in({
        run = function(tasks, tick)
          local returned
          transport.spawn(function(...)
            spawned = select("#", ...)
            returned = { tasks[1]() }
          end, 1, nil)
          loops.luv.run({ function() while not returned do loops.luv.sleep(0.005) end end }, tick)
          return { returned }
        end,
      }, release)
      assert.same({ true, "applied", 2 }, { waited, results[1][1].outcome, spawned })
    end)

    it("in a callback, or in a coroutine that may be anybody's, a call is refused while it runs", function()
      local results = {}
      for n, options in ipairs { {}, { transport = "luv" }, {} } do
        new_client(options)
        local timer = uv.new_timer()
        timer:start(0, 0, function()
          timer:close()
          if n == 3 then results[1] = { coroutine.wrap(release)() } else results[1] = { release() } end
        end)
        uv.run()
        assert_refused(results, "luv's event loop would be held up.*spawn.*allow_blocking")
        client:close()
      end
    end)

    it("does not count where it does not run: then there is nobody to hold up", function()
      new_client()
      assert.equal("applied", coroutine.wrap(release)().outcome)
    end)

    it("whose handles are all closed takes its calls along: they are never told, and leave nothing", function()
      new_client { transport = "luv" }
      assert(client:access_token())
      server:fault { operation = RELEASE, hold = true, to = math.huge, apply = true }
      local told, threads = 0, setmetatable({}, { __mode = "v" })
      for n = 1, 3 do
        coroutine.wrap(function()
          threads[n] = coroutine.running()
          release()
          told = told + 1
        end)()
      end
      local timer = uv.new_timer()
      timer:start(0, 5, function()
        if server:stats().held == 3 then
          uv.walk(function(handle) if not handle:is_closing() then handle:close() end end)
        end
      end)
      uv.run()
      assert.equal(3, under_way())
      collect()
      assert.is_nil(next(threads))
      assert.equal(0, under_way())
      server:clear()
      server:release_held()
      assert.equal("applied", loops.luv.run({ release })[1][1].outcome)
      assert.equal(0, told)
    end)

    it("whose handles are closed is watched again by the next call, before anything is collected", function()
      new_client { transport = "luv" }
      server:fault { operation = RELEASE, hold = true }
      collectgarbage "stop"
      coroutine.wrap(release)()
      local timer = uv.new_timer()
      timer:start(0, 5, function()
        if server:stats().held == 1 then
          uv.walk(function(handle) if not handle:is_closing() then handle:close() end end)
        end
      end)
      uv.run()
      local results = loops.luv.run { release }
      collectgarbage "restart"
      assert.equal("applied", results[1][1].outcome)
    end)

    it("lets a call that has just been told close its client, and another have the same descriptor", function()
      new_client { transport = "luv" }
      local outcome
      loops.luv.run { function()
        release()
        local fd = client.transport.polled.session:pollfd()
        client:close()
        new_client { transport = "luv" }
        outcome = release().outcome
        assert(client.transport.polled.session:pollfd() == fd, "or nothing is shown")
      end }
      assert.equal("applied", outcome)
    end)

    it("a coroutine that is closed while it waits, for an answer or for another try, is not told, and disturbs nobody", function()
      if not coroutine.close then return pending "this Lua closes no coroutines" end -- luacheck: ignore
      new_client { transport = "luv", random = function() return 1 end }
      server:fault { operation = RELEASE, hold = true }
      server:fault { operation = "query_agents", status = 503, to = math.huge }
      local told, threads, ticks = 0, {}, 0
      local function abandon(call)
        threads[#threads + 1] = require("aicc.transport.luv").spawn(function()
          call()
          told = told + 1
        end)
      end
      abandon(release)
      abandon(function() client:query_agents(3) end)
      local function wait() -- for longer than a retry waits
        while threads or ticks < 60 do loops.luv.sleep(0.005) end
      end
      loops.luv.run({ wait }, function()
        if not threads then
          ticks = ticks + 1
        elseif server:stats().held == 1 and #server:requests() >= 3 then
          for _, thread in ipairs(threads) do assert(coroutine.close(thread)) end -- luacheck: ignore
          threads = nil
          server:release_held()
        end
      end)
      assert.equal(0, told)
      server:clear()
      assert.equal("applied", loops.luv.run({ release })[1][1].outcome)
    end)

    it("has no handle of ours once nobody waits", function()
      new_client { transport = "luv" }
      loops.luv.run { release, release }
      local handles = 0
      uv.walk(function() handles = handles + 1 end)
      assert.equal(0, handles)
    end)
  end)
end

if loops.copas then
  describe("Copas #loops", function()
    local copas = require "copas"

    if copas.removethread then -- 3.0
      it("is found by itself in its threads; elsewhere a call is refused while it runs", function()
        new_client()
        assert.is_true(waits_in(loops.copas, release))
        server:clear()
        local function nested() return coroutine.wrap(release)() end
        assert_refused(loops.copas.run { nested }, "Copas would be held up.*addthread.*allow_blocking")
      end)

      it("whose thread is removed: it is never told, and leaves nothing", function()
        new_client()
        assert(client:access_token())
        server:fault { operation = RELEASE, hold = true, apply = true }
        local told, removed = 0, false
        local thread = copas.addthread(function()
          release()
          told = told + 1
        end)
        loops.copas.run({ function() while not removed or under_way() > 0 do copas.sleep(0.01) end end }, function()
          if server:stats().held == 1 and not removed then
            removed = true
            copas.removethread(thread)
            server:release_held()
          end
        end)
        assert.equal(0, told)
        assert.is_nil(next(client.transport.polled.owners))
      end)
    end

    it("whose loop is stepped no longer never tells of a call", function()
      new_client { transport = "copas" }
      assert(client:access_token())
      server:fault { operation = RELEASE, hold = true, apply = true }
      local told = 0
      copas.addthread(function()
        release()
        told = told + 1
      end)
      local give_up = core.now() + 20
      while server:stats().held < 1 and core.now() < give_up do copas.step(0.01) end
      client:close()
      assert.equal(0, told)
      while told == 0 and core.now() < give_up do copas.step(0.01) end -- it was waiting, and is told that it is closed
      assert.equal(1, told)
    end)
  end)
end

it("a transport whose loop is not installed is a fault of configuration #loops", function()
  local path, cpath = package.path, package.cpath
  for _, name in ipairs { "cqueues", "luv", "copas" } do
    local kept = { package.loaded[name], package.loaded["aicc.transport." .. name] }
    package.loaded[name], package.loaded["aicc.transport." .. name] = nil, nil
    package.path, package.cpath = "lua/?.lua;lua/?/init.lua", ""
    local made, err = aicc.new { base_url = server.base_url, app_key = "k", app_secret = "s", transport = name }
    package.path, package.cpath = path, cpath
    package.loaded[name], package.loaded["aicc.transport." .. name] = kept[1], kept[2]
    assert.same({ nil, "config" }, { made, err.kind })
    assert.matches("transport '" .. name .. "': the module .* is missing: .*lua%-" .. name, err.message)
  end
end)
