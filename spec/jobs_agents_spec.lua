-- Jobs from accounts: each agent leaves all of their queues, whichever way those are found, and what is told of each is true.

local aicc_jobs = require "aicc.jobs"
local postgresql = require "spec.support.postgresql"
local support = require "spec.support.jobs"

-- The specs of one kind of store; `open` returns an empty one.
local function specs(open)
  local server, client, store, notes

  local function start(options)
    server = support.sandbox(options)
    client = assert(server:client())
    store, notes = open(), {}
  end

  after_each(function()
    -- Whatever a spec did: everybody was never released at once.
    for _, request in ipairs(server:requests()) do
      assert.is_nil(request.body:find('"userAccounts":[]', 1, true), request.body)
    end
    store:close()
    support.clean()
  end)

  local function accounts(list)
    local at = 0
    return aicc_jobs.accounts(function()
      at = at + 1
      return list[at]
    end)
  end

  local function plan(list, options)
    local all = { client = client, rate = 0, name = "leavers", on_note = function(note) notes[#notes + 1] = note end }
    for name, value in pairs(options or {}) do all[name] = value end
    return store:plan_agents(accounts(list), all)
  end

  -- "2 | 5 | bob | released" for each line of a report; with `wanted` only of those accounts.
  local function lines(job)
    local list = {}
    for row in assert(job:report()) do
      list[#list + 1] = ("%d %s %s %s"):format(row.line, row.skill_id and ("%.0f"):format(row.skill_id) or "-", row.user_account,
        row.status)
    end
    return list
  end

  local function messages(job)
    local found = {}
    for row in assert(job:report()) do found[row.user_account] = row.message end
    return found
  end

  local function count(operation)
    local n = 0
    for _, request in ipairs(server:requests()) do
      if not operation or request.operation == operation then n = n + 1 end
    end
    return n
  end

  local function differences()
    local list = {}
    for _, note in ipairs(notes) do
      if note.type == "ways_differ" then
        list[#list + 1] = ("%s %.0f %s"):format(note.user_account, note.skill_id, note.is_named and "named" or "shown")
      end
    end
    table.sort(list)
    return list
  end

  local STATES = { found = 0, no_agent = 0, no_queue = 0, not_bound = 0, failed = 0, lines = 0 }

  local function states(given)
    local all = {}
    for name, value in pairs(STATES) do all[name] = given[name] or value end
    return all
  end

  -- 300 agents, each in three of 40 queues.
  local function tenant()
    local queues = {}
    for q = 1, 40 do queues[q] = {} end
    for i = 1, 300 do
      for k = 0, 2 do
        table.insert(queues[(i * 7 + k * 13) % 40 + 1], { userAccount = "p" .. i, agentWeight = 1 + i % 5, skillWeight = 1 + k })
      end
    end
    return queues
  end

  for way, options in pairs { asked = {}, swept = { sweep = true }, ["asked and swept"] = { sweep = true, ask = true } } do
    it(("release 25 of 300 agents from all of 40 queues, and bring them back as they were: %s"):format(way), function()
      start { agents = tenant() }
      local before, leavers, all = {}, {}, {}
      for q = 1, 40 do before[q] = support.weights(server, q) end
      for i = 1, 25 do leavers[i], all["p" .. i * 12] = "p" .. i * 12, true end
      local job = assert(plan(leavers, options))
      assert.equal(job.requests, count())
      assert.same(states { found = 25, lines = 25 }, job:status().agents)
      assert.equal(75, job:status().lines)
      local asks, listings, skills = count "query_agent", count "query_agents", count "query_skills"
      assert.same({ options.sweep and not options.ask and 0 or 25, 1 }, { asks, skills })
      local planned = count()
      local summary = assert(job:apply { client = client, rate = 0, force = true })
      assert.same({ 75, "finished" }, { summary.counts.released, summary.state })
      local applied = count() - planned
      for q = 1, 40 do
        for _, account in ipairs(server:accounts(q)) do assert.is_nil(all[account], account .. " is still bound") end
      end
      assert.equal(75, assert(job:undo { client = client, rate = 0, force = true }).undo.restored)
      for q = 1, 40 do assert.same(before[q], support.weights(server, q)) end
      print(("%s: plan %d requests (%d accounts asked for, %d listings, %d of names, the token), apply %d, undo %d"):format(way,
        planned, asks, listings, skills, applied, count() - planned - applied))
    end)
  end

  -- Whom the following specs are about: ann is in two queues, bob in one, idle in none; omit is in one that the API does not name
  -- for him; cat's queue refuses to release anybody.
  local function people(more)
    local all = {
      agents = {
        [3] = { "ann", "omit", "x1", "x2", "x3" }, [4] = { "ann", "bob", "y1", "y2", "y3" }, [7] = { "omit", "z1", "z2" },
        [9] = { "cat", "w1", "w2" },
      },
      queues = { [3] = "Support", [4] = "Sales", [7] = "Night" }, people = { idle = "Idle" }, omit_skills = { omit = { 7 } },
      refuse_queues = { [9] = true },
    }
    for name, value in pairs(more or {}) do all[name] = value end
    return all
  end
  local LIST = { "ann", "idle", "nobody", "ann", "bob", "omit", "cat" }

  it("tell of each account what is known: asked for", function()
    start(people())
    local job = assert(plan(LIST))
    assert.same({
      "1 3 ann planned", "2 4 ann planned", "3 - idle no_queue", "4 - nobody no_agent", "5 3 ann planned", "6 4 ann planned",
      "7 4 bob planned", "8 3 omit planned", "9 9 cat planned",
    }, lines(job))
    assert.same(states { found = 5, no_queue = 1, no_agent = 1, lines = 7 }, job:status().agents)
    local said = messages(job)
    assert.matches("names no queue", said.idle)
    assert.matches("knows no agent", said.nobody)
    local summary = assert(job:apply { client = client, rate = 0, force = true })
    assert.same({
      released = 6, failed = 1, not_bound = 0, unknown = 0, pending = 0, planned = 0, no_agent = 1, no_queue = 1,
    }, summary.counts)
    assert.equal(9, summary.lines)
    assert.equal("skill queue 9 is refused", messages(job).cat)
    assert.same({ "omit", "z1", "z2" }, server:accounts(7)) -- nobody named it, and nobody else was in it
    assert.same({}, differences())
  end)

  it("tell of each account what is known: found by a sweep", function()
    start(people())
    local job = assert(plan(LIST, { sweep = true }))
    assert.equal(0, count "query_agent")
    assert.same({
      "1 3 ann planned", "2 4 ann planned", "3 - idle not_bound", "4 - nobody not_bound", "5 3 ann planned", "6 4 ann planned",
      "7 4 bob planned", "8 3 omit planned", "9 7 omit planned", "10 9 cat planned",
    }, lines(job))
    assert(job:apply { client = client, rate = 0, force = true })
    assert.same({ "z1", "z2" }, server:accounts(7))
    assert.equal(7, assert(job:undo { client = client, rate = 0, force = true }).undo.restored)
    assert.same({ "omit", "z1", "z2" }, server:accounts(7))
  end)

  it("tell where the two ways differ, and take what either shows", function()
    start(people())
    local job = assert(plan(LIST, { sweep = true, ask = true }))
    assert.same({ "omit 7 shown" }, differences())
    local list = lines(job)
    assert.same({ "3 - idle not_bound", "4 - nobody no_agent", "9 7 omit planned" }, { list[3], list[4], list[9] })
    assert.matches("nor is it on any queue's listing", messages(job).nobody)
  end)

  it("see on the listing of another's queue what the API does not name, and tell what it names in vain", function()
    start(people { agents = { [3] = { "ann", "omit" }, [7] = { "ann", "omit", "z1" } } })
    server:fault { operation = "query_agents", from = 1, to = 1, status = 200, -- of queue 3, the first that is listed
      body = '{"resultCode":"0","count":1,"data":[{"userAccount":"ann","agentWeight":1,"skillWeight":1,"workNo":1}]}' }
    local job = assert(plan({ "ann", "omit" }, { concurrency = 1 }))
    assert.same({ "omit 3 named", "omit 7 shown" }, differences())
    assert.same({ "1 3 ann planned", "2 7 ann planned", "3 3 omit not_bound", "4 7 omit planned" }, lines(job))
  end)

  it("mean nobody who is only spelled alike", function()
    start { agents = { [3] = { "ANN", "x1" }, [4] = { "ann", "x1" } } }
    local job = assert(plan({ "Ann", "ANN" }, { sweep = true }))
    assert.same({ "1 - Ann no_queue", "2 3 ANN planned" }, lines(job))
    assert.matches("queue %d has 'A?a?NN', which differs in upper and lower case", (messages(job).Ann:gsub("nn'", "NN'")))
    assert(store:forget "leavers")
    job = assert(plan { "Ann" })
    assert.same({ "1 - Ann no_agent" }, lines(job))
    assert(store:forget "leavers")
    server:fault { operation = "query_agent", to = math.huge, status = 200,
      body = '{"resultCode":"0","data":[{"userAccount":"ANN","skills":[{"skillId":3,"agentWeight":1,"skillWeight":1}]}]}' }
    job = assert(plan { "Ann" })
    assert.same({ "1 - Ann no_agent" }, lines(job))
    assert.matches("another spelling, 'ANN'", messages(job).Ann)
  end)

  it("are said to be in no queue only where the list of queues has what the API names", function()
    start(people())
    local list = '{"returnCode":"0","total":%d,"data":[%s]}'
    server:fault { operation = "query_skills", to = 4, status = 200, body = list:format(0, "") }
    local none, err = plan({ "idle" }, { sweep = true })
    assert.is_nil(none)
    assert.equal("the list of queues cannot be had: there is no queue on it", err.message)
    server:clear()
    server:fault { operation = "query_skills", status = 200, body = list:format(2, '{"skillId":3},{"skillId":9}'), to = 4 }
    assert.same({ "1 - idle no_queue", "2 4 bob planned" }, lines(assert(plan({ "idle", "bob" }, { sweep = true, ask = true }))))
  end)

  it("release nobody who is only spelled alike, whatever becomes of a queue after the plan, and prove nothing by them", function()
    start { agents = { [3] = { "bob", "cat", "x1", "x2", "x3" }, [4] = { "BOB", "y1", "y2" } } }
    -- The first queue that the sweep lists is queue 3 (in either form, and without a queue): it is left open.
    server:fault { operation = "query_agents", to = 3, status = 500, body = '{"resultCode":"1","resultMessage":"locked"}' }
    local job = assert(plan({ "bob", "cat" }, { sweep = true, concurrency = 1 }))
    assert.same({ "1 3 bob planned", "2 3 cat planned" }, lines(job))
    server:unbind(3, { "bob", "cat" })
    server:bind(3, { "BOB" })
    local summary = assert(job:apply { client = client, rate = 0, force = true })
    assert.same({ "1 3 bob pending", "2 3 cat not_bound" }, lines(job))
    assert.matches("spelled alike", summary.troubles[1].message)
    assert.same({ "BOB", "x1", "x2", "x3" }, server:accounts(3))
    server:unbind(3, { "BOB" })
    assert.equal("finished", assert(job:resume { client = client, rate = 0, force = true }).state)
    assert.same({ "1 3 bob not_bound", "2 3 cat not_bound" }, lines(job))
    assert.equal(0, count "release_agent_by_skill")
    assert(store:forget "leavers")
    -- The API names the queue; when it is to be released, somebody else is there in the agent's place.
    server:bind(3, { "bob", "cat" })
    job = assert(plan { "bob", "cat" })
    server:unbind(3, { "bob" })
    server:bind(3, { "BOB" })
    assert(job:apply { client = client, rate = 0, force = true })
    assert.same({ "1 3 bob pending", "2 3 cat released" }, lines(job))
    assert.same({ "BOB", "x1", "x2", "x3" }, server:accounts(3))
  end)

  it("leave a queue that cannot be listed open, and go on with the others", function()
    start(people())
    -- Queue 3, the first that is listed, in either form and when it is asked without a queue.
    server:fault { operation = "query_agents", to = 3, status = 500, body = '{"resultCode":"1","resultMessage":"locked"}' }
    local job = assert(plan({ "ann", "bob" }, { concurrency = 1 }))
    assert.same({ "1 3 ann planned", "2 4 ann planned", "3 4 bob planned" }, lines(job))
    local row = job:report()()
    assert.matches("^it could not be listed: .*locked", row.message)
    local queue = job:queues()[1]
    assert.same({ 3, nil, 0, 1 }, { queue.skill_id, queue.size, queue.bound, queue.unseen })
    server:clear()
    local summary = assert(job:apply { client = client, rate = 0, force = true })
    assert.equal(3, summary.counts.released)
  end)

  it("keep accounts in doubt where a sweep's listing proves nothing", function()
    start { agents = { [3] = support.agents(5) } }
    support.show_only(server, { "a1", "a2" }, 5)
    local job = assert(plan({ "a5", "a1" }, { sweep = true }))
    assert.same({ "1 3 a5 planned", "2 3 a1 planned" }, lines(job))
    assert.equal("no listing proves whether it is bound", messages(job).a5)
    local summary = assert(job:apply { client = client, rate = 0, force = true })
    assert.same({ 1, 1 }, { summary.counts.released, summary.counts.pending })
    server:clear()
    assert.equal(2, assert(job:resume { client = client, rate = 0, force = true }).counts.released)
  end)

  it("say that the API does not tell, where it does not", function()
    start(people { skills_field = "missing" })
    local job = assert(plan { "ann" })
    assert.same({ "1 - ann failed" }, lines(job))
    assert.matches("its queues are not told", messages(job).ann)
    assert(store:forget "leavers")
    server:clear()
    server:fault { operation = "query_agent", to = math.huge, status = 500, body = '{"resultCode":"1","resultMessage":"no"}' }
    job = assert(plan { "ann" }) -- refused, for whatever account
    assert.same({ "1 - ann failed" }, lines(job))
    assert(store:forget "leavers")
    server:clear()
    server:fault { operation = "query_agent", to = math.huge, status = 403, body = '{"error_code":"403"}' }
    local none, err = plan { "ann" }
    assert.is_nil(none)
    assert.equal("forbidden", err.kind)
    assert.same({}, store:list())
    assert.equal(2, assert(plan({ "ann" }, { sweep = true })):status().counts.planned) -- which asks for no account
  end)

  it("are refused as rows are: bad lines, nobody, a queue's list that cannot be had", function()
    start(people())
    local none, err = plan { "ann", "1E+10", " bob" }
    assert.is_nil(none)
    assert.same({ 2, 3 }, { err.lines[1].line, err.lines[2].line })
    none, err = plan {}
    assert.same({ nil, "guard" }, { none, err.kind })
    server:fault { operation = "query_skills", to = math.huge, status = 403, body = '{"error_code":"403"}' }
    none, err = plan({ "ann" }, { sweep = true })
    assert.is_nil(none)
    assert.matches("^the list of queues cannot be had: ", err.message)
    assert.same({}, store:list())
    assert.equal(0, store.db:row("SELECT COUNT(*) AS n FROM agents").n)
    assert.has_error(function() store:plan_agents(accounts {}, { client = client, sweep = 1 }) end)
    assert.has_error(function() store:plan(accounts {}, { client = client, sweep = true }) end)
  end)

  it("are given up on Ctrl-C, while accounts are asked for as well as later, and leave nothing", function()
    start(people())
    for _, requests in ipairs { 2, 6 } do
      server:clear()
      local none, err = plan(LIST, { concurrency = 1, interrupted = function() return count() >= requests end })
      assert.is_nil(none)
      assert.equal("aborted", err.kind)
      assert.is_true(count() <= requests + 1)
      assert.same({}, store:list())
      for _, name in ipairs { "agents", "rows", "queues", "found_pairs", "found_agents" } do
        assert.equal(0, store.db:row("SELECT COUNT(*) AS n FROM " .. name).n, name)
      end
    end
  end)

  it("keep that they were made from accounts", function()
    start(people())
    assert(plan({ "ann", "idle" }, { sweep = true }))
    local row = store.db:row "SELECT source, lines FROM jobs"
    assert.same({ "sweep", 3 }, { row.source, row.lines })
    assert(store:forget "leavers")
    for _, name in ipairs { "agents", "rows", "queues", "found_pairs", "found_agents" } do
      assert.equal(0, store.db:row("SELECT COUNT(*) AS n FROM " .. name).n, name)
    end
    assert(plan { "ann" })
    assert.equal("agents", store.db:row("SELECT source FROM jobs").source)
  end)

  it("may be many, of one queue", function()
    start { agents = { [3] = support.agents(3000) } }
    local list = {}
    for i = 1, 2500 do list[i] = "a" .. i end
    list[2501], list[2502] = "a7", "nobody"
    local job = assert(plan(list, { sweep = true }))
    assert.same(states { found = 2501, not_bound = 1, lines = 2502 }, job:status().agents)
    local summary = assert(job:apply { client = client, rate = 0, force = true })
    assert.same({ 2501, 1, 2502 }, { summary.counts.released, summary.counts.not_bound, summary.lines })
    assert.equal(500, #server:accounts(3))
  end)
end

describe("a job from accounts #lua54", function()
  specs(function() return (support.store()) end)
end)

describe("a job from accounts, in PostgreSQL #postgresql #slow #nosan #lua54", function()
  local server
  setup(function() server = postgresql.start() end)
  teardown(function() server.stop() end)

  specs(function()
    local store = assert(aicc_jobs.open(server.url))
    for _, job in ipairs(store:list()) do assert(store:forget(job.name)) end
    return store
  end)
end)
