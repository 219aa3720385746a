-- Two webhooks: an agent has signed off, so unbind the account from the queues that the request names; or has left for good, so
-- unbind it from all queues that the API names for it, as far as they are in this configuration's list.
--
--     POST /agents/{account}/signed-off
--     X-Hook-Secret: …
--     X-Request-Id: …              (if the sender gives one: a repetition within ten minutes gets the first answer)
--
--     {"queues":[3,4]}
--
--     POST /agents/{account}/offboarded        (no body; the headers as above)
--
-- The same file serves nginx and HAProxy: it knows neither, and answers with a status, JSON, and perhaps the seconds after which
-- to come again. 202: done. 4xx: to send it again as it is does not help. 5xx: it may. Either tells what was done, and of each
-- other queue what went wrong and what the API may have done of it ("not_sent", "rejected", "unknown"). To unbind who is not
-- bound does no harm.
--
-- Of an agent who has left, `weights` are those of before, to bind them again by hand. 207: released from the queues of the list,
-- but the API names more, which are `kept`. 422: the API knows no such account (`unknown_agent`). 403: there is no list. The
-- variable HOOK_OFFBOARD_QUEUES has it: "3 4 7".

local aicc = require "aicc"
local breaker = require "aicc.webhook.breaker"
local cjson = require("cjson.safe").new() -- the shared one may have been set up otherwise
local core = require "aicc.core"
local forward = require "aicc.forward"
local metrics = require "aicc.metrics"
local replay = require "aicc.webhook.replay"
local secret_file = require "aicc.secret_file"
local strikes = require "aicc.webhook.strikes"

cjson.decode_invalid_numbers(false)

local MAX_QUEUES = 100
local DEADLINE = 60 -- seconds for one request, whatever the number of its queues
local PROBE = 15    -- seconds for the one that asks whether the API works again
local LATEST = 86400 -- seconds after which a sender may always come again, whatever the API says
local READY = 3     -- seconds for each thing that is looked at before the hook is said to be ready

-- Statuses for the kinds of error. What is not here is 502.
local STATUS = { throttled = 503, unavailable = 503, timeout = 504, deadline = 504, unsupported = 500, closed = 500 }

-- All that it answers with, as a label's values for Prometheus.
local ANSWERS = {}
for _, status in ipairs { 202, 207, 400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504 } do
  ANSWERS[status] = tostring(status)
end

-- Refusals that a repetition gets again.
local PERMANENT = {
  business = true, forbidden = true, not_found = true, bad_request = true, redirect = true, unknown_agent = true,
}

-- What is told of queues that got no turn.
local OUT_OF_TIME = {
  kind = "deadline", outcome = "not_sent", message = ("the request's %d s were over before"):format(DEADLINE),
}
local UNAVAILABLE = {
  kind = "unavailable", outcome = "not_sent", message = "the API has failed too often in a row, and is left alone for a while",
}

local Hook = {}
Hook.__index = Hook

local function refuse(status, message, retry_after)
  return status, cjson.encode { error = message }, retry_after
end

local function decode(digits) return string.char(tonumber(digits, 16)) end

local SIGNED_OFF, OFFBOARDED = "^/agents/([^/?]+)/signed%-off%f[%z?]", "^/agents/([^/?]+)/offboarded%f[%z?]"

-- The account that a path names, which is as it came: decoded, %2F would be a slash like any other. Nil if it names none.
local function account_of(path, pattern)
  local part = path:match(pattern)
  return part and part:find("%", 1, true) and part:gsub("%%(%x%x)", decode) or part
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

local function weights_of(skill)
  return ('{"queue":%s,"agent_weight":%s,"skill_weight":%s}'):format(digits_of(skill.skillId),
    cjson.encode(skill.agentWeight or cjson.null), cjson.encode(skill.skillWeight or cjson.null))
end

-- `kept`, `skills`: of an agent who has left, the queues that are in no list, and the others as they were.
local function answer_of(account, released, failed, kept, skills)
  local fields = { '"account":' .. cjson.encode(account) }
  if #released > 0 then fields[#fields + 1] = '"released":' .. array(released, digits_of) end
  if #failed > 0 then fields[#fields + 1] = '"failed":' .. array(failed, failure_of) end
  if kept and #kept > 0 then fields[#fields + 1] = '"kept":' .. array(kept, digits_of) end
  if skills and #skills > 0 then fields[#fields + 1] = '"weights":' .. array(skills, weights_of) end
  return "{" .. table.concat(fields, ",") .. "}"
