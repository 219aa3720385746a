-- One agent's queues, and the tenant's queues by name, as a client reads them through a real server (semantics.md, section 3).

local errors = require "aicc.error"
local loop = require "aicc.loop"
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

-- The bodies of the requests of an operation, in the order in which they came.
local function bodies(operation)
  local list = {}
  for _, request in ipairs(server:requests()) do
    if request.operation == operation then list[#list + 1] = request.body end
  end
  return table.concat(list, " ")
end

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
      start { agents = AGENTS, unknown_agent = kind }
      local agent, err = client:query_agent "nobody"
      assert.is_nil(agent)
      assert.same({ "protocol", "unknown" }, { err.kind, err.outcome })
      client:close()
      server:stop()
    end
    start {}
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
      assert.matches("agents_spec.lua:%d+: query_agent: userAccount: expected a string", message)
    end
    assert.equal(0, #server:requests())
  end)
end)

-- ---- queues ----

local function named(count)
  local queues = {}
  for n = 1, count do queues[n] = ("queue %03d"):format(n) end
  return queues
end

local function ids_of(queues)
  local ids = {}
  for n, queue in ipairs(queues) do ids[n] = queue.skillId end
  return ids
end

local function upto(count)
  local ids = {}
  for n = 1, count do ids[n] = n end
  return ids
end

