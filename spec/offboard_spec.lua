-- One agent out of all of their queues and back, through a real server: each queue is told right, and no request ever has an
-- empty list of accounts (looked for in the bytes that the server got, after each spec).

local cjson = require "cjson"
local loop = require "aicc.loop"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"

local server, client, time

local function agent(account, agent_weight, skill_weight)
  return { userAccount = account, agentWeight = agent_weight, skillWeight = skill_weight }
end

local BIG = 2 ^ 53 - 1

local function agents()
  return { [3] = { "1002", agent("1001", 2, 5) }, [4] = { agent("1001", 7, 1), "1002" }, [5] = { "1001" }, [BIG] = { "1001" } }
end

local function start(options, more)
  options = options or {}
  options.agents = options.agents or agents()
  time = scene.skipping()
  server = assert(sandbox.start(options))
  client = assert(server:client(scene.options(time, more)))
end

after_each(function()
  for _, request in ipairs(server:requests()) do
    assert.falsy(request.body:find('"userAccounts":%s*%[%s*%]'), "everybody was said")
    if request.body:find "userAccounts" then assert.truthy(request.body:find '"userAccounts":%["[^"]+"%]', request.body) end
  end
  client:close()
  server:stop()
end)

local function count(operation)
  local n = 0
  for _, request in ipairs(server:requests()) do if request.operation == operation then n = n + 1 end end
  return n
end

-- "3 released applied, 4 kept"
local function told(result)
  local words = {}
  for n, queue in ipairs(result.queues) do
    words[n] = ("%.0f %s"):format(queue.skillId, queue.outcome) .. (queue.how and " " .. queue.how or "") ..
      (queue.err and " " .. queue.err.kind or "")
  end
  return table.concat(words, ", ")
end

-- "3:2/5 4:7/1": where an account is bound, with its weights.
local function bound(account)
  local words = {}
  for n, skill in ipairs(server:queues_of(account)) do
    words[n] = ("%.0f:%.0f/%.0f"):format(skill.skillId, skill.agentWeight, skill.skillWeight)
  end
  return table.concat(words, " ")
end

local BEFORE = "3:2/5 4:7/1 5:1/1 9007199254740991:1/1"