end

-- The status that an error comes to.
local function status_of(err)
  if PERMANENT[err.kind] and err.outcome == "rejected" then return 422 end
  return STATUS[err.kind] or 502
end

-- Calls a method of the client; `accounts` where it takes some.
function Hook:ask(method, limits, subject, accounts)
  local client = self.client
  if accounts then return client[method](client, subject, accounts, limits) end
  return client[method](client, subject, limits)
end

-- The same, unless the API has failed too often. Second, the error; third, when to come again.
function Hook:call(request, left, method, subject, accounts)
  if left <= 0 then return nil, OUT_OF_TIME end
  local may, seconds, is_probe = self.breaker:admit()
  if not may then return nil, UNAVAILABLE, seconds end
  local limits -- none where they are the client's own
  if left < DEADLINE or request.headers or is_probe then limits = { deadline = left, headers = request.headers } end
  if is_probe then -- an API that had to be started again may not know the token any more
    limits.deadline, limits.retry = math.min(left, PROBE), { attempts = math.min(2, self.client:limits().retry.attempts) }
  end
  local result, err = self:ask(method, limits, subject, accounts)
  self.breaker:record(err, is_probe)
  self.shared:set("last", ("%d %s"):format(math.floor(core.now()), err and err.kind or "ok"))
  seconds = err and err.retry_after
  return result, err, seconds and math.ceil(math.min(seconds, LATEST))
end

