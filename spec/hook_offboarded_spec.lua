-- The second of the webhooks of examples/hook.lua, for agents who have left, without a host around it.

local cjson = require "cjson"
local sandbox = require "aicc.sandbox"
local shared = require "aicc.shared"

local BIG = 9007199254740991
local RELEASE, PATH = "release_agent_by_skill", "/agents/1001/offboarded"
local ONCE = { retry = false } -- no attempt after the first

local server, environment, getenv, hook, dict, lines, text

setup(function()
  local path = package.path
  package.path = "examples/?.lua;" .. path
  hook = require "hook"
  package.path = path
  server = assert(sandbox.start {
    agents = {
      [3] = { { userAccount = "1001", agentWeight = 2, skillWeight = 5 }, "1002" }, [4] = { "1001" }, [BIG] = { "1001" },
    },
    people = { idle = "Ida" },
  })
  getenv = os.getenv
  os.getenv = function(name) return environment[name] end -- luacheck: ignore 122
end)

teardown(function()
  os.getenv = getenv -- luacheck: ignore 122
  server:stop()
end)

before_each(function()
  server:reset()
  dict, lines = shared.new "hook offboarded spec", {}
  for _, key in ipairs(dict:get_keys()) do dict:delete(key) end
  environment = {
    AICC_BASE_URL = server.base_url, AICC_APP_KEY = server.app_key, AICC_APP_SECRET = server.app_secret, HOOK_SECRET = "s",
    HOOK_OFFBOARD_QUEUES = "3, 4 9007199254740991",
  }
end)

-- The empty list is on no wire.
after_each(function()
  for _, request in ipairs(server:requests()) do assert.falsy(request.body:find '"userAccounts":%s*%[%s*%]') end
end)