describe("release_agent", function()
  it("releases from every queue, one after the other, and says with which weights they were bound", function()
    start()
    local result = assert(client:release_agent "1001")
    assert.equal("3 released applied, 4 released applied, 5 released applied, 9007199254740991 released applied", told(result))
    assert.same({ true, "1001", 5 }, { result.complete, result.userAccount, result.attempts })
    assert.same({ 2, 5, 7, 1 }, { result.queues[1].agentWeight, result.queues[1].skillWeight, result.queues[2].agentWeight,
      result.queues[2].skillWeight })
    assert.same({ "", "3:1/1 4:1/1" }, { bound "1001", bound "1002" })
    assert.equal("1001: released 3 4 5 9007199254740991", tostring(result))
    assert.equal(1, server:stats().max_in_flight)
  end)

  it("leaves them where they are excepted", function()
    start()
    local result = assert(client:release_agent("1001", { except = { 4, 999, BIG } }))
    assert.equal("3 released applied, 4 kept, 5 released applied, 9007199254740991 kept", told(result))
    assert.is_true(result.complete)
    assert.equal("4:7/1 9007199254740991:1/1", bound "1001")
  end)

  it("has nothing to do for who is in no queue, and is done; so it is when called twice", function()
    start { people = { idle = "Ida" } }
    for _, account in ipairs { "idle", "1001", "1001" } do
      local result = assert(client:release_agent(account))
      assert.is_true(result.complete)
    end
    local result = assert(client:release_agent "1001")
    assert.same({ {}, 1, "1001: in no queue" }, { result.queues, result.attempts, tostring(result) })
    assert.equal(4, count "release_agent_by_skill")
  end)

  it("says of an account that nobody has that it is unknown, and not that it is released", function()
    for _, kind in ipairs { "empty", "missing", "null", "business" } do
      start { unknown_agent = kind }
      local result, err = client:release_agent "nobody"
      assert.is_nil(result)
      assert.same({ "unknown_agent", "not_sent", "release_agent" }, { err.kind, err.outcome, err.operation })
      assert.matches("^nothing was released: the API knows no agent of that account", err.message)
      assert.equal(0, count "release_agent_by_skill")
      client:close()
      server:stop()
    end
    start()
  end)

  it("is not taken in by an answer about somebody else, or about nothing", function()
    start { unknown_agent = "other" }
    assert.equal("protocol", select(2, client:release_agent "nobody").kind)
    server:shape { skills_field = "missing" }
    local result, err = client:release_agent "1001"
    assert.is_nil(result)
    assert.same({ "protocol", "not_sent" }, { err.kind, err.outcome })
    assert.matches("does not say in which queues", err.message)
    assert.equal(0, count "release_agent_by_skill")
  end)

  it("leaves them where the API does not say that they are, and says nothing of that queue", function()
    start { omit_skills = { ["1001"] = { 4 } } }
    local result = assert(client:release_agent "1001")
    assert.equal("3 released applied, 5 released applied, 9007199254740991 released applied", told(result))
    assert.equal("4:7/1", bound "1001")
  end)

  it("releases nobody whose name differs in the case of a letter", function()
    start()
    server:fault { operation = "query_agent",
      body = '{"resultCode":"0","data":[{"userAccount":"BOB","skills":[{"skillId":3,"agentWeight":1,"skillWeight":1}]}]}' }
    local result, err = client:release_agent "bob"
    assert.is_nil(result)
    assert.same({ "argument", "not_sent", "BOB" }, { err.kind, err.outcome, err.known_as })
    assert.falsy(err.message:find "BOB")
    assert.equal(0, count "release_agent_by_skill")
  end)

  it("goes on after a queue that refuses, and says so", function()
    start { refuse_queues = { [4] = true } }
    local result = assert(client:release_agent "1001")
    assert.equal("3 released applied, 4 failed business, 5 released applied, 9007199254740991 released applied", told(result))
    assert.is_false(result.complete)
    assert.same({ "rejected", 4 }, { result.queues[2].err.outcome, result.queues[2].err.skill_id })
    assert.equal("4:7/1", bound "1001")
  end)

  it("says of a lost answer what it came to: done earlier, or unknown", function()
    start()
    server:fault { operation = "release_agent_by_skill", close = "request", apply = true, to = 4 }
    assert.equal("3 released applied_earlier, 4 kept, 5 kept, 9007199254740991 kept",
      told(assert(client:release_agent("1001", { except = { 4, 5, BIG } }))))
    server:clear()
    server:fault { operation = "release_agent_by_skill", close = "request", to = 4 }
    local result = assert(client:release_agent "1001")
    assert.equal("4 unknown network, 5 released applied, 9007199254740991 released applied", told(result))
    assert.is_false(result.complete)
    assert.same({ "1001" }, result.queues[1].err.still_bound)
  end)

  it("sends no more once something is wrong that every queue would meet", function()
    for _, case in ipairs { { 403, "blocked" }, { 401, "auth" }, { 429, "throttled" },
      { 404, "not_found" }, { 302, "redirect" } } do
      start()
      server:fault { operation = "release_agent_by_skill", status = case[1], from = 2, to = 99 }
      local result = assert(client:release_agent "1001")
      assert.equal(("3 released applied, 4 failed %s, 5 not_sent %s, 9007199254740991 not_sent %s"):format(case[2], case[2],
        case[2]), told(result))
      assert.matches("^not sent, since an earlier request met: HTTP " .. case[1], result.queues[3].err.message)
      assert.same({ "not_sent", 5, 0 }, { result.queues[3].err.outcome, result.queues[3].err.skill_id,
        result.queues[3].err.attempts })
      assert.equal("4:7/1 5:1/1 9007199254740991:1/1", bound "1001")
      client:close()
      server:stop()
    end
    start()
  end)

  it("has one deadline for all of it", function()
    local sent = 0
    start(nil, { on_event = function(event)
      if event.type ~= "attempt" or event.operation ~= "release_agent_by_skill" then return end
      sent = sent + 1
      time.pass(25)
    end })
    local result = assert(client:release_agent("1001", { deadline = 40 }))
    assert.equal("3 released applied, 4 released applied, 5 not_sent deadline, 9007199254740991 not_sent deadline", told(result))
    assert.equal(2, sent)
    assert.is_true(result.elapsed >= 50)
  end)

  it("tells what is known before anything is sent, and sends nothing where that is not wanted", function()
    start()
    local kept
    local result = assert(client:release_agent("1001", { except = { 5 }, before = function(known)
      kept = { told(known), known.complete, known.queues[1].agentWeight, count "release_agent_by_skill" }
      return false
    end }))
    assert.same({ "3 unknown, 4 unknown, 5 kept, 9007199254740991 unknown", false, 2, 0 }, kept)
    assert.same({ "3 not_sent, 4 not_sent, 5 kept, 9007199254740991 not_sent", false }, { told(result), result.complete })
    assert.equal(0, count "release_agent_by_skill")
    assert.error_matches(function() client:release_agent("1001", { before = function() error "the disk is full" end }) end,
      "the disk is full")
    assert.equal(BEFORE, bound "1001")
    local known
    result = assert(client:release_agent("1001", { before = function(table) known = table end }))
    assert.is_true(rawequal(known, result)) -- so whoever has kept it, has what came of it
    assert.is_true(known.complete)
  end)

  it("refuses what is wrong, and sends nothing", function()
    start()
    for _, case in ipairs { { "", nil, "userAccount" }, { "a\nb", nil, "userAccount" },
      { "1001", { except = { 0 } }, "except%[1%]" },
      { "1001", { except = { 3, "4" } }, "except%[2%]: expected an integer .* got string" },
      { "1001", { except = { [2] = 3 } }, "except%[1%]" } } do
      local result, err = client:release_agent(case[1], case[2])
      assert.is_nil(result)
      assert.same({ "argument", "not_sent", "release_agent" }, { err.kind, err.outcome, err.operation })
      assert.matches(case[3], err.message)
    end
    for _, case in ipairs { { 1001 }, { "1001", { except = 3 } }, { "1001", { before = 3 } }, { "1001", 3 },
      { "1001", { excpet = {} } } } do
      local ok, message = pcall(function() client:release_agent(case[1], case[2]) end)
      assert.is_false(ok)
      assert.matches("^spec/offboard_spec.lua:%d+: ", message)
    end
    client:close()
    assert.equal("closed", select(2, client:release_agent "1001").kind)
    assert.equal(0, #server:requests())
  end)

  it("works for many at once inside a loop #loop", function()
    local people = {}
    for n = 1, 20 do people[n] = ("a%02d"):format(n) end
    server = assert(sandbox.start { agents = { [3] = people, [4] = people, [5] = { "a01" } } })
    client = assert(server:client()) -- in real time
    local results = {}
    for n, account in ipairs(people) do
      loop.spawn(function() results[n] = assert(client:release_agent(account)) end)
    end
    loop.run()
    for n, account in ipairs(people) do
      assert.same({ account, true, n == 1 and 3 or 2 }, { results[n].userAccount, results[n].complete, #results[n].queues })
    end
    assert.same({ {}, {}, {} }, { server:accounts(3), server:accounts(4), server:accounts(5) })
    for n = 1, 20 do loop.spawn(function() assert(assert(client:restore_agent(results[n])).complete) end) end
    loop.run()
    assert.same({ people, people, { "a01" } }, { server:accounts(3), server:accounts(4), server:accounts(5) })
  end)
end)

describe("restore_agent", function()
  it("binds again what was released, with the weights of then, and no more", function()
    start { refuse_queues = { [5] = true } }
    local result = assert(client:release_agent("1001", { except = { 4 } }))
    assert.equal("4:7/1 5:1/1", bound "1001")
    local restored = assert(client:restore_agent(result))
    assert.equal("3 bound applied, 4 kept, 5 failed business, 9007199254740991 bound applied", told(restored))
    assert.same({ true, 3 }, { restored.complete, restored.attempts })
    assert.equal(BEFORE, bound "1001")
    assert.equal("3 released applied, 4 kept, 5 failed business, 9007199254740991 released applied", told(result))
  end)

  it("may be called again, and then binds nothing twice", function()
    start()
    local result = assert(client:release_agent "1001")
    local restored = assert(client:restore_agent(result))
    local binds = count "bind_agents"
    assert.equal("3 bound already, 4 bound already, 5 bound already, 9007199254740991 bound already",
      told(assert(client:restore_agent(result))))
    assert.is_true(assert(client:restore_agent(restored)).complete)
    assert.equal(binds, count "bind_agents")
    assert.equal(BEFORE, bound "1001")
  end)

  it("goes on where it was broken off, with its own result", function()
    start()
    local result = assert(client:release_agent "1001")
    server:fault { operation = "bind_agents", status = 403, from = 2, to = 2 }
    local restored = assert(client:restore_agent(result))
    assert.equal("3 bound applied, 4 released blocked, 5 released blocked, 9007199254740991 released blocked", told(restored))
    assert.is_false(restored.complete)
    restored = assert(client:restore_agent(restored))
    assert.equal("3 bound applied, 4 bound applied, 5 bound applied, 9007199254740991 bound applied", told(restored))
    assert.is_true(restored.complete)
    assert.equal(BEFORE, bound "1001")
  end)

  it("leaves alone where they are bound again by now, with other weights", function()
    start()
    local result = assert(client:release_agent "1001")
    server:bind(3, { agent("1001", 9, 9) })
    local restored = assert(client:restore_agent(result))
    assert.equal("3 bound already, 4 bound applied, 5 bound applied, 9007199254740991 bound applied", told(restored))
    assert.same({ 9, 9 }, { restored.queues[1].agentWeight, restored.queues[1].skillWeight })
    assert.equal("3:9/9 4:7/1 5:1/1 9007199254740991:1/1", bound "1001")
  end)

  it("binds again where nobody knows what became of the release", function()
    for _, apply in ipairs { true, false } do
      start()
      server:fault { operation = "release_agent_by_skill", close = "request", apply = apply, to = 4 }
      server:fault { operation = "query_agents", status = 404, to = 9 }
      local result = assert(client:release_agent("1001", { except = { 4, 5, BIG }, retry = false }))
      assert.equal("3 unknown network, 4 kept, 5 kept, 9007199254740991 kept", told(result))
      assert.equal(apply and "3 bound applied" or "3 bound already", told(assert(client:restore_agent(result))):match "^[^,]+")
      assert.equal(BEFORE, bound "1001")
      client:close()
      server:stop()
    end
    start()
  end)

  it("says of a lost answer that it is unknown", function()
    start()
    local result = assert(client:release_agent("1001", { except = { 4, 5, BIG } }))
    server:fault { operation = "bind_agents", close = "request", to = 9 }
    server:fault { operation = "query_agents", status = 404, to = 9 }
    local restored = assert(client:restore_agent(result))
    assert.equal("3 unknown network, 4 kept, 5 kept, 9007199254740991 kept", told(restored))
    assert.is_false(restored.complete)
  end)

  it("makes up no weights", function()
    start()
    server:fault { operation = "query_agent", body = '{"resultCode":"0","data":[{"userAccount":"1001",' ..
      '"skills":[{"skillId":3},{"skillId":4,"agentWeight":7,"skillWeight":1}]}]}' }
    local result = assert(client:release_agent "1001")
    local restored = assert(client:restore_agent(result))
    assert.equal("3 released argument, 4 bound applied", told(restored))
    assert.matches("the weights are not known", restored.queues[1].err.message)
    assert.is_false(restored.complete)
  end)

  it("takes what `before` was given, wherever the rest was broken off", function()
    for n = 0, 3 do
      local kept, sent = nil, 0
      start(nil, { on_event = function(event)
        if event.type == "call" and event.operation == "release_agent_by_skill" then sent = sent + 1 end
      end })
      local releaser = client:through(function(transport)
        return setmetatable({ attempt = function(self, request, ...)
          if request.operation == "release_agent_by_skill" and sent == n then error "the power is gone" end
          return transport.attempt(self, request, ...)
        end }, { __index = transport })
      end)
      local function before(known) kept = cjson.encode { userAccount = known.userAccount, queues = known.queues } end
      assert.equal(n == 3, (pcall(releaser.release_agent, releaser, "1001", { before = before, except = { BIG } })))
      kept = cjson.decode(kept)
      kept.queues[4].skillId = ("%.0f"):format(BIG) -- cjson writes 14 digits
      assert.is_true(assert(client:restore_agent(kept)).complete)
      assert.equal(BEFORE, bound "1001")
      client:close()
      server:stop()
    end
    start()
  end)

  it("takes a result that was kept in a file", function()
    start()
    local result = assert(client:release_agent "1001")
    for _, queue in ipairs(result.queues) do queue.skillId = ("%.0f"):format(queue.skillId) end -- cjson writes 14 digits
    local restored = assert(client:restore_agent(cjson.decode(cjson.encode(result))))
    assert.is_true(restored.complete)
    assert.equal(BEFORE, bound "1001")
  end)

  it("has nothing to ask where nothing was released", function()
    start { people = { idle = "Ida" } }
    local restored = assert(client:restore_agent(assert(client:release_agent "idle")))
    assert.same({ true, 0 }, { restored.complete, restored.attempts })
    assert.equal(1, count "query_agent")
  end)

  it("binds nobody where the agent is gone, or the API does not say where they are", function()
    start()
    local result = assert(client:release_agent "1001")
    server:reset {}
    local restored, err = client:restore_agent(result)
    assert.is_nil(restored)
    assert.same({ "unknown_agent", "not_sent", "restore_agent" }, { err.kind, err.outcome, err.operation })
    server:reset()
    server:shape { skills_field = "missing" }
    assert.equal("protocol", select(2, client:restore_agent(result)).kind)
    assert.equal(0, count "bind_agents")
  end)

  it("refuses what is no result, and sends nothing", function()
    start()
    local function queues(queue) return { userAccount = "1001", queues = { queue } } end
    for _, wrong in ipairs { { userAccount = "1001" }, queues {}, queues { skillId = 3 },
      queues { skillId = 3, outcome = "gone" },
      queues { skillId = 0, outcome = "released" }, queues { skillId = "3x", outcome = "released" },
      queues { skillId = 3, outcome = "released", agentWeight = "1" } } do
      local restored, err = client:restore_agent(wrong)
      assert.is_nil(restored)
      assert.same({ "argument", "not_sent", "restore_agent" }, { err.kind, err.outcome, err.operation })
      assert.matches("^result", err.message)
    end
    for _, wrong in ipairs { "1001", 3, { queues = {} } } do
      local ok, message = pcall(function() client:restore_agent(wrong) end)
      assert.is_false(ok)
      assert.matches("^spec/offboard_spec.lua:%d+: ", message)
    end
    assert.equal(0, #server:requests())
  end)
end)
