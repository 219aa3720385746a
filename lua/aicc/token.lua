--- Tokens: fetched once, shared by all who need them, never used dead (semantics.md, section 4).
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

local REFUSALS = { [400] = true, [401] = true, [403] = true }

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

-- Waits a little for somebody else, but not beyond the deadline. False when interrupted.
local function pause(self, call) return self.sleep(math.max(0, math.min(LOCK_SLICE, call:remaining()))) end

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
  if kept == nil and problem then self.emit { type = "warning", message = "token store: " .. problem } end
end

-- What the store gave, as a usable token; or nil, and the failure that is remembered or the store's own.
local function usable(self, entry, problem)
  if not entry then return nil, problem end
  local now = self.now()
  if entry.failure then return nil, now < entry.ends and errors.copy(entry.failure) or nil end
  return now < entry.hard and entry.token ~= secret.of(self).refused and entry.token or nil
end

-- Remembers a fetch that failed: a refusal, so that nobody asks again for a while; or, while the old token lives, that it is to
-- be used for a while longer.
local function remember_failure(self, err, entry, have)
  local till = self.now() + NEGATIVE
  if have then
    local longer = {}
    for name, value in pairs(entry) do longer[name] = value end
    longer.soft = till
    keep(self, longer)
  elseif REFUSALS[err.status] then
    keep(self, { failure = errors.copy(err), lifetime = NEGATIVE, ends = till })
  end
end

-- Fetches, under the store's lock. `have`: the token to replace while it still lives; then whoever holds the lock is not waited
-- for, and a single attempt must do.
local function fetch(self, call, have, flight)
  local locked
  if have then locked = self.store:lock(self.key, patience(call)) else locked = lock(self, call) end
  if have and not locked then return have end
  flight.locked = locked
  local entry, problem = self.store:get(self.key, true)
  local token, err = usable(self, entry, problem)
  if not err and (not token or token == have) then -- else somebody was faster
    local asked_at = self.now()
    local reply
    reply, err = self.request(have and call:aside "token" or call)
    if reply then
      entry = entry_of(self, reply, asked_at)
      token = entry.token
      if token == secret.of(self).refused then secret.of(self).refused = nil end -- given again: so it is good
      keep(self, entry)
      self.emit { type = "token", lifetime = entry.lifetime }
    else
      remember_failure(self, err, entry, token and have)
      token = nil
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

-- Fetches as the only one in this Lua state; what comes is also for those who wait meanwhile.
local function lead(self, call, have)
  if self.flight then forget(self, self.flight) end
  local flight = {
    thread = self.transport:yields() and coroutine.running() or nil, began = self.now(), aside = have ~= nil,
    timeout = call.timeout, had = call:remaining(),
  }
  self.flight = flight
  local got, err = fetch(self, call, have, flight)
  forget(self, flight)
  flight.token, flight.err, flight.ended = got, err, true -- for those who follow
  return got, err
end

-- Whether a flight will never end: an error or an interruption went through it, its coroutine is gone, or it takes far too long.
-- Of a leader that does not yield nobody sees more than what it left behind.
local function is_lost(self, flight)
  return not flight.thread or coroutine.status(flight.thread) == "dead" or not self.transport:is_alive(flight.thread)
    or self.now() - flight.began > flight.timeout + GRACE
end

-- Whether a flight failed for a reason of its leader's: an interruption, less time than this call has, or less need.
local function is_leaders_own(flight, call)
  local kind = flight.err and flight.err.kind
  if kind and flight.aside then return true end
  if kind == "timeout" then return call.timeout > flight.timeout or call:remaining() > flight.had end
  return kind == "deadline" or kind == "aborted"
end

-- Waits for somebody else's fetch. Returns nothing when it brought nothing for us.
local function follow(self, call, flight)
  while not flight.ended and not is_lost(self, flight) do
    if call:remaining() <= 0 then return nil, call:expired() end
    if not pause(self, call) then return nil, call:interrupted() end
  end
  if flight.ended and not is_leaders_own(flight, call) then return flight.token, flight.err end
  forget(self, flight)
end

--- A token that will live for as long as an attempt may take.
-- @tparam table call the call that needs it (`aicc.call`)
-- @treturn ?string
-- @treturn ?table the error
function Source:get(call)
  while true do
    local entry, problem = self.store:get(self.key)
    local token, failure = usable(self, entry, problem)
    if failure then return nil, failure end
    if token then
      local is_due = self.now() >= entry.soft and entry.soft < entry.hard
      if not is_due or (self.flight and not is_lost(self, self.flight)) then return token end
      return lead(self, call, token) or token
    end
    -- Where waiting would keep the leader from going on, following it would never end.
    if not self.flight or not self.transport:yields() then return lead(self, call) end
    local shared, err = follow(self, call, self.flight)
    if shared or err then return shared, err and errors.copy(err) end
  end
end

--- Forgets a token that the server refused, unless a newer one is there already.
-- @tparam string token
function Source:invalidate(token)
  secret.of(self).refused = token -- the store may be unable to forget it
  local entry = self.store:get(self.key, true)
  if entry and entry.token == token then keep(self, nil) end
end

--- A source of tokens for one app key.
-- @tparam table options `store`; `key` (what the store calls it); `request(call)` that fetches; `now()` (seconds that run on
--   while the machine sleeps); `sleep(seconds)`; `transport` (for its `yields` and `is_alive`); `random()`; `timeout` (seconds
--   of an attempt); `emit(event)`
-- @treturn table
function M.new(options) return setmetatable(options, Source) end

--- The name of a client's token in a store. Tokens of two addresses are two tokens, and so are their refusals.
-- @tparam table settings
-- @treturn string 16 hex digits
function M.key(settings)
  local parts = { settings.base_url, settings.app_key, settings.tenant_space_id or "" }
  if settings.token_url ~= settings.base_url then parts[4] = settings.token_url end
  return core.hash(table.concat(parts, "\n"))
end

return M
