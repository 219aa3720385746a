-- The client itself: what raises and where, what is returned, what is sent, what is told.

local aicc = require "aicc"
local loop = require "aicc.loop"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"

local server, client

before_each(function()
  server = assert(sandbox.start { agents = { [3] = { "1001", "1002", "1003" } } })
  client = assert(server:client())
end)

after_each(function()
  client:close()
  server:stop()
end)

-- The line that calls this.
local function here() return debug.getinfo(2, "l").currentline end

-- Asserts that f raises a string with that text, which begins with this file's name and the line.
local function raises(line, text, f)
  local good, message = pcall(f)
  assert.is_false(good)
  assert.equal("string", type(message))
  assert.truthy(message:find(("client_spec.lua:%d: "):format(line), 1, true), message)
  assert.truthy(message:find(text, 1, true), message)
end

describe("misuse raises, at the caller's line:", function()
  -- Rows of: the line that they stand in, what is said, what raises.
  local function each(rows)
    for _, row in ipairs(rows) do
      raises(row[1], row[2], row[3])
    end
    assert.equal(0, server:stats().connections)
  end

  it("arguments of a wrong type", function()
    local list, c = { "1" }, client
    each {
      { here(), "skill_id: expected an integer, got string", function() c:release_agent_by_skill("3", list) end },
      { here(), "skill_id: expected an integer, got nil", function() c:release_agent_by_skill() end },
      { here(), "expected a list of strings or aicc.ALL, got number", function() c:release_agent_by_skill(3, 5) end },
      { here(), 'or aicc.ALL, got string: write { "1" } for one', function() c:release_agent_by_skill(3, "1") end },
      { here(), 'strings, got string: write { "1" } for one account', function() c:bind_agents(3, "1") end },
      { here(), 'got string: write { "..." } for one', function() c:release_agent_by_skill(3, ("1"):rep(129)) end },
      { here(), "accounts: expected a list of strings, got userdata", function() c:bind_agents(3, aicc.ALL) end },
      { here(), "agent_weight: expected an integer", function() c:bind_agents(3, list, { agent_weight = "2" }) end },
      { here(), "query_agents: skill_id: expected an integer", function() c:query_agents {} end },
      { here(), "each_agent: skill_id: expected an integer", function() c:each_agent "3" end },
      { here(), "query_skills: name: expected a string", function() c:query_skills { name = 5 } end },
      { here(), "each_skill: name: expected a string", function() c:each_skill { name = 5 } end },
    }
  end)

  it("options that are unknown or of a wrong type", function()
    local list, c = { "1" }, client
    each {
      { here(), "unknown option 'tiemout'", function() c:release_agent_by_skill(3, list, { tiemout = 1 }) end },
      { here(), "timeout: expected a number of seconds above 0", function() c:bind_agents(3, list, { timeout = "1" }) end },
      { here(), "deadline: expected a number of seconds above 0, got 0", function() c:query_agents(3, { deadline = 0 }) end },
      { here(), "retry: expected a table or false, got boolean", function() c:query_agents(3, { retry = true }) end },
      { here(), "unknown option 'retry.tries'", function() c:each_agent(3, { retry = { tries = 1 } }) end },
      { here(), "unknown option 'agent_weight'", function() c:release_agent_by_skill(3, list, { agent_weight = 1 }) end },
      { here(), "unknown option 'agentWeight'", function() c:bind_agents(3, list, { agentWeight = 1 }) end },
      { here(), "as_proof: expected a boolean or a function, got number", function() c:query_agents(3, { as_proof = 1 }) end },
      { here(), "options: expected a table, got number", function() c:release_agent_by_skill(3, list, 5) end },
      { here(), "options: expected a table, got number", function() c:bind_agents(3, list, 5) end },
      { here(), "options: expected a table, got number", function() c:query_agents(3, 5) end },
      { here(), "options: expected a table, got boolean", function() c:each_agent(3, true) end },
      { here(), "retry.budget: it is the client's", function() c:query_agents(3, { retry = { budget = 1 } }) end },
      { here(), "retry.attempts: expected an integer", function() c:query_agents(3, { retry = { attempts = 2.5 } }) end },
    }
  end)

  it("also in a loop and in a coroutine", function()
    local line = here() + 1
    raises(line, "skill_id", coroutine.wrap(function() client:release_agent_by_skill("3", { "1" }) end))
    loop.spawn(function() client:release_agent_by_skill("3", { "1" }) end)
    raises(line + 1, "skill_id", loop.run)
  end)

  it("of aicc.new", function()
    local line = here() + 1
    raises(line, "unknown option 'base_uri'", function() local _ = aicc.new { base_uri = "x" } end)
    raises(line + 1, "timeout: expected a number, got string", function() local _ = aicc.new { timeout = "5" } end)
    raises(line + 2, "expected a table of options, got number", function() local _ = aicc.new(5) end)
  end)
end)