describe("query_skills", function()
  it("has every queue, page by page, with what is documented of it", function()
    start { queues = named(250), agents = { [251] = { "1001" } } }
    local queues = assert(client:query_skills())
    assert.same(upto(251), ids_of(queues))
    assert.same({ skillId = 2, name = "queue 002", description = "", mediaTypeId = 5 }, queues[2])
    assert.equal('{"limit":"100","offset":"0"} {"limit":"100","offset":"100"} {"limit":"100","offset":"200"}',
      bodies "query_skills")
    assert.matches("^251 queues: 1 queue 001, 2 queue 002, ", tostring(queues))
  end)

  it("reads every shape", function()
    for _, shape in ipairs {
      { schema = "all" }, { numbers = "string" }, { query_form = "flat" }, { query_form = "wrapped" },
      { query_form = "wrapped", wrong_form = "business" }, { query_form = "wrapped", wrong_form = "empty" },
    } do
      shape.queues = named(101)
      start(shape)
      assert.same(upto(101), ids_of(assert(client:query_skills())))
      client:close()
      server:stop()
    end
    start {}
    assert.same({}, assert(client:query_skills()))
  end)

  it("finds by name and by number, in as many requests as it takes", function()
    start { queues = named(250) }
    assert.same({ 7 }, ids_of(assert(client:query_skills { name = "e 007" })))
    local ids = {}
    for n = 1, 201 do ids[n] = 300 - n end
    ids[202] = 299
    local queues = assert(client:query_skills { ids = ids })
    assert.equal(152, #queues) -- 250 down to 99
    local _, requests = bodies("query_skills"):gsub("skillIds", "")
    assert.equal(4, requests) -- a page that is full may go on
    assert.same({ 3 }, ids_of(assert(client:query_skills { ids = { 3, 999 } })))
  end)

  it("keeps to the numbers that were asked for, where the server does not listen", function()
    start { queues = named(3) }
    server:fault { operation = "query_skills",
      body = '{"returnCode":"0","total":3,"data":[{"skillId":1},{"skillId":2},{"skillId":3}]}', to = 9 }
    assert.same({ 2 }, ids_of(assert(client:query_skills { ids = { 2, 5 } })))
    local seen = {}
    for queue in client:each_skill { ids = { 2, 5 } } do seen[#seen + 1] = queue.skillId end
    assert.same({ 2 }, seen)
  end)

  it("an empty list of numbers is not every queue", function()
    start { queues = named(3) }
    for _, filter in ipairs { { ids = {} }, { ids = { 3, "4" } }, { ids = { 0 } }, { ids = { [2] = 3 } }, { ids = { x = 1 } },
      { name = "" }, { name = ("x"):rep(101) } } do
      local queues, err = client:query_skills(filter)
      assert.is_nil(queues)
      assert.same({ "argument", "not_sent", "query_skills" }, { err.kind, err.outcome, err.operation })
      local queue, problem = client:each_skill(filter)()
      assert.same({ false, "argument" }, { queue, problem.kind })
    end
    for _, wrong in ipairs { 3, { ids = 3 }, { name = 3 }, { nmae = "x" } } do
      local ok, message = pcall(function() client:query_skills(wrong) end)
      assert.is_false(ok)
      assert.matches("^spec/agents_spec.lua:%d+: ", message)
    end
    assert.equal(0, #server:requests())
  end)

  it("is read again when it changes, and is an error when it never holds still", function()
    local pages, made = nil, 1000
    local function listen(event)
      if event.type ~= "attempt" or event.operation ~= "query_skills" then return end
      pages = pages + 1
      if pages > client.changes then return end
      made = made + 1
      server:bind(made, { "1001" })
    end
    pages = 0
    start({ queues = named(150) }, { on_event = listen })
    client.changes = 1
    assert.equal(151, #assert(client:query_skills()))
    assert.equal(4, pages)
    pages, client.changes = 0, 9
    local queues, err = client:query_skills()
    assert.is_nil(queues)
    assert.same({ "protocol", "unknown", "query_skills" }, { err.kind, err.outcome, err.operation })
    assert.matches("the list of queues changed", err.message)
    pages, client.changes = 0, 1
    local last
    for queue, problem in client:each_skill() do if not queue then last = problem end end
    assert.equal("protocol", last.kind)
  end)

  it("is an error where the server shows the first page for ever", function()
    start {}
    local page = {}
    for n = 1, 100 do page[n] = ('{"skillId":%d}'):format(n) end
    server:fault { operation = "query_skills", to = 99,
      body = ('{"returnCode":"0","total":150,"data":[%s]}'):format(table.concat(page, ",")) }
    local queues, err = client:query_skills()
    assert.is_nil(queues)
    assert.same({ "protocol", "unknown" }, { err.kind, err.outcome })
  end)

  it("goes on after a page with fewer than were asked for", function()
    start {}
    local function reply(from, to)
      local page = {}
      for n = from, to do page[#page + 1] = ('{"skillId":%d}'):format(n) end
      return ('{"returnCode":"0","total":30,"data":[%s]}'):format(table.concat(page, ","))
    end
    for n = 1, 3 do
      server:fault { operation = "query_skills", from = n, to = n, body = reply(n * 10 - 9, n * 10) }
    end
    assert.same(upto(30), ids_of(assert(client:query_skills())))
    assert.equal('{"limit":"100","offset":"0"} {"limit":"100","offset":"10"} {"limit":"100","offset":"20"}',
      bodies "query_skills")
  end)

  it("asks once more after a 500, and says where it is not allowed", function()
    start { queues = named(2) }
    server:fault { operation = "query_skills", status = 500, body = '{"returnCode":"1","description":"exception"}' }
    assert.equal(2, #assert(client:query_skills()))
    server:fault { operation = "query_skills", status = 500, body = '{"returnCode":"1"}', from = 1, to = 2 }
    local _, err = client:query_skills()
    assert.same({ "server", "unknown", 2 }, { err.kind, err.outcome, err.attempts })
    for status, kind in pairs { [403] = "blocked", [404] = "not_found" } do
      server:clear()
      server:fault { operation = "query_skills", status = status }
      _, err = client:query_skills()
      assert.same({ kind, "rejected", 1 }, { err.kind, err.outcome, err.attempts })
    end
  end)

  it("has names as one line of UTF-8", function()
    start { queues = { "a\nb\27[31m", "客服中心" } }
    local queues = assert(client:query_skills())
    assert.same({ "a b [31m", "客服中心" }, { queues[1].name, queues[2].name })
  end)
end)

describe("each_skill", function()
  it("fetches a page when it is needed", function()
    start { queues = named(250) }
    local seen = {}
    for queue, err in client:each_skill() do
      assert.is_nil(err)
      seen[#seen + 1] = queue.skillId
      if #seen == 150 then break end
    end
    assert.equal(2, #server:requests() - 1) -- and a token
    assert.same(upto(150), seen)
    seen = {}
    for queue in client:each_skill { name = "queue 2" } do seen[#seen + 1] = queue.skillId end
    assert.equal(51, #seen)
  end)

  it("ends with an error, once", function()
    start { queues = named(150) }
    server:fault { operation = "query_skills", from = 2, status = 403 }
    local next_queue, count, last = client:each_skill(), 0, nil
    while true do
      local queue, err = next_queue()
      if queue == nil then break end
      if queue then count = count + 1 else last = err end
    end
    assert.same({ 100, "blocked" }, { count, last.kind })
    assert.is_nil(next_queue())
  end)

  it("works inside a loop #loop", function()
    start { queues = named(150), agents = AGENTS }
    local counts, agents = {}, {}
    for n = 1, 3 do
      loop.spawn(function()
        agents[n] = assert(client:query_agent "BOB").userAccount
        counts[n] = 0
        local next_queue = client:each_skill()
        while next_queue() do counts[n] = counts[n] + 1 end
      end)
    end
    loop.run()
    assert.same({ { 150, 150, 150 }, { "BOB", "BOB", "BOB" } }, { counts, agents })
  end)
end)
