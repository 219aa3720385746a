-- One agent's queues, as a client reads them through a real server (doc/semantics.md, section 3). queues_by_name_spec has the
-- queues.

local errors = require "aicc.error"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"

local server, client, time

local function start(options, more)
  time = scene.skipping()
  server = assert(sandbox.start(options))
  client = assert(server:client(scene.options(time, more)))
end

after_each(function()
  client:close()
  server:stop()
end)

local function bodies(operation) return scene.bodies(server, operation) end

local AGENTS = { [3] = { "1001", { userAccount = "BOB", agentWeight = 3, skillWeight = 4 } }, [4] = { "BOB" } }

local FLAT, WRAPPED = '{"userAccount":"nobody"}', '{"requestParam":{"userAccount":"nobody"}}'
local ANYBODY, WRAPPED_ANYBODY = '{"pageNum":0,"pageSize":1}', '{"requestParam":{"pageNum":0,"pageSize":1}}'

describe("query_agent", function()
  it("tells the queues, with weights, and the name", function()
    start { agents = AGENTS, people = { BOB = "Bob" } }
    assert.same({
      userAccount = "BOB", userName = "Bob", agentType = 4, workNo = 101,
      skills = { { skillId = 3, agentWeight = 3, skillWeight = 4 }, { skillId = 4, agentWeight = 1, skillWeight = 1 } },
    }, assert(client:query_agent "BOB"))
    assert.equal("BOB (Bob): 2 queues: 3 (3, 4), 4 (1, 1)", tostring(client:query_agent "BOB"))
    assert.equal('{"userAccount":"BOB"} {"userAccount":"BOB"}', bodies "query_agent")
  end)

  it("tells apart who is in no queue and of whom the API does not say it", function()
    start { people = { idle = "Ida" } }
    assert.same({}, assert(client:query_agent "idle").skills)
    server:shape { skills_field = "missing" }
    assert.is_nil(assert(client:query_agent "idle").skills)
    assert.equal("idle (Ida): queues not told", tostring(client:query_agent "idle"))
  end)

  it("reads every shape that is documented, and finds the request's form once", function()
    for _, case in ipairs {
      { { schema = "data" }, 1 }, { { schema = "all" }, 1 }, { { account_field = "accountCode" }, 1 },
      { { numbers = "string" }, 1 },
      { { query_form = "flat" }, 1 }, { { query_form = "wrapped" }, 2 },
      { { query_form = "wrapped", wrong_form = "business" }, 2 },
      { { query_form = "wrapped", wrong_form = "empty" }, 2 }, { { query_form = "wrapped", wrong_form = "page" }, 2 },
      { { query_form = "wrapped", wrong_form = "empty", schema = "all", account_field = "accountCode", numbers = "string" }, 2 },
    } do
      case[1].agents = AGENTS
      start(case[1])
      for n = 1, 3 do
        local agent = assert(client:query_agent "BOB")
        assert.same({ "BOB", 3, 4 }, { agent.userAccount, agent.skills[1].agentWeight, agent.skills[1].skillWeight })
        local _, count = bodies("query_agent"):gsub("userAccount", "")
        assert.equal(case[2] + n - 1, count)
      end
      client:close()
      server:stop()
    end
    start {}
  end)

  -- What the API answers to an account that nobody has; what it is asked, before it has answered for anybody and after.
  local UNKNOWN = {
    { "empty", {}, { FLAT, WRAPPED }, { FLAT } },
    { "missing", {}, { FLAT, WRAPPED }, { FLAT } },
    { "null", {}, { FLAT, WRAPPED }, { FLAT } },
    { "business", {}, { FLAT, WRAPPED, ANYBODY, FLAT }, { FLAT, ANYBODY, FLAT } },
    { "empty", { query_form = "flat" }, { FLAT, WRAPPED }, { FLAT } },
    { "business", { query_form = "flat" }, { FLAT, WRAPPED, ANYBODY, FLAT }, { FLAT, ANYBODY, FLAT } },
    { "empty", { query_form = "flat", wrong_form = "page" }, { FLAT, WRAPPED }, { FLAT } },
    { "empty", { query_form = "wrapped" }, { FLAT, WRAPPED }, { WRAPPED } },
    { "empty", { query_form = "wrapped", wrong_form = "page" }, { FLAT, WRAPPED }, { WRAPPED } },
    { "business", { query_form = "wrapped", wrong_form = "empty" }, { FLAT, WRAPPED, WRAPPED_ANYBODY, WRAPPED },
      { WRAPPED, WRAPPED_ANYBODY, WRAPPED } },
  }
  for _, case in ipairs(UNKNOWN) do
    local shape = ""
    for name, value in pairs(case[2]) do shape = shape .. ", " .. name .. " " .. value end
    it("says of an account that nobody has: unknown_agent (" .. case[1] .. shape .. ")", function()
      local options = { agents = AGENTS, unknown_agent = case[1] }
      for name, value in pairs(case[2]) do options[name] = value end
      start(options)
      for n = 1, 2 do
        local agent, err = client:query_agent "nobody"
        assert.is_nil(agent)
        assert.same({ "unknown_agent", "rejected", "query_agent", false },
          { err.kind, err.outcome, err.operation, err.retryable })
        assert.equal(case[1] == "business" and "the agent does not exist" or nil, err.result_message)
        assert.equal(table.concat(case[n + 2], " "), bodies "query_agent")
        assert(client:query_agent "1001")
        server:clear()
      end
    end)
  end

  it("never takes another agent for the one that was asked for", function()
    for _, kind in ipairs { "other", "page" } do
      for _, form in ipairs { "both", "flat", "wrapped" } do
        start { agents = AGENTS, unknown_agent = kind, query_form = form }
        local agent, err = client:query_agent "nobody"
        assert.is_nil(agent)
        assert.same({ "protocol", "unknown" }, { err.kind, err.outcome })
        client:close()
        server:stop()
      end
    end
    start {}
    server:fault { operation = "query_agent", to = 2,
      body = '{"resultCode":"0","data":[{"userAccount":"bob"},{"userAccount":"bob"}]}' }
    assert.equal("protocol", select(2, client:query_agent "bob").kind) -- which of the two?
  end)

  it("takes the very one out of a page, where the server does not listen", function()
    start({ agents = AGENTS, query_form = "wrapped", wrong_form = "page" }, { query_form = "flat" })
    assert.equal("BOB", assert(client:query_agent "BOB").userAccount)
    assert.equal("protocol", select(2, client:query_agent "bob").kind) -- one of several may be somebody else
  end)

  it("has the API's own spelling, where that differs in the case of ASCII letters alone", function()
    start {}
    local function answer(account)
      server:clear()
      server:fault { operation = "query_agent", body = ('{"resultCode":"0","data":[{"userAccount":"%s"}]}'):format(account) }
      local agent, err = client:query_agent "bob"
      return agent and agent.userAccount or err.kind
    end
    assert.same({ "BOB", "bob" }, { answer "BOB", answer "bob" })
    server:shape { query_form = "flat" }
    assert.equal("protocol", answer "böb")
  end)

  it("asks in one form once it knows that, also where nobody was found yet", function()
    start { agents = AGENTS, unknown_agent = "business" }
    client:query_agent "nobody"
    server:clear()
    assert.equal("unknown_agent", select(2, client:query_agent "nobody").kind)
    assert.equal(table.concat({ FLAT, ANYBODY, FLAT }, " "), bodies "query_agent")
  end)

  it("says business where the API refuses everybody: that is no word about this one", function()
    start { agents = AGENTS }
    server:fault { operation = "query_agent", status = 500, body = '{"resultCode":"9","resultMessage":"not purchased"}', to = 9 }
    local _, err = client:query_agent "1001"
    assert.same({ "business", "9" }, { err.kind, err.result_code })
    assert.matches("refused in both forms", err.message)
    assert.equal(table.concat({ (FLAT:gsub("nobody", "1001")), (WRAPPED:gsub("nobody", "1001")), ANYBODY, WRAPPED_ANYBODY }, " "),
      bodies "query_agent")
    server:clear()
    assert(client:query_agent "1001")
    server:fault { operation = "query_agent", status = 500, body = '{"resultCode":"9"}', to = 9 }
    assert.equal("business", select(2, client:query_agent "1001").kind)
  end)

  it("finds who was refused for a moment only", function()
    start { agents = AGENTS }
    assert(client:query_agent "1001")
    server:fault { operation = "query_agent", status = 500, body = '{"resultCode":"9"}' }
    assert.equal("BOB", assert(client:query_agent "BOB").userAccount)
  end)

  it("tells nobody's telephone number or address: not in events, nor in errors, nor in lines for a log", function()
    local told = {}
    local function keep(value)
      if type(value) == "table" then
        for _, item in pairs(value) do keep(item) end
      else
        told[#told + 1] = tostring(value)
      end
    end
    start({ agents = { [3] = { "1001" } }, people = { ["1001"] = { phone = "+49 30 901820", email = "ada@people.example" } } },
      { on_event = keep })
    local body = '{"data":[{"userAccount":"1001","phone":"+49 30 901820","email":"ada@people.example"}]}'
    local faults = {
      {}, { cut = 300 }, { status = 500, body = body }, { status = 404, body = body }, { status = 502, body = body },
    }
    for _, shape in ipairs { "none", "all" } do
      server:shape { schema = shape }
      for _, fault in ipairs(faults) do
        server:clear()
        fault.operation, fault.to = "query_agent", 9
        server:fault(fault)
        for _, method in ipairs { "query_agent", "release_agent" } do
          local result, err = client[method](client, "1001")
          keep(result or { err, tostring(err), errors.line(err) })
        end
      end
    end
    local all = table.concat(told, "\n")
    assert.truthy(all:find("1001", 1, true))
    assert.falsy(all:find("901820", 1, true) or all:find("people.example", 1, true))
  end)

  it("cannot tell where the question for anybody finds no answer", function()
    start { agents = AGENTS, unknown_agent = "business" }
    server:fault { operation = "query_agent", status = 404, from = 3 }
    assert.equal("not_found", select(2, client:query_agent "nobody").kind)
  end)

  it("refuses what is no account, and sends nothing", function()
    start {}
    for _, account in ipairs { "", ("x"):rep(129), "a\0b", "\255" } do
      local _, err = client:query_agent(account)
      assert.same({ "argument", "not_sent" }, { err.kind, err.outcome })
    end
    for _, wrong in ipairs { 1001, true, {} } do
      local ok, message = pcall(function() client:query_agent(wrong) end)
      assert.is_false(ok)
      assert.matches("agents_spec.lua:%d+: query_agent: account: expected a string", message)
    end
    assert.equal(0, #server:requests())
  end)
end)
