--- How fast a job's requests leave: so many a second, and slower after the API has said that it was too many.
--
-- A token bucket that all requests of a job share, as a transport around the client's own. After a 429 everybody waits; then the
-- rate is half of what it was, until ten seconds have passed without another. What is to wait for longer than anybody should, or
-- past its own deadline, comes back as an error instead.
-- @module aicc.jobs.pace

local core = require "aicc.core"
local errors = require "aicc.error"

local BURST = 5
local CLEAN = 10   -- seconds without a 429 after which the rate is the set one again
local PAUSE = 1    -- seconds that all wait after a 429 that does not say how long
local ROUNDING = 1e-6 -- of a token: waits end a hair too early
local PATIENCE = 60 -- seconds; who is told to wait longer stops instead
local SLICE = 0.2  -- seconds after which a wait looks up: has the job been interrupted?

local Pace = {}
Pace.__index = Pace

local M = {}

--- Requests that leave at once, before the rate holds.
M.BURST = BURST

--- How many queues are worked at once: as many as were asked for, but not more than the client has requests under way. What
-- would wait for its turn behind that has passed the last look at whether it is still to be sent.
-- @tparam table options `concurrency`, `client`
-- @treturn integer
function M.concurrency(options)
  return math.min(options.concurrency, options.client:limits().max_in_flight)
end

--- How much longer calls may take because of the rate: below one request a second their turns come late.
-- @tparam number rate requests a second; 0 for no limit
-- @treturn number 1 or more
function M.slowness(rate) return rate > 0 and math.max(1, 1 / rate) or 1 end

local function ignore() end

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

local function expired(request)
  return errors.new {
    kind = "deadline", operation = request.operation, message = "its turn did not come before its deadline: the rate is too low",
  }
end

-- Begins a pause for all, or makes it longer. Answers that were under way when the first 429 came say nothing new of the rate.
local function pause(self, now, seconds)
  local rate = current_rate(self, now)
  local is_first = now >= self.paused_until
  if is_first then self.slowed = math.max(0.1, (rate and rate * self.shares or measured(self, now)) / 2) end
  self.paused_until = math.max(self.paused_until, now + seconds)
  self.throttled_at = self.paused_until
  self.tokens, self.filled_at = 1, math.max(self.filled_at, self.paused_until) -- no burst comes after it
  if is_first then self.on_pause(seconds, self.slowed) end
end

-- What a 429 does to all.
local function throttled(self, err)
  local seconds = math.max(PAUSE, err.retry_after or 0)
  if seconds <= self.patience then return pause(self, self.clock(), seconds) end
  self.ended = self.ended or err
  self.on_end(err)
end

-- Why a request is not to be sent any more, or nil.
local function refusal_of(self, request, timeout)
  if self.ended then
    return M.refusal(request, ("the API asks to be left alone for %.0f s"):format(self.ended.retry_after))
  end
  return self.refuse(request, timeout)
end

-- Waits for a request's turn. Returns the seconds that this took, or nil and why it is not to be sent.
local function await_turn(self, request, timeout, deadline)
  local began = self.clock()
  local seconds = wait_before(self)
  while seconds do
    if self.clock() - began + seconds >= deadline then return nil, expired(request) end
    self.transport:sleep(math.min(seconds, SLICE))
    local problem = refusal_of(self, request, timeout)
    if problem then return nil, problem end
    seconds = wait_before(self)
  end
  local problem = refusal_of(self, request, timeout)
  if problem then return nil, problem end
  return self.clock() - began
end

--- One attempt, in its time. `refuse(request, timeout)` is asked last, right before it is sent.
-- @tparam table request this and the rest as for any transport
-- @tparam ?string token
-- @tparam number timeout
-- @tparam number deadline for the wait too
function Pace:attempt(request, token, timeout, deadline)
  local waited, problem = await_turn(self, request, timeout, deadline)
  if not waited then return nil, problem end
  local left = math.max(0, deadline - waited)
  self.requests = self.requests + 1
  self.on_request()
  local reply, err, facts = self.transport:attempt(request, token, math.min(timeout, left), left)
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

--- How much longer all wait because of a 429.
-- @treturn number seconds; 0 or less if nobody does
function Pace:pause_left() return self.paused_until - self.clock() end

--- Tells how many workers share the rate.
-- @tparam integer shares
function Pace:share(shares) self.shares = math.max(1, shares) end

--- Keeps a pause that another worker of the job was told to make, and goes on no faster than it does. (A pause that is known
-- already comes back a little late or early.)
-- @tparam number seconds until it ends; below 0 since it has ended
-- @tparam number rate requests a second of the whole job, from its end on
function Pace:heed(seconds, rate)
  local ends = self.clock() + seconds
  if seconds <= -CLEAN or ends <= self.paused_until + SLICE then return end
  self.slowed, self.paused_until, self.throttled_at = rate, ends, ends
  self.tokens, self.filled_at = math.min(self.tokens, 1), math.max(self.filled_at, ends)
end

--- The error of a request that is not sent.
-- @tparam table request
-- @tparam string message
-- @treturn table
function M.refusal(request, message)
  return errors.new { kind = "aborted", operation = request.operation, message = message }
end

--- A pace around a transport.
-- @tparam table transport
-- @tparam table options `rate` (requests a second; 0 for no limit), `refuse(request, timeout)` (an error for what is not to be
--   sent any more), `patience` (60 seconds: after a Retry-After above it nothing is sent any more), `on_request()` (one leaves),
--   `on_pause(seconds, rate)` (all wait, then go on at that rate), `on_end(err)` (there was more to wait for than the
--   patience), `clock()` (seconds; for specs)
-- @treturn table a transport; `requests` counts what it sent
function M.new(transport, options)
  local clock = options.clock or core.now
  return setmetatable({
    transport = transport, rate = options.rate, refuse = options.refuse, clock = clock,
    interrupted = options.interrupted or function() return false end, patience = options.patience or PATIENCE,
    on_request = options.on_request or ignore, on_pause = options.on_pause or ignore, on_end = options.on_end or ignore,
    shares = 1, tokens = BURST,
    filled_at = clock(), began = clock(), paused_until = 0, throttled_at = 0, requests = 0,
  }, Pace)
end

return M
