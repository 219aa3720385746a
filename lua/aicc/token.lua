--- Tokens: fetched once, shared by all who need them, never used dead (doc/semantics.md, section 4).
--
-- A lifetime L counts from the instant before the request left. `hard` seconds before its end nobody uses the token any more;
-- `soft` seconds before it one caller fetches the next while the others go on with the old one.
-- @module aicc.token

local core = require "aicc.core"
local errors = require "aicc.error"
local secret = require "aicc.secret"

local NEGATIVE = 10         -- seconds for which a refused key and secret, or a refresh that failed, are not tried again
local ODD_LIFETIME = 60     -- seconds that a token lives whose Expires makes no sense
local LOCK_SLICE = 0.02     -- seconds between two tries to take a lock
local GRACE = 5             -- seconds beyond an attempt's after which whoever fetches is taken for dead
local START = 1             -- seconds after which a fetch that was to begin on its own is taken for one that never will
local MOMENT = 0.5          -- seconds for which strangers share a failure, the first time
local LONGEST_WAIT = 60     -- seconds that a server's Retry-After can ask for

local REFUSALS = { [400] = true, [401] = true, [403] = true }

-- What a fetch fails with that says nothing of the server.
local OWN = { deadline = true, aborted = true, closed = true, unsupported = true, store = true }

local WEAK = { __mode = "v" }

local Source = {}
Source.__index = Source

local M = {}

--- The seconds that a reply's `Expires` says, if it says so properly.
-- @param expires the field, as it came
-- @treturn ?number 1..86400, or nil
function M.lifetime(expires)
  local seconds = expires
  if type(expires) == "string" then seconds = #expires <= 5 and expires:find "^%d+$" and tonumber(expires) end
  if type(seconds) == "number" and seconds >= 1 and seconds <= 86400 and seconds % 1 == 0 then return math.floor(seconds) end
end

--- The windows before a token's end, in seconds.
-- @tparam number lifetime seconds
-- @tparam number timeout seconds that an attempt may take
-- @tparam number random 0..1, so that many processes do not refresh at once
-- @treturn number hard
-- @treturn number soft
function M.windows(lifetime, timeout, random)
  local hard = math.min(math.max(0.05 * lifetime, timeout + 5), lifetime / 2)
  return hard, math.max(0.2 * lifetime * (0.9 + 0.1 * random), hard)
end

-- What the store gets for a reply.
local function entry_of(self, reply, asked_at)
  local lifetime = M.lifetime(reply.Expires)
  if not lifetime then
    lifetime = ODD_LIFETIME
    self.emit { type = "warning", message = ("the token's Expires is no number of seconds (it is a %s): taken for %d"):format(
      type(reply.Expires), ODD_LIFETIME) }
  end
  local hard, soft = M.windows(lifetime, self.timeout, self.random())
  local ends = asked_at + lifetime
  return { token = reply.AccessToken, lifetime = lifetime, ends = ends, hard = ends - hard, soft = ends - soft }
end

-- Waits a little for somebody else, but not beyond the deadline: until the bell rings, if there is one. False when interrupted.
local function pause(self, call, bell)
  if bell then return bell.wait(math.max(0, math.min(START, call:remaining()))) end
  return self.sleep(math.max(0, math.min(LOCK_SLICE, call:remaining())))
end

-- So many seconds a fetch may seem to be under way. One that tries again may take longer: then others fetch too.
local function patience(call) return call.timeout + GRACE end

-- Takes the store's lock; false when its holder seems dead, or a third of the call's time is spent: that costs a fetch too many.
local function lock(self, call)
  local till = call:remaining() - math.min(patience(call), call:remaining() / 3)
  local slept = 0 -- a clock that was given may stand still
  while not self.store:lock(self.key, patience(call)) do
    if call:remaining() <= till or slept >= patience(call) or not pause(self, call) then return false end
    slept = slept + LOCK_SLICE
  end
  return true
end

-- Puts an entry into the store, or nothing in its place. One that cannot be kept can still be used.
local function keep(self, entry)
  local kept, problem = self.store:set(self.key, entry)
  if kept == nil and problem then self.emit { type = "warning", message = "token cache: " .. problem } end
end

