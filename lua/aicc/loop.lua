--- Many calls at once: a small cooperative scheduler.
--
--     local loop = require "aicc.loop"
--     for _, row in ipairs(rows) do
--       loop.spawn(function() print(client:release_agent_by_skill(row.skill, row.accounts)) end)
--     end
--     loop.run()
--
-- Each spawned function is a coroutine. Where a client would wait, for a reply or before a retry, it yields to the loop instead,
-- and the loop drives all sessions and timers. Client code does not change. A call made in a coroutine of the caller's own inside
-- a spawned function cannot reach the loop by yielding, and waits by itself.
-- @module aicc.loop

local core = require("aicc.native").load "aicc.core"
local errors = require "aicc.error"

local M = {}

local tasks = {}             -- coroutine -> true, for those that have not ended
local task_count = 0
local current                -- the one that is running
local ended = {}             -- those whose calls have ended, each with three values that it gets: SLOTS for each
local ended_count = 0        -- slots in use
local ready = {}             -- those that begin, each with its arguments, or whose time has come, with `false`
local ready_count = 0        -- slots in use, likewise; a finalizer may add to them at any moment
local spare = {}             -- another such list, for those that become ready while these are resumed
local timers = {}            -- binary heap of { due, order, thread }
local timer_order = 0
local failures = {}          -- errors raised by spawned functions
local is_running = false
local is_broken = false      -- whether what was under way is still to be given up
local abandon

-- Calls that are waited for, by their session: `tickets` (ticket -> coroutine), `count`, `at` (its place in `sessions`), and
-- `is_fresh` (whether one was started since the session was last stepped). A record outlives its calls, but not its session.
local calls = setmetatable({}, { __mode = "k" })
local sessions = {}          -- those with calls that are waited for
local fresh = {}             -- those of them that are fresh
local stirring = {}          -- those of them that have something to do

local SLOTS = 4
local WAITING = {}           -- what a coroutine yields first that waits here; then a session and a ticket, or nil and a time

local unpack = table.unpack or unpack -- luacheck: ignore
local yield, resume, status, may_yield_in = coroutine.yield, coroutine.resume, coroutine.status, core.may_yield_in

-- In LuaJIT, which alone has this among those that call themselves Lua 5.1, core cannot tell.
local isyieldable, running = coroutine.isyieldable, coroutine.running -- luacheck: ignore
if _VERSION == "Lua 5.1" and isyieldable then
  function may_yield_in(thread) return running() == thread and isyieldable() end
end

-- Closes the variables of a coroutine that are to be closed (`<close>`), where Lua has such. What they raise is lost: it ends
-- because of something else.
local function close(thread)
  if coroutine.close then pcall(coroutine.close, thread) end -- luacheck: ignore
end

-- An error that a coroutine raised, with where: at its end if it is a string, as a field if it is one of ours. Any other value is
-- the program's own, and stays as it is.
local function with_traceback(thread, problem)
  if problem == nil then problem = "a spawned function raised nil" end
  if type(problem) == "string" then return debug.traceback(thread, problem) end
  if errors.is_error(problem) and not problem.traceback then problem.traceback = debug.traceback(thread) end
  return problem
end

-- ---- timers: a heap by due time; equal ones in the order in which they were set ----

local function earlier(a, b) return a.due < b.due or (a.due == b.due and a.order < b.order) end

local function push_timer(due, thread)
  timer_order = timer_order + 1
  local timer, at = { due = due, order = timer_order, thread = thread }, #timers + 1
  while at > 1 do
    local parent = math.floor(at / 2)
    if not earlier(timer, timers[parent]) then break end
    timers[at], at = timers[parent], parent
  end
  timers[at] = timer
end

local function pop_timer()
  local first, last = timers[1], table.remove(timers)
  if first ~= last then
    local at, size = 1, #timers
    while true do
      local child = at * 2
      if child > size then break end
      if child < size and earlier(timers[child + 1], timers[child]) then child = child + 1 end
      if not earlier(timers[child], last) then break end
      timers[at], at = timers[child], child
    end
    timers[at] = last
  end
  return first
end

-- ---- what spawned functions do ----

local function make_ready(thread, arguments)
  local at = ready_count
  ready[at + 1], ready[at + 2] = thread, arguments
  ready_count = at + 2
end

-- Makes a coroutine one of ours, with its arguments. Where memory runs out meanwhile it is none.
local function admit(thread, arguments)
  local at = ready_count
  ready[at + 1], ready[at + 2] = thread, arguments
  tasks[thread] = true
  task_count, ready_count = task_count + 1, at + 2
end

