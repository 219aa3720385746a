--- Waiting inside cqueues: a thread of the controller's waits for the session, those who call for conditions.
--
-- By itself it is chosen where `cqueues.running()` says that the caller is a thread of a controller's, and not a coroutine that
-- such a thread has made.
-- @module aicc.transport.loops.cqueues

local cqueues = require "cqueues"
local condition = require "cqueues.condition"

local how = {
  name = "cqueues",
  instead = "call from a function that was given to the controller's `wrap`, not from a coroutine that it makes",
}

function how.here()
  local controller, is_thread = cqueues.running()
  if not controller then return end
  if not is_thread then return nil, "cqueues" end
  return controller
end

function how.sleep(seconds) cqueues.sleep(seconds) end

function how.park(waiter)
  waiter.bell = waiter.bell or condition.new()
  waiter.bell:wait()
end

function how.wake(waiter)
  if waiter.bell then waiter.bell:signal() end
end

function how.watch(controller, watcher)
  watcher.bell = watcher.bell or condition.new()
  controller:wrap(function()
    watcher.thread = coroutine.running()
    while watcher:is_needed() do
      cqueues.poll(watcher.session, watcher.bell)
      watcher:turn_or_rest()
      if not watcher:is_needed() then cqueues.poll(0) end -- whoever was woken may call again at once
    end
    watcher:rest()
  end)
end

function how.rouse(watcher)
  if watcher.bell then watcher.bell:signal() end
end

return how
