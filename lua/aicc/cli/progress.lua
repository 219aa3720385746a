--- How far a run is: a bar on a terminal, a line every tenth part on a pipe, events for machines. All on standard error, but the
-- events.
-- @module aicc.cli.progress

local core = require "aicc.core"

local Progress = {}
Progress.__index = Progress

local M = {}

local REDRAW = 0.1 -- seconds between two drawings: more often would only flicker
local MIN_BAR = 10 -- columns

local function clock(seconds)
  if seconds >= 36000 then return ("%d h"):format(seconds / 3600) end
  return ("%d:%02d"):format(math.floor(seconds / 60), math.floor(seconds % 60))
end

-- The parts of a line: how far in numbers, and what is left.
local function texts(self, counts, now)
  local ended = counts.done + counts.failed + counts.unknown
  local rate = ended - self.first
  rate = now > self.began and rate / (now - self.began) or 0
  local left = ("%d/%d"):format(ended, counts.total)
  local failed = counts.failed + counts.unknown
  if failed > 0 then left = left .. (" (%d failed)"):format(failed) end
  local right = ("%.0f/s"):format(rate)
  if rate > 0 and ended < counts.total then right = right .. (" %s left"):format(clock((counts.total - ended) / rate)) end
  return left, right, counts.total > 0 and ended / counts.total or 1
end

-- One column less than there is: some terminals wrap when the last one is filled.
local function bar(self, counts, now)
  local left, right, part = texts(self, counts, now)
  left = ("%s %s "):format(self.title, left)
  right = (" %3.0f%% %s"):format(math.floor(part * 100), right)
  local room = (core.terminal_width(2) or 80) - 1 - #left - #right - 2
  if room < MIN_BAR then return (left .. right):sub(1, (core.terminal_width(2) or 80) - 1) end
  local filled = math.floor(room * math.min(part, 1))
  return ("%s[%s%s]%s"):format(left, ("#"):rep(filled), ("."):rep(room - filled), right)
end

local function draw(self, counts, now)
  self.drawn_at, self.line = now, bar(self, counts, now)
  self.stream:write("\r", self.line, "\27[K")
  self.stream:flush()
end

-- A plain line for each tenth part that is complete.
local function tell(self, counts, now)
  local left, right, part = texts(self, counts, now)
  local tenth = math.floor(part * 10)
  if tenth <= self.tenth then return end
  self.tenth = tenth
  self.stream:write(("%s %3d%% %s %s\n"):format(self.title, tenth * 10, left, right))
  self.stream:flush()
end

--- Shows how far the run is.
-- @tparam table counts `total`, `done`, `failed`, `unknown`
function Progress:update(counts)
  local now = core.now()
  self.counts = counts
  if not self.began then
    self.began, self.first = now, counts.done + counts.failed + counts.unknown
  end
  if self.mode == "bar" then
    if now - self.drawn_at >= REDRAW then draw(self, counts, now) end
  elseif self.mode == "lines" then
    tell(self, counts, now)
  elseif self.mode == "events" and now - self.drawn_at >= 1 then
    self.drawn_at = now
    self.emit { event = "progress", total = counts.total, done = counts.done, failed = counts.failed, unknown = counts.unknown }
  end
end

--- Prints a line of its own without disturbing the bar.
-- @tparam string text
function Progress:say(text)
  if self.mode == "none" or self.mode == "events" then return end
  self.stream:write(self.line and "\r\27[K" or "", text, "\n")
  if self.line then self.stream:write(self.line) end
  self.stream:flush()
end

--- Leaves the last state of the bar standing.
function Progress:finish()
  if self.mode ~= "bar" or not self.counts then return end
  draw(self, self.counts, core.now())
  self.stream:write "\n"
  self.line = nil
end

--- Makes one.
-- @tparam string title
-- @tparam table output `json`, `quiet`, `emit(event)`
-- @treturn table
function M.new(title, output)
  local mode = output.json and "events" or output.quiet and "none" or core.is_terminal(2) and "bar" or "lines"
  return setmetatable({ title = title, mode = mode, emit = output.emit, stream = io.stderr, drawn_at = 0, tenth = 0 }, Progress)
end

return M
