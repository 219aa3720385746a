--- How far a run is: a bar on a terminal, a line every tenth part on a pipe, events for machines. All on standard error, but the
-- events.
-- @module aicc.cli.progress

local columns = require "aicc.cli.width"
local core = require "aicc.core"
local fold = require "aicc.cli.fold"
local outputs = require "aicc.cli.output"

local Progress = {}
Progress.__index = Progress

local M = {}

local REDRAW = 0.1 -- seconds between two drawings: more often would only flicker
local EVENTS = 1   -- seconds between two events
local MIN_BAR, MIN_TITLE = 10, 12 -- columns

-- All that follows is rounded so that it never says more than is done, or that less is left than there is.

local function clock(seconds)
  seconds = math.ceil(seconds)
  if seconds >= 36000 then return ("%.0f h"):format(math.ceil(seconds / 3600)) end
  return ("%d:%02d"):format(math.floor(seconds / 60), seconds % 60)
end

local function speed(rate)
  if rate >= 10 then return ("%.0f/s"):format(math.floor(rate)) end
  return ("%.1f/s"):format(math.floor(rate * 10) / 10)
end

-- What did not go well: nobody is called failed of whom that is not known.
local function trouble(counts)
  local parts = {}
  for _, name in ipairs { "failed", "unknown" } do
    if counts[name] > 0 then parts[#parts + 1] = ("%d %s"):format(counts[name], name) end
  end
  return #parts > 0 and (" (%s)"):format(table.concat(parts, ", ")) or ""
end

-- The parts of a line: how far in numbers, what is left, and the percentage that is complete, an integer.
local function texts(self, counts, now)
  local ended, total = counts.done + counts.failed + counts.unknown, counts.total
  local rate = ended - self.first
  rate = now > self.began and rate / (now - self.began) or 0
  local left = ("%d/%d"):format(ended, total) .. trouble(counts)
  local right = speed(rate)
  if rate > 0 and ended < total then right = right .. (" %s left"):format(clock((total - ended) / rate)) end
  return left, right, ended >= total and 100 or math.floor(ended * 100 / total)
end

-- The title gives way before the numbers do.
local function bar(self, counts, now)
  local left, right, percent = texts(self, counts, now)
  left, right = (" %s "):format(left), (" %3.0f%% %s"):format(percent, right)
  local width = self.width()
  local room = width - #left - #right - 2
  local title = columns.shortened(self.title, math.max(MIN_TITLE, room - MIN_BAR))
  room = room - #title
  if room < MIN_BAR then return (title .. left .. right):sub(1, width) end
  local filled = math.floor(room * percent / 100)
  return ("%s%s[%s%s]%s"):format(title, left, ("#"):rep(filled), ("."):rep(room - filled), right)
end

local function draw(self, counts, now)
  self.drawn_at, self.line = now, bar(self, counts, now)
  self.stream:write("\r", self.line, "\27[K")
  self.stream:flush()
end

-- A plain line whenever another tenth part is complete, or more of them at once: with the percentage that is.
local function tell(self, counts, now)
  local left, right, percent = texts(self, counts, now)
  local tenth = math.floor(percent / 10)
  if tenth <= self.tenth then return end
  self.tenth = tenth
  self.stream:write(("%s %3d%% %s %s\n"):format(self.title, percent, left, right))
  self.stream:flush()
end

local function emit(self, counts, now)
  self.drawn_at = now
  self.emit { event = "progress", total = counts.total, done = counts.done, failed = counts.failed, unknown = counts.unknown }
end

-- What each kind of output does with the counts, and after how many seconds at the earliest again. A run tells of every request:
-- most of that is let pass, so that it waits neither for a terminal nor for a reader.
local MODES = {
  bar = { show = draw, every = REDRAW, speaks = true },
  lines = { show = tell, every = 0, speaks = true },
  events = { show = emit, every = EVENTS },
  short = { show = function() end, every = 0, speaks = true },
  none = { show = function() end, every = 0 },
}

--- Shows how far the run is.
-- @tparam table counts `total`, `done`, `failed`, `unknown`
function Progress:update(counts)
  local now = self.clock()
  self.counts = counts
  if not self.began then
    self.began, self.first = now, counts.done + counts.failed + counts.unknown
  end
  if now - self.drawn_at >= self.mode.every then self.mode.show(self, counts, now) end
end

--- Prints a line of its own without disturbing the bar.
-- @tparam string text
function Progress:say(text)
  if not self.mode.speaks then return end
  self.stream:write(self.line and "\r\27[K" or "", fold.text(text, fold.width(2)), "\n")
  if self.line then self.stream:write(self.line) end
  self.stream:flush()
end

--- Complains without disturbing the bar, whatever else is printed or not.
-- @tparam string text
function Progress:complain(text)
  if self.line then self.stream:write "\r\27[K" end
  outputs.complain(text)
  if self.line then self.stream:write(self.line) end
  self.stream:flush()
end

--- Leaves the last state standing: of the bar, and for machines.
function Progress:finish()
  if not self.counts then return end
  if self.mode == MODES.events then return emit(self, self.counts, self.clock()) end
  if self.mode ~= MODES.bar then return end
  draw(self, self.counts, self.clock())
  self.stream:write "\n"
  self.line = nil
end

local function mode_of(output)
  if output.mode then return output.mode end
  if output.quiet then return "none" end
  if output.json then return output.is_short and "none" or "events" end
  if core.is_terminal(2) then return "bar" end
  return output.is_short and "short" or "lines"
end

--- Makes one.
-- @tparam string title
-- @tparam table output `json`, `quiet`, `emit(event)`; `is_short`: worth a bar, but neither lines nor events. For specs: `mode`,
--   `stream`, `clock()`, `width()`
-- @treturn table
function M.new(title, output)
  return setmetatable({
    title = title, mode = MODES[mode_of(output)], emit = output.emit, stream = output.stream or io.stderr,
    clock = output.clock or core.now, width = output.width or function() return fold.width(2) end,
    drawn_at = -math.huge, tenth = 0,
  }, Progress)
end

return M
