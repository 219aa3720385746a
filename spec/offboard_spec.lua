-- One agent out of all of their queues, through a real server: each queue is told right, and no request ever has an empty list of
-- accounts (looked for in the bytes that the server got, after each spec).

local loop = require "aicc.loop"
local offboarding = require "spec.support.offboarding"
local sandbox = require "aicc.sandbox"

local BEFORE, BIG, told = offboarding.BEFORE, offboarding.BIG, offboarding.told

local server, client, time

local function start(options, more) server, client, time = offboarding.start(options, more) end
local function count(operation) return offboarding.count(server, operation) end
local function bound(account) return offboarding.bound(server, account) end

after_each(function()
  offboarding.assert_never_everybody(server)
  client:close()
  server:stop()
end)

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
    local sent, allowed = 0, {}
    start(nil, { on_event = function(event)
      if event.type == "send" and event.operation == "release_agent_by_skill" then allowed[#allowed + 1] = event.timeout end
      if event.type ~= "attempt" or event.operation ~= "release_agent_by_skill" then return end
      sent = sent + 1
      time.pass(25)
    end })
    local result = assert(client:release_agent("1001", { deadline = 40 }))
    assert.equal("3 released applied, 4 released applied, 5 not_sent deadline, 9007199254740991 not_sent deadline", told(result))
    assert.equal(2, sent)
    assert.is_true(allowed[1] == 15 and allowed[2] < 10.001, "5 of the 15 seconds that are left are for settling")
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
    for _, case in ipairs { { "", nil, "account" }, { "a\nb", nil, "account" },
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
