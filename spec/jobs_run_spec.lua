-- Planning, applying, resuming: on SQLite, against a sandbox in this process.

local aicc = require "aicc"
local support = require "spec.support.jobs"

describe("a job #lua54", function()
  local server, client, store

  local function start(options)
    server = support.sandbox(options)
    client = assert(server:client())
    store = support.store()
  end

  after_each(function()
    store:close()
    support.clean()
  end)

  local function apply(job, options)
    local all = { client = client, rate = 0 }
    for name, value in pairs(options or {}) do all[name] = value end
    return job:apply(all)
  end

  local function count(operation) return #support.bodies(server, operation) end

  it("is planned without changing anything, queue by queue", function()
    start { agents = { [3] = support.agents(120), [4] = support.agents(2) } }
    local list = support.range(3, 1, 30)
    for _, row in ipairs { { 4, "a1" }, { 4, "a2" }, { 3, "nobody" }, { 3, "a1" } } do list[#list + 1] = row end
    local job = support.plan(store, client, list)
    local queues, beyond = job:queues()
    assert.same({ 3, 31, 30, 1, 120, 90, false }, { queues[1].skill_id, queues[1].accounts, queues[1].bound, queues[1].not_bound,
      queues[1].size, queues[1].left, queues[1].emptied })
    assert.is_true(queues[2].emptied)
    assert.equal("guard", beyond.kind)
    assert.equal(0, count "release_agent_by_skill")
    local status = job:status()
    assert.equal("planned", status.state)
    assert.same({ planned = 33, not_bound = 1, released = 0, failed = 0, unknown = 0, pending = 0 }, status.counts)
  end)

  it("counts rows that name the same agent once, bound or not", function()
    start { agents = { [3] = support.agents(20) } }
    local job = support.plan(store, client, { { 3, "a1" }, { 3, "nobody" }, { 3, "a1" }, { 3, "nobody" } })
    local queue = job:queues()[1]
    assert.same({ 2, 1, 1 }, { queue.accounts, queue.bound, queue.not_bound })
    assert.same({ 2, 2 }, { job:status().counts.planned, job:status().counts.not_bound })
  end)

  it("says every bad line and then is not there", function()
    start { agents = {} }
    local planned, err = store:plan(support.rows { { 3, "a" }, { 0, "a" }, { 3, "" } }, { client = client, name = "bad" })
    assert.is_nil(planned)
    assert.equal("argument", err.kind)
    assert.same({ 2, 3 }, { err.lines[1].line, err.lines[2].line })
    assert.is_nil(store:job "bad")
    assert.equal(0, #server:requests())
    assert.equal("guard", select(2, store:plan(support.rows {}, { client = client, name = "empty" })).kind)
    assert.equal(0, #server:requests())
  end)

  it("releases what is bound, in chunks, and reports each line in order", function()
    start { agents = { [3] = support.agents(300) } }
    local list = support.range(3, 1, 120)
    list[#list + 1], list[#list + 2], list[#list + 3] = { 3, "nobody" }, { 3, "a7" }, { 3, "A8" }
    local job = support.plan(store, client, list)
    local summary = assert(apply(job))
    assert.equal("finished", summary.state)
    assert.same({ released = 122, not_bound = 1, failed = 0, unknown = 0, pending = 0, planned = 0 }, summary.counts)
    assert.equal(3, count "release_agent_by_skill")
    assert.equal(180, #server:accounts(3))
    local _, lines = support.statuses(job)
    for i, row in ipairs(list) do assert.equal(row[2], lines[i].user_account) end
    assert.equal("released", lines[122].status) -- a twin
    assert.equal("0", lines[1].code)
    assert.matches("^%d%d%d%d%-", lines[1].finished_at)
  end)

  it("that is done is not sent again", function()
    start { agents = { [3] = support.agents(100) } }
    local job = support.plan(store, client, support.range(3, 1, 40))
    assert(apply(job))
    server:clear()
    local summary = assert(job:resume { client = client })
    assert.equal(40, summary.counts.released)
    assert.equal(0, #server:requests())
  end)

  it("looks at each queue again right before its first write", function()
    start { agents = { [3] = support.agents(300) } }
    local job = support.plan(store, client, support.range(3, 1, 60))
    server:unbind(3, { "a1" })
    server:bind(3, { { userAccount = "a2", agentWeight = 9, skillWeight = 9 } })
    local notes = {}
    local summary = assert(apply(job, { on_note = function(note) notes[#notes + 1] = note end }))
    assert.same({ 59, 1 }, { summary.counts.released, summary.counts.not_bound })
    assert.same({ 0, 1, 1 }, { notes[1].gained, notes[1].lost, notes[1].changed })
    assert(job:undo { client = client, rate = 0 })
    assert.equal("9/9", support.weights(server, 3).a2)
    assert.is_nil(support.weights(server, 3).a1)
  end)

  for _, id in ipairs { 2 ^ 31, 2 ^ 32 + 3, 2 ^ 53 - 1 } do
    it(("knows queue %.0f through plan, apply, report and undo"):format(id), function()
      id = math.tointeger(id)
      start { agents = { [id] = support.agents(100), [3] = support.agents(100) } }
      local before = support.weights(server, id)
      local job = support.plan(store, client, support.range(id, 1, 50))
      assert.equal(id, job:queues()[1].skill_id)
      assert(apply(job))
      assert.equal(50, #server:accounts(id))
      assert.equal(100, #server:accounts(3))
      local text = {}
      assert(job:write_report(function(piece) text[#text + 1] = piece end))
      assert.equal(("%d,queue %d,a1,released,0,success,1,"):format(id, id), text[2]:match "^.*,")
      assert(job:undo { client = client, rate = 0 })
      assert.same(before, support.weights(server, id))
    end)
  end

  describe("with one bad account in a chunk of 50", function()
    for _, at in ipairs { 1, 26, 50 } do
      it(("(number %d) costs at most 14 more calls, and the other 49 are released"):format(at), function()
        start { agents = { [3] = support.agents(100) }, refuse_accounts = { ["a" .. at] = true }, unknown_accounts = "refuse" }
        local job = support.plan(store, client, support.range(3, 1, 50))
        server:clear()
        local summary = assert(apply(job))
        assert.same({ 49, 1 }, { summary.counts.released, summary.counts.failed })
        local statuses, lines = support.statuses(job)
        assert.equal("failed", statuses["3 a" .. at])
        assert.matches("is refused", lines[at].message)
        -- One release and one listing there would be anyway.
        local extra = count "release_agent_by_skill" + count "query_agents" - 2
        assert.is_true(extra <= 14, extra .. " extra calls")
      end)
    end
  end)

  it("writes nobody failed who is gone", function()
    start { agents = { [3] = support.agents(100) } }
    -- The first answer is a failure, though everything was applied; then the API no longer knows the accounts.
    server:fault { operation = "release_agent_by_skill", to = math.huge, apply = true, status = 500,
      body = '{"resultCode":"1","resultMessage":"no"}' }
    local job = support.plan(store, client, support.range(3, 1, 8))
    local summary = assert(apply(job))
    assert.same({ 8, 0 }, { summary.counts.released, summary.counts.failed })
  end)

  it("leaves a queue alone after three chunks without a success, and goes on with the others", function()
    local refused = {}
    for i = 1, 12 do refused["a" .. i] = true end
    start { agents = { [3] = support.agents(100), [4] = support.agents(100, "b") }, refuse_accounts = refused }
    local list = support.range(3, 1, 16)
    list[#list + 1] = { 4, "b1" }
    local job = support.plan(store, client, list, { chunk = 4 })
    local summary = assert(apply(job))
    assert.same({ 12, 1, 4 }, { summary.counts.failed, summary.counts.released, summary.counts.pending })
    assert.equal("running", summary.state)
    summary = assert(job:resume { client = client, rate = 0 })
    assert.same({ 12, 5, 0 }, { summary.counts.failed, summary.counts.released, summary.counts.pending })
    assert.equal("finished", summary.state)
  end)

  it("goes on with a queue where a success comes before the third failure", function()
    start { agents = { [3] = support.agents(100) }, refuse_accounts = { a1 = true, a2 = true, a4 = true, a5 = true } }
    local summary = assert(apply(support.plan(store, client, support.range(3, 1, 6), { chunk = 1 })))
    assert.same({ "finished", 2, 4 }, { summary.state, summary.counts.released, summary.counts.failed })
  end)

  it("halves what is too large", function()
    start { agents = { [3] = support.agents(100) } }
    server:fault { operation = "release_agent_by_skill", status = 413 }
    local job = support.plan(store, client, support.range(3, 1, 50))
    assert.equal(50, assert(apply(job)).counts.released)
    assert.equal(3, count "release_agent_by_skill")
  end)

  for kind, fault in pairs {
    blocked = { status = 403, body = "<html>" }, forbidden = { status = 403, body = '{"error_code":"1"}' },
    not_found = { status = 404 }, auth = { status = 401 },
  } do
    it("stops at once where all requests would be " .. kind, function()
      local agents = {}
      for q = 1, 10 do agents[q] = support.agents(100) end
      start { agents = agents }
      local list = {}
      for q = 1, 10 do support.range(q, 1, 40, list) end
      local job = support.plan(store, client, list)
      server:fault { operation = "release_agent_by_skill", to = math.huge, status = fault.status, body = fault.body }
      server:clear()
      server:fault { operation = "release_agent_by_skill", to = math.huge, status = fault.status, body = fault.body }
      local summary = assert(apply(job))
      assert.equal(kind, summary.stopped.kind)
      assert.equal(400, summary.counts.pending)
      assert.is_true(count "release_agent_by_skill" <= 8)
      server:clear()
      assert.equal(400, assert(job:resume { client = client, rate = 0 }).counts.released)
    end)
  end

  it("whose answers are lost settles by query, and says unknown only where nobody can tell", function()
    start { agents = { [3] = support.agents(100) } }
    local quick = assert(server:client { retry = false, timeout = 2 })
    local job = support.plan(store, quick, support.range(3, 1, 50), { chunk = 10 })
    server:clear()
    server:fault { operation = "release_agent_by_skill", from = 2, to = 2, close = "request", apply = true }
    server:fault { operation = "release_agent_by_skill", from = 4, to = 4, close = "request" }
    local summary = assert(job:apply { client = quick, rate = 0 })
    assert.same({ 40, 10 }, { summary.counts.released, summary.counts.unknown })
    summary = assert(job:resume { client = quick, rate = 0 })
    assert.same({ 50, 0 }, { summary.counts.released, summary.counts.unknown })
  end)

  it("is interrupted between two commits, and goes on", function()
    start { agents = { [3] = support.agents(300) } }
    local job = support.plan(store, client, support.range(3, 1, 150), { chunk = 10 })
    local done, notes = 0, {}
    local summary = assert(apply(job, {
      interrupted = function() return done >= 60 end, on_progress = function(counts) done = counts.done end,
      on_note = function(note) notes[#notes + 1] = note end,
    }))
    assert.equal("aborted", summary.stopped.kind)
    assert.same({ 60, 90 }, { summary.counts.released, summary.counts.pending })
    assert.same({ "open", 0, 0 }, { job:queues()[1].state, #notes, #summary.troubles }) -- not left alone: it has its turn next
    assert.equal(150, assert(job:resume { client = client, rate = 0 }).counts.released)
  end)

  it("keeps a server's text whole characters long", function()
    start { agents = { [3] = support.agents(100) } }
    server:fault { operation = "release_agent_by_skill", to = math.huge, status = 500,
      body = '{"resultCode":"1","resultMessage":"' .. ("坐席"):rep(100) .. '"}' }
    local job = support.plan(store, client, support.range(3, 1, 1))
    assert(apply(job))
    local _, lines = support.statuses(job)
    assert.equal(("坐席"):rep(83), lines[1].message) -- 498 bytes
  end)

  it("that was bound again by somebody is not released twice", function()
    start { agents = { [3] = support.agents(300) } }
    local job = support.plan(store, client, support.range(3, 1, 100), { chunk = 10 })
    local done = 0
    assert(apply(job, { interrupted = function() return done >= 30 end, on_progress = function(p) done = p.done end }))
    server:bind(3, { "a1" })
    assert(job:resume { client = client, rate = 0 })
    assert.is_string(support.weights(server, 3).a1)
  end)

  describe("beyond the blast radius", function()
    it("of half a queue needs force", function()
      start { agents = { [3] = support.agents(10) } }
      local job = support.plan(store, client, support.range(3, 1, 6))
      for _, verb in ipairs { "apply", "resume" } do
        local summary, err = job[verb](job, { client = client })
        assert.is_nil(summary)
        assert.equal("guard", err.kind)
      end
      assert.equal(0, count "release_agent_by_skill")
      assert.equal(6, assert(apply(job, { force = true })).counts.released)
      assert.equal("guard", select(2, job:undo { client = client }).kind)
      assert.equal(6, assert(job:undo { client = client, force = true }).undo.restored)
    end)

    it("of 500 agents needs force", function()
      start { agents = { [3] = support.agents(2000) } }
      local job = support.plan(store, client, support.range(3, 1, 501))
      assert.equal("guard", select(2, apply(job)).kind)
      assert.is_nil(select(2, support.plan(store, client, support.range(3, 1, 500), { name = "less" }):queues()))
    end)

    it("looks at each queue once, not at all of them for each", function()
      local agents, list = {}, {}
      for q = 1, 10 do agents[q], list[q] = support.agents(3), { q, "a1" } end
      start { agents = agents }
      local job, looks = support.plan(store, client, list), 0
      local blast_radius = require "aicc.jobs.blast_radius"
      local beyond = blast_radius.beyond
      finally(function() blast_radius.beyond = beyond end)
      function blast_radius.beyond(...)
        looks = looks + 1
        return beyond(...)
      end
      assert.equal(10, assert(apply(job)).counts.released)
      assert.equal(1, looks)
    end)

    it("by all queues together since it was planned is not applied", function()
      start { agents = { [3] = support.agents(1000), [4] = support.agents(1000) } }
      local list = support.range(4, 1, 250, support.range(3, 1, 250))
      list[#list + 1] = { 4, "new" }
      local job = support.plan(store, client, list)
      assert.is_nil(select(2, job:queues()))
      server:bind(4, { "new" })
      local summary = assert(apply(job, { concurrency = 1 }))
      assert.same({ "guard", 250 }, { summary.stopped.kind, summary.counts.released }) -- those of the first queue
    end)

    it("since it was planned is not applied", function()
      start { agents = { [3] = support.agents(20) } }
      local job = support.plan(store, client, support.range(3, 1, 10))
      server:unbind(3, { "a20" })
      server:unbind(3, { "a19" })
      server:unbind(3, { "a1" })
      local summary = assert(apply(job))
      assert.equal("guard", summary.stopped.kind)
      assert.equal(0, count "release_agent_by_skill")
      assert.equal(9, assert(apply(job, { force = true })).counts.released)
    end)
  end)

  it("never sends an empty list, whatever happens to it", function()
    local refused = { a3 = true, a17 = true, a18 = true, a40 = true }
    start {
      agents = { [3] = support.agents(90), [4] = support.agents(90) }, refuse_accounts = refused, unknown_accounts = "refuse",
    }
    local job = support.plan(store, client, support.range(4, 1, 45, support.range(3, 1, 45)), { chunk = 20 })
    server:unbind(4, { "a1", "a2" })
    server:fault { operation = "release_agent_by_skill", from = 3, to = 3, close = "request", apply = true }
    local done = 0
    assert(apply(job, { interrupted = function() return done > 25 end, on_progress = function(p) done = p.done end }))
    assert(job:resume { client = client, rate = 0 })
    assert(job:undo { client = client, rate = 0 })
    for _, request in ipairs(server:requests()) do
      assert.is_nil(request.body:find('"userAccounts":[]', 1, true))
    end
    assert.equal("userdata", type(aicc.ALL))
  end)

  it("is worked by one process at a time", function()
    start { agents = { [3] = support.agents(100) } }
    local job = support.plan(store, client, support.range(3, 1, 10))
    local queue_claims = require "aicc.jobs.queue_claims"
    local held = assert(queue_claims.open(store.db, { id = 1, name = "night" }))
    local summary, err = apply(job)
    assert.is_nil(summary)
    assert.equal("store", err.kind)
    assert.matches(("process %d "):format((require("aicc.core").process())), err.message)
    assert.equal("store", select(2, store:forget "night").kind)
    held:close()
    assert(apply(job))
  end)

  it("is forgotten with all its rows", function()
    start { agents = { [3] = support.agents(100) } }
    support.show_only(server, { "a1", "a11", "a12" }, 100)
    local job = support.plan(store, client, support.range(3, 1, 10))
    assert(apply(job))
    local tables = { "jobs", "queues", "rows", "snapshot", "chunks", "unseen" }
    for _, name in ipairs(tables) do assert.is_true(store.db:row("SELECT COUNT(*) AS n FROM " .. name).n > 0, name) end
    assert(store:forget "night")
    for _, name in ipairs(tables) do
      assert.equal(0, store.db:row("SELECT COUNT(*) AS n FROM " .. name).n)
    end
    assert.equal("argument", select(2, store:job "night").kind)
    assert.equal("argument", select(2, job:status()).kind)
  end)

  it("commits once per turn, not once per row", function()
    local agents, list = {}, {}
    for q = 1, 8 do
      agents[q] = support.agents(400)
      support.range(q, 1, 100, list)
    end
    start { agents = agents }
    local job = support.plan(store, client, list)
    local summary = assert(apply(job, { force = true }))
    assert.equal(800, summary.counts.released)
    assert.is_true(summary.commits <= 8 * 6, summary.commits .. " commits")
  end)
end)
