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

local tasks = {}          -- coroutine -> true, for those that have not ended
local task_count = 0
local ready = {}          -- array of { coroutine, values... } to be resumed in order
local timers = {}         -- binary heap of { due, order, coroutine }
local timer_order = 0
local waiting = {}        -- session -> { ticket -> coroutine }
local in_flight = {}      -- session -> number of tickets
local fresh = {}          -- session -> true, for those with a call that was started since they were last stepped
local failures = {}       -- errors raised by spawned functions
local is_running = false

local unpack = table.unpack or unpack -- luacheck: ignore

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

--- Runs a function in the loop, beside the others.
-- It begins when the loop runs. An error that it raises is raised again by `run`, once all others have ended, and its variables
-- that are to be closed (`<close>`) are closed at once. A message has the function's traceback behind it; an error of ours has it
-- as `traceback`.
-- @tparam function f
-- @param ... its arguments
function M.spawn(f, ...)
  local thread = coroutine.create(f)
  tasks[thread] = true
  task_count = task_count + 1
  ready[#ready + 1] = { thread, n = select("#", ...), ... }
end

--- Whether the caller is a function that was spawned, and may wait by yielding to the loop.
-- @treturn boolean
function M.is_inside()
  if not is_running then return false end
  local thread = coroutine.running()
  return thread ~= nil and tasks[thread] == true
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
  push_timer(core.now() + seconds, coroutine.running())
  return coroutine.yield()
end

--- Waits inside a spawned function for a call that was started on a session.
-- @tparam userdata session an `aicc.core` session
-- @tparam number ticket what its `start` returned
-- @treturn ?table the call's result
-- @treturn ?table or its error
-- @treturn ?table its facts, where the session tells them
function M.await(session, ticket)
  local tickets = waiting[session]
  if not tickets then
    tickets = {}
    waiting[session] = tickets
  end
  tickets[ticket] = coroutine.running()
  in_flight[session] = (in_flight[session] or 0) + 1
  fresh[session] = true
  return coroutine.yield()
end

-- ---- the loop ----

local function resume(entry)
  local thread = entry[1]
  local ok, problem = coroutine.resume(thread, unpack(entry, 2, entry.n + 1))
  if coroutine.status(thread) ~= "dead" then return end
  tasks[thread] = nil
  task_count = task_count - 1
  if ok then return end
  failures[#failures + 1] = with_traceback(thread, problem)
  close(thread) -- it is no task any more: a call that closing makes waits by itself
end

-- Makes ready whoever waits for a call that has ended.
local function collect(session)
  local tickets = waiting[session]
  local ticket, result, err, facts = session:result()
  while ticket do
    local thread = tickets[ticket]
    if thread then
      tickets[ticket] = nil
      in_flight[session] = in_flight[session] - 1
      ready[#ready + 1] = { thread, n = 3, result, err, facts }
    end
    ticket, result, err, facts = session:result()
  end
  if in_flight[session] == 0 then waiting[session], in_flight[session] = nil, nil end
end

-- Lets a session proceed, for at most so many seconds. Returns true if Ctrl-C ended that.
local function drive(session, seconds)
  fresh[session] = nil
  local _, interrupted = session:step(seconds)
  collect(session)
  return interrupted
end

-- Lets several sessions proceed: all of them are waited for at once, and stepped are those that have something to do.
local function drive_all(seconds)
  local interrupted, sessions = false, {}
  for session in pairs(fresh) do interrupted = drive(session, 0) or interrupted end
  for session in pairs(in_flight) do sessions[#sessions + 1] = session end
  if interrupted or #sessions == 0 then return interrupted end
  local due
  due, interrupted = sessions[1]:wait(sessions, #ready > 0 and 0 or seconds)
  for _, session in ipairs(due) do interrupted = drive(session, 0) or interrupted end
  return interrupted
end

local function wake_timers()
  local now = core.now()
  while timers[1] and timers[1].due <= now do
    ready[#ready + 1] = { pop_timer().thread, n = 1, true }
  end
end

-- Waits until something can go on, and makes that ready. Returns true if Ctrl-C ended the wait.
local function wait()
  if #ready == 0 and not timers[1] and not next(in_flight) then
    error("aicc.loop: a spawned function yielded, and nobody is there to resume it", 0)
  end
  local seconds = timers[1] and math.max(0, timers[1].due - core.now()) or 60
  if #ready > 0 then seconds = 0 end
  local first, interrupted = next(in_flight), false
  if first and next(in_flight, first) then
    interrupted = drive_all(seconds)
  elseif first then
    interrupted = drive(first, seconds)
  elseif seconds > 0 then
    interrupted = not core.sleep(seconds)
  end
  wake_timers()
  return interrupted
end

local function run()
  while task_count > 0 do
    local batch = ready
    ready = {}
    for _, entry in ipairs(batch) do resume(entry) end
    if task_count == 0 then break end
    -- On the main thread the interpreter's own hook raises "interrupted!" by itself; elsewhere this does. A program that has
    -- trapped Ctrl-C ends its work itself, when it sees fit.
    if wait() and not core.interrupted() then error("aicc.loop: interrupted", 0) end
  end
end

-- Gives up whatever is under way. An interrupt may come between any two instructions, so nothing half done is kept.
local function abandon()
  local given_up = tasks
  for session, tickets in pairs(waiting) do
    for ticket in pairs(tickets) do session:cancel(ticket) end
  end
  tasks, task_count, ready, timers, waiting, in_flight, fresh, failures = {}, 0, {}, {}, {}, {}, {}, {}
  for thread in pairs(given_up) do close(thread) end
end

--- Runs until every spawned function has ended, those spawned meanwhile included.
-- Raises the first error that one of them raised, after the others have ended. An interrupt (Ctrl-C) is raised at once, and gives
-- up all that is under way: what had been sent may have been done. May not be called from inside.
function M.run()
  if is_running then error("aicc.loop.run: the loop is running already", 2) end
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
