--- How fast a job's requests leave: so many a second, and slower after the API has said that it was too many.
--
-- A token bucket that all requests of a job share, as a transport around the client's own. After a 429 everybody waits; then the
-- rate is half of what it was, until ten seconds have passed without another.
-- @module aicc.jobs.pace

local core = require "aicc.core"
local errors = require "aicc.error"

local BURST = 5
local CLEAN = 10   -- seconds without a 429 after which the rate is the set one again
local PAUSE = 1    -- seconds that all wait after a 429 that does not say how long
local ROUNDING = 1e-6 -- of a token: waits end a hair too early
local SLICE = 0.2  -- seconds after which a wait looks up: has the job been interrupted?

local Pace = {}
Pace.__index = Pace

local M = {}

-- The rate at which requests may leave now, or nil for no limit.
local function current_rate(self, now)
  if self.slowed and now - self.throttled_at >= CLEAN then self.slowed = nil end
  local rate = self.slowed or self.rate
  return rate > 0 and rate / self.shares or nil
end

-- Seconds to wait before the next request may leave; nil if it may now, and then it has been counted.
local function wait_before(self)
  local now = self.clock()
  if now < self.paused_until then return self.paused_until - now end
  local rate = current_rate(self, now)
  if not rate then return end
  self.tokens = math.min(BURST, self.tokens + (now - self.filled_at) * rate)
  self.filled_at = now
  if self.tokens < 1 - ROUNDING then return (1 - self.tokens) / rate end
  self.tokens = self.tokens - 1
end

-- The requests a second that left lately, for when no rate was set.
local function measured(self, now)
  return math.max(1, self.requests / math.max(1, now - self.began))
end

-- What a 429 does to all. Those that were under way when the first one came say nothing new.
local function throttled(self, err)
  local now = self.clock()
  local rate = current_rate(self, now)
  if now >= self.paused_until then self.slowed = math.max(0.1, (rate and rate * self.shares or measured(self, now)) / 2) end
  self.paused_until = math.max(self.paused_until, now + math.max(PAUSE, err.retry_after or 0))
  self.throttled_at = self.paused_until
  self.tokens = 1
end

--- One attempt, in its time. `refuse(request)` is asked last, right before it is sent.
-- @tparam table request as for any transport
function Pace:attempt(request)
  local seconds = wait_before(self)
  while seconds do
    self.transport:sleep(math.min(seconds, SLICE))
    local problem = self.refuse(request)
    if problem then return nil, problem end
    seconds = wait_before(self)
  end
  local problem = self.refuse(request)
  if problem then return nil, problem end
  self.requests = self.requests + 1
  local reply, err, facts = self.transport:attempt(request)
  if err and err.kind == "throttled" then throttled(self, err) end
  return reply, err, facts
end

--- Waits, as the transport does.
function Pace:sleep(seconds)
  local ends = self.clock() + seconds
  repeat
    if self.interrupted() then return false end
    local left = ends - self.clock()
    if left > 0 and not self.transport:sleep(math.min(left, SLICE)) then return false end
  until left <= 0
  return true
end

--- Whether others go on while the caller waits.
function Pace:yields() return self.transport:yields() end

--- Whether a coroutine that waits here will ever go on.
function Pace:is_alive(thread) return self.transport:is_alive(thread) end

--- Closes the connections.
function Pace:close() self.transport:close() end

--- Tells how many workers share the rate.
-- @tparam integer shares
function Pace:share(shares) self.shares = math.max(1, shares) end

--- The error of a request that is not sent.
-- @tparam table request
-- @tparam string message
-- @treturn table
function M.refusal(request, message)
  return errors.new { kind = "aborted", operation = request.operation, message = message }
end

--- A pace around a transport.
-- @tparam table transport
-- @tparam table options `rate` (requests a second; 0 for no limit), `refuse(request)` (an error for what is not to be sent any
--   more), `clock()` (seconds; for specs)
-- @treturn table a transport; `requests` counts what it sent
function M.new(transport, options)
  local clock = options.clock or core.now
  return setmetatable({
    transport = transport, rate = options.rate, refuse = options.refuse, clock = clock,
    interrupted = options.interrupted or function() return false end, shares = 1, tokens = BURST,
    filled_at = clock(), began = clock(), paused_until = 0, throttled_at = 0, requests = 0,
  }, Pace)
end

return M
