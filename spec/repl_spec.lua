-- What a prompt shows of each value that a public function returns: a line for people, no address, and no secret.

local aicc = require "aicc"
local child = require "spec.support.child"
local cjson = require "cjson"
local errors = require "aicc.error"
local jobs = require "aicc.jobs"
local sandbox = require "aicc.sandbox"
local shared = require "aicc.shared"

local server, client, printed

-- What `print` would show, noted for the last spec.
local function shown(value)
  local text = tostring(value)
  printed[#printed + 1] = text
  return text
end

setup(function()
  printed = {}
  server = assert(sandbox.start { agents = { [3] = { "1001", "1002", "1003" }, [4] = { "1001" } } })
  client = assert(server:client())
end)

teardown(function()
  client:close()
  server:stop()
end)

describe("a prompt shows", function()
  it("what a call came to", function()
    assert.equal("applied: 2 agents from queue 3", shown(client:release_agent_by_skill(3, { "1001", "1002" })))
    assert.equal("applied: 1 agent from queue 3", shown(client:release_agent_by_skill(3, { "1001", "1001" })))
    assert.equal("applied: 1 agent to queue 3", shown(client:bind_agents(3, { "1002" }, { agent_weight = 5 })))
    assert.equal("applied: everybody from queue 4", shown(client:release_agent_by_skill(4, aicc.ALL)))
    server:fault { operation = "release_agent_by_skill", apply = true, close = "request", to = 4 }
    local settled = assert(client:release_agent_by_skill(9007199254740991, { "1" }))
    assert.equal("applied_earlier: 1 agent from queue 9007199254740991", shown(settled))
    server:clear()
  end)

  it("who is bound", function()
    local agents, _, known = client:query_agents(3)
    assert.equal("2 agents: 1002, 1003", shown(agents))
    assert.equal("1002 (agent_weight 5, skill_weight 1)", shown(agents[1]))
    assert.equal("a proof: who is not on the list is not bound", shown(known))
    assert.equal("0 agents", shown(client:query_agents(4)))
    for agent in client:each_agent(3) do assert.truthy(shown(agent):find "^100[23] %(agent_weight ") end
    local many = {}
    for i = 1, 12 do many[i] = ("%02d"):format(i) end
    server:bind(5, many)
    assert.equal("12 agents: 01, 02, 03, 04, 05, 06, 07, 08, 09, 10 and 2 more", shown(client:query_agents(5)))
    server:bind(6, { { userAccount = "a\nb\27[31m" } })
    assert.equal("1 agent: a b [31m", shown(client:query_agents(6)))
  end)

  it("where somebody is bound, and all queues by name", function()
    local person = client:query_agent "1002"
    assert.matches("^1002 %(.+%): 1 queue: 3 %(5, 1%)$", shown(person))
    assert.same({ "1 queue: 3 (5, 1)", "3 (5, 1)" }, { shown(person.skills), shown(person.skills[1]) })
    local queues = assert(client:query_skills())
    assert.matches("^%d queues?: 3 ", shown(queues))
    assert.matches("^3 %S", shown(queues[1]))
    for queue in client:each_skill() do assert.matches("^%d %S", shown(queue)) end
    server:bind(4, { "1003" })
    local result = assert(client:release_agent("1003", { except = { 4 } }))
    assert.equal("1003: released 3, kept 4", shown(result))
    assert.same({ "2 queues: 3 released, 4 kept", "4 kept" }, { shown(result.queues), shown(result.queues[2]) })
    assert.equal("1003: bound 3, kept 4", shown(client:restore_agent(result)))
  end)

  it("errors, as lines", function()
    local _, err = client:release_agent_by_skill(3, {})
    assert.matches("^aicc: release_agent_by_skill: accounts: expected at least one account.*%[guard, not_sent%]$", shown(err))
    assert.equal("failed: " .. tostring(err), "failed: " .. err)
  end)

  it("clients, what they are set to, and what they are made of", function()
    assert.equal("aicc.client (" .. server.base_url .. ")", shown(client))
    assert.matches("\napp_secret       %*%*%* %(argument%)\n", shown(client:explain()))
    assert.matches("\ntimeout          15 %(default%)\n", shown(client:explain()))
    assert.equal("verify           true (default)", shown(client:explain()[5]))
    assert.equal("aicc.store.memory", shown(client.store))
    assert.equal("aicc.transport.curl", shown(client.transport))
    assert.equal("aicc.session (" .. server.base_url .. ")", shown(client.transport.session))
    assert.equal("aicc.ALL", shown(aicc.ALL))
    assert.equal("aicc.shared (counts)", shown(shared.new "counts"))
    local other = assert(server:client())
    other:close()
    assert.equal("aicc.client (" .. server.base_url .. ", closed)", shown(other))
    assert.equal("aicc.session (closed)", shown(other.transport.session))
  end)

  it("a sandbox, who is in it, and what arrived", function()
    assert.equal("aicc.sandbox: " .. server.base_url, shown(server))
    assert.equal("2 agents: 1002, 1003", shown(server:agents(3)))
    server:clear()
    assert(client:query_agents(3))
    server:fault { operation = "release_agent_by_skill", close = "request", to = 9 }
    client:release_agent_by_skill(3, { "1" }, { retry = false })
    assert.equal("3 requests: query_agents (200), release_agent_by_skill (no status), query_agents (200)",
      shown(server:requests()))
    assert.equal("release_agent_by_skill (no status)", shown(server:requests()[2]))
    assert.equal("1002 (agent_weight 5, skill_weight 1)", shown(server:agents(3)[1]))
    assert.matches("^connections %d+, held 0, in_flight 0, max_in_flight %d+, requests %d+$", shown(server:stats()))
    server:clear()
  end)

  it("a store, its jobs, and how far they are", function()
    local folder, remove = child.directory()
    local store = assert(jobs.open("sqlite:" .. folder .. "/jobs.db"))
    assert.equal("aicc.jobs.store (sqlite:" .. folder .. "/jobs.db)", shown(store))
    server:reset()
    local lines = { { 3, "1001" }, { 3, "1002" }, { 4, "9" } }
    local function next_row()
      local row = table.remove(lines, 1)
      if row then return row[1], row[2] end
    end
    local job = assert(store:plan(jobs.rows(next_row), { name = "night", client = client, rate = 0 }))
    assert.equal("aicc.jobs.job (night)", shown(job))
    assert.equal("night: planned; 3 lines: 1 not_bound, 2 planned", shown(job:status()))
    assert.equal("2 queues: 3 (2 of 3 agents), 4 (0 of 1 agents)", shown(job:queues()))
    assert.equal("3 (2 of 3 agents)", shown(job:queues()[1]))
    assert.matches("^nil\taicc: the job night needs to be forced.*%[guard, not_sent%]$", (function(a, b)
      return shown(a) .. "\t" .. shown(b)
    end)(job:apply { client = client, rate = 0 }))
    local summary = assert(job:apply { client = client, rate = 0, force = true })
    assert.equal("finished; 3 lines: 1 not_bound, 2 released; " .. summary.requests .. " requests", shown(summary))
    assert.equal("1 job: night (finished)", shown(store:list()))
    assert.equal("night (finished)", shown(store:list()[1]))
    local lines_of = {}
    for row in job:report() do lines_of[#lines_of + 1] = shown(row) end
    assert.equal("line 1, queue 3: 1001: released", lines_of[1])
    assert.equal("line 3, queue 4: 9: not_bound", lines_of[3])
    store:close()
    remove()
  end)

  it("no address, no key, secret or token", function()
    assert.truthy(#printed > 25)
    local token = assert(client:access_token())
    for _, text in ipairs(printed) do
      for _, secret in ipairs { "0x", server.app_key, server.app_secret, token } do
        assert.is_nil(text:find(secret, 1, true), text)
      end
    end
  end)
end)

describe("a result is a plain table all the same:", function()
  it("JSON, next and comparison see its fields alone", function()
    server:reset()
    local result = assert(client:release_agent_by_skill(3, { "1001" }))
    local fields = {}
    for name in next, result do fields[#fields + 1] = name end
    table.sort(fields)
    assert.equal("accounts attempts elapsed operation outcome resultCode resultMessage skill_id", table.concat(fields, " "))
    assert.same({
      outcome = "applied", operation = "release_agent_by_skill", skill_id = 3, accounts = 1, attempts = result.attempts,
      elapsed = result.elapsed, resultCode = "0", resultMessage = "success",
    }, result)
    assert.equal(1, cjson.decode(cjson.encode(result)).accounts)
    assert.same({ "0", "success" }, { result.result_code, result.result_message })
    assert.is_nil(result.no_such_field)
    local agents = assert(client:query_agents(3))
    assert.truthy(cjson.encode(agents):find '^%[{.*},{.*}%]$')
    assert.equal(2, #agents)
  end)

  it("one metatable serves all of a kind", function()
    local one = assert(client:release_agent_by_skill(3, { "1001" }))
    local two = assert(client:bind_agents(3, { "1001" }))
    assert.equal(getmetatable(one), getmetatable(two))
    assert.is_false(errors.is_error(one))
  end)
end)
