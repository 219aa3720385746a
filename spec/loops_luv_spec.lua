-- Calls inside luv: what is its own. (What is the same in every loop: loops_spec.)

local loops = require "spec.support.loops"
local scene = require "spec.support.loop_scene"

local RELEASE = "release_agent_by_skill"

local here = scene()

if loops.luv then
  describe("luv #loops", function()
    local uv = require "luv"
    local transport = require "aicc.transport.luv"

    it("is found by itself in what its `spawn` began", function()
      here.new_client()
      local spawned = 0
      local waited, results = here.waits_in({
        run = function(tasks, tick)
          local returned
          transport.spawn(function(...)
            spawned = select("#", ...)
            returned = { tasks[1]() }
          end, 1, nil)
          loops.luv.run({ function() while not returned do loops.luv.sleep(0.005) end end }, tick)
          return { returned }
        end,
      }, here.release)
      assert.same({ true, "applied", 2 }, { waited, results[1][1].outcome, spawned })
    end)

    it("in a callback, or in a coroutine that may be anybody's, a call is refused while it runs", function()
      local results = {}
      for n, options in ipairs { {}, { transport = "luv" }, {} } do
        here.new_client(options)
        local timer = uv.new_timer()
        timer:start(0, 0, function()
          timer:close()
          if n == 3 then results[1] = { coroutine.wrap(here.release)() } else results[1] = { here.release() } end
        end)
        uv.run()
        here.assert_refused(results, "luv's event loop would be held up.*spawn.*allow_blocking")
        here.client:close()
      end
    end)

    it("does not count where it does not run: then there is nobody to hold up", function()
      here.new_client()
      assert.equal("applied", coroutine.wrap(here.release)().outcome)
    end)

    it("whose handles are all closed takes its calls along: they are never told, and leave nothing", function()
      here.new_client { transport = "luv" }
      assert(here.client:access_token())
      here.server:fault { operation = RELEASE, hold = true, to = math.huge, apply = true }
      local told, threads = 0, setmetatable({}, { __mode = "v" })
      for n = 1, 3 do
        coroutine.wrap(function()
          threads[n] = coroutine.running()
          here.release()
          told = told + 1
        end)()
      end
      local timer = uv.new_timer()
      timer:start(0, 5, function()
        if here.server:stats().held == 3 then
          uv.walk(function(handle) if not handle:is_closing() then handle:close() end end)
        end
      end)
      uv.run()
      assert.equal(3, here.under_way())
      here.collect()
      assert.is_nil(next(threads))
      assert.equal(0, here.under_way())
      here.server:clear()
      here.server:release_held()
      assert.equal("applied", loops.luv.run({ here.release })[1][1].outcome)
      assert.equal(0, told)
    end)

    it("whose handles are closed is watched again by the next call, before anything is collected", function()
      here.new_client { transport = "luv" }
      here.server:fault { operation = RELEASE, hold = true }
      collectgarbage "stop"
      coroutine.wrap(here.release)()
      local timer = uv.new_timer()
      timer:start(0, 5, function()
        if here.server:stats().held == 1 then
          uv.walk(function(handle) if not handle:is_closing() then handle:close() end end)
        end
      end)
      uv.run()
      local results = loops.luv.run { here.release }
      collectgarbage "restart"
      assert.equal("applied", results[1][1].outcome)
    end)

    it("lets a call that has just been told close its client, and another have the same descriptor", function()
      here.new_client { transport = "luv" }
      local outcome
      loops.luv.run { function()
        here.release()
        local fd = here.client.transport.polled.session:pollfd()
        here.client:close()
        here.new_client { transport = "luv" }
        outcome = here.release().outcome
        assert(here.client.transport.polled.session:pollfd() == fd, "or nothing is shown")
      end }
      assert.equal("applied", outcome)
    end)

    it("a coroutine that is closed while it waits, for an answer or for another try, is not told, and disturbs nobody", function()
      if not coroutine.close then return pending "this Lua closes no coroutines" end -- luacheck: ignore
      here.new_client { transport = "luv", random = function() return 1 end }
      here.server:fault { operation = RELEASE, hold = true }
      here.server:fault { operation = "query_agents", status = 503, to = math.huge }
      local told, threads, ticks = 0, {}, 0
      local function abandon(call)
        threads[#threads + 1] = require("aicc.transport.luv").spawn(function()
          call()
          told = told + 1
        end)
      end
      abandon(here.release)
      abandon(function() here.client:query_agents(3) end)
      local function wait() -- for longer than a retry waits
        while threads or ticks < 60 do loops.luv.sleep(0.005) end
      end
      loops.luv.run({ wait }, function()
        if not threads then
          ticks = ticks + 1
        elseif here.server:stats().held == 1 and #here.server:requests() >= 3 then
          for _, thread in ipairs(threads) do assert(coroutine.close(thread)) end -- luacheck: ignore
          threads = nil
          here.server:release_held()
        end
      end)
      assert.equal(0, told)
      here.server:clear()
      assert.equal("applied", loops.luv.run({ here.release })[1][1].outcome)
    end)

    it("has no handle of ours once nobody waits", function()
      here.new_client { transport = "luv" }
      loops.luv.run { here.release, here.release }
      local handles = 0
      uv.walk(function() handles = handles + 1 end)
      assert.equal(0, handles)
    end)
  end)
end
