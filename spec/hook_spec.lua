-- The webhook's own part, examples/hook.lua, without a host around it. (In nginx and HAProxy: nginx_spec and haproxy_spec.)

local aicc = require "aicc"
local cjson = require "cjson"
local hook_scene = require "spec.support.hook_scene"
local shared = require "aicc.shared"

local BIG = 9007199254740991

local here = hook_scene {
  name = "hook spec", method = "signed_off", start = { agents = { [3] = { "1001" }, [BIG] = { "1001" } } },
}

local function send(path, body, secret, more)
  local request = { body = body, secret = secret }
  for name, value in pairs(more or {}) do request[name] = value end
  return here.send(path, request)
end

it("a queue keeps its digits, and is unbound once however often it is named", function()
  here.server:bind(BIG, { "1001" })
  local status, answer = send("/agents/1001/signed-off", '{"queues":[3,9007199254740991,3]}')
  assert.same({ 202, '{"account":"1001","released":[3,9007199254740991]}' }, { status, answer })
  assert.equal(3, #here.server:requests()) -- with the token's
  here.server:fault { operation = "release_agent_by_skill", status = 404, to = math.huge }
  status, answer = send("/agents/1001/signed-off", '{"queues":[9007199254740991]}')
  assert.equal(422, status)
  assert.truthy(answer:find('"failed":[{"queue":9007199254740991,"error":"not_found","outcome":"rejected",', 1, true), answer)
end)

it("an account that is none is the caller's mistake", function()
  for _, path in ipairs { "%FF", "%ff%fe", "%00", "a%0Ab", ("x"):rep(129) } do
    local status, answer = send("/agents/" .. path .. "/signed-off", '{"queues":[3]}')
    assert.equal(400, status, path)
    assert.truthy(cjson.decode(answer).error)
  end
  assert.equal(0, #here.server:requests())
end)

it("a path says which account, slashes and queries apart", function()
  for path, status in pairs {
    ["/agents/a%2Fb/signed-off"] = 202, ["/agents/1001/signed-off?x=/agents/1002/signed-off"] = 202,
    ["/agents/a/b/signed-off"] = 404, ["/agents//signed-off"] = 404, ["/agents/1001/signed-off/"] = 404,
    ["/agents/1001?/signed-off"] = 404, ["/agents/1001/signed-offs"] = 404,
  } do
    assert.equal(status, (send(path, '{"queues":[3]}')), path)
  end
end)

it("numbers are JSON's", function()
  for _, queue in ipairs { "NaN", "Infinity", "0x10", "-1", "9007199254740992", "1e400" } do
    assert.equal(400, (send("/agents/1001/signed-off", '{"queues":[' .. queue .. "]}")), queue)
  end
end)

it("without a secret for its callers it does not start", function()
  for _, nothing in ipairs { false, "" } do
    here.environment.HOOK_SECRET = nothing or nil
    local started, problem = pcall(here.new)
    assert.is_false(started)
    assert.truthy(problem:find "HOOK_SECRET is not set")
  end
end)

it("the secret may be in a file, which nobody else may write to", function()
  local path = os.tmpname()
  local file = io.open(path, "w")
  file:write "from a file\n"
  file:close()
  here.environment.HOOK_SECRET, here.environment.HOOK_SECRET_FILE = nil, path
  assert.equal(202, (send("/agents/1001/signed-off", '{"queues":[3]}', "from a file")))
  assert.equal(401, (send("/agents/1001/signed-off", '{"queues":[3]}', "s")))
  os.execute("chmod 666 " .. path)
  local started, problem = pcall(here.new)
  assert.is_false(started)
  assert.truthy(problem:find(path, 1, true), problem)
  for text, fault in pairs {
    [""] = "it is empty", ["\\357\\273\\277s"] = "it begins with a byte-order mark", ["s \\n"] = "it ends with a blank",
  } do
    os.execute(("printf '%s' >%s; chmod 600 %s"):format(text, path, path))
    started, problem = pcall(here.new)
    assert.is_false(started)
    assert.truthy(problem:find(fault, 1, true), problem)
  end
  os.remove(path)
  assert.is_false((pcall(here.new)))
end)

-- ---- what senders may repeat, and when ----

local RELEASE, AGENT = "release_agent_by_skill", "/agents/1001/signed-off"
local ONCE = { retry = false } -- no attempt after the first

local function releases() return here.count(RELEASE) end

it("what will be refused again is the sender's mistake; what may succeed later is not", function()
  for _, case in ipairs {
    { 422, status = 500, body = '{"resultCode":"1","resultMessage":"no"}' }, { 422, status = 404 },
    { 422, status = 403, body = "{}" }, { 422, status = 400 }, { 502, status = 403, body = "<html>" }, { 503, status = 429 },
    { 502, status = 502 }, { 502, status = 500 }, { 502, status = 401 },
  } do
    here.server:reset()
    for _, key in ipairs(here.dict:get_keys()) do here.dict:delete(key) end
    here.server:fault { operation = RELEASE, status = case.status, body = case.body, to = math.huge }
    assert.equal(case[1], (send(AGENT, '{"queues":[3]}', "s", { options = ONCE })), case.status)
  end
  -- One that may succeed decides for all.
  here.server:reset()
  here.server:fault { operation = RELEASE, status = 404, to = 1 }
  here.server:fault { operation = RELEASE, status = 502, to = math.huge }
  assert.equal(502, (send(AGENT, '{"queues":[3,9007199254740991]}', "s", { options = ONCE })))
end)

it("a repetition of a request id gets the first answer, and nothing is sent", function()
  local status, answer = send(AGENT, '{"queues":[3]}', "s", { id = "a-1" })
  assert.same({ 202, 1 }, { status, releases() })
  assert.same({ 202, answer }, { send(AGENT, '{"queues":[3]}', "s", { id = "a-1" }) })
  assert.equal(1, releases())
  assert.equal(422, (send(AGENT, '{"queues":[4]}', "s", { id = "a-1" })))
  assert.equal(401, (send(AGENT, '{"queues":[3]}', "wrong", { id = "a-1" })))
  assert.equal(202, (send(AGENT, '{"queues":[3]}', "s", { id = "a-2" })))
  assert.equal(2, releases())
  for _, id in ipairs { "", "a b", "a\n", ("x"):rep(129) } do
    assert.equal(400, (send(AGENT, '{"queues":[3]}', "s", { id = id })), id)
  end
end)

it("what may yet succeed is tried again under the same id", function()
  here.server:fault { operation = RELEASE, status = 502, to = 1 }
  assert.equal(502, (send(AGENT, '{"queues":[3]}', "s", { id = "b-1", options = ONCE })))
  assert.equal(202, (send(AGENT, '{"queues":[3]}', "s", { id = "b-1", options = ONCE })))
end)

it("a repetition while the first is under way is told so", function()
  local webhook, told = here.new(), nil
  local attempt = webhook.client.transport.attempt
  webhook.client.transport.attempt = function(...)
    told = told or { webhook:signed_off { path = AGENT, secret = "s", body = '{"queues":[3]}', source = "x", id = "c-1" } }
    return attempt(...)
  end
  assert.equal(202, (webhook:signed_off { path = AGENT, secret = "s", body = '{"queues":[3]}', source = "x", id = "c-1" }))
  assert.same({ 409, 1 }, { told[1], told[3] })
end)

it("wrong secrets are counted, and after ten that address is not listened to for a minute", function()
  local function counted() return here.new().metrics:text():match '\nhook_answers_total{status="401"} (%d+)\n' or 0 end
  local before = counted()
  for _ = 1, 10 do assert.equal(401, (send(AGENT, '{"queues":[3]}', "wrong"))) end
  assert.equal(10, counted() - before)
  local status, _, retry_after = send(AGENT, '{"queues":[3]}', "s")
  assert.same({ 429, 60 }, { status, retry_after })
  assert.equal(202, (send(AGENT, '{"queues":[3]}', "s", { source = "192.0.2.2" })))
end)

it("after ten failures in a row the API is left alone; then one asks at a time, and a success ends it", function()
  local now = 1000
  local webhook = here.new(ONCE)
  webhook.breaker.now = function() return now end
  local function ask()
    return webhook:signed_off { path = AGENT, secret = "s", body = '{"queues":[3]}', source = "x" }
  end
  here.server:fault { operation = RELEASE, status = 502, to = 11 }
  for _ = 1, 10 do assert.equal(502, (ask())) end
  local status, answer, retry_after = ask()
  assert.same({ 503, 5 }, { status, retry_after })
  assert.same({ "unavailable", "not_sent" }, { cjson.decode(answer).failed[1].error, cjson.decode(answer).failed[1].outcome })
  assert.equal(10, releases())
  local ready, what = webhook:ready()
  assert.same({ 503, false, 10 }, { ready, cjson.decode(what).ready, cjson.decode(what).failures })
  here.dict:delete "api open" -- 5 s later
  assert.equal(502, (ask())) -- the probe, which fails
  assert.equal(11, releases())
  assert.same({ 503, 10 }, { (ask()), (select(3, ask())) })
  here.dict:delete "api open"
  here.dict:add("api probe", 1) -- somebody else asks
  assert.same({ 503, 1 }, { (ask()), (select(3, ask())) })
  here.dict:delete "api probe"
  assert.equal(202, (ask()))
  assert.equal(202, (ask()))
  here.dict:delete "ready"
  assert.equal(200, (webhook:ready()))
end)

it("who asks whether the API works again asks twice at most, and holds up nobody for long if it dies", function()
  local webhook, patience = here.new(), nil
  local add = here.dict.add
  here.dict.add = function(self, key, value, seconds)
    if key == "api probe" then patience = seconds end
    return add(self, key, value, seconds)
  end
  here.dict:set("api failures", 10)
  here.server:fault { operation = RELEASE, status = 502, to = math.huge }
  assert.equal(502, (webhook:signed_off { path = AGENT, secret = "s", body = '{"queues":[3]}', source = "x" }))
  assert.same({ 2, 20 }, { releases(), patience })
  -- A token that is not good any more is no failure of the probe.
  here.dict:delete "api open"
  here.server:reset()
  assert.equal(202, (webhook:signed_off { path = AGENT, secret = "s", body = '{"queues":[3]}', source = "x" }))
  assert.same({ 2, 0 }, { releases(), webhook.breaker:failures_in_a_row() })
end)

it("who was about to ask does not when another has just been told that it does not work", function()
  local webhook = here.new(ONCE)
  here.dict:set("api failures", 10)
  here.dict.add = function(self, key, value, seconds)
    webhook.breaker.shared:set("api open", webhook.breaker.now() + 5, 5)
    return shared.new(here.name).add(self, key, value, seconds)
  end
  assert.equal(503, (webhook:signed_off { path = AGENT, secret = "s", body = '{"queues":[3]}', source = "x" }))
  assert.same({ 0, nil }, { releases(), here.dict:get "api probe" })
end)

it("refusals of a request are no failures of the API", function()
  here.server:fault { operation = RELEASE, status = 404, to = math.huge }
  for _ = 1, 12 do assert.equal(422, (send(AGENT, '{"queues":[3]}'))) end
end)

it("it is ready when there is a token", function()
  local webhook = here.new()
  local status, answer = webhook:ready()
  assert.equal(200, status)
  assert.same({ ready = true, token = "ok", egress = "-", failures = 0, last = "-", age = -1 }, cjson.decode(answer))
  here.server:fault { operation = "token", status = 401, to = math.huge }
  assert.same({ status, answer }, { webhook:ready() }) -- for 2 s
  here.dict:delete "ready"
  here.environment.AICC_APP_KEY = "another" -- has no token yet
  status, answer = here.new():ready()
  assert.same({ 503, "auth" }, { status, cjson.decode(answer).token })
end)

it("when it is ready it tells the last call's outcome and age, which is never less than no time", function()
  local now = require("aicc.core").now
  repeat until now() % 1 > 0.5 -- the clock's seconds rounded would be to come
  local webhook = here.new()
  assert.equal(202, (webhook:signed_off { path = AGENT, secret = "s", body = '{"queues":[3]}' }))
  local _, answer = webhook:ready()
  answer = cjson.decode(answer)
  assert.same({ "ok", true }, { answer.last, answer.age == 0 or answer.age == 1 })
end)

it("that it looks for a token with less time is nobody else's failure", function()
  local webhook = here.new()
  local prober, client = webhook.prober.settings, webhook.client.settings
  -- What a fetch with a shorter deadline fails with is not shared (token_spec); with a timeout of its own it would be.
  assert.same({ client.timeout, true }, { prober.timeout, prober.deadline < client.timeout })
end)

it("what failed is logged in one line, without secrets or what the API said of people", function()
  here.server:fault { operation = RELEASE, status = 500, body = '{"resultCode":"7","resultMessage":"1001 is on leave"}', to = 1 }
  send(AGENT, '{"queues":[3]}', "s", { id = "d-1" })
  assert.equal(1, #here.lines)
  assert.matches("^failed operation=release_agent_by_skill kind=business outcome=rejected attempts=1 status=500 code=7 " ..
    "elapsed=%d%.%d+ queue=3 request=d%-1$", here.lines[1])
  assert.equal("operation=- kind=network outcome=unknown attempts=- status=- code=- elapsed=2 message=\"no answer\"",
    aicc.line { kind = "network", outcome = "unknown", elapsed = 2, message = "no answer" })
end)

it("each setting that is missing is named in what is raised, which is text", function()
  for name, setting in pairs {
    AICC_BASE_URL = "base_url", AICC_APP_KEY = "app_key", AICC_APP_SECRET = "app_secret", HOOK_SECRET = "HOOK_SECRET",
  } do
    local value = here.environment[name]
    here.environment[name] = nil
    local started, problem = pcall(here.new)
    assert.same({ false, "string" }, { started, type(problem) }, name)
    assert.truthy(problem:find(name, 1, true) and problem:find(setting, 1, true), problem)
    here.environment[name] = value
  end
end)
