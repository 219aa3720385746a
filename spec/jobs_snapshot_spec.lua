-- Who is bound: an agent counts once, however often and in whatever spelling the input names it.

local aicc = require "aicc"
local listings = require "aicc.jobs.listing"
local snapshot = require "aicc.jobs.db.snapshot"
local support = require "spec.support.jobs"

describe("a job's snapshot #lua54", function()
  local server, client, store

  local function start(options)
    server = support.sandbox(options)
    client = assert(server:client())
    store = support.store()
  end

  after_each(function()
    if store then store:close() end
    store = nil
    support.clean()
  end)

  it("has an agent once whom rows name in several spellings", function()
    start { agents = { [3] = { "a8", "b", "c" } } }
    local job = support.plan(store, client, { { 3, "A8" }, { 3, "a8" }, { 3, "A8" } })
    local queues, beyond = job:queues()
    assert.same({ 1, 1, 0, 3, 2, false }, { queues[1].accounts, queues[1].bound, queues[1].not_bound, queues[1].size,
      queues[1].left, queues[1].emptied })
    assert.is_nil(beyond)
    assert.equal(3, assert(job:apply { client = client, rate = 0 }).counts.released)
    local bodies = support.bodies(server, "release_agent_by_skill")
    assert.equal(1, #bodies)
    assert.same({ "a8" }, bodies[1].userAccounts) -- the server's own spelling
    local summary = assert(job:undo { client = client, rate = 0 })
    assert.same({ 3, "undone" }, { summary.undo.restored, summary.state })
  end)

  it("sends the server's own spelling, also what is sent again", function()
    start { agents = { [3] = { "bob", "c", "d", "e" } } }
    local job = support.plan(store, client, { { 3, "BOB" } })
    server:fault { operation = "release_agent_by_skill", status = 403, body = "<html>" }
    assert.equal(1, assert(job:apply { client = client, rate = 0 }).counts.pending)
    assert.equal(1, assert(job:resume { client = client, rate = 0 }).counts.released)
    for _, body in ipairs(support.bodies(server, "release_agent_by_skill")) do assert.same({ "bob" }, body.userAccounts) end
    assert.same({ "c", "d", "e" }, server:accounts(3))
  end)

  it("tells the truth of both when a job goes on between them", function()
    start { agents = { [3] = support.agents(60) } }
    local list = support.range(3, 1, 20)
    list[#list + 1] = { 3, "A1" }
    local job, done = support.plan(store, client, list, { chunk = 10 }), 0
    assert(job:apply { client = client, rate = 0, interrupted = function() return done >= 10 end,
      on_progress = function(counts) done = counts.done end })
    local notes = {}
    local summary = assert(job:resume { client = client, rate = 0, on_note = function(note) notes[#notes + 1] = note end })
    assert.same({ 21, 0, 0 }, { summary.counts.released, summary.counts.not_bound, #notes })
  end)

  it("unites those who were bound only after the plan, and counts them once", function()
    start { agents = { [3] = support.agents(60) } }
    local job, notes, progress = support.plan(store, client, { { 3, "a1" }, { 3, "New" }, { 3, "new" } }), {}, nil
    server:bind(3, { "new" })
    local summary = assert(job:apply { client = client, rate = 0, on_note = function(note) notes[#notes + 1] = note end,
      on_progress = function(counts) progress = counts end })
    assert.equal(3, summary.counts.released)
    assert.same({ 1, 2, 2 }, { notes[1].gained, progress.total, progress.done })
  end)

  describe("of twins of which one is bound by another name since", function()
    local function statuses(job)
      local list = {}
      for row in job:report() do list[row.line] = row.status end
      return table.concat(list, " ")
    end

    it("parts them, and takes their own twins along", function()
      start { agents = { [3] = { "Bob", "v", "w", "x", "y", "z" } } }
      local job, notes = support.plan(store, client, { { 3, "Bob" }, { 3, "bob" }, { 3, "Bob" }, { 3, "bob" } }), {}
      assert.equal(1, job:queues()[1].accounts)
      server:bind(3, { "bob" })
      local summary = assert(job:apply { client = client, rate = 0, on_note = function(note) notes[#notes + 1] = note end })
      assert.equal(4, summary.counts.released)
      assert.same({ "v", "w", "x", "y", "z" }, server:accounts(3))
      assert.same({ 1, 0, 0 }, { notes[1].gained, notes[1].lost, notes[1].changed })
      assert.same({ { line = 3, twin = 1 }, { line = 4, twin = 2 } },
        store.db:rows "SELECT line, twin FROM rows WHERE twin IS NOT NULL ORDER BY line")
      assert.equal(4, assert(job:undo { client = client, rate = 0 }).undo.restored)
    end)

    it("lets the row that is spelled so stand for both if the other name is gone", function()
      start { agents = { [3] = { "Bob", "v", "w" } } }
      local job = support.plan(store, client, { { 3, "Bob" }, { 3, "bob" }, { 3, "Bob" } })
      server:unbind(3, { "Bob" })
      server:bind(3, { "bob" })
      assert.equal(3, assert(job:apply { client = client, rate = 0 }).counts.released)
      assert.same({ { line = 1, twin = 2 }, { line = 3, twin = 2 } },
        store.db:rows "SELECT line, twin FROM rows WHERE twin IS NOT NULL ORDER BY line")
    end)

    it("parts one from a row that was released already", function()
      start { agents = { [3] = support.agents(60) } }
      local list = support.range(3, 1, 10)
      list[11] = { 3, "A1" }
      list[12] = { 3, "a11" }
      local job, done = support.plan(store, client, list, { chunk = 10 }), 0
      assert(job:apply { client = client, rate = 0, interrupted = function() return done >= 10 end,
        on_progress = function(counts) done = counts.done end })
      server:bind(3, { "A1" })
      assert(job:resume { client = client, rate = 0 })
      assert.equal(("released "):rep(11) .. "released", statuses(job))
      assert.is_nil(support.weights(server, 3).A1)
    end)
  end)

  it("takes nobody for another one whom a listing may not have shown", function()
    start { agents = { [3] = { "BOB", "bob", "v", "w", "x" } } }
    support.show_only(server, { "BOB", "v", "w" }, 5)
    local job = support.plan(store, client, { { 3, "bob" } })
    local summary = assert(job:apply { client = client, rate = 0 })
    assert.same({ 1, 0 }, { summary.counts.pending, summary.counts.released })
    server:clear()
    assert.equal(1, assert(job:resume { client = client, rate = 0 }).counts.released)
    assert.same({ "BOB", "v", "w", "x" }, server:accounts(3))
  end)

  it("does not take for somebody's return that another one has been there all the time", function()
    start { agents = { [3] = { "BOB", "bob", "v", "w", "x" } } }
    local job = support.plan(store, client, { { 3, "bob" } })
    assert.equal(1, assert(job:apply { client = client, rate = 0 }).counts.released)
    local undo = assert(job:undo { client = client, rate = 0 }).undo
    assert.same({ 1, 0 }, { undo.restored, undo.skipped })
    assert.is_truthy(support.weights(server, 3).bob)
  end)

  it("has whom an undo brings back though another one of that name is still there", function()
    start { agents = { [3] = { "BOB", "bob", "v", "w", "x" } } }
    local job = support.plan(store, client, { { 3, "bob" } })
    server:fault { operation = "release_agent_by_skill", to = math.huge, close = "request", apply = true }
    assert.equal(1, assert(job:apply { client = client, rate = 0 }).counts.unknown)
    store.db:run("UPDATE chunks SET sent_at = ?", os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() - 3601))
    local summary = assert(job:undo { client = client, rate = 0 })
    assert.same({ "undone", 1, 1 }, { summary.state, summary.counts.bound_again, summary.undo.restored })
    assert.is_truthy(support.weights(server, 3).bob)
  end)

  it("keeps apart whom the server tells apart", function()
    start { agents = { [3] = {} } }
    local listing = listings.index(listings.by_name { { userAccount = "a8", agentWeight = 1, skillWeight = 1 },
      { userAccount = "A8", agentWeight = 2, skillWeight = 1 } }, 3, { size = 2 })
    support.plan(store, client, { { 3, "A8" }, { 3, "a8" } })
    assert.equal(2, store.db:transaction(snapshot.refresh, store.db, 1, listing).bound)
  end)

  for field, agent in pairs {
    agentWeight = { userAccount = "a1", skillWeight = 1 },
    skillWeight = { userAccount = "a1", agentWeight = 1, skillWeight = "1" },
  } do
    it("is not made of rows whose agents are listed without " .. field, function()
      start { agents = { [3] = {} } }
      support.plan(store, client, { { 3, "A1" } })
      local listing = listings.index(listings.by_name { agent }, 3, { size = 1 })
      local changes, err = store.db:transaction(snapshot.refresh, store.db, 1, listing)
      assert.is_nil(changes)
      assert.is_true(aicc.is_error(err, "protocol"))
      assert.equal(("the listing of queue 3 has no integer %s for the agent 'a1'"):format(field), err.message)
    end)
  end

  -- A page of queue 3 on which the agent of this name has no weights.
  local function lacks(name, others)
    local data = { ('{"userAccount":"%s","workNo":1}'):format(name) }
    for i, other in ipairs(others) do
      data[i + 1] = ('{"userAccount":"%s","workNo":%d,"agentWeight":1,"skillWeight":1}'):format(other, i + 1)
    end
    return { operation = "query_agents", to = math.huge, status = 200, body =
      ('{"resultCode":"0","count":%d,"pageSize":100,"pageNum":0,"data":[%s]}'):format(#data, table.concat(data, ",")) }
  end

  it("takes no notice of agents without weights whom no row names", function()
    start { agents = { [3] = support.agents(10) } }
    server:fault(lacks("odd", { "a1", "a2", "a3", "a4", "a5" }))
    local job = support.plan(store, client, { { 3, "a1" }, { 3, "a2" } })
    assert.equal(2, assert(job:apply { client = client, rate = 0 }).counts.released)
    server:clear()
    server:fault(lacks("odd", { "a3", "a4", "a5" }))
    assert.equal(2, assert(job:undo { client = client, rate = 0 }).undo.restored)
  end)

  it("leaves a queue alone of which a row's agent has no weights any more, but settles what was sent", function()
    start { agents = { [3] = support.agents(10) } }
    local mute = assert(server:client { retry = false })
    local job = support.plan(store, client, { { 3, "a1" }, { 3, "a2" } }, { chunk = 1 })
    server:fault { operation = "release_agent_by_skill", close = "request" }
    server:fault { operation = "query_agents", from = 3, to = math.huge, status = 502 }
    local released = #support.bodies(server, "release_agent_by_skill")
    assert.equal(1, assert(job:apply { client = mute, rate = 0,
      interrupted = function() return #support.bodies(server, "release_agent_by_skill") > released end }).counts.unknown)
    server:clear()
    server:fault(lacks("a2", { "a3", "a4", "a5" }))
    local summary = assert(job:resume { client = client, rate = 0 })
    assert.same({ 1, 1, "running" }, { summary.counts.released, summary.counts.pending, summary.state })
    assert.equal("protocol", summary.troubles[1].kind)
    assert.equal(0, #support.bodies(server, "release_agent_by_skill"))
  end)

  it("ends a plan that meets such a listing, and leaves no job", function()
    start { agents = { [3] = support.agents(10) } }
    server:fault { operation = "query_agents", status = 200,
      body = '{"resultCode":"0","count":1,"pageSize":100,"pageNum":0,"data":[{"userAccount":"a1","workNo":1}]}' }
    local job, err = store:plan(support.rows { { 3, "a1" } }, { name = "night", client = client })
    assert.is_nil(job)
    assert.matches("agentWeight", err.message)
    assert.equal("protocol", err.kind)
    assert.is_nil(store:job "night")
  end)
end)
