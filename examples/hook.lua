-- A webhook: an agent has signed off, so unbind the account from the queues that the request names.
--
--     POST /agents/{account}/signed-off
--     X-Hook-Secret: …
--
--     {"queues":[3,4]}
--
-- The same file serves nginx and HAProxy: it knows neither, and answers with a status and JSON. 202: done. 4xx: the request is
-- wrong, and nothing was sent. 5xx: what was done, and for each other queue what went wrong and what the API may have done of it
-- ("not_sent", "rejected", "unknown"). The call may be repeated: to unbind who is not bound does no harm.

local aicc = require "aicc"
local cjson = require "cjson.safe"
local core = require "aicc.core"

local MAX_QUEUES = 100
local DEADLINE = 60 -- seconds for one request, whatever the number of its queues

-- Statuses for the kinds of error that are not the API's refusal.
local STATUS = { argument = 400, guard = 400, throttled = 503, timeout = 504, deadline = 504, unsupported = 500, closed = 500 }

-- What is told of queues that got no turn.
local OUT_OF_TIME = {
  kind = "deadline", outcome = "not_sent", message = ("the request's %d s were over before"):format(DEADLINE),
}

local Hook = {}
Hook.__index = Hook

local function refuse(status, message)
  return status, cjson.encode { error = message }
end

-- The queues that a body names, or nil and what is wrong with it.
local function queues_of(body)
  local request = cjson.decode(body or "")
  local queues = type(request) == "table" and request.queues
  if type(queues) ~= "table" or #queues == 0 then return nil, 'expected {"queues":[…]} with at least one queue' end
  if #queues > MAX_QUEUES then return nil, ("expected at most %d queues"):format(MAX_QUEUES) end
  for _, queue in ipairs(queues) do
    if type(queue) ~= "number" or queue % 1 ~= 0 or queue < 1 or queue > 2 ^ 53 - 1 then
      return nil, "expected queues that are integers from 1"
    end
  end
  return queues
end

-- Whether the caller knows the secret.
function Hook:is_known(secret)
  return type(secret) == "string" and aicc.equal(secret, self.secret)
end

--- Answers one request.
-- @tparam ?string account from the path, decoded
-- @tparam ?string secret the header X-Hook-Secret
-- @tparam ?string body
-- @treturn integer status
-- @treturn string JSON
function Hook:signed_off(account, secret, body)
  if not self:is_known(secret) then return refuse(401, "the X-Hook-Secret is missing or wrong") end
  local queues, problem = queues_of(body)
  if not queues then return refuse(400, problem) end
  local status, answer, ends = 202, { account = account }, core.now() + DEADLINE
  for _, queue in ipairs(queues) do
    local left, result = ends - core.now(), nil
    local err = OUT_OF_TIME
    if left > 0 then result, err = self.client:release_agent_by_skill(queue, { account }, { deadline = left }) end
    if result then
      answer.released = answer.released or {}
      table.insert(answer.released, queue)
    else
      status = math.max(status, STATUS[err.kind] or 502)
      answer.failed = answer.failed or {}
      table.insert(answer.failed, { queue = queue, error = err.kind, outcome = err.outcome, message = err.message })
    end
  end
  return status, cjson.encode(answer)
end

-- What happened in a client, as a counter's name: attempt_ok, attempt_timeout, retry, token, …
local function name_of(event)
  return event.type == "attempt" and "attempt_" .. (event.kind or "ok") or event.type
end

local M = {}

--- Makes the hook, and its client. The API's address, key and secret come from the environment: AICC_BASE_URL, AICC_APP_KEY and
-- AICC_APP_SECRET, or a file that AICC_APP_SECRET_FILE names; so does the callers' secret, HOOK_SECRET.
-- @tparam table options `egress`, and what else `aicc.new` shall get; `count(name)` is called for what happens
-- @treturn table
function M.new(options)
  local secret, count = os.getenv "HOOK_SECRET" or "", options.count
  assert(secret ~= "", "HOOK_SECRET is not set") -- an empty one would let everybody in who sends an empty X-Hook-Secret
  options.count = nil
  options.on_event = function(event) count(name_of(event)) end
  return setmetatable({ secret = secret, client = assert(aicc.new(options)) }, Hook)
end

return M
