--- Whether, and when, to try again: a pure function of what happened.
--
-- The only retries there are: libcurl's, nginx's and HAProxy's own are switched off, so that one attempt is at most one request.
-- The rules are those of doc/semantics.md, section 3. The C core says of each error whether it is `retryable` at all: by status
-- in src/reply.c, by libcurl's code in src/curlerror.c.
-- @module aicc.retry

local M = {}

--- What `aicc.new{retry=}` may change.
-- @field attempts how many requests one call may send, the first one included
-- @field base seconds; the first wait after a transient failure is at most that
-- @field throttle_base seconds; the same after a 429
-- @field cap seconds; no wait that we choose is longer
-- @field max_retry_after seconds; a Retry-After above it is returned to the caller instead of slept
-- @field budget tokens of the client's retry budget
M.defaults = { attempts = 4, base = 0.2, throttle_base = 1, cap = 20, max_retry_after = 60, budget = 100 }

--- A `retry` option, completed.
-- @tparam ?table|boolean option a table with some of the fields of `defaults`, or false for a single attempt
-- @tparam ?table from where the other fields come from; `defaults`
-- @treturn table
function M.complete(option, from)
  local complete = {}
  for name, value in pairs(from or M.defaults) do complete[name] = value end
  for name, value in pairs(option or {}) do complete[name] = value end
  if option == false then complete.attempts = 1 end
  return complete
end

local TRANSIENT_COST, THROTTLE_COST = 10, 5

-- Failures that are worth one more attempt and no more: what they have in common, or nil. Settling is not
-- held to that: what a listing shows to be left of a release or bind is sent again while there are attempts.
local function once_key(err)
  if err.kind == "tls" then return "tls" end
  if err.kind == "server" and err.status == 500 then return "500" end
  if err.kind == "protocol" and err.status == 200 and not err.truncated then return "unusable" end
end

-- Seconds before retry number n.
local function backoff(err, n, options)
  if err.kind == "throttled" then
    local d = math.min(options.cap, options.throttle_base * 2 ^ (n - 1))
    return d / 2 + options.random() * d / 2
  end
  return options.random() * math.min(options.cap, options.base * 2 ^ (n - 1))
end

--- Decides what follows a failed attempt.
-- @tparam table err the attempt's error
-- @tparam table history what came before: `attempts` (this one included), `retries`, `reauthenticated`, `once` (keys of failures
--   that were retried and may not be again, if there are any)
-- @tparam table options `attempts`, `base`, `throttle_base`, `cap`, `max_retry_after` as in `defaults`; `random` (0..1); `budget`
--   (tokens left); `remaining` (seconds in which another attempt may begin); `with_token`; `everybody` (aicc.ALL);
--   `settled` (a listing has shown what is still to be done: only the number of attempts, the waits and the budget count)
-- @treturn string "retry", "reauthenticate" or "stop"
-- @treturn ?number seconds to wait before it
-- @treturn ?number what it costs of the budget
-- @treturn ?string the key to remember in `history.once`
function M.decide(err, history, options)
  if err.kind == "auth" and err.status == 401 then
    local may = options.with_token and not history.reauthenticated and history.attempts < options.attempts
    if may then return "reauthenticate", 0, 0 end
    return "stop"
  end
  if history.attempts >= options.attempts then return "stop" end
  -- Whoever was bound since the lost attempt would be unbound too.
  if options.everybody and err.outcome == "unknown" then return "stop" end
  local key = not options.settled and once_key(err) or nil
  if not options.settled and (not err.retryable or history.once and history.once[key]) then return "stop" end
  local cost = err.kind == "throttled" and THROTTLE_COST or TRANSIENT_COST
  if cost > options.budget then return "stop" end
  local wait = backoff(err, history.retries + 1, options)
  if err.retry_after then
    if err.retry_after > options.max_retry_after then return "stop" end
    wait = math.max(wait, err.retry_after)
  end
  if wait >= options.remaining then return "stop" end
  return "retry", wait, cost, key
end

return M
