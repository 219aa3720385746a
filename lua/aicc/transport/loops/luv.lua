--- Waiting inside luv (libuv): a poll handle waits for the session, those who call yield and are resumed.
--
-- luv knows no coroutines, so nobody can tell by looking whether one is resumed by its callbacks or by a loop of the program's
-- own, which would take our yield for its next value. By itself the transport is chosen where the coroutine was begun with
-- `spawn`; with `transport = "luv"` any coroutine will do. Anywhere else, while `uv.run` runs, a call is refused: it would hold
-- up all others.
-- @module aicc.transport.loops.luv

local uv = require "luv"
local stands_in = require "aicc.transport.loops.stands_in"

local how = {
  name = "luv",
  instead = 'call from a coroutine, with `transport = "luv"` or begun with require("aicc.transport.luv").spawn',
}

local spawned = setmetatable({}, { __mode = "k" })

-- An error goes to the callback that resumes, as one of a callback's own: luv says what becomes of it.
local function resume(thread, ...)
  local ok, problem = coroutine.resume(thread, ...)
  if ok then return end
  error(type(problem) == "string" and debug.traceback(thread, problem) or problem, 0)
end

function how.here(is_chosen)
  local thread, is_main = coroutine.running()
  if thread and not is_main and (is_chosen or spawned[thread]) then return uv end
  if uv.loop_mode() then return nil, "luv's event loop" end
end

function how.sleep(seconds)
  local timer, thread, is_over = uv.new_timer(), coroutine.running(), false
  uv.update_time()
  timer:start(math.ceil(seconds * 1000), 0, function()
    timer:close()
    is_over = true
    if stands_in(thread, how.sleep) then resume(thread) end
  end)
  while not is_over do coroutine.yield() end
end

function how.park(waiter)
  waiter.thread = coroutine.running()
  coroutine.yield()
end

function how.wake(waiter) resume(waiter.thread) end

function how.watch(_, watcher)
  local handle = uv.new_poll(watcher.session:pollfd())
  watcher.handle = handle
  local function stop()
    if not handle:is_closing() then handle:close() end
    if watcher.handle == handle then watcher:rest() end
    watcher.handle = nil
  end
  handle:start("r", function()
    local ok, problem = pcall(watcher.turn, watcher)
    if not watcher:is_needed() then stop() end
    if not ok then error(problem, 0) end
  end)
  return stop
end

function how.is_lost(watcher) return watcher.handle ~= nil and watcher.handle:is_closing() end

-- Begins a coroutine that is known, see `aicc.transport.luv`.
function how.spawn(f, ...)
  local thread = coroutine.create(f)
  spawned[thread] = true
  resume(thread, ...)
  return thread
end

return how
