--- A circuit breaker that all workers or threads share: after so many failures in a row nobody asks any more for a while, then
-- one at a time.
--
-- It is open for 5 s at first, then twice as long after each probe that failed, for a minute at most. A success closes it.
-- @module aicc.webhook.breaker

local MOST_OPEN = 60   -- seconds

local Breaker = {}
Breaker.__index = Breaker

local M = {}

-- What tells that the API, or the way to it, does not work. A refusal of one request tells that it does.
local FAILURES = {
  network = true, timeout = true, tls = true, server = true, http = true, protocol = true, throttled = true, deadline = true,
  auth = true, blocked = true,
}

-- What an error tells of the API, or of the way to it: "works", "fails", or nil: nothing.
local function verdict(err)
  if not err then return "works" end
  return FAILURES[err.kind] and "fails" or err.outcome == "rejected" and "works" or nil
end

-- The seconds for which nobody may ask; nil if somebody may.
local function open_seconds(self)
  local ends = self.shared:get(self.keys.open)
  return ends and math.max(1, math.ceil(ends - self.now())) or nil
end

--- Whether nobody may ask now.
-- @treturn ?integer for how many seconds more
function Breaker:is_open() return open_seconds(self) end

--- Whether a call may be made now. Whoever may, tells with `record` what came of it.
-- @treturn boolean
-- @treturn number seconds after which to ask again, where it may not
-- @treturn boolean whether it is the one that probes
function Breaker:admit()
  if self:failures_in_a_row() < self.failures then return true, 0, false end
  local seconds = open_seconds(self)
  if seconds then return false, seconds, false end
  if not self.shared:add(self.keys.probe, 1, self.patience) then return false, 1, false end
  seconds = open_seconds(self)
  if not seconds then return true, 0, true end
  self.shared:delete(self.keys.probe) -- another probe has failed just now
  return false, seconds, false
end

-- Opens it: each time for longer, while nothing succeeds.
local function open(self)
  local times = self.shared:incr(self.keys.times, 1, 0, 2 * MOST_OPEN + self.patience) or 1
  local seconds = math.min(MOST_OPEN, self.open_for * 2 ^ math.min(10, times - 1))
  self.shared:set(self.keys.open, self.now() + seconds, seconds)
end

--- Tells what came of a call.
-- @tparam ?table err its error; nil after a success
-- @tparam ?boolean is_probe as `admit` said
function Breaker:record(err, is_probe)
  local what = verdict(err)
  if what == "works" and self:failures_in_a_row() > 0 then
    for _, key in ipairs { self.keys.failures, self.keys.open, self.keys.times } do self.shared:delete(key) end
  elseif what == "fails" then
    local n = self.shared:incr(self.keys.failures, 1, 0) or 0
    -- A call that had begun before it opened does not make it longer.
    if n == self.failures or is_probe then open(self) end
  end
  if is_probe then self.shared:delete(self.keys.probe) end
end

--- How many calls have failed in a row.
-- @treturn integer
function Breaker:failures_in_a_row() return self.shared:get(self.keys.failures) or 0 end

--- Makes a breaker.
-- @tparam table options `shared` (an `ngx.shared.DICT` or `aicc.shared`'s part); `name` (of its keys); `now()` (seconds, the same
--   clock for all workers); `failures` (in a row; 10); `open_for` (seconds; 5); `patience` (seconds after which a probe is taken
--   for dead, as it may be if its caller went away: more than a probe can take; 90)
-- @treturn table
function M.new(options)
  local keys = {}
  for _, name in ipairs { "failures", "open", "probe", "times" } do keys[name] = options.name .. " " .. name end
  return setmetatable({
    shared = options.shared, keys = keys, now = options.now, failures = options.failures or 10,
    open_for = options.open_for or 5, patience = options.patience or 90,
  }, Breaker)
end

return M
