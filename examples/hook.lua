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
local cjson = require("cjson.safe").new() -- the shared one may have been set up otherwise
local core = require "aicc.core"

cjson.decode_invalid_numbers(false)

local MAX_QUEUES = 100
local DEADLINE = 60 -- seconds for one request, whatever the number of its queues

-- Statuses for the kinds of error that are not the API's refusal.
local STATUS = { throttled = 503, timeout = 504, deadline = 504, unsupported = 500, closed = 500 }

-- What is told of queues that got no turn.
local OUT_OF_TIME = {
  kind = "deadline", outcome = "not_sent", message = ("the request's %d s were over before"):format(DEADLINE),
}

local Hook = {}
Hook.__index = Hook

local function refuse(status, message)
  return status, cjson.encode { error = message }
end

-- The account that a path names, which is as it came: decoded, %2F would be a slash like any other. Nil if it names none.
local function account_of(path)
  local part = path:match "^/agents/([^/?]+)/signed%-off%f[%z?]"
  return part and part:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end)
end

-- The queues that a body names, each once; or nil and what is wrong with it.
local function queues_of(body)
  local request = cjson.decode(body or "")
  local queues = type(request) == "table" and request.queues
  if type(queues) ~= "table" or #queues == 0 then return nil, 'expected {"queues":[…]} with at least one queue' end
  if #queues > MAX_QUEUES then return nil, ("expected at most %d queues"):format(MAX_QUEUES) end
  local distinct, seen = {}, {}
  for _, queue in ipairs(queues) do
    if type(queue) ~= "number" or queue % 1 ~= 0 or queue < 1 or queue > 2 ^ 53 - 1 then
      return nil, "expected queues that are integers from 1"
    end
    if not seen[queue] then distinct[#distinct + 1] = queue end
    seen[queue] = true
  end
  return distinct
end

-- A table's items, each made text by `show`, as JSON.
local function array(items, show)
  local shown = {}
  for i, item in ipairs(items) do shown[i] = show(item) end
  return "[" .. table.concat(shown, ",") .. "]"
end

-- A queue with all its digits: cjson would write 9.007199254741e+15.
local function digits_of(queue) return ("%.0f"):format(queue) end

local function failure_of(failed)
  local err = failed.err
  return ('{"queue":%s,"error":%s,"outcome":%s,"message":%s}'):format(
    digits_of(failed.queue), cjson.encode(err.kind), cjson.encode(err.outcome), cjson.encode(err.message))
end

local function answer_of(account, released, failed)
  local fields = { '"account":' .. cjson.encode(account) }
  if #released > 0 then fields[#fields + 1] = '"released":' .. array(released, digits_of) end
  if #failed > 0 then fields[#fields + 1] = '"failed":' .. array(failed, failure_of) end
  return "{" .. table.concat(fields, ",") .. "}"
end

-- Whether the caller knows the secret.
function Hook:is_known(secret)
  return type(secret) == "string" and aicc.equal(secret, self.secret)
end

--- Answers one request.
-- @tparam string path as it came, with or without a query
-- @tparam ?string secret the header X-Hook-Secret
-- @tparam ?string body
-- @treturn integer status
-- @treturn string JSON
function Hook:signed_off(path, secret, body)
  local account = account_of(path)
  if not account then return refuse(404, "there is nothing here") end
  if not self:is_known(secret) then return refuse(401, "the X-Hook-Secret is missing or wrong") end
  local queues, problem = queues_of(body)
  if not queues then return refuse(400, problem) end
  local status, released, failed, ends = 202, {}, {}, core.now() + DEADLINE
  for _, queue in ipairs(queues) do
    local left, result = ends - core.now(), nil
    local err = OUT_OF_TIME
    if left > 0 then result, err = self.client:release_agent_by_skill(queue, { account }, { deadline = left }) end
    if result then
      released[#released + 1] = queue
    elseif err.kind == "argument" then
      return refuse(400, err.message) -- of the account, for the queues are good: nothing was sent
    else
      status = math.max(status, STATUS[err.kind] or 502)
      failed[#failed + 1] = { queue = queue, err = err }
    end
  end
  return status, answer_of(account, released, failed)
end

-- What happened in a client, as a counter's name: attempt_ok, attempt_timeout, retry, token, …
local function name_of(event)
  return event.type == "attempt" and "attempt_" .. (event.kind or "ok") or event.type
end

-- What callers must know: from the environment, or a file that only its owner may write to.
local function read_secret()
  local secret, path = os.getenv "HOOK_SECRET" or "", os.getenv "HOOK_SECRET_FILE" or ""
  if secret == "" and path ~= "" then secret = assert(core.read_file(path, 4096, "unshared")):gsub("\r?\n$", "", 1) end
  -- An empty one would let everybody in who sends an empty X-Hook-Secret.
  return assert(secret ~= "" and secret, "HOOK_SECRET is not set, nor a file that HOOK_SECRET_FILE names")
end

local M = {}

--- Makes the hook, and its client. The API's address, key and secret come from the environment: AICC_BASE_URL, AICC_APP_KEY and
-- AICC_APP_SECRET, or a file that AICC_APP_SECRET_FILE names; so does the callers' secret: HOOK_SECRET, or HOOK_SECRET_FILE.
-- @tparam table options `egress`, and what else `aicc.new` shall get; `count(name)` is called for what happens
-- @treturn table
function M.new(options)
  local settings = {}
  for name, value in pairs(options) do settings[name] = value end
  settings.count = nil
  settings.on_event = function(event) options.count(name_of(event)) end
  return setmetatable({ secret = read_secret(), client = assert(aicc.new(settings)) }, Hook)
end

return M
