-- The scheduler: who runs when, what errors become, and what is left behind.

local core = require "aicc.core"
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
    end)
    loop.run()
    assert.same({ true, false, false }, { seen[1], seen[2], loop.is_inside() })
  end)

  it("of an empty loop take no time", function() loop.run() end)
end)

describe("timers", function()
  it("wake in the order of their times; equal ones in the order in which they were set", function()
    local order = {}
    for n, seconds in ipairs { 0.03, 0.01, 0.02, 0.01, 0, 0.03 } do
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
    assert.has_error(loop.run, "first")
    assert.equal(1, done)
    loop.run() -- nothing is left of it
  end)

  it("may be any value", function()
    local problem = {}
    loop.spawn(function() error(problem) end)
    assert.same({ false, problem }, { pcall(loop.run) })
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