-- Unbinds an account from one queue after the other. Returns a status, who was released, who was not, when to come again; or nil
-- and the error of an account that is none.
function Hook:release_each(account, queues, request, left)
  local status, released, failed, retry_after = 202, {}, {}, nil
  local ends, accounts = core.now() + left, { account }
  for i, queue in ipairs(queues) do
    if i > 1 then left = ends - core.now() end
    local result, err, seconds = self:call(request, left, "release_agent_by_skill", queue, accounts)
    if result then
      released[#released + 1] = queue
    elseif err.kind == "argument" then
      return nil, err -- of the account, for the queues are good: nothing was sent
    else
      status = math.max(status, status_of(err))
      if seconds then retry_after = math.max(seconds, retry_after or 0) end
      failed[#failed + 1] = { queue = queue, err = err }
      self.log("failed " .. aicc.line(err, { { "queue", digits_of(queue) }, { "request", request.id } }))
    end
  end
  return status, released, failed, status >= 500 and retry_after or nil
end

-- Does what a request asks for: of an agent who has signed off.
function Hook:release_all(account, request, queues)
  local status, released, failed, retry_after = self:release_each(account, queues, request, DEADLINE)
  if not status then return refuse(400, released.message) end
  return status, answer_of(account, released, failed), retry_after
end

-- What is wrong with what the API says of an agent who is to be released; nil if nothing.
local function problem_of(agent, account)
  if agent.userAccount ~= account then -- "bob" may be "BOB", or somebody else
    return 422, "unknown_agent", "the API has the account in another spelling only: give it in that one"
  elseif not agent.skills then
    return 502, "protocol", "the API does not say in which queues the agent is"
  end
end

-- Of an agent who has left: asks in which queues the account is, and unbinds it from those of the list.
function Hook:offboard(account, request)
  local ends = core.now() + DEADLINE
  local agent, err, retry_after = self:call(request, DEADLINE, "query_agent", account)
  if not agent and err.kind == "argument" then return refuse(400, err.message) end
  local status, kind, message
  if agent then
    status, kind, message = problem_of(agent, account)
  else
    status, kind, message = status_of(err), err.kind, err.message
    self.log("failed " .. aicc.line(err, { { "request", request.id } }))
  end
  if status then
    local answer = { account = account, error = kind, outcome = "not_sent", message = message }
    return status, cjson.encode(answer), status >= 500 and retry_after or nil
  end
  local queues, kept, skills = {}, {}, {}
  for _, skill in ipairs(agent.skills) do
    if self.offboarding[skill.skillId] then
      queues[#queues + 1], skills[#skills + 1] = skill.skillId, skill
    else
      kept[#kept + 1] = skill.skillId
    end
  end
  local released, failed
  status, released, failed, retry_after = self:release_each(account, queues, request, ends - core.now())
  if status == 202 and #kept > 0 then status = 207 end
  return status, answer_of(account, released, failed, kept, skills), retry_after
end

-- The account of a request whose sender knows the secret; or nil, a status, an answer, and when to come again.
function Hook:admit(request, pattern)
  local account = account_of(request.path, pattern)
  if not account then return nil, refuse(404, "there is nothing here") end
  local source = request.source or "-"
  local seconds = self.strikes:is_out(source)
  if seconds then return nil, refuse(429, "too many wrong X-Hook-Secrets from this address", seconds) end
  if type(request.secret) ~= "string" or not aicc.equal(request.secret, self.secret) then
    self.strikes:count(source)
    return nil, refuse(401, "the X-Hook-Secret is missing or wrong")
  end
  return account
end

--- Answers one request about an agent who has signed off.
-- @tparam table request `path` as it came, with or without a query; `secret` (the header X-Hook-Secret), `id` (X-Request-Id),
--   `trace` (traceparent), `body`: strings, or nil; `source`: the sender's address
-- @treturn integer status
-- @treturn string JSON
-- @treturn ?integer Retry-After
function Hook:signed_off(request)
  local account, status, answer, seconds = self:admit(request, SIGNED_OFF)
  if not account then return status, answer, seconds end
  local queues, problem = queues_of(request.body)
  if not queues then return refuse(400, problem) end
  return self:once(request, self.release_all, account, queues)
end

--- Answers one request about an agent who has left: the same, but for `body`, of which there is none, or an empty object.
function Hook:offboarded(request)
  local account, status, answer, seconds = self:admit(request, OFFBOARDED)
  if not account then return status, answer, seconds end
  if not self.offboarding then return refuse(403, "not set up: HOOK_OFFBOARD_QUEUES names no queue") end
  local body = (request.body or ""):gsub("%s+", "")
  if body ~= "" and body ~= "{}" then
    return refuse(400, "expected no body: the queues are those of HOOK_OFFBOARD_QUEUES")
  end
  return self:once(request, self.offboard, account)
end

-- Has what a method answers counted.
local function counted(method)
  return function(self, request)
    local status, answer, retry_after = method(self, request)
    self.metrics:count("hook_answers_total", ANSWERS[status])
    return status, answer, retry_after
  end
end

Hook.signed_off, Hook.offboarded = counted(Hook.signed_off), counted(Hook.offboarded)

-- The names of a caller's headers that a client may give the API, as its settings say.
local function forwards_of(client)
  for _, setting in ipairs(client:explain()) do
    if setting.name == "forward_headers" then return assert(forward.names(setting.value)) end
  end
  return {}
end

-- The headers that go on to the API: those of the client's forward_headers. Nil for none.
function Hook:headers_of(request)
  if not next(self.forwards) then return end
  return { ["X-Request-Id"] = self.forwards["x-request-id"] and request.id, traceparent = self.forwards.traceparent and
    (request.trace or ""):match "^%x%x%-[%x%-]+$" }
end

-- Does a request's work. Of one with an id, what was answered once is answered again; a status that a repetition may change is
-- not kept.
function Hook:once(request, work, account, queues)
  local id = request.id
  if not id then return work(self, account, { headers = self:headers_of(request) }, queues) end
  if #id > 128 or not id:find "^[!-~]+$" then return refuse(400, "expected an X-Request-Id of 1 to 128 visible characters") end
  local whole = request.path .. "\n" .. (request.body or "")
  local state, status, answer = self.replay:begin(id, whole)
  if state == "known" then return status, answer end
  if state == "busy" then return refuse(409, "this X-Request-Id has no answer yet", 1) end
  if state == "other" then return refuse(422, "this X-Request-Id was another request's") end
  local retry_after
  status, answer, retry_after = work(self, account, { id = id, headers = self:headers_of(request) }, queues)
  self.replay:finish(id, whole, status < 500 and status or nil, answer)
  return status, answer, retry_after
end

--- Whether requests make sense: the API is not left alone for its failures, there is a token, and the egress answers. None of
-- that asks the API while a token lives. The answer is kept for 2 s.
-- @treturn integer 200 or 503
-- @treturn string JSON: `ready`; `token` and `egress` ("ok", or what is wrong; "-": not looked at); `failures` in a row; `last`,
--   the last call's outcome, and `age`, the seconds since
function Hook:ready()
  local kept = self.shared:get "ready"
  if kept then return tonumber(kept:sub(1, 3)), kept:sub(5) end
  local is_open = self.breaker:is_open()
  local token, egress = "-", "-"
  if not is_open then
    local found, err = self.prober:access_token()
    token = found and "ok" or err.kind
    local transport = self.prober.transport
    if found and transport.try_egress then -- libcurl has none
      found, err = transport:try_egress(READY)
      egress = found and "ok" or err.kind
    end
  end
  local status = token == "ok" and (egress == "ok" or egress == "-") and 200 or 503
  local last_at, last = (self.shared:get "last" or ""):match "^(%d+) (.*)$"
  local answer = ('{"ready":%s,"token":"%s","egress":"%s","failures":%d,"last":"%s","age":%d}'):format(
    tostring(status == 200), token, egress, self.breaker:failures_in_a_row(), last or "-",
    last_at and math.floor(core.now() - last_at) or -1)
  self.shared:set("ready", status .. " " .. answer, 2)
  return status, answer, is_open
end

-- What callers must know: from the environment, or a file that only its owner may write to. What is wrong is raised as text:
-- nginx and HAProxy print no other.
local function read_secret()
  local secret, path = os.getenv "HOOK_SECRET" or "", os.getenv "HOOK_SECRET_FILE" or ""
  if secret == "" and path ~= "" then
    local text, problem = secret_file.read(path)
    if not text then error("HOOK_SECRET_FILE: " .. problem, 0) end
    secret = text
  end
  -- An empty one would let everybody in who sends an empty X-Hook-Secret.
  if secret == "" then error("HOOK_SECRET is not set, nor a file that HOOK_SECRET_FILE names", 0) end
  return secret
end

-- The queues that an agent who has left is unbound from, as a set; nil where there is no list. One that cannot be read is raised.
local function read_list()
  local text, list = os.getenv "HOOK_OFFBOARD_QUEUES" or "", {}
  for word in text:gmatch "[^%s,]+" do
    local queue = word:find "^[1-9]%d*$" and tonumber(word)
    if not queue or queue > 2 ^ 53 - 1 then
      error(("HOOK_OFFBOARD_QUEUES: expected numbers of queues, such as 3 4 7, got '%s'"):format(word), 0)
    end
    list[queue] = true
  end
  return next(list) and list
end

local M = {}

--- Makes the hook, and its client. The API's address, key and secret come from the environment: AICC_BASE_URL, AICC_APP_KEY and
-- AICC_APP_SECRET, or a file that AICC_APP_SECRET_FILE names; so does the callers' secret: HOOK_SECRET, or HOOK_SECRET_FILE.
-- AICC_FORWARD_HEADERS may name what of "X-Request-Id traceparent" goes on to the API, and HOOK_OFFBOARD_QUEUES the queues that
-- an agent who has left is unbound from.
-- @tparam table options `shared`: what all workers or threads share, an `ngx.shared.DICT` or a part of `aicc.shared`;
--   `numbers`: the same, for `metrics:text()`, which /metrics answers; `log(line)` is called for what failed; `egress`, and what
--   else `aicc.new` shall get
-- @treturn table with `metrics` (`aicc.metrics`)
function M.new(options)
  local settings, shared, statuses = {}, options.shared, {}
  for _, status in pairs(ANSWERS) do statuses[#statuses + 1] = status end
  local numbers = metrics.new {
    shared = options.numbers,
    counters = { { name = "hook_answers_total", help = "Answers of the webhook.", label = "status", values = statuses } },
  }
  for name, value in pairs(options) do settings[name] = value end
  settings.shared, settings.numbers, settings.log = nil, nil, nil
  settings.on_event = numbers:listener()
  settings.deadline = DEADLINE
  local client = aicc.assert(aicc.new(settings))
  settings.on_event, settings.store = nil, client.store
  settings.deadline, settings.retry = READY, false -- not `timeout`: for want of time it fails alone, and tells that to nobody
  return setmetatable({
    secret = read_secret(), offboarding = read_list(), client = client, prober = aicc.assert(aicc.new(settings)),
    forwards = forwards_of(client), shared = shared, metrics = numbers, log = options.log,
    breaker = breaker.new { shared = shared, name = "api", now = core.now, patience = PROBE + 5 },
    replay = replay.new { shared = shared, name = "replay" },
    strikes = strikes.new { shared = shared, name = "strikes" },
  }, Hook)
end

return M
