-- The scheduler: who runs when, what errors become, and what is left behind.

local core = require "aicc.core"
local errors = require "aicc.error"
local loop = require "aicc.loop"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"

describe("tasks", function()
  it("run in the order in which they were spawned, those spawned meanwhile included", function()
    local order = {}
    for n = 1, 3 do
      loop.spawn(function(given)
        order[#order + 1] = given
        if given == 2 then loop.spawn(function() order[#order + 1] = "child" end) end
      end, n)
    end
    loop.run()
    assert.same({ 1, 2, 3, "child" }, order)
  end)

  it("get their arguments, nil and all", function()
    local got
    loop.spawn(function(...) got = { n = select("#", ...), ... } end, nil, "a", nil)
    loop.run()
    assert.same({ n = 3, nil, "a", nil }, got)
  end)

  it("know that they are inside; others are not, and coroutines of their own neither", function()
    local seen = {}
    loop.spawn(function()
      seen[1] = loop.is_inside()
      seen[2] = coroutine.wrap(function() return loop.is_inside() end)()
      seen[3] = coroutine.wrap(function() return loop.is_running() end)()
    end)
    loop.run()
    assert.same({ true, false, true, false, false }, { seen[1], seen[2], seen[3], loop.is_inside(), loop.is_running() })
  end)

  it("of one function are numbered, and run at once; where they cannot be spawned the loop has none of them", function()
    local seen = {}
    loop.run_several(3, function(number, what) seen[number] = what end, "x")
    assert.same({ "x", "x", "x" }, seen)
    assert.is_false(pcall(loop.run_several, 2, "no function"))
    loop.run()
  end)

  it("of an empty loop take no time", function() loop.run() end)
end)

describe("a call where nothing may yield, in what a function of C's calls,", function()
  it("waits by itself, or raises and is not sent", function()
    local server = assert(sandbox.start { agents = { [3] = { "1001", "1002" } } })
    local client = assert(server:client())
    local is_done, agents
    loop.spawn(function()
      assert(client:access_token())
      is_done = pcall(string.gsub, "x", "x", function() assert(client:release_agent_by_skill(3, { "1001" })) end)
      agents = assert(client:query_agents(3)) -- steps the session
    end)
    loop.run()
    -- In Lua 5.1 and 5.2 nobody tells whether a coroutine may yield.
    assert.same({ coroutine.isyieldable ~= nil, is_done and 1 or 2 }, { is_done, #agents })
    client:close()
    server:stop()
  end)
end)

describe("timers", function()
  it("wake in the order of their times; equal ones in the order in which they were set", function()
    local order = {}
    for n, seconds in ipairs { 0.15, 0.05, 0.1, 0.05, 0, 0.15 } do
      loop.spawn(function()
        assert.is_true(loop.sleep(seconds))
        order[#order + 1] = n
      end)
    end
    loop.run()
    assert.equal("5 2 4 3 1 6", table.concat(order, " "))
  end)

  it("in great numbers keep their order, and last as long as the longest", function()
    local began, last, state = core.now(), 0, 7
    for _ = 1, 500 do
      state = state * 16807 % 2147483647
      local seconds = state % 40 / 1000
      loop.spawn(function()
        loop.sleep(seconds)
        assert.is_true(core.now() - began >= seconds)
        last = math.max(last, seconds)
      end)
    end
    loop.run()
    assert.equal(0.039, last)
  end)
end)

describe("an error", function()
  it("in a task is raised by run, once the others have ended", function()
    local done = 0
    loop.spawn(function() error("first", 0) end)
    loop.spawn(function()
      loop.sleep(0.01)
      done = done + 1
      error("second", 0)
    end)
    local ok, problem = pcall(loop.run)
    assert.same({ false, "first" }, { ok, problem:match "^[^\n]*" })
    assert.equal(1, done)
    loop.run() -- nothing is left of it
  end)

  it("may be any value", function()
    local problem = {}
    loop.spawn(function() error(problem) end)
    local _, raised = pcall(loop.run)
    assert.equal(problem, raised)
    assert.is_nil(next(problem))
  end)

  it("has its traceback: behind a message, or as a field of an error of ours", function()
    local function deep(problem)
      error(problem)
      return nil -- no tail call
    end
    for _, problem in ipairs { "boom", errors.new { kind = "network", message = "boom" } } do
      loop.spawn(function()
        deep(problem)
        return nil
      end)
      local _, raised = pcall(loop.run)
      local trace = raised.traceback or raised
      assert.matches("stack traceback:.*in .*deep.*loop_spec", trace)
      if errors.is_error(problem) then assert.equal(problem, raised) end
      if errors.is_error(problem) then assert.equal("aicc: boom [network, not_sent]", tostring(raised)) end
    end
  end)

  it("closes the variables of its task, before the others go on #lua54", function()
    local order = {}
    local task = assert(load [[
      local loop, order, problem = ...
      local outer <close> = setmetatable({}, { __close = function(_, err)
        order[#order + 1] = "outer"
        order.inside, order.err = loop.is_inside(), err
        error "another"
      end })
      local inner <close> = setmetatable({}, { __close = function() order[#order + 1] = "inner" end })
      loop.sleep(0)
      error(problem, 0)]])
    loop.spawn(task, loop, order, "boom")
    loop.spawn(function()
      loop.sleep(0.01)
      order[#order + 1] = "other"
    end)
    local _, problem = pcall(loop.run)
    assert.equal("inner outer other", table.concat(order, " "))
    assert.same({ false, "boom" }, { order.inside, order.err })
    assert.equal("boom", problem:match "^[^\n]*")
  end)

  it("that ends the loop closes the variables of all who are given up #lua54", function()
    local closed = 0
    local task = assert(load [[
      local closing = ...
      local variable <close> = setmetatable({}, { __close = closing })
      coroutine.yield()]])
    for _ = 1, 3 do loop.spawn(task, function() closed = closed + 1 end) end
    assert.has_error(loop.run, "aicc.loop: a spawned function yielded, and nobody is there to resume it")
    assert.equal(3, closed)
    loop.run() -- nothing is left of them
  end)

  it("is a loop in a loop", function()
    local message
    loop.spawn(function() message = scene.nth(2, pcall(loop.run)) end)
    loop.run()
    assert.truthy(message:find "running already")
  end)
end)

describe("calls", function()
  local server

  before_each(function() server = assert(sandbox.start { agents = { [3] = { "1", "2" } } }) end)
  after_each(function() server:stop() end)

  it("are under way together, as many as the window holds", function()
    local client = assert(server:client { max_in_flight = 8 })
    assert(client:access_token())
    server:fault { operation = "query_agents", hold = true, to = 8 }
    local done = 0
    for _ = 1, 100 do
      loop.spawn(function()
        assert(client:query_agents(3))
        done = done + 1
      end)
    end
    loop.spawn(function()
      while server:stats().held < 8 do loop.sleep(0.005) end
      assert.same({ 0, 8 }, { done, server:stats().in_flight })
      server:release_held()
    end)
    loop.run()
    assert.same({ 100, 8 }, { done, server:stats().max_in_flight })
    client:close()
  end)

  it("of two clients share the loop", function()
    local one, two = assert(server:client()), assert(server:client())
    server:fault { operation = "token", hold = true } -- one of them is slow
    local order = {}
    for n, client in ipairs { one, two } do
      loop.spawn(function()
        if n == 2 then while server:stats().held < 1 do loop.sleep(0.005) end end
        assert(client:query_agents(3))
        order[#order + 1] = n
        server:release_held()
      end)
    end
    loop.run()
    assert.same({ 2, 1 }, order)
    one:close()
    two:close()
  end)

  -- Seconds that 5 calls of 20 ms take, one after the other, for each of `count` tasks; `client_of(n)` is the n-th's client.
  local function measure(count, client_of)
    local clients = {}
    for n = 1, count do
      clients[n] = client_of(n)
      assert(clients[n]:access_token())
    end
    server:fault { operation = "query_agents", to = math.huge, delay = 0.02 }
    local began = core.now()
    for n = 1, count do
      loop.spawn(function()
        for _ = 1, 5 do assert(clients[n]:query_agents(3)) end
      end)
    end
    loop.run()
    local took = core.now() - began
    server:clear()
    for n = 1, count do clients[n]:close() end
    return took
  end

  it("of a hundred clients do not wait for each other in turn #slow", function()
    local one = assert(server:client { max_in_flight = 100 })
    local shared = measure(100, function() return one end)
    local apart = measure(100, function() return assert(server:client()) end)
    -- In turns of 5 ms it would take 2.5 s, however fast the machine is.
    assert.is_true(apart < 4 * shared + 0.5, ("%.2f s with a client each, %.2f s with one"):format(apart, shared))
  end)

  it("of many clients that wait take no time of the processor", function()
    local clients = {}
    for n = 1, 20 do
      clients[n] = assert(server:client())
      assert(clients[n]:access_token())
    end
    server:fault { operation = "query_agents", hold = true, to = 20 }
    local used
    for n = 1, 20 do
      loop.spawn(function() assert(clients[n]:query_agents(3)) end)
    end
    loop.spawn(function()
      while server:stats().held < 20 do loop.sleep(0.005) end
      local before = os.clock()
      loop.sleep(0.5)
      used = os.clock() - before
      server:release_held()
    end)
    loop.run()
    for _, client in ipairs(clients) do client:close() end
    assert.is_true(used < 0.1, ("%.3f s of 0.5 s"):format(used))
  end)

  it("in a coroutine of a task's own wait by themselves", function()
    local client = assert(server:client())
    local result
    loop.spawn(function() result = coroutine.wrap(function() return client:query_agents(3) end)() end)
    loop.run()
    assert.equal(2, #result)
    client:close()
  end)

  it("outside a loop are as always, before and after", function()
    local client = assert(server:client())
    assert(client:query_agents(3))
    loop.spawn(function() assert(client:query_agents(3)) end)
    loop.run()
    assert(client:query_agents(3))
    assert.equal(1, server:stats().connections)
    client:close()
  end)

  it("that wait before a retry let the others go on", function()
    local client = assert(server:client { random = function() return 1 end })
    assert(client:access_token())
    server:fault { operation = "release_agent_by_skill", status = 503 }
    local order = {}
    loop.spawn(function()
      assert(client:release_agent_by_skill(3, { "1" }))
      order[#order + 1] = "release"
    end)
    loop.spawn(function()
      while #server:requests() < 2 do loop.sleep(0.005) end
      assert(client:query_agents(3))
      order[#order + 1] = "query"
    end)
    loop.run()
    assert.same({ "query", "release" }, order)
    client:close()
  end)

  it("of a client that is closed meanwhile end", function()
    local client = assert(server:client { max_in_flight = 1 })
    assert(client:access_token())
    server:fault { operation = "query_agents", hold = true, to = math.huge }
    local kinds = {}
    for n = 1, 3 do
      loop.spawn(function() kinds[n] = scene.nth(2, client:query_agents(3)).kind end)
    end
    loop.spawn(function()
      while server:stats().held < 1 do loop.sleep(0.005) end
      client:close()
    end)
    loop.run()
    assert.same({ "closed", "closed", "closed" }, kinds)
    server:release_held()
  end)

  it("leave nothing behind", function()
    local client = assert(server:client())
    for _ = 1, 20 do
      loop.spawn(function() client:query_agents(3) end)
    end
    loop.run()
    client:close()
    local watch = setmetatable({ client }, { __mode = "v" })
    client = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.is_nil(watch[1])
  end)
end)