--- Runs a function in the loop, beside the others.
-- It begins when the loop runs. An error that it raises is raised again by `run`, once all others have ended, and its variables
-- that are to be closed (`<close>`) are closed at once. A message is followed by the function's traceback; an error of ours has
-- it as `traceback`.
-- @tparam function f
-- @param ... its arguments
function M.spawn(f, ...)
  if is_broken then abandon() end
  admit(coroutine.create(f), { n = select("#", ...), ... })
end

-- Spawns f(1, ...) to f(count, ...).
local function spawn_all(count, f, ...)
  for number = 1, count do M.spawn(f, number, ...) end
end

-- Takes those back that were made ready beyond so many slots, and have not begun.
local function take_back(before)
  for at = before + 1, ready_count, 2 do
    local thread = ready[at]
    if tasks[thread] then
      tasks[thread] = nil
      task_count = task_count - 1
    end
    ready[at], ready[at + 1] = false, false
  end
  ready_count = before
end

--- Spawns a function several times, with a number from 1 and the arguments, and runs the loop. Where they cannot all be spawned,
-- for want of memory, none of them begins: not later either, when somebody else runs the loop.
-- @tparam integer count
-- @tparam function f
-- @param ... its arguments, after the number
function M.run_several(count, f, ...)
  if is_broken then abandon() end
  local before = ready_count
  local ok, problem = pcall(spawn_all, count, f, ...)
  if not ok then
    take_back(before)
    error(problem, 0)
  end
  M.run()
end

--- Whether the caller is a function that was spawned, and may wait by yielding to the loop. What a function of C's calls in it,
-- a finalizer, say, may not. (In plain Lua 5.1 and in 5.2 that cannot be told; there it raises where it would have to wait, and
-- nothing is sent.)
-- @treturn boolean
function M.is_inside()
  return current ~= nil and may_yield_in(current)
end

--- Whether `run` is running, whoever asks.
-- @treturn boolean
function M.is_running() return is_running end

--- Whether a coroutine is one that was spawned and has neither ended nor been given up.
-- @tparam thread thread
-- @treturn boolean
function M.is_task(thread) return tasks[thread] == true end

--- Waits inside a spawned function while the others go on.
-- @tparam number seconds
-- @treturn boolean true
function M.sleep(seconds)
  if not M.is_inside() then error("aicc.loop.sleep: only a spawned function can wait in the loop", 2) end
  return yield(WAITING, nil, core.now() + seconds)
end

--- Waits inside a spawned function for a call that was started on a session.
-- @tparam userdata session an `aicc.core` session
-- @tparam number ticket what its `start` returned
-- @treturn ?table the call's result
-- @treturn ?table or its error
-- @treturn ?table its facts, where the session tells them
function M.await(session, ticket)
  return yield(WAITING, session, ticket)
end

-- ---- the loop ----