-- What the store gave, as a usable token; or nil, and the failure that is remembered or the store's own.
local function usable(self, entry, now, problem)
  if not entry then return nil, problem end
  if entry.failure then return nil, now < entry.ends and errors.copy(entry.failure) or nil end
  if now >= entry.hard or self.has_refused and entry.token == secret.of(self).refused then return nil end
  return entry.token
end

-- The seconds for which a failure is everybody's. In a host strangers call, as many as there are: each of them would ask again,
-- so they share it for a moment, which doubles from failure to failure. A program's own calls are few, and wait for themselves.
local function moment(self, call, err)
  if REFUSALS[err.status] or err.kind == "auth" then return NEGATIVE end -- by the server, or by a proxy
  local is_own = OWN[err.kind] or err.kind == "timeout" and math.min(call.timeout, call.deadline) < self.timeout
  if is_own or not self.transport.serves_strangers then return end
  self.failures = self.failures + 1
  local wait = math.min(NEGATIVE, MOMENT * 2 ^ (self.failures - 1))
  return math.max(wait, math.min(err.retry_after or 0, LONGEST_WAIT))
end

-- Remembers a fetch that failed, so that nobody asks again for a while; or, while the old token lives, that it is to be used for
-- a while longer. Returns the token that somebody else has fetched meanwhile, if so: one who was taken for dead, or who did not
-- get the lock, must not put its failure in that one's place.
local function remember_failure(self, call, err, have)
  local entry = self.store:get(self.key, true)
  local token = usable(self, entry, self.now())
  if token and token ~= have then return token end
  if token then
    local longer = {}
    for name, value in pairs(entry) do longer[name] = value end
    longer.soft = self.now() + NEGATIVE
    keep(self, longer)
    return
  end
  local seconds = moment(self, call, err)
  if seconds then keep(self, { failure = errors.copy(err), lifetime = seconds, ends = self.now() + seconds }) end
end

-- Fetches, under the store's lock. `have`: the token to replace while it still lives; then whoever holds the lock is not waited
-- for, and a single attempt must do.
local function fetch(self, call, have, flight)
  local locked
  if have then locked = self.store:lock(self.key, patience(call)) else locked = lock(self, call) end
  if have and not locked then return have end
  flight.locked = locked
  local entry, problem = self.store:get(self.key, true)
  local token, err = usable(self, entry, self.now(), problem)
  if not err and (not token or token == have) then -- else somebody was faster
    local asked_at = self.now()
    local reply
    reply, err = self.request(have and call:aside "token" or call)
    if reply then
      entry = entry_of(self, reply, asked_at)
      token = entry.token
      if token == secret.of(self).refused then secret.of(self).refused = nil end -- given again: so it is good
      keep(self, entry)
      self.failures = 0
      self.emit { type = "token", lifetime = entry.lifetime }
    else
      token = remember_failure(self, call, err, token and have)
      if token then err = nil end
    end
  end
  return token, err
end

-- Forgets a flight that is over or lost; what it still holds goes too.
local function forget(self, flight)
  if flight.locked then self.store:unlock(self.key) end
  flight.locked = false
  if self.flight == flight then self.flight = nil end
end

-- Flies: fetches, and tells who waits for it.
local function fly(self, call, have, flight)
  local got, err = fetch(self, call, have, flight)
  forget(self, flight)
  flight.token, flight.err, flight.ended = got, err, true -- for those who follow
end

-- Has the host fly on its own, where it can: then nobody's request has to live for as long as that takes. False where it cannot.
local function fly_apart(self, call, have, flight)
  local host = self.transport
  if not host.apart or not host:yields() or self.now() < (self.grounded or 0) then return false end
  flight.bell = host:bell()
  flight.apart = host:apart(function()
    if self.flight ~= flight then return end -- it was given up: this comes too late
    flight.runs = true
    local done, problem = pcall(fly, self, call, have, flight)
    if not done then
      forget(self, flight)
      flight.raised = { problem }
    end
    if flight.bell then flight.bell.ring() end
    if not done then error(problem, 0) end -- for the host's log: of a refresh nobody waits for it
  end)
  if not flight.apart then flight.bell = nil end -- nobody would ring it
  return flight.apart
end

-- Waits for a fetch. Returns nothing when it brought nothing for us.
local follow