-- Lists that are no list, and what is said of them.
local PRETENDER = setmetatable({}, { __index = function() return "1001" end, __len = function() return 1 end })
local EMPTY = { { nil, "got nil" }, { {}, "got an empty list" }, { PRETENDER, "got an empty list" } }
local WRONG = {
  { { nil, "a" }, "accounts[1]: expected a string, got nil" },
  { { "a", nil, "b" }, "accounts[2]: expected a string, got nil" },
  { { "a", x = "b" }, 'accounts["x"]: expected only the keys 1..n' },
  { { [0] = "a", "b" }, "accounts[0]: expected only the keys 1..n" },
  { { [1.5] = "a" }, "accounts[1.5]: expected only the keys 1..n" },
  { { 1001 }, "accounts[1]: expected a string, got number" },
  { { { "a" } }, "accounts[1]: expected a string, got table" },
  { { "a", aicc.ALL }, "accounts[2]: expected a string, got userdata" },
  { { "" }, "accounts[1]: expected 1 to 128 bytes, got an empty string" },
  { { ("x"):rep(129) }, "accounts[1]: expected 1 to 128 bytes, got 129" },
  { { "a", "\255" }, "accounts[2]: expected valid UTF-8" },
  { { "a\nb" }, "accounts[1]: expected no control characters" },
}
local WRONG_SKILLS = { 0, -1, 3.5, 0 / 0, 1 / 0, 2 ^ 53 }

describe("what has the right type and a wrong content is returned, and no connection is made:", function()
  it("no accounts are an error of kind guard", function()
    for _, row in ipairs(EMPTY) do
      for _, name in ipairs { "release_agent_by_skill", "bind_agents" } do
        local result, err = client[name](client, 3, row[1])
        assert.is_nil(result)
        local told = { err.kind, err.outcome, err.retryable, err.operation, err.attempts }
        assert.same({ "guard", "not_sent", false, name, 0 }, told)
        assert.truthy(err.message:find(row[2], 1, true), err.message)
      end
    end
    assert.truthy(tostring(scene.nth(2, client:release_agent_by_skill(3, {}))):find("pass aicc.ALL", 1, true))
    assert.equal(0, server:stats().connections)
  end)

  it("lists that are none, accounts that are none, queues that are none", function()
    for _, row in ipairs(WRONG) do
      local result, err = client:release_agent_by_skill(3, row[1])
      assert.is_nil(result)
      assert.same({ "argument", "not_sent" }, { err.kind, err.outcome })
      assert.truthy(err.message:find(row[2], 1, true), err.message)
    end
    for _, skill in ipairs(WRONG_SKILLS) do
      for _, name in ipairs { "release_agent_by_skill", "bind_agents", "query_agents" } do
        local result, err = client[name](client, skill, name ~= "query_agents" and { "1" } or nil)
        assert.is_nil(result)
        assert.equal("argument", err.kind)
        assert.truthy(err.message:find "^skill_id: expected an integer from 1 to 9007199254740991, got ", err.message)
      end
    end
    local many = {}
    for n = 1, 51 do many[n] = tostring(n) end
    for message, err in pairs {
      ["accounts: expected at most 50 accounts, got 51"] = scene.nth(2, client:bind_agents(3, many)),
      ["agent_weight: expected an integer from 1 to 9007199254740991, got 0"] =
        scene.nth(2, client:bind_agents(3, { "1" }, { agent_weight = 0 })),
    } do
      assert.same({ "argument", message }, { err.kind, err.message })
    end
    assert.equal(0, server:stats().connections)
  end)
end)

