--- Calls that wait in somebody else's event loop: cqueues, luv, Copas.
--
-- A session has one descriptor, which is readable when the session is to have a turn. In each loop in which calls wait a
-- watcher waits for it, for as long as there are such calls, takes the turns, and wakes those whose calls have ended. So many
-- calls cost a loop one descriptor, and share the session's connections. A loop is told by a table `how`:
--
--  - `here(is_chosen)`: where the caller can wait by yielding, a value that stands for the loop; else nil, and who would be
--    held up, if anybody. `is_chosen`: the program named this transport itself
--  - `park(waiter)` yields, until `wake(waiter)` lets the caller go on, at once or soon; `waiter` is a table, for both to keep
--    what they need
--  - `watch(loop, watcher)` begins to wait in that loop for `watcher.session:pollfd()`, calls `watcher:turn()` whenever that is
--    readable (`turn_or_rest` where an error ends that), while `watcher:is_needed()`, and `watcher:rest()` at the end. May
--    return a function that ends it at once
--  - `rouse(watcher)`: has it look whether it is needed; where there can be several loops
--  - `is_lost(watcher)`: whether the loop's program has ended what `watch` began; where it can
--  - `sleep(seconds)`, by the loop's timers; nil where it has none: then the session's descriptor tells when it is time
--  - `instead`: what a caller is advised to do where it cannot wait
--
-- Who abandons whom: a loop holds its watcher, and the watcher those who wait; here both are held weakly. When a loop is
-- collected, its watcher goes with it, and cancels the calls that nobody will ever be told of.
--
-- Whoever takes a turn takes all results, so these calls have a session of their own, apart from the one of `aicc.loop`.
-- @module aicc.transport.polled

local core = require "aicc.core"
local errors = require "aicc.error"
local stands_in = require "aicc.transport.loops.stands_in"

local M = {}

-- The loops that are looked for where a program has loaded one.
local LOOPS = { "cqueues", "copas", "luv" }
local loaded = package.loaded

-- Nil before Lua 5.3, but for LuaJIT: there what may not yield raises when it tries to.
local is_yieldable = coroutine.isyieldable -- luacheck: ignore

local function how_in(name) return require("aicc.transport.loops." .. name) end

--- Where the caller can wait by yielding to somebody else's loop.
-- @tparam ?table chosen the `how` of the transport that the program named
-- @treturn ?table the loop's `how`
-- @treturn ?any what stands for the loop; after nil, where somebody would be held up, that, and what to do instead
function M.find(chosen)
  if not (chosen or loaded.cqueues or loaded.luv or loaded.copas) then return end
  local held_up
  for at = 1, #LOOPS + 1 do -- who named a loop, has said of any coroutine that it resumes that; unless another is known to
    local name, how = LOOPS[at], nil
    if not name then how = chosen elseif loaded[name] and not (chosen and chosen.name == name) then how = how_in(name) end
    if how then
      local loop, who = how.here(how == chosen)
      local may_yield = not is_yieldable or is_yieldable()
      if loop ~= nil and may_yield then return how, loop end
      if loop ~= nil then who = ("%s, by what may not yield (a finalizer, say),"):format(how.name) end
      held_up = held_up or who and ("%s would be held up: %s"):format(who, how.instead)
    end
  end
  return nil, held_up
end

local Watcher = {}
Watcher.__index = Watcher

-- Calls a function once the value that is returned is garbage.
local function finalizer(f)
  local newproxy = rawget(_G, "newproxy") -- Lua 5.1 finalizes no tables
  local value = newproxy and newproxy(true) or setmetatable({}, { __gc = f })
  if newproxy then getmetatable(value).__gc = f end
  return value
end

--- Whether anybody waits.
-- @treturn boolean
function Watcher:is_needed() return next(self.waiting) ~= nil or self.sleepers[1] ~= nil end