local function new(more)
  local options = {
    shared = dict, numbers = shared.new "hook offboarded spec's numbers", log = function(line) lines[#lines + 1] = line end,
  }
  for name, value in pairs(more or {}) do options[name] = value end
  return hook.new(options)
end

-- The status, the answer, and when to come again; `text` is the answer as it came.
local function send(path, more)
  local webhook = new(more and more.options)
  local request = { path = path, secret = "s", body = "", source = "192.0.2.1" }
  for name, value in pairs(more or {}) do request[name] = value end
  local status, answer, retry_after = webhook:offboarded(request)
  webhook.client:close()
  text = answer
  return status, cjson.decode(answer), retry_after
end

local function count(operation)
  local n = 0
  for _, request in ipairs(server:requests()) do n = n + (request.operation == operation and 1 or 0) end
  return n
end

it("releases from all queues that are in the list, and tells the weights of before", function()
  assert.equal(202, (send(PATH)))
  assert.equal('{"account":"1001","released":[3,4,9007199254740991],"weights":[' ..
    '{"queue":3,"agent_weight":2,"skill_weight":5},{"queue":4,"agent_weight":1,"skill_weight":1},' ..
    '{"queue":9007199254740991,"agent_weight":1,"skill_weight":1}]}', text)
  assert.same({ { "1002" }, {}, {} }, { server:accounts(3), server:accounts(4), server:accounts(BIG) })
end)

it("says which queues it keeps to its hands off", function()
  environment.HOOK_OFFBOARD_QUEUES = "4,77"
  local status, answer = send(PATH)
  assert.same({ 207, { 4 }, { 3, BIG } }, { status, answer.released, answer.kept })
  assert.same({ { "1001", "1002" }, {} }, { server:accounts(3), server:accounts(4) })
  environment.HOOK_OFFBOARD_QUEUES = "77"
  status, answer = send(PATH)
  assert.same({ 207, nil, { 3, BIG } }, { status, answer.released, answer.kept })
  assert.equal(1, count(RELEASE))
end)

it("without a list it refuses everybody; one that cannot be read keeps it from starting", function()
  for _, nothing in ipairs { false, "", " , " } do
    environment.HOOK_OFFBOARD_QUEUES = nothing or nil
    local status, answer = send(PATH)
    assert.equal(403, status)
    assert.truthy(answer.error:find("HOOK_OFFBOARD_QUEUES", 1, true))
  end
  for _, wrong in ipairs { "3 x", "0", "-3", "3.5", "3;4", "9007199254740992", "all", "*" } do
    environment.HOOK_OFFBOARD_QUEUES = wrong
    local started, problem = pcall(new)
    assert.same({ false, "string" }, { started, type(problem) }, wrong)
    assert.truthy(problem:find("HOOK_OFFBOARD_QUEUES: expected numbers of queues", 1, true), problem)
  end
  assert.equal(0, #server:requests())
end)

it("who is in no queue is out of all; whom the API does not know is told so", function()
  assert.same({ 202, { account = "idle" } }, { send "/agents/idle/offboarded" })
  for _, kind in ipairs { "empty", "missing", "business" } do
    server:shape { unknown_agent = kind }
    local status, answer = send "/agents/nobody/offboarded"
    assert.same({ 422, "unknown_agent", "not_sent", "nobody" }, { status, answer.error, answer.outcome, answer.account })
  end
  assert.equal(0, count(RELEASE))
end)

it("releases nobody where the API answers about somebody else, or says nothing of queues", function()
  server:shape { unknown_agent = "other" }
  assert.same({ 502, "protocol" }, { (send "/agents/nobody/offboarded"), select(2, send "/agents/nobody/offboarded").error })
  server:shape { skills_field = "missing" }
  assert.same({ 502, "protocol" }, { (send(PATH)), select(2, send(PATH)).error })
  server:shape { skills_field = "array" }
  server:fault { operation = "query_agent", to = 99, body =
    '{"resultCode":"0","data":[{"userAccount":"BOB","skills":[{"skillId":3,"agentWeight":1,"skillWeight":1}]}]}' }
  assert.same({ 422, "unknown_agent" }, { (send "/agents/bob/offboarded"), select(2, send "/agents/bob/offboarded").error })
  assert.equal(0, count(RELEASE))
end)

it("tells of each queue what came of it, with the status of the worst", function()
  for _, case in ipairs {
    { 422, status = 500, body = '{"resultCode":"1"}', outcome = "rejected" }, { 503, status = 429, outcome = "rejected" },
    { 502, status = 502, outcome = "unknown" }, { 502, status = 403, body = "<html>", outcome = "rejected" },
  } do
    server:reset()
    server:fault { operation = RELEASE, status = case.status, body = case.body, from = 2, to = 2 }
    local status, answer = send(PATH, { options = ONCE })
    assert.equal(case[1], status)
    assert.same({ 1, 4, case.outcome }, { #answer.failed, answer.failed[1].queue, answer.failed[1].outcome })
    assert.same({ { 3, BIG }, 3, { "1001" } }, { answer.released, #answer.weights, server:accounts(4) })
    assert.truthy(lines[#lines]:find "queue=4", lines[#lines])
  end
  server:reset()
  server:fault { operation = "query_agent", status = 502, to = 99 }
  local status, answer = send(PATH, { options = ONCE })
  assert.same({ 502, "server", "not_sent" }, { status, answer.error, answer.outcome })
  assert.truthy(lines[#lines]:find "^failed operation=query_agent kind=server", lines[#lines])
  assert.equal(0, count(RELEASE))
end)

it("tells to come again after whole seconds, the most that a queue asked for, and a day at most", function()
  for asked, told in pairs { ["99999999999999999999"] = 86400, ["2.5"] = 60, ["7"] = 60 } do
    server:reset()
    server:fault { operation = RELEASE, status = 429, headers = { ["Retry-After"] = "60" }, to = 1 }
    server:fault { operation = RELEASE, status = 429, headers = { ["Retry-After"] = asked }, from = 2, to = 2 }
    local status, answer, retry_after = send(PATH, { options = ONCE })
    assert.same({ 503, 2, { BIG }, told }, { status, #answer.failed, answer.released, retry_after })
    assert.equal(tostring(told), ("%d"):format(retry_after)) -- as the hosts write it
  end
end)

it("has one deadline for the question and what follows", function()
  local webhook, deadlines = new(), {}
  local client = webhook.client
  webhook.client = setmetatable({ release_agent_by_skill = function(_, queue, accounts, limits)
    deadlines[#deadlines + 1] = limits and limits.deadline
    return client:release_agent_by_skill(queue, accounts, limits)
  end }, { __index = function(_, name)
    local value = client[name]
    return type(value) == "function" and function(_, ...) return value(client, ...) end or value
  end })
  assert.equal(202, (webhook:offboarded { path = PATH, secret = "s", body = "", source = "x" }))
  assert.is_true(deadlines[1] < 60 and deadlines[2] < deadlines[1] and deadlines[3] < deadlines[2])
  client:close()
end)

it("a repetition of a request id gets the first answer; one that may succeed later is done again", function()
  local status, answer = send(PATH, { id = "e-1" })
  server:bind(3, { "1001" })
  assert.same({ status, answer }, { send(PATH, { id = "e-1" }) })
  assert.same({ "1001", "1002" }, server:accounts(3))
  assert.equal(422, (send("/agents/1002/offboarded", { id = "e-1" })))
  server:fault { operation = RELEASE, status = 502, from = 1, to = 1 }
  assert.equal(502, (send(PATH, { id = "e-2", options = ONCE })))
  assert.equal(202, (send(PATH, { id = "e-2", options = ONCE })))
  assert.same({ "1002" }, server:accounts(3))
end)

it("lets nobody in without the secret, at another path, or with a wish of their own", function()
  for status, more in pairs { [401] = { secret = "wrong" }, [400] = { body = '{"queues":[3]}' } } do
    assert.equal(status, (send(PATH, more)))
  end
  for _, path in ipairs {
    "/agents/1001/signed-off", "/agents//offboarded", "/agents/1001/offboarded/", "/agents/1/2/offboarded",
  } do
    assert.equal(404, (send(path)), path)
  end
  assert.equal(400, (send "/agents/%FF/offboarded"))
  assert.equal(0, #server:requests())
  assert.equal(202, (send(PATH .. "?x=1", { body = " {} " })))
end)

it("leaves the API alone when it has failed too often, as the first webhook does", function()
  dict:set("api failures", 10)
  dict:set("api open", 1e12, 60)
  local status, answer = send(PATH)
  assert.same({ 503, "unavailable", "not_sent" }, { status, answer.error, answer.outcome })
  assert.equal(0, #server:requests())
end)
