--- A sandbox and a client for specs inside the event loops of others: made for each test, and gone after it.
--
--     local here = require "spec.support.loop_scene"()
--     here.new_client { transport = "luv" }
--     assert(here.release())

local assert = require "luassert"
local busted = require "busted"
local sandbox = require "aicc.sandbox"

local before_each, after_each = busted.before_each, busted.after_each

local RELEASE = "release_agent_by_skill"

return function()
  local here = { server = nil, client = nil }

  before_each(function() here.server = assert(sandbox.start { agents = { [3] = { "1001", "1002", "1003" } } }) end)

  after_each(function()
    here.server:release_held()
    if here.client then here.client:close() end
    here.server:stop()
    here.client = nil
  end)

  -- Makes `here.client`.
  function here.new_client(options)
    here.client = assert(here.server:client(options))
    return here.client
  end

  -- A call to wait for.
  function here.release() return here.client:release_agent_by_skill(3, { "1001" }) end

  -- How many calls are under way in the loops of others.
  function here.under_way() return (here.client.transport.polled.session:step(0)) end

  function here.collect()
    for _ = 1, 3 do collectgarbage() end
  end

  -- Whether an error refuses to hold up the loop, before anything has been sent.
  function here.assert_refused(results, advice)
    local err = results[1][2]
    assert.same({ "unsupported", "not_sent" }, { err.kind, err.outcome })
    assert.matches(advice, err.message)
    assert.equal(0, #here.server:requests())
  end

  -- Whether a task's call waited in the loop, with no transport named: whether there were ticks while it hung.
  function here.waits_in(loop, task)
    here.server:fault { operation = RELEASE, hold = true }
    local ticks = 0
    local results = loop.run({ task }, function()
      if here.server:stats().held == 1 then ticks = ticks + 1 end
      if ticks == 3 then here.server:release_held() end
    end)
    return ticks >= 3, results
  end

  return here
end
