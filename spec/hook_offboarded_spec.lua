-- The second of the webhooks of examples/hook.lua, for agents who have left, without a host around it.

local cjson = require "cjson"
local hook_scene = require "spec.support.hook_scene"

local BIG = 9007199254740991
local RELEASE, PATH = "release_agent_by_skill", "/agents/1001/offboarded"
local ONCE = { retry = false } -- no attempt after the first

local here = hook_scene {
  name = "hook offboarded spec", method = "offboarded",
  start = {
    agents = {
      [3] = { { userAccount = "1001", agentWeight = 2, skillWeight = 5 }, "1002" }, [4] = { "1001" }, [BIG] = { "1001" },
    },
    people = { idle = "Ida" },
  },
  environment = { HOOK_OFFBOARD_QUEUES = "3, 4 9007199254740991" },
}
local text -- the last answer, as it came

-- The empty list is on no wire.
after_each(function()
  for _, request in ipairs(here.server:requests()) do assert.falsy(request.body:find '"userAccounts":%s*%[%s*%]') end
end)

-- The status, the answer, and when to come again.
local function send(path, more)
  local status, answer, retry_after = here.send(path, more)
  text = answer
  return status, cjson.decode(answer), retry_after
end

it("releases from all queues that are in the list, and tells the weights of before", function()
  assert.equal(202, (send(PATH)))
  assert.equal('{"account":"1001","released":[3,4,9007199254740991],"weights":[' ..
    '{"queue":3,"agent_weight":2,"skill_weight":5},{"queue":4,"agent_weight":1,"skill_weight":1},' ..
    '{"queue":9007199254740991,"agent_weight":1,"skill_weight":1}]}', text)
  assert.same({ { "1002" }, {}, {} }, { here.server:accounts(3), here.server:accounts(4), here.server:accounts(BIG) })
end)

it("says which queues it keeps to its hands off", function()
  here.environment.HOOK_OFFBOARD_QUEUES = "4,77"
  local status, answer = send(PATH)
  assert.same({ 207, { 4 }, { 3, BIG } }, { status, answer.released, answer.kept })
  assert.same({ { "1001", "1002" }, {} }, { here.server:accounts(3), here.server:accounts(4) })
  here.environment.HOOK_OFFBOARD_QUEUES = "77"
  status, answer = send(PATH)
  assert.same({ 207, nil, { 3, BIG } }, { status, answer.released, answer.kept })
  assert.equal(1, here.count(RELEASE))
end)