describe("a result", function()
  it("has the reply's fields, the outcome, and what it took", function()
    local result = assert(client:release_agent_by_skill(3, { "1001", "1001" }))
    assert.same({ "0", "success", "applied", 1 }, { result.resultCode, result.resultMessage, result.outcome, result.attempts })
    assert.same({ "0", "success" }, { result.result_code, result.result_message }) -- as errors have them
    assert.truthy(result.elapsed > 0)
    local requests = server:requests()
    assert.equal('{"skillId":3,"userAccounts":["1001"]}', requests[#requests].body) -- a duplicate is sent once
    assert.equal("applied", assert(client:bind_agents(4, { "1001" }, { agent_weight = 2, skill_weight = 3.0 })).outcome)
    assert.same({ 2, 3 }, { server:agents(4)[1].agentWeight, server:agents(4)[1].skillWeight })
  end)

  it("everybody goes out as an empty array on a fresh connection", function()
    assert(client:release_agent_by_skill(3, { "1001" }))
    assert(client:release_agent_by_skill(3, aicc.ALL))
    local requests = server:requests()
    assert.equal('{"skillId":3,"userAccounts":[]}', requests[3].body)
    local before, one, everybody = requests[1].connection, requests[2].connection, requests[3].connection
    assert.same({ true, false }, { before == one, one == everybody })
    assert.same({}, server:accounts(3))
  end)

  it("what came of a call is not the server's to say", function()
    for _, said in ipairs { '"rejected"', '"applied_earlier"', "{}" } do
      server:fault { operation = "release_agent_by_skill", to = 1, status = 502 }
      server:fault {
        operation = "release_agent_by_skill", from = 2, body = '{"resultCode":"0","operation":"x","accounts":7,"attempts":9,'
          .. '"skill_id":8,"elapsed":"x","outcome":' .. said .. "}",
      }
      local result = assert(client:release_agent_by_skill(3, { "1001" }, { retry = { base = 1e-6 } }))
      assert.same({ "applied", "release_agent_by_skill", 1, 2, 3, "number" },
        { result.outcome, result.operation, result.accounts, result.attempts, result.skill_id, type(result.elapsed) })
      assert.equal("applied: 1 agent from queue 3", tostring(result))
      result = assert(client:release_agent_by_skill(3, aicc.ALL))
      assert.equal("applied: everybody from queue 3", tostring(result))
      server:clear()
    end
  end)

  it("an error tells of the call, in a line", function()
    server:fault { operation = "release_agent_by_skill", status = 403, body = "<html>\nno\n</html>" }
    local _, err = client:release_agent_by_skill(3, { "1", "2" })
    assert.same({ "blocked", "release_agent_by_skill", "rejected", false, 403, 1, 3, 2, "<html>\nno\n</html>" }, {
      err.kind, err.operation, err.outcome, err.retryable, err.status, err.attempts, err.skill_id, err.accounts, err.body })
    assert.truthy(err.elapsed > 0)
    assert.truthy(aicc.is_error(err) and aicc.is_error(err, "blocked") and not aicc.is_error(err, "auth"))
    assert.is_false(aicc.is_error { kind = "blocked" })
    assert.equal("aicc: release_agent_by_skill: HTTP 403: not let in: ask for this host's address to be allow-listed, "
      .. "and check the app key's kind (a UUID is wanted) [blocked, rejected]", tostring(err))
  end)

  it("an error of the token's says so, and that nothing was sent", function()
    server:fault { operation = "token", status = 404 }
    local _, err = client:release_agent_by_skill(3, { "1" })
    assert.same({ "not_found", "release_agent_by_skill", "not_sent", 0 }, { err.kind, err.operation, err.outcome, err.attempts })
    assert.truthy(err.message:find("^no token: HTTP 404"))
  end)
end)

describe("options of a call", function()
  it("count for that call only", function()
    server:fault { operation = "release_agent_by_skill", hold = true }
    local _, err = client:release_agent_by_skill(3, { "1009" }, { timeout = 0.1, retry = false, deadline = 3 })
    server:release_held()
    assert.is_nil(err) -- it was applied, and the settling says so
    server:fault { operation = "release_agent_by_skill", status = 502, to = math.huge }
    local time = scene.skipping()
    local other = assert(server:client(scene.options(time)))
    assert.equal(2, scene.nth(2, other:release_agent_by_skill(3, { "1001" }, { retry = { attempts = 2 } })).attempts)
    assert.equal(4, scene.nth(2, other:release_agent_by_skill(3, { "1001" })).attempts)
    other:close()
  end)

  it("are not changed", function()
    local options = { agent_weight = 2, timeout = 5 }
    assert(client:bind_agents(3, { "1001" }, options))
    assert.same({ agent_weight = 2, timeout = 5 }, options)
  end)
end)

it("what a caller does to its list while the call waits changes nothing", function()
  server:fault { operation = "token", hold = true }
  local list, result = { "1001" }, nil
  loop.spawn(function() result = client:release_agent_by_skill(3, list) end)
  loop.spawn(function()
    while server:stats().held < 1 do loop.sleep(0.005) end
    list[1], list[2] = nil, "1003"
    server:release_held()
  end)
  loop.run()
  assert.equal("applied", result.outcome)
  assert.same({ "1002", "1003" }, server:accounts(3))
end)

describe("a closed client", function()
  it("returns errors of kind closed, and may be closed again", function()
    assert(client:query_agents(3))
    client:close()
    client:close()
    local lists = { release_agent_by_skill = { "1" }, bind_agents = { "1" }, query_agents = false, access_token = false }
    for name, accounts in pairs(lists) do
      local result, err = client[name](client, 3, accounts or nil)
      assert.is_nil(result)
      assert.same({ "closed", "not_sent" }, { err.kind, err.outcome }, name)
    end
    assert.equal("guard", scene.nth(2, client:release_agent_by_skill(3, {})).kind)
    assert.truthy(tostring(client):find ", closed%)$")
    assert.equal(2, #server:requests())
  end)

  it("gives up what is under way, and says what may have been done", function()
    server:fault { operation = "release_agent_by_skill", hold = true }
    assert(client:access_token())
    local err
    loop.spawn(function() err = scene.nth(2, client:release_agent_by_skill(3, { "1001" })) end)
    loop.spawn(function()
      while server:stats().held < 1 do loop.sleep(0.005) end
      client:close()
    end)
    loop.run()
    server:release_held()
    assert.same({ "closed", "unknown" }, { err.kind, err.outcome })
  end)
end)

describe("events", function()
  local function listen(more)
    local events = {}
    local options = { on_event = function(event) events[#events + 1] = event end }
    for name, value in pairs(more or {}) do options[name] = value end
    return assert(server:client(options)), events
  end

  local function types(events)
    local list = {}
    for n, event in ipairs(events) do list[n] = event.type end
    return table.concat(list, " ")
  end

  it("tell of attempts with libcurl's timings, and of tokens", function()
    local listener, events = listen()
    assert(listener:release_agent_by_skill(3, { "1001" }))
    listener:close()
    assert.equal("send attempt token send attempt call", types(events))
    assert.same({ "token", 15 }, { events[1].operation, events[1].timeout })
    assert.same({ "token", 200, false }, { events[2].operation, events[2].status, events[2].timing.reused })
    assert.equal(600, events[3].lifetime)
    assert.same({ events[4].id, true }, { events[5].id, events[1].id ~= events[4].id })
    assert.same({ "release_agent_by_skill", "applied", 1 }, { events[6].operation, events[6].outcome, events[6].attempts })
    local timing = events[5].timing
    assert.truthy(timing.elapsed > 0 and events[5].elapsed >= timing.elapsed and events[6].elapsed >= events[5].elapsed)
    local sizes = { #'{"skillId":3,"userAccounts":["1001"]}', #scene.SUCCESS }
    assert.same(sizes, { timing.bytes_sent, timing.bytes_received })
    assert.is_true(timing.reused)
    assert.truthy(timing.elapsed > 0 and timing.first_byte > 0 and timing.request > 0)
  end)

  it("tell of retries, throttling and settling", function()
    local time = scene.skipping()
    local listener, events = listen(scene.options(time))
    assert(listener:access_token())
    server:fault { operation = "release_agent_by_skill", status = 429 }
    server:fault { operation = "release_agent_by_skill", from = 2, status = 503 }
    server:fault { operation = "release_agent_by_skill", from = 3, close = "request", apply = true, to = 4 }
    assert(listener:release_agent_by_skill(3, { "1001" }))
    listener:close()
    local told = {} -- without what goes before each attempt
    for _, event in ipairs(events) do told[#told + 1] = event.type ~= "send" and event or nil end
    assert.equal("attempt token call attempt throttle attempt retry attempt retry attempt attempt settle call", types(told))
    assert.same({ "throttled", 1, 429, "rejected" }, { told[5].kind, told[5].wait, told[4].status, told[4].outcome })
    assert.same({ "network", 52, "unknown" }, { told[8].kind, told[8].curl_code, told[8].outcome })
    assert.same({ "query_agents", 0 }, { told[11].operation, told[12].left })
    assert.same({ "applied_earlier", nil, 4 }, { told[13].outcome, told[13].kind, told[13].attempts })
  end)

  it("tell what each call came to, once, and of none that raises", function()
    local listener, events = listen()
    listener:release_agent_by_skill(3, {})
    pcall(listener.release_agent_by_skill, listener, "3")
    assert(listener:query_agents(3))
    for _ in listener:each_agent(3) do end -- luacheck: ignore
    server:fault { operation = "query_agents", status = 403 }
    for _ in listener:each_agent(3) do end -- luacheck: ignore
    assert(listener:query_agent "1002")
    listener:query_agent "nobody"
    assert(listener:query_skills())
    for _ in listener:each_skill() do end -- luacheck: ignore
    assert(listener:restore_agent(assert(listener:release_agent "1002")))
    server:fault { operation = "release_agent_by_skill", status = 403 }
    assert(listener:release_agent "1002")
    listener:close()
    listener:access_token()
    listener:release_agent "1002"
    local told = {}
    for _, event in ipairs(events) do
      -- A release of one agent is a query and a call for each queue.
      local is_part = event.operation == "release_agent_by_skill" and event.kind ~= "guard" or event.operation == "bind_agents"
      if event.type == "call" and not is_part then
        told[#told + 1] = ("%s %s %s"):format(event.operation, event.outcome, tostring(event.kind))
      end
    end
    assert.same({
      "release_agent_by_skill not_sent guard", "query_agents answered nil", "query_agents answered nil",
      "query_agents rejected blocked", "query_agent answered nil", "query_agent rejected unknown_agent",
      "query_skills answered nil", "query_skills answered nil", "query_agent answered nil", "query_agent answered nil",
      "query_agent answered nil", "token not_sent closed", "query_agent not_sent closed",
    }, told)
  end)

  it("an error in the hook is counted and changes nothing", function()
    local noisy = assert(server:client { on_event = function() error "oops" end })
    assert(noisy:release_agent_by_skill(3, { "1001" }))
    assert.equal(6, noisy.hook_errors)
    noisy:close()
  end)
end)

it("explain tells each setting and where it came from, secrets masked", function()
  local told = {}
  for _, line in ipairs(client:explain()) do told[line.name] = { line.value, line.source } end
  assert.same({ server.base_url, "argument" }, told.base_url)
  assert.same({ { "***", "argument" }, { "***", "argument" } }, { told.app_key, told.app_secret })
  assert.same({ { 15, "default" }, { true, "default" } }, { told.timeout, told.verify })
end)

it("tostring tells the address and no secret", function()
  assert.equal(("aicc.client (%s)"):format(server.base_url), tostring(client))
  assert.equal("aicc.ALL", tostring(aicc.ALL))
end)

it("a call leaves little to collect: 1,464 bytes here, when this was written #lua54", function()
  local accounts = { "1001", "1002" }
  local function call() assert(client:release_agent_by_skill(3, accounts)) end
  call()
  call()
  collectgarbage()
  collectgarbage "stop"
  local before = collectgarbage "count"
  for _ = 1, 50 do call() end
  local each = (collectgarbage "count" - before) * 1024 / 50
  collectgarbage "restart"
  assert.is_true(each < 1600, each .. " bytes a call")
end)
