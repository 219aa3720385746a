--- Waiting inside Copas: one of its threads waits for the session as for a socket, those who call until they are woken.
--
-- Copas from 2.0 on has timers and can wake a thread. The one that Debian packages (1.1.7, for Lua 5.1) has neither: there a
-- caller yields to a queue of ours, and the session's descriptor also tells when to go on. Copas says of no coroutine whether
-- it is one of its threads, but from 3.0 on keeps a list of those, and names those that serve a connection: by itself this
-- transport is chosen in these alone; with `transport = "copas"` in any coroutine. Anywhere else, while the loop runs, a call
-- is refused where Copas tells that it runs (`copas.running`).
-- @module aicc.transport.loops.copas

local copas = require "copas"

local how = {
  name = "copas",
  instead = 'call from a thread of Copas\'s (copas.addthread), or give `transport = "copas"`',
}

-- Inside coxpcall's pcall, for Lua 5.1, the thread that Copas knows is an outer one.
local coxpcall = package.loaded.coxpcall
local running = coxpcall and coxpcall.running or coroutine.running

-- Copas's list of its threads; nil where it has none.
local function find_threads()
  for n = 1, copas.removethread and 60 or 0 do
    local name, value = debug.getupvalue(copas.removethread, n)
    if name == "_threads" and type(value) == "table" then return value end
  end
end

local threads = find_threads()

local function is_known(thread)
  return threads and threads[thread] or copas.getthreadname and copas.getthreadname(thread) ~= tostring(thread)
end

function how.here(is_chosen)
  local thread, is_main = running()
  if thread and not is_main and (is_chosen or is_known(thread)) then return copas end
  if copas.running then return nil, "Copas" end
end

if copas.wakeup then
  function how.sleep(seconds) copas.sleep(seconds) end

  function how.park(waiter)
    waiter.thread = running()
    copas.sleep(-1)
  end

  function how.wake(waiter) copas.wakeup(waiter.thread) end
else
  -- In the place of one of Copas's own: it puts here who yields, and forgets him.
  local queue = { insert = function() end }
  function queue.push(_, waiter, thread) waiter.thread = thread end

  function how.park(waiter) coroutine.yield(waiter, queue) end

  function how.wake(waiter)
    if waiter.thread then copas.addthread(waiter.thread) end -- else it could not yield
  end
end

-- What Copas takes for a socket, from which it can read once the session's descriptor is readable.
local function socket_of(session)
  local is_asked = false
  local socket = {
    getfd = function() return session:pollfd() or -1 end,
    dirty = function() return false end,
    close = function() end,
  }
  function socket.receive()
    is_asked = not is_asked
    if is_asked then return nil, "timeout" end
    return ""
  end
  return socket
end

function how.watch(_, watcher)
  local socket = socket_of(watcher.session)
  copas.addthread(function()
    watcher.thread = coroutine.running()
    while watcher:is_needed() do
      copas.receive(socket)
      watcher:turn_or_rest()
      if how.sleep and not watcher:is_needed() then copas.sleep(0) end -- whoever was woken may call again at once
    end
    watcher:rest()
  end)
end

return how