-- Those whose time has come.
local function due_sleepers(watcher, awake)
  local sleepers, now = watcher.sleepers, core.now()
  while sleepers[1] and sleepers[1].due <= now do
    awake[#awake + 1] = table.remove(sleepers, 1)
  end
  if sleepers[1] then watcher.session:alarm(math.max(0, sleepers[1].due - now)) end
end

-- Those whose calls have ended, with what they came to; in `owners` the watchers that they belong to.
local function ended_waiters(watcher, awake, owners)
  local shared, ended = watcher.shared, {}
  for at = 1, watcher.session:turn(0, ended) * 4, 4 do
    local ticket = ended[at]
    local owner = shared.owners[ticket]
    local waiter = owner and owner.waiting[ticket]
    if waiter then -- else it has been abandoned
      owner.waiting[ticket], owners[owner] = nil, true
      waiter.result, waiter.err, waiter.facts = ended[at + 1], ended[at + 2], ended[at + 3] or nil
      awake[#awake + 1] = waiter
    end
    shared.owners[ticket] = nil
  end
end

-- Cancels the calls of those who could not yield, and got an error in place of an answer: nothing of them has been sent yet.
local function withdraw_unparked(shared)
  for ticket, thread in pairs(shared.begun) do
    shared.begun[ticket] = nil
    local owner = shared.owners[ticket]
    local waiter = owner and owner.waiting[ticket]
    if waiter and not (shared.parked[thread] == waiter and stands_in(thread, waiter.how.park)) then
      shared.session:cancel(ticket)
      owner.waiting[ticket], shared.owners[ticket] = nil, nil
    end
  end
end

--- Lets the session go on, and wakes those whose calls have ended: all of them, whatever one does that wakes.
function Watcher:turn()
  local awake, owners = {}, {}
  if not is_yieldable then withdraw_unparked(self.shared) end
  ended_waiters(self, awake, owners)
  due_sleepers(self, awake)
  local failed, problem = false, nil
  for _, waiter in ipairs(awake) do
    local how, thread = waiter.how, waiter.thread
    waiter.is_awake = true
    if not thread or stands_in(thread, how.park) then
      local ok, raised = pcall(how.wake, waiter)
      if not ok and not failed then failed, problem = true, raised end
    end
  end
  for owner in pairs(owners) do
    if owner ~= self and owner.how.rouse then owner.how.rouse(owner) end
  end
  if failed then error(problem, 0) end
end

--- Says that it watches no longer. The descriptor of a session that has been closed goes with the last who waited by it.
function Watcher:rest()
  self.is_watching, self.stop = false, nil
  if self.shared.is_closed and not next(self.shared.owners) then self.session:close() end
end

--- The same for a watcher that a raised error ends (of memory, say): then the next call begins another.
function Watcher:turn_or_rest()
  local ok, problem = pcall(self.turn, self)
  if ok then return end
  self:rest()
  error(problem, 0)
end

-- The watcher of a loop. One that was ended from outside takes along those who wait.
local function watcher_of(self, how, loop)
  local watcher = self.watchers[loop]
  if watcher and not (how.is_lost and how.is_lost(watcher)) then return watcher end
  local session, waiting = self.session, {}
  watcher = setmetatable({
    session = session, how = how, shared = self, waiting = waiting, sleepers = {}, is_watching = false,
    guard = finalizer(function()
      for ticket in pairs(waiting) do session:cancel(ticket) end
    end),
  }, Watcher)
  self.watchers[loop] = watcher
  return watcher
end

-- Parks the caller until it is woken by the watcher, which is begun if it is not there.
local function wait(self, loop, watcher, waiter)
  local how, thread = waiter.how, coroutine.running()
  if not watcher.is_watching then
    watcher.is_watching = true
    local stop = how.watch(loop, watcher)
    if watcher.is_watching then watcher.stop = stop end -- it may have ended already
  end
  self.parked[thread] = waiter
  while not waiter.is_awake do how.park(waiter) end
  self.parked[thread] = nil
end

-- ---- what transport/curl.lua asks ----

local Polled = {}
Polled.__index = Polled

--- Waits for a call.
-- @tparam table how as `find` told
-- @param loop likewise
-- @tparam table request this and the rest as for a transport's `attempt` (see `aicc.transport.curl`)
-- @tparam ?string token
-- @tparam number timeout
-- @tparam number deadline
-- @treturn ?table its result
-- @treturn ?table or its error
-- @treturn ?table its facts, where the session tells them
function Polled:call(how, loop, request, token, timeout, deadline)
  local session = self.session
  local descriptor, err = session:pollfd()
  if not descriptor then return nil, errors.copy(err, { operation = request.operation }) end
  local ticket
  ticket, err = session:start(request.operation, token, request.arguments, timeout, deadline, request.headers)
  if not ticket then return nil, err end
  local watcher, waiter = watcher_of(self, how, loop), { how = how }
  watcher.waiting[ticket], self.owners[ticket] = waiter, watcher
  if not is_yieldable then self.begun[ticket] = coroutine.running() end
  wait(self, loop, watcher, waiter)
  return waiter.result, waiter.err, waiter.facts
end

--- Waits.
-- @tparam table how as `find` told
-- @param loop likewise
-- @tparam number seconds
-- @treturn boolean true; false where there is nothing to wait by
function Polled:sleep(how, loop, seconds)
  local session, parked, thread = self.session, self.parked, coroutine.running()
  if how.sleep then
    parked[thread] = true
    how.sleep(seconds)
    parked[thread] = nil
    return true
  end
  if not session:pollfd() then return false end
  local watcher, waiter = watcher_of(self, how, loop), { how = how, due = core.now() + seconds }
  local sleepers = watcher.sleepers
  local at = #sleepers + 1
  while at > 1 and sleepers[at - 1].due > waiter.due do at = at - 1 end
  table.insert(sleepers, at, waiter)
  if at == 1 then session:alarm(seconds) end
  wait(self, loop, watcher, waiter)
  return true
end

--- Whether a coroutine waits here.
-- @tparam thread thread
-- @treturn boolean
function Polled:is_parked(thread) return self.parked[thread] ~= nil end

--- Closes the session. Who waits for a call is told so; who waits by the session's descriptor for a time goes on now.
function Polled:close()
  for _, watcher in pairs(self.watchers) do
    for _, sleeper in ipairs(watcher.sleepers) do sleeper.due = 0 end
    if watcher.sleepers[1] then self.session:alarm(0) end -- the descriptor stays until that has been heard
    if watcher.stop and not watcher:is_needed() then watcher.stop() end
  end
  self.is_closed = true
  self.session:close()
end

--- What waits for a session's calls in the loops of others.
-- @tparam userdata session
-- @treturn table with the methods above
function M.new(session)
  return setmetatable({
    session = session, is_closed = false,
    watchers = setmetatable({}, { __mode = "kv" }), -- by their loops
    owners = setmetatable({}, { __mode = "v" }),    -- by the tickets of the calls that are under way
    parked = setmetatable({}, { __mode = "kv" }),   -- coroutines that wait, and for what
    begun = setmetatable({}, { __mode = "v" }),     -- who has started a call since the last turn, by tickets; before Lua 5.3
  }, Polled)
end

return M
