-- Listing a queue through a real server: pages, changes between pages, and the iterator.

local aicc = require "aicc"
local loop = require "aicc.loop"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"

local server, client

local function names(count)
  local list = {}
  for n = 1, count do list[n] = ("a%03d"):format(n) end
  return list
end

-- `on_page(n)` is called after the n-th page has come.
local function start(count, options, on_page)
  options = options or {}
  options.agents = { [3] = names(count) }
  server = assert(sandbox.start(options))
  local pages, time = 0, scene.skipping()
  client = assert(server:client(scene.options(time, { on_event = function(event)
    if event.type ~= "attempt" or event.operation ~= "query_agents" then return end
    pages = pages + 1
    if on_page then on_page(pages) end
  end })))
end

after_each(function()
  client:close()
  server:stop()
end)

local function page_numbers()
  local numbers = {}
  for _, request in ipairs(server:requests()) do numbers[#numbers + 1] = request.body:match '"pageNum":(%d+)' end
  return table.concat(numbers, " ")
end

local function accounts_of(agents)
  local list = {}
  for n, agent in ipairs(agents) do list[n] = agent.userAccount end
  return list
end

describe("query_agents", function()
  it("has every agent, page by page, with the API's own fields", function()
    start(250)
    server:bind(3, { { userAccount = "a002", agentWeight = 4, skillWeight = 7 } })
    local agents = assert(client:query_agents(3))
    assert.same(names(250), accounts_of(agents))
    assert.equal("0 1 2", page_numbers())
    assert.same({
      userAccount = "a002", accountName = "a002", sipAccount = "", workNo = agents[2].workNo, agentType = 4, agentWeight = 4,
      skillWeight = 7,
    }, agents[2])
    if math.type then assert.equal("integer", math.type(agents[2].agentWeight)) end
    assert.equal(0, #assert(client:query_agents(4)))
  end)

  it("asks for no page after the last, and one of nobody", function()
    start(200)
    assert.equal(200, #assert(client:query_agents(3)))
    assert.equal(0, #assert(client:query_agents(9)))
    assert.equal("0 1 0", page_numbers())
  end)

  it("reads every shape that is documented", function()
    for _, shape in ipairs {
      { schema = "data" }, { schema = "all" }, { account_field = "accountCode" }, { count_field = "total" },
      { numbers = "string" },
      { schema = "all", account_field = "accountCode", count_field = "total", numbers = "string" },
    } do
      start(101, shape)
      server:bind(3, { { userAccount = "a002", agentWeight = 4, skillWeight = 7 } })
      local agents = assert(client:query_agents(3))
      assert.same(names(101), accounts_of(agents))
      assert.same({ 4, 7 }, { agents[2].agentWeight, agents[2].skillWeight })
      assert.equal("applied", assert(client:release_agent_by_skill(3, { "a001" })).outcome)
      client:close()
      server:stop()
    end
    start(1)
  end)

  it("is not understood where nobody has an account that can be read, and proves nothing", function()
    start(2, { account_field = "none" })
    server:fault { operation = "release_agent_by_skill", close = "request", to = math.huge } -- lost, and not done
    local agents, err = client:query_agents(3)
    assert.same({ nil, "protocol", "unknown" }, { agents, err.kind, err.outcome })
    for _, accounts in ipairs { { "a001" }, aicc.ALL } do
      local result, problem = client:release_agent_by_skill(3, accounts)
      assert.same({ nil, "unknown" }, { result, problem.outcome })
      assert.matches("cannot be told: none of the 2 agents", problem.message)
    end
    local last
    for agent, problem in client:each_agent(3) do if not agent then last = problem end end
    assert.same({ "protocol", 3 }, { last.kind, last.skill_id })
  end)

  it("shows what the server shows: agents without an account may be hidden", function()
    start(1)
    server:bind(3, { { userAccount = "secret", hidden = true } })
    assert.same({ "a001" }, accounts_of(assert(client:query_agents(3))))
  end)

  it("is read again when somebody on the first page is unbound before the second", function()
    start(150, nil, function(n) if n == 1 then server:unbind(3, { "a001" }) end end)
    local agents = assert(client:query_agents(3))
    assert.equal("a002", agents[1].userAccount)
    assert.equal(149, #agents)
    assert.equal("0 1 0 1", page_numbers())
  end)

  it("is not to be had of a queue that never holds still", function()
    start(150, nil, function(n) server:unbind(3, { ("a%03d"):format(n) }) end)
    local agents, err = client:query_agents(3)
    assert.is_nil(agents)
    assert.same({ "protocol", "unknown", 3 }, { err.kind, err.outcome, err.skill_id })
    assert.equal("0 1 0 1 0 1", page_numbers())
  end)

  it("never takes for complete what was unbound between its pages, wherever and whenever", function()
    for at = 1, 2 do
      for _, who in ipairs { "a001", "a100", "a101", "a200", "a201", "a250" } do
        start(250, nil, function(n) if n == at then server:unbind(3, { who }) end end)
        local agents = assert(client:query_agents(3))
        assert.same(server:accounts(3), accounts_of(agents), who)
        client:close()
        server:stop()
      end
    end
    start(1)
  end)

  it("retries each page by itself", function()
    start(250)
    server:fault { operation = "query_agents", from = 2, to = 3, status = 502 }
    assert.equal(250, #assert(client:query_agents(3)))
    assert.equal("0 1 1 1 2", page_numbers())
  end)

  it("tells what went wrong, and for which queue", function()
    start(1)
    server:fault { operation = "query_agents", status = 404 }
    local _, err = client:query_agents(3)
    assert.same({ "not_found", "query_agents", 3, 1 }, { err.kind, err.operation, err.skill_id, err.attempts })
    assert.truthy(err.elapsed >= 0)
  end)
end)

it("a release that never happened is not told as done, whatever a listing calls the accounts", function()
  for _, field in ipairs { "userAccount", "accountCode" } do
    start(2, { account_field = field })
    server:fault { operation = "release_agent_by_skill", close = "request", to = math.huge }
    local result, err = client:release_agent_by_skill(3, { "a001" })
    assert.is_nil(result)
    assert.same({ "unknown", { "a001" } }, { err.outcome, err.still_bound })
    client:close()
    server:stop()
  end
  start(1)
end)

describe("each_agent", function()
  it("fetches a page when it is needed", function()
    start(250)
    local seen = {}
    for agent, err in client:each_agent(3) do
      assert.is_nil(err)
      seen[#seen + 1] = agent.userAccount
      if #seen == 150 then break end
    end
    assert.equal("0 1", page_numbers())
    for agent in client:each_agent(3) do seen[#seen + 1] = assert(agent).userAccount end
    assert.equal(400, #seen)
    assert.same(names(250), { (unpack or table.unpack)(seen, 151) })
  end)

  it("ends with an error, once", function()
    start(250)
    server:fault { operation = "query_agents", from = 2, status = 400 }
    local count, last = 0, nil
    for agent, err in client:each_agent(3) do
      if agent then count = count + 1 else last = err end
    end
    assert.same({ 100, "bad_request", 3 }, { count, last.kind, last.skill_id })
    local next_agent = client:each_agent(0)
    local agent, err = next_agent()
    assert.same({ false, "argument" }, { agent, err.kind })
    assert.is_nil(next_agent())
  end)

  it("says when the queue changed meanwhile", function()
    start(150, nil, function(n) if n == 1 then server:unbind(3, { "a001" }) end end)
    local last
    for agent, err in client:each_agent(3) do if not agent then last = err end end
    assert.equal("protocol", last.kind)
  end)

  it("has one deadline for all pages", function()
    start(250)
    server:fault { operation = "query_agents", from = 2, hold = true }
    local last
    for agent, err in client:each_agent(3, { deadline = 0.3 }) do if not agent then last = err end end
    server:release_held()
    assert.equal("timeout", last.kind)
  end)

  it("works inside a loop #loop", function()
    start(250)
    local counts = {}
    for n = 1, 3 do
      loop.spawn(function()
        counts[n] = 0
        local next_agent = client:each_agent(3) -- Lua 5.1 cannot yield in a `for`'s iterator
        while next_agent() do counts[n] = counts[n] + 1 end
      end)
    end
    loop.run()
    assert.same({ 250, 250, 250 }, counts)
  end)
end)