it("without a list it refuses everybody; one that cannot be read keeps it from starting", function()
  for _, nothing in ipairs { false, "", " , " } do
    here.environment.HOOK_OFFBOARD_QUEUES = nothing or nil
    local status, answer = send(PATH)
    assert.equal(403, status)
    assert.truthy(answer.error:find("HOOK_OFFBOARD_QUEUES", 1, true))
  end
  for _, wrong in ipairs { "3 x", "0", "-3", "3.5", "3;4", "9007199254740992", "all", "*" } do
    here.environment.HOOK_OFFBOARD_QUEUES = wrong
    local started, problem = pcall(here.new)
    assert.same({ false, "string" }, { started, type(problem) }, wrong)
    assert.truthy(problem:find("HOOK_OFFBOARD_QUEUES: expected numbers of queues", 1, true), problem)
  end
  assert.equal(0, #here.server:requests())
end)

it("who is in no queue is out of all; whom the API does not know is told so", function()
  assert.same({ 202, { account = "idle" } }, { send "/agents/idle/offboarded" })
  for _, kind in ipairs { "empty", "missing", "business" } do
    here.server:shape { unknown_agent = kind }
    local status, answer = send "/agents/nobody/offboarded"
    assert.same({ 422, "unknown_agent", "not_sent", "nobody" }, { status, answer.error, answer.outcome, answer.account })
  end
  assert.equal(0, here.count(RELEASE))
end)

it("releases nobody where the API answers about somebody else, or says nothing of queues", function()
  here.server:shape { unknown_agent = "other" }
  assert.same({ 502, "protocol" }, { (send "/agents/nobody/offboarded"), select(2, send "/agents/nobody/offboarded").error })
  here.server:shape { skills_field = "missing" }
  assert.same({ 502, "protocol" }, { (send(PATH)), select(2, send(PATH)).error })
  here.server:shape { skills_field = "array" }
  here.server:fault { operation = "query_agent", to = 99, body =
    '{"resultCode":"0","data":[{"userAccount":"BOB","skills":[{"skillId":3,"agentWeight":1,"skillWeight":1}]}]}' }
  assert.same({ 422, "unknown_agent" }, { (send "/agents/bob/offboarded"), select(2, send "/agents/bob/offboarded").error })
  assert.equal(0, here.count(RELEASE))
end)

it("tells of each queue what came of it, with the status of the worst", function()
  for _, case in ipairs {
    { 422, status = 500, body = '{"resultCode":"1"}', outcome = "rejected" }, { 503, status = 429, outcome = "rejected" },
    { 502, status = 502, outcome = "unknown" }, { 502, status = 403, body = "<html>", outcome = "rejected" },
  } do
    here.server:reset()
    here.server:fault { operation = RELEASE, status = case.status, body = case.body, from = 2, to = 2 }
    local status, answer = send(PATH, { options = ONCE })
    assert.equal(case[1], status)
    assert.same({ 1, 4, case.outcome }, { #answer.failed, answer.failed[1].queue, answer.failed[1].outcome })
    assert.same({ { 3, BIG }, 3, { "1001" } }, { answer.released, #answer.weights, here.server:accounts(4) })
    assert.truthy(here.lines[#here.lines]:find "queue=4", here.lines[#here.lines])
  end
  here.server:reset()
  here.server:fault { operation = "query_agent", status = 502, to = 99 }
  local status, answer = send(PATH, { options = ONCE })
  assert.same({ 502, "server", "not_sent" }, { status, answer.error, answer.outcome })
  assert.truthy(here.lines[#here.lines]:find "^failed operation=query_agent kind=server", here.lines[#here.lines])
  assert.equal(0, here.count(RELEASE))
end)

it("tells to come again after whole seconds, the most that a queue asked for, and a day at most", function()
  for asked, told in pairs { ["99999999999999999999"] = 86400, ["2.5"] = 60, ["7"] = 60 } do
    here.server:reset()
    here.server:fault { operation = RELEASE, status = 429, headers = { ["Retry-After"] = "60" }, to = 1 }
    here.server:fault { operation = RELEASE, status = 429, headers = { ["Retry-After"] = asked }, from = 2, to = 2 }
    local status, answer, retry_after = send(PATH, { options = ONCE })
    assert.same({ 503, 2, { BIG }, told }, { status, #answer.failed, answer.released, retry_after })
    assert.equal(tostring(told), ("%d"):format(retry_after)) -- as the hosts write it
  end
end)

it("has one deadline for the question and what follows", function()
  local webhook, deadlines = here.new(), {}
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
  here.server:bind(3, { "1001" })
  assert.same({ status, answer }, { send(PATH, { id = "e-1" }) })
  assert.same({ "1001", "1002" }, here.server:accounts(3))
  assert.equal(422, (send("/agents/1002/offboarded", { id = "e-1" })))
  here.server:fault { operation = RELEASE, status = 502, from = 1, to = 1 }
  assert.equal(502, (send(PATH, { id = "e-2", options = ONCE })))
  assert.equal(202, (send(PATH, { id = "e-2", options = ONCE })))
  assert.same({ "1002" }, here.server:accounts(3))
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
  assert.equal(0, #here.server:requests())
  assert.equal(202, (send(PATH .. "?x=1", { body = " {} " })))
end)

it("leaves the API alone when it has failed too often, as the first webhook does", function()
  here.dict:set("api failures", 10)
  here.dict:set("api open", 1e12, 60)
  local status, answer = send(PATH)
  assert.same({ 503, "unavailable", "not_sent" }, { status, answer.error, answer.outcome })
  assert.equal(0, #here.server:requests())
end)