-- Fetches as the only one in this Lua state; what comes is also for those who wait meanwhile.
local function lead(self, call, have)
  if self.flight then forget(self, self.flight) end
  local flight = { leader = call, began = self.now(), aside = have ~= nil, timeout = call.timeout, had = call:remaining() }
  self.flight = flight
  if fly_apart(self, call, have, flight) then
    if have then return have end
    return follow(self, call, flight)
  end
  if self.transport:yields() then
    flight.thread = setmetatable({ coroutine.running() }, WEAK) -- one that its event loop gives up is nobody's then
  end
  fly(self, call, have, flight)
  return flight.token, flight.err
end

-- Whether a flight will never end: an error or an interruption went through it, its coroutine is gone, or it takes far too long.
-- Of a leader that does not yield nobody sees more than what it left behind.
local function is_lost(self, flight)
  if flight.apart then
    local age = self.now() - flight.began
    return flight.raised ~= nil or age > flight.timeout + GRACE or not flight.runs and age > START
  end
  local thread = flight.thread and flight.thread[1]
  return not thread or coroutine.status(thread) == "dead" or not self.transport:is_alive(thread)
    or self.now() - flight.began > flight.timeout + GRACE
end

-- Whether a flight failed for a reason of its leader's: an interruption, less time than this call has, or less need.
local function is_leaders_own(flight, call)
  local kind = flight.err and flight.err.kind
  if kind and flight.aside then return true end
  if kind == "timeout" then return call.timeout > flight.timeout or call:remaining() > flight.had end
  return kind == "deadline" or kind == "aborted"
end

function follow(self, call, flight)
  while not flight.ended and not is_lost(self, flight) do
    if call:remaining() <= 0 then return nil, call:expired() end
    if not pause(self, call, flight.bell) then return nil, call:interrupted() end
  end
  if flight.ended and (flight.leader == call or not is_leaders_own(flight, call)) then return flight.token, flight.err end
  if flight.raised then error(flight.raised[1], 0) end -- as it would have where the host has no `apart`
  if flight.apart and not flight.runs then self.grounded = self.now() + NEGATIVE end -- a host short of timers, say
  forget(self, flight)
end

--- A token that will live for as long as an attempt may take.
-- @tparam table call the call that needs it (`aicc.call`)
-- @treturn ?string
-- @treturn ?table the error
function Source:get(call)
  while true do
    local entry, problem = self.store:get(self.key)
    local now = self.now()
    if entry and entry.token and now < entry.soft and now < entry.hard and not self.has_refused then -- as nearly always
      self.failures = 0
      return entry.token
    end
    local token, failure = usable(self, entry, now, problem)
    if failure then return nil, failure end
    if token then
      self.failures = 0 -- whoever fetched it
      local is_due = now >= entry.soft and entry.soft < entry.hard
      if not is_due or (self.flight and not is_lost(self, self.flight)) then return token end
      return lead(self, call, token) or token
    end
    -- Where waiting would keep the leader from going on, following it would never end.
    local shared, err
    if self.flight and self.transport:yields() then
      shared, err = follow(self, call, self.flight)
    else
      shared, err = lead(self, call)
    end
    if shared or err then return shared, err and errors.copy(err) end
  end
end

--- Forgets a token that the server refused, unless a newer one is there already.
-- @tparam string token
function Source:invalidate(token)
  self.has_refused, secret.of(self).refused = true, token -- the store may be unable to forget it
  local entry = self.store:get(self.key, true)
  if entry and entry.token == token then keep(self, nil) end
end

--- A source of tokens for one app key.
-- @tparam table options `store`; `key` (what the store calls it); `request(call)` that fetches; `now()` (seconds that run on
--   while the machine sleeps); `sleep(seconds)`; `transport` (for its `yields`, `is_alive`, and what else `aicc.transport.egress`
--   has for tokens); `random()`; `timeout` (seconds of an attempt); `emit(event)`
-- @treturn table
function M.new(options)
  options.failures, options.has_refused = 0, false
  return setmetatable(options, Source)
end

--- The name of a client's token in a store. Tokens of two addresses are two tokens, and so are their refusals.
-- @tparam table settings
-- @treturn string 16 hex digits
function M.key(settings)
  local parts = { settings.base_url, settings.app_key, settings.tenant_space_id or "" }
  if settings.token_url ~= settings.base_url then parts[4] = settings.token_url end
  return core.hash(table.concat(parts, "\n"))
end

return M
