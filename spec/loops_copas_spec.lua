-- Calls inside Copas: what is its own. (What is the same in every loop: loops_spec.)

local core = require "aicc.core"
local loops = require "spec.support.loops"
local scene = require "spec.support.loop_scene"

local RELEASE = "release_agent_by_skill"

local here = scene()

if loops.copas then
  describe("Copas #loops", function()
    local copas = require "copas"

    if copas.removethread then -- 3.0
      it("is found by itself in its threads; elsewhere a call is refused while it runs", function()
        here.new_client()
        assert.is_true(here.waits_in(loops.copas, here.release))
        here.server:clear()
        local function nested() return coroutine.wrap(here.release)() end
        here.assert_refused(loops.copas.run { nested }, "Copas would be held up.*addthread.*allow_blocking")
      end)

      it("whose thread is removed: it is never told, and leaves nothing", function()
        here.new_client()
        assert(here.client:access_token())
        here.server:fault { operation = RELEASE, hold = true, apply = true }
        local told, removed = 0, false
        local thread = copas.addthread(function()
          here.release()
          told = told + 1
        end)
        loops.copas.run({ function() while not removed or here.under_way() > 0 do copas.sleep(0.01) end end }, function()
          if here.server:stats().held == 1 and not removed then
            removed = true
            copas.removethread(thread)
            here.server:release_held()
          end
        end)
        assert.equal(0, told)
        assert.is_nil(next(here.client.transport.polled.owners))
      end)
    end

    it("whose loop is stepped no longer never tells of a call", function()
      here.new_client { transport = "copas" }
      assert(here.client:access_token())
      here.server:fault { operation = RELEASE, hold = true, apply = true }
      local told = 0
      copas.addthread(function()
        here.release()
        told = told + 1
      end)
      local give_up = core.now() + 20
      while here.server:stats().held < 1 and core.now() < give_up do copas.step(0.01) end
      here.client:close()
      assert.equal(0, told)
      while told == 0 and core.now() < give_up do copas.step(0.01) end -- it was waiting, and is told that it is closed
      assert.equal(1, told)
    end)
  end)
end