-- Notes what a coroutine waits for. Not before it has yielded: one that may not would get the answer in place of another one.
local function expect(thread, session, ticket)
  local record = calls[session]
  if not record then
    record = { tickets = {}, count = 0, is_fresh = false }
    calls[session] = record
  end
  record.tickets[ticket] = thread
  record.count = record.count + 1
  if not record.at then
    record.at = #sessions + 1
    sessions[record.at] = session
  end
  if not record.is_fresh then
    record.is_fresh = true
    fresh[#fresh + 1] = session
  end
end

-- What is to be done once a coroutine has yielded or ended: with what `coroutine.resume` returned.
local function note(thread, ok, problem, session, what)
  current = nil
  if problem == WAITING then
    if session then expect(thread, session, what) else push_timer(what, thread) end
    return
  end
  if status(thread) ~= "dead" then return end
  tasks[thread] = nil
  task_count = task_count - 1
  if ok then return end
  failures[#failures + 1] = with_traceback(thread, problem)
  close(thread) -- it is no task any more: a call that closing makes waits by itself
end

-- Where nobody tells what may not yield, a call has been started when yielding raises: it must not be sent. It is withdrawn
-- before its session is stepped by anybody: by the next call, or by the loop.
if not isyieldable then
  local is_inside, await, plain_note = M.is_inside, M.await, note
  local asked, asked_ticket -- started by a coroutine that has not yielded yet

  local function withdraw()
    local session = asked
    asked = nil
    if session then session:cancel(asked_ticket) end
  end

  function M.is_inside()
    withdraw()
    return is_inside()
  end

  function M.await(session, ticket)
    asked, asked_ticket = session, ticket
    return await(session, ticket)
  end

  function note(thread, ok, problem, session, what)
    if problem == WAITING and session == asked and what == asked_ticket then asked = nil end
    withdraw()
    return plain_note(thread, ok, problem, session, what)
  end
end

-- Resumes those whose calls have ended. The list holds nothing of theirs any more then.
local function resume_ended()
  local list, count = ended, ended_count
  ended_count = 0
  for at = 1, count, SLOTS do
    local thread, result, err, facts = list[at], list[at + 1], list[at + 2], list[at + 3]
    list[at], list[at + 1], list[at + 2], list[at + 3] = false, false, false, false
    current = thread
    note(thread, resume(thread, result or nil, err or nil, facts or nil))
  end
end

-- Resumes those that are ready, but not those who become so meanwhile.
local function resume_ready()
  local list, count = ready, ready_count
  ready, ready_count, spare = spare, 0, list
  for at = 1, count, 2 do
    local thread, arguments = list[at], list[at + 1]
    list[at], list[at + 1] = false, false
    current = thread
    if arguments then
      note(thread, resume(thread, unpack(arguments, 1, arguments.n)))
    else
      note(thread, resume(thread, true))
    end
  end
end

-- Takes a session whose calls have all ended off the list; the last one takes its place there.
local function drop(record)
  local last = sessions[#sessions]
  sessions[record.at], calls[last].at = last, record.at
  sessions[#sessions], record.at = nil, nil
end

-- Lets a session proceed, for at most so many seconds, and makes ready whoever waits for a call that has ended. Returns true if
-- Ctrl-C ended that.
local function drive(session, seconds)
  local record = calls[session]
  record.is_fresh = false
  local count, _, interrupted = session:turn(seconds, ended, ended_count, record.tickets)
  ended_count = ended_count + count * SLOTS
  record.count = record.count - count
  if record.count == 0 and record.at then drop(record) end
  return interrupted
end

-- Lets several sessions proceed: all of them are waited for at once, and stepped are those that have something to do.
local function drive_all(seconds)
  local interrupted, started = false, fresh
  fresh = {}
  for _, session in ipairs(started) do interrupted = drive(session, 0) or interrupted end
  if interrupted or #sessions == 0 then return interrupted end
  local count
  count, interrupted = sessions[1]:wait(sessions, ended_count + ready_count > 0 and 0 or seconds, stirring)
  for i = 1, count do interrupted = drive(stirring[i], 0) or interrupted end
  for i = 1, count do stirring[i] = nil end
  return interrupted
end

local function wake_timers()
  if not timers[1] then return end
  local now = core.now()
  while timers[1] and timers[1].due <= now do make_ready(pop_timer().thread, false) end
end

-- Waits until something can go on, and makes that ready. Returns true if Ctrl-C ended the wait.
local function wait()
  if ready_count == 0 and not timers[1] and not sessions[1] then
    error("aicc.loop: a spawned function yielded, and nobody is there to resume it", 0)
  end
  local seconds, interrupted = 60, false
  if ready_count > 0 then seconds = 0 elseif timers[1] then seconds = math.max(0, timers[1].due - core.now()) end
  if sessions[2] then
    interrupted = drive_all(seconds)
  elseif sessions[1] then
    fresh[1] = nil
    interrupted = drive(sessions[1], seconds)
  elseif seconds > 0 then
    interrupted = not core.sleep(seconds)
  end
  wake_timers()
  return interrupted
end

local function run()
  while task_count > 0 do
    resume_ended()
    resume_ready()
    if task_count == 0 then break end
    -- On the main thread the interpreter's own hook raises "interrupted!" by itself; elsewhere this does. A program that has
    -- trapped Ctrl-C ends its work itself, when it sees fit.
    if wait() and not core.interrupted() then error("aicc.loop: interrupted", 0) end
  end
end

-- Gives up whatever is under way. An interrupt may come between any two instructions, so nothing half done is kept; and where
-- there is no memory for new tables, that is left to whoever spawns or runs next.
function abandon()
  is_broken = true
  for _, session in ipairs(sessions) do
    for ticket in pairs(calls[session].tickets) do session:cancel(ticket) end
  end
  local a, b, c, d, e, f, g, h, i = {}, {}, {}, {}, {}, {}, {}, {}, {}
  local records, given_up = setmetatable({}, { __mode = "k" }), tasks
  tasks, timers, failures, ended, ready, spare, sessions, fresh, stirring, calls = a, b, c, d, e, f, g, h, i, records
  task_count, current, ended_count, ready_count, is_broken = 0, nil, 0, 0, false
  for thread in pairs(given_up) do close(thread) end
end

--- Runs until every spawned function has ended, those spawned meanwhile included.
-- Raises the first error that one of them raised, after the others have ended. An interrupt (Ctrl-C) is raised at once, and gives
-- up all that is under way: what had been sent may have been done. May not be called from inside.
function M.run()
  if is_running then error("aicc.loop.run: the loop is running already", 2) end
  if is_broken then abandon() end
  is_running = true
  local ok, problem = pcall(run)
  is_running = false
  if not ok then
    abandon()
    error(problem, 0)
  end
  local first = failures[1]
  failures = {}
  if first ~= nil then error(first, 0) end
end

return M
