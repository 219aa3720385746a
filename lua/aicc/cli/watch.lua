--- A job as it goes on, looked at every second until it is done: `aicc status` told to watch.
--
-- On a terminal it is redrawn in place, on the other screen, which is left as it was. Elsewhere each look is a block of lines, or
-- of objects. It only reads, one statement at a time, and less often where that takes long.
-- @module aicc.cli.watch

local core = require "aicc.core"
local dashboard = require "aicc.cli.dashboard"
local effort = require "aicc.cli.effort"
local errors = require "aicc.error"

local M = {}

local SLICE = 0.1   -- seconds after which a change of the terminal's size is seen, and Ctrl-C
local WINDOW = 60   -- seconds over which the speed is measured
local SHARE = 0.2   -- of the time that looks may take

local ENTER, LEAVE, HOME, CLEAR = "\27[?1049h\27[?25l", "\27[?25h\27[?1049l", "\27[H", "\27[2J"
local END_OF_LINE, END_OF_SCREEN = "\27[K", "\27[J"

-- ---- how fast it is ----

-- Remembers how many agents have an outcome, and tells how many have got one a second, lately.
local function new_meter()
  local samples, first, action = {}, 1, nil
  return function(told, now)
    if action ~= told.action then samples, first, action = {}, 1, told.action end
    local ended = told.done + told.failed + told.unknown
    samples[#samples + 1] = { at = now, ended = ended }
    while first < #samples - 1 and now - samples[first + 1].at >= WINDOW do
      samples[first] = nil
      first = first + 1
    end
    local oldest = samples[first]
    if now - oldest.at < 1 then return nil end
    return { rate = math.max(0, ended - oldest.ended) / (now - oldest.at), seconds = now - oldest.at }
  end
end

-- ---- where it is shown ----

local function size()
  local width, height = core.terminal_size(1)
  if not width or height == 0 then return 79, 24 end
  return width - 1, height -- the last column stays free: some terminals go on to the next line once it is filled
end

-- A terminal that is redrawn in place, as long as it is this process's: in the background it is the shell's.
local Screen = { is_screen = true }
Screen.__index = Screen

function Screen.begin() core.trap_stop(true) end

function Screen:show(told, facts)
  self.told, self.facts = told, facts
  if not core.is_foreground(1) then return end
  facts.width, facts.height = size()
  local lines = dashboard.lines(told, facts)
  local is_new = self.width ~= facts.width or self.height ~= facts.height
  self.width, self.height = facts.width, facts.height
  io.stdout:write(self.is_entered and "" or ENTER, is_new and CLEAR or "", HOME, table.concat(lines, END_OF_LINE .. "\n"),
    END_OF_LINE, END_OF_SCREEN)
  io.stdout:flush()
  self.is_entered = true
end

-- Leaves the terminal as it was.
function Screen:leave()
  if not self.is_entered then return end
  self.is_entered, self.width = false, nil
  io.stdout:write(LEAVE)
  io.stdout:flush()
end

-- Draws it again if the terminal has got another size, or another screen: after Ctrl-Z (for whose time it is left as it was), and
-- after something else has stopped the process, when the shell has written on it.
function Screen:adapt()
  local signal = core.stop_signal()
  if signal == "stop" then
    self:leave()
    core.stop()
    core.stop_signal() -- that it goes on is known
  end
  if signal then self.is_entered, self.width = false, nil end
  local width, height = size()
  if self.told and (width ~= self.width or height ~= self.height) then self:show(self.told, self.facts) end
end

function Screen:finish()
  self:leave()
  core.trap_stop(false)
end

-- A stream: block after block.
local Stream = {}
Stream.__index = Stream

function Stream:show(told, facts)
  if self.out.json then
    for _, queue in ipairs(told.queues) do
      self.out:emit { event = "queue", skill_id = queue.skill_id, skill_name = queue.skill_name, state = queue.state,
        agents = queue.agents, done = queue.done, failed = queue.failed, unknown = queue.unknown, left = queue.left,
        message = queue.message }
    end
    self.out:emit {
      event = "watch", job = told.name, state = told.state, action = told.action, worker = told.worker, agents = told.agents,
      done = told.done, failed = told.failed, unknown = told.unknown, left = told.left, rate = told.rate, pause = told.pause,
      requests_at_least = told.requests, seconds_at_least = effort.seconds(told.requests, told.rate, 0),
      agents_per_second = facts.speed and facts.speed.rate or nil, message = facts.problem,
    }
  elseif not self.out.quiet then
    io.stdout:write(self.is_next and "\n" or "", table.concat(dashboard.lines(told, facts), "\n"), "\n")
    self.is_next = true
  end
  io.stdout:flush()
end

function Stream.begin() end

function Stream.adapt() end

function Stream.finish() end

local function is_screen(out)
  local kind = os.getenv "TERM"
  return not out.json and not out.quiet and core.is_terminal(1) and kind ~= nil and kind ~= "" and kind ~= "dumb"
end

-- ---- the loop ----

-- Waits so many seconds; false if Ctrl-C came.
local function wait(seconds, view)
  local ends = core.now() + seconds
  repeat
    if core.interrupted() then return false end
    if not core.sleep(math.max(0, math.min(SLICE, ends - core.now()))) then return false end
    view:adapt()
  until core.now() >= ends
  return not core.interrupted()
end

local function is_over(told) return told.state == "finished" or told.state == "undone" end

-- Looks until the job is done. Returns what was seen last, and the error that ended it, if one did.
local function look(source, view, seconds, command)
  local meter, told = new_meter(), nil
  repeat
    local began = core.now()
    local seen, problem = source()
    if not seen and (not told or problem.kind ~= "store") then return told, problem end
    told = seen or told
    local speed = meter(told, core.now())
    problem = problem and problem.message .. ": trying again" or nil
    view:show(told, { now = core.now "realtime", speed = speed, problem = problem, command = command })
    if seen and is_over(told) then return told end
  until not wait(math.max(seconds, (core.now() - began) / SHARE), view)
  return told, errors.new { kind = "aborted",
    message = "interrupted; " .. (told.worker and "the job goes on" or "nobody works on the job") }
end

--- Watches a job.
-- @tparam function source returns how far it is (as `job:progress`), or nil and an error. After one of kind "store" it is asked
--   again
-- @tparam number seconds between two looks
-- @tparam table out
-- @tparam function command takes a verb, returns the command that goes on with it
-- @treturn ?table what was seen last
-- @treturn ?table the error that ended it: kind "aborted" after Ctrl-C
-- @treturn boolean whether the last look is among what was printed: what was on a screen of its own is gone
function M.run(source, seconds, out, command)
  local view = setmetatable({ out = out }, is_screen(out) and Screen or Stream)
  local told, err
  view:begin()
  local ran, problem = xpcall(function() told, err = look(source, view, seconds, command) end, function(problem)
    return errors.is_error(problem) and problem or debug.traceback(tostring(problem), 2)
  end)
  view:finish() -- before anything is said of what went wrong
  if not ran then error(problem, 0) end
  return told, err, not view.is_screen
end

return M
