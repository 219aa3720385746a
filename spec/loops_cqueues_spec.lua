-- Calls inside cqueues: what is its own. (What is the same in every loop: loops_spec.)

local core = require "aicc.core"
local loops = require "spec.support.loops"
local scene = require "spec.support.loop_scene"

local RELEASE = "release_agent_by_skill"

local here = scene()

if loops.cqueues then
  describe("cqueues #loops", function()
    local cqueues = require "cqueues"
    local condition = require "cqueues.condition"

    it("is found by itself; in a coroutine of a thread's own a call is refused, or blocks where that is allowed", function()
      here.new_client()
      assert.is_true(here.waits_in(loops.cqueues, here.release))
      here.server:clear()
      local function nested() return coroutine.wrap(here.release)() end
      here.assert_refused(loops.cqueues.run { nested }, "cqueues would be held up.*wrap.*allow_blocking")
      here.client:close()
      here.new_client { allow_blocking = true }
      assert.equal("applied", loops.cqueues.run({ nested })[1][1].outcome)
    end)

    it("is what waits in its threads, also where a client was told of another loop", function()
      if not loops.luv then return pending "this Lua has no other one" end
      here.new_client { transport = "luv" }
      here.server:fault { operation = RELEASE, hold = true }
      local ticks = 0
      local results = loops.cqueues.run({ here.release }, function()
        if here.server:stats().held == 1 then ticks = ticks + 1 end
        if ticks == 5 then here.server:release_held() end
      end)
      assert.equal("applied", results[1][1].outcome)
    end)

    it("polls a session itself, with its three methods", function()
      local session = assert(require "aicc.curl".session { base_url = here.server.base_url, app_key = "sandbox-key" })
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
      here.new_client()
      local told, controllers = {}, { cqueues.new(), cqueues.new() }
      for n, controller in ipairs(controllers) do
        controller:wrap(function()
          for _ = 1, 5 do
            local result = here.release()
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
      here.new_client()
      assert(here.client:access_token())
      here.server:fault { operation = RELEASE, hold = true, to = 2 }
      local controllers, told = { cqueues.new(), cqueues.new() }, {}
      for n, controller in ipairs(controllers) do
        controller:wrap(function() told[n] = here.release().outcome end)
      end
      local give_up = core.now() + 20
      local function step(controller)
        assert(controller:step(0.005))
        assert(core.now() < give_up, "it does not end")
      end
      while here.server:stats().held < 2 do
        step(controllers[1])
        step(controllers[2])
      end
      here.server:release_held()
      while here.under_way() > 0 do step(controllers[1]) end
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
      here.new_client()
      assert(here.client:access_token())
      here.server:fault { operation = RELEASE, hold = true, to = math.huge, apply = true }
      local told, threads = 0, setmetatable({}, { __mode = "v" })
      local function abandon()
        local controller = cqueues.new()
        for n = 1, 3 do
          controller:wrap(function()
            threads[n] = coroutine.running()
            here.release()
            told = told + 1
          end)
        end
        local give_up = core.now() + 20
        while here.server:stats().held < 3 and core.now() < give_up do assert(controller:step(0.01)) end
        assert.equal(3, here.under_way())
      end
      abandon()
      here.collect()
      assert.is_nil(next(threads))
      assert.equal(0, here.under_way())
      here.server:clear()
      here.server:release_held()
      assert.equal("applied", loops.cqueues.run({ here.release })[1][1].outcome)
      assert.equal(0, told)
    end)

    it("whose controller is collected while it fetches the token keeps nobody else from fetching one", function()
      here.new_client { timeout = 5 }
      here.server:fault { operation = "token", hold = true }
      local function abandon()
        local controller = cqueues.new()
        controller:wrap(here.release)
        local give_up = core.now() + 20
        while here.server:stats().held < 1 and core.now() < give_up do assert(controller:step(0.01)) end
      end
      abandon()
      here.collect()
      local began = core.now()
      assert.equal("applied", loops.cqueues.run({ here.release })[1][1].outcome)
      assert.is_true(core.now() - began < 5)
    end)

    it("threads that wait for something else are not disturbed", function()
      here.new_client()
      local bell, order = condition.new(), {}
      local results = loops.cqueues.run {
        function() return bell:wait(20) end,
        function()
          order[1] = here.release().outcome
          bell:signal()
        end,
      }
      assert.same({ "applied", true }, { order[1], results[1][1] })
    end)
  end)
end
