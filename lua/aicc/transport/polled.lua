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
--    readable (`turn_or_rest` where an error ends that), while `watcher:is_needed()`, and `watcher:rest()` at the end. Where a
--    coroutine does that, it is `watcher.thread`. May return a function that ends it at once
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

local MOMENT = 0.01 -- seconds after which a turn is taken again for which there was no memory

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

--- Whether anybody waits, or is still to be woken.
-- @treturn boolean
function Watcher:is_needed() return next(self.waiting) ~= nil or self.sleepers[1] ~= nil or self.shared.is_short end

-- Who waits for a call, or for a time (`due`). All its fields are there from the beginning.
local function new_waiter(how, owner, ticket, due)
  return {
    how = how, owner = owner, ticket = ticket, due = due, thread = false, is_parked = false, is_awake = false,
    result = false, err = false, facts = false, problem = false,
  }
end

-- Those whose time has come.
local function due_sleepers(watcher, awake)
  local sleepers, now = watcher.sleepers, core.now()
  local at = 1
  while sleepers[at] and sleepers[at].due <= now do
    sleepers[at].is_awake = true
    awake[#awake + 1] = sleepers[at]
    at = at + 1
  end
  if sleepers[at] then watcher.session:alarm(math.max(0, sleepers[at].due - now)) end
end

-- Who waits for a call gets what it came to, or the error that was raised while that was read. All of this has its place already:
-- it needs no memory.
local function tell(shared, ticket, result, err, facts, problem)
  local owner = shared.owners[ticket]
  local waiter = owner and owner.waiting[ticket]
  shared.owners[ticket] = nil
  if not waiter then return false end -- it has been abandoned
  waiter.result, waiter.err, waiter.facts, waiter.problem = result or false, err or false, facts, problem
  waiter.is_awake = true
  return waiter
end

-- Those whose calls have ended. Each has what its call came to before anything can fail.
local function ended_waiters(watcher, awake)
  local shared, ended, behind = watcher.shared, {}, 0
  repeat
    local count, _, _, unread, problem = watcher.session:turn(0, ended, behind)
    for at = behind + 1, behind + count * 4, 4 do
      ended[at] = tell(shared, ended[at], ended[at + 1], ended[at + 2], ended[at + 3], false)
    end
    if unread and tell(shared, unread, false, false, false, problem) then shared.is_short = true end -- and so it is found
    behind = behind + count * 4
  until not unread
  for at = 1, behind, 4 do awake[#awake + 1] = ended[at] or nil end
end

-- Those who have been told, and were not woken because memory ran out: in any loop.
local function stranded_waiters(shared, awake)
  for _, watcher in pairs(shared.watchers) do
    for _, waiter in pairs(watcher.waiting) do
      if waiter.is_awake then awake[#awake + 1] = waiter end
    end
  end
  shared.is_short = false
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

-- Whether a waiter still waits. Its coroutine may have been closed, and may have gone on because it could not yield.
local function is_parked(waiter)
  return waiter.is_parked and (not waiter.thread or stands_in(waiter.thread, waiter.how.park))
end

-- What Lua says where it gets no memory, or none for a stack.
local function is_of_memory(problem)
  return type(problem) == "string" and (problem:find("not enough memory", 1, true) or problem:find("stack overflow", 1, true))
end

-- Takes a waiter off its watcher's lists.
local function forget(waiter)
  local owner = waiter.owner
  if waiter.ticket then
    owner.waiting[waiter.ticket] = nil
    return
  end
  for at, sleeper in ipairs(owner.sleepers) do
    if sleeper == waiter then return table.remove(owner.sleepers, at) end
  end
end

-- Puts it back.
local function remember(waiter)
  local owner = waiter.owner
  if waiter.ticket then owner.waiting[waiter.ticket] = waiter else table.insert(owner.sleepers, 1, waiter) end
end

-- Wakes all of them, whatever one does that wakes. Returns whether one raised, and the first error.
local function wake(watcher, awake)
  local shared, failed, problem = watcher.shared, false, nil
  for _, waiter in ipairs(awake) do
    local how, owner, ok, raised = waiter.how, waiter.owner, true, nil
    shared.at_hand = waiter
    forget(waiter) -- first: whoever is woken may close the client, and make another one
    if is_parked(waiter) then ok, raised = pcall(how.wake, waiter) end
    if not ok and is_of_memory(raised) and is_parked(waiter) then
      remember(waiter)
      shared.is_short = true
    elseif not ok and not failed then
      failed, problem = true, raised
    end
    if shared.at_hand == waiter then shared.at_hand = false end
    if owner ~= watcher and owner.how.rouse then owner.how.rouse(owner) end
  end
  return failed, problem
end

local function take_turn(watcher)
  local shared = watcher.shared
  local awake = { shared.at_hand or nil }
  if not is_yieldable then withdraw_unparked(shared) end
  ended_waiters(watcher, awake)
  due_sleepers(watcher, awake)
  if shared.is_short then stranded_waiters(shared, awake) end
  return wake(watcher, awake)
end

--- Lets the session go on, and wakes those whose calls have ended. Where there is no memory for that, it is done in a moment.
-- Raises what one raised that was woken, after all of them.
function Watcher:turn()
  local shared = self.shared
  local ok, failed, problem = pcall(take_turn, self)
  if not ok and not is_of_memory(failed) then error(failed, 0) end
  if not ok then shared.is_short = true end
  if shared.is_short then self.session:alarm(shared.is_closed and 0 or MOMENT) end
  if ok and failed then error(problem, 0) end
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

-- Calls what yields, protected: nobody who got an error there is woken later, or taken for one who waits, wherever he is by then.
-- (Lua 5.1 cannot yield through that.)
local function try(f, argument)
  if is_yieldable then return pcall(f, argument) end
  f(argument)
  return true
end

local function park(waiter)
  waiter.is_parked = true
  waiter.how.park(waiter)
end

-- Parks the caller until it is woken by the watcher, which is begun if it is not there.
local function wait(self, loop, watcher, waiter)
  local how, thread = waiter.how, coroutine.running()
  local is_dead = watcher.thread and coroutine.status(watcher.thread) == "dead" -- there was no memory to wait with
  if not watcher.is_watching or is_dead then
    watcher.is_watching, watcher.thread = true, nil
    local ok, stop = pcall(how.watch, loop, watcher)
    if not ok then
      watcher.is_watching = false
      error(stop, 0)
    end
    if watcher.is_watching then watcher.stop = stop end -- it may have ended already
  end
  self.parked[thread] = waiter
  local ok, problem = true, nil
  while ok and not waiter.is_awake do ok, problem = try(park, waiter) end
  self.parked[thread], waiter.is_parked = nil, false
  if not ok then error(problem, 0) end
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
  local watcher = watcher_of(self, how, loop)
  local waiter = new_waiter(how, watcher, ticket, false)
  watcher.waiting[ticket], self.owners[ticket] = waiter, watcher
  if not is_yieldable then self.begun[ticket] = coroutine.running() end
  wait(self, loop, watcher, waiter)
  if waiter.problem then error(waiter.problem, 0) end
  return waiter.result or nil, waiter.err or nil, waiter.facts or nil
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
    local ok, problem = try(how.sleep, seconds)
    parked[thread] = nil
    if not ok then error(problem, 0) end
    return true
  end
  if not session:pollfd() then return false end
  local watcher = watcher_of(self, how, loop)
  local waiter = new_waiter(how, watcher, false, core.now() + seconds)
  local sleepers = watcher.sleepers
  local at = #sleepers + 1
  while at > 1 and sleepers[at - 1].due > waiter.due do at = at - 1 end
  table.insert(sleepers, at, waiter)
  if at == 1 then session:alarm(self.is_short and math.min(seconds, MOMENT) or seconds) end
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
    -- The descriptor stays until that has been heard.
    if watcher.sleepers[1] or self.is_short then self.session:alarm(0) end
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
    is_short = false, -- whether somebody who has been told may be still to be woken, for want of memory
    at_hand = false,  -- who is being woken
    watchers = setmetatable({}, { __mode = "kv" }), -- by their loops
    owners = setmetatable({}, { __mode = "v" }),    -- by the tickets of the calls that are under way
    parked = setmetatable({}, { __mode = "kv" }),   -- coroutines that wait, and for what
    begun = setmetatable({}, { __mode = "v" }),     -- who has started a call since the last turn, by tickets; before Lua 5.3
  }, Polled)
end

return M
