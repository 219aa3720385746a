-- And back into them: what release_agent came to is undone by restore_agent, with the weights of before, and no more.

local cjson = require "cjson"
local offboarding = require "spec.support.offboarding"

local agent, BEFORE, BIG, told = offboarding.agent, offboarding.BEFORE, offboarding.BIG, offboarding.told

local server, client

local function start(options, more) server, client = offboarding.start(options, more) end
local function count(operation) return offboarding.count(server, operation) end
local function bound(account) return offboarding.bound(server, account) end

after_each(function()
  offboarding.assert_never_everybody(server)
  client:close()
  server:stop()
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
    local good = { skillId = 3, outcome = "released", agentWeight = 1, skillWeight = 1 }
    for _, wrong in ipairs { { userAccount = "1001" }, { userAccount = "1001", queues = { good, nil, good } },
      { userAccount = "1001", queues = { x = good } }, queues {}, queues { skillId = 3 },
      queues { skillId = 3, outcome = "gone" },
      queues { skillId = 0, outcome = "released" }, queues { skillId = "3x", outcome = "released" },
      queues { skillId = 3, outcome = "released", agentWeight = "1" } } do
      local restored, err = client:restore_agent(wrong)
      assert.is_nil(restored)
      assert.same({ "argument", "not_sent", "restore_agent" }, { err.kind, err.outcome, err.operation })
      assert.matches("^result", err.message)
    end
    for said, wrong in pairs {
      ["result: expected the table that release_agent returned, got string"] = "1001",
      ["result: expected the table that release_agent returned, got number"] = 3,
      ["restore_agent: result.userAccount: expected a string, got nil"] = { queues = {} },
    } do
      local ok, message = pcall(function() client:restore_agent(wrong) end)
      assert.same({ false, said }, { ok, (message:gsub("^spec/restore_spec.lua:%d+: ", "")) })
    end
    local _, err = client:restore_agent { userAccount = "", queues = {} }
    assert.equal("result.userAccount: expected 1 to 128 bytes, got an empty string", err.message)
    local ok, message = pcall(function() client:release_agent(1001) end)
    assert.is_false(ok)
    assert.matches("^spec/restore_spec.lua:%d+: release_agent: account: expected a string, got number$", message)
    assert.equal(0, #server:requests())
  end)
end)
