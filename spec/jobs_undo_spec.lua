-- Undo: whom a job released is bound again with their own weights, and nobody else is touched.

local support = require "spec.support.jobs"

describe("undoing a job #lua54", function()
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

  local function applied(list, options)
    local job = support.plan(store, client, list, options)
    assert(job:apply { client = client, rate = 0, force = true })
    return job
  end

  it("binds by weights, fifty at a time, and restores everything", function()
    start { agents = { [3] = support.agents(400) } }
    local before = support.weights(server, 3)
    local job = applied(support.range(3, 1, 180))
    server:clear()
    local summary = assert(job:undo { client = client, rate = 0, force = true })
    assert.same({ 180, 0, 0 }, { summary.undo.restored, summary.undo.skipped, summary.undo.failed })
    assert.equal("undone", summary.state)
    assert.same(before, support.weights(server, 3))
    local bodies = support.bodies(server, "bind_agents")
    assert.equal(6, #bodies) -- six pairs of weights, thirty agents each
    for _, body in ipairs(bodies) do assert.is_true(#body.userAccounts <= 50) end
    assert.is_nil(select(2, job:undo { client = client }))
    assert.equal("argument", select(2, job:apply { client = client }).kind)
  end)

  it("skips who is bound again, and leaves alone who was not released", function()
    start { agents = { [3] = support.agents(200) }, refuse_accounts = { a5 = true } }
    local job = applied(support.range(3, 1, 20))
    server:bind(3, { { userAccount = "a1", agentWeight = 77 } })
    server:clear()
    local summary = assert(job:undo { client = client, rate = 0 })
    assert.same({ 18, 1, 0 }, { summary.undo.restored, summary.undo.skipped, summary.undo.failed })
    assert.equal("77/1", support.weights(server, 3).a1)
    for _, body in ipairs(support.bodies(server, "bind_agents")) do
      for _, account in ipairs(body.userAccounts) do assert.is_true(account ~= "a1" and account ~= "a5") end
    end
  end)

  it("lists who cannot be bound again, and binds the others", function()
    start { agents = { [3] = support.agents(200) } }
    local job = applied(support.range(3, 1, 60))
    server:stop()
    local again = support.sandbox { agents = { [3] = support.agents(0) }, refuse_accounts = { a6 = true } }
    local other = assert(again:client())
    local summary = assert(job:undo { client = other, rate = 0 })
    assert.same({ 59, 1 }, { summary.undo.restored, summary.undo.failed })
    local row = job:report({ unrestored = true })()
    assert.same({ "a6", "failed" }, { row.user_account, row.undo })
    assert.matches("refused", row.undo_message)
    assert.equal("undoing", summary.state)
    assert.equal("stopped", job:queues()[1].state)
    assert.equal("some agents could not be bound again", job:queues()[1].message)
  end)

  it("tells of an agent once who cannot be bound again, however many rows name them", function()
    start { agents = { [3] = support.agents(20) } }
    local job = applied { { 3, "a1" }, { 3, "A1" }, { 3, "a1" }, { 3, "a2" } }
    server:fault { operation = "bind_agents", to = math.huge, status = 500, body = '{"resultCode":"1","resultMessage":"no"}' }
    local progress
    local summary = assert(job:undo { client = client, rate = 0, on_progress = function(counts) progress = counts end })
    assert.same({ 4, 2, 2 }, { summary.undo.failed, progress.total, progress.failed })
    local names = {}
    for row in job:report { unrestored = true } do names[#names + 1] = row.user_account end
    assert.same({ "a1", "a2" }, names)
  end)

  it("tries again whom the API refused to bind", function()
    start { agents = { [3] = support.agents(200) } }
    local before = support.weights(server, 3)
    local job = applied(support.range(3, 1, 60))
    server:fault { operation = "bind_agents", to = math.huge, status = 500, body = '{"resultCode":"1","resultMessage":"no"}' }
    local summary = assert(job:undo { client = client, rate = 0 })
    assert.same({ "undoing", 0 }, { summary.state, summary.undo.restored })
    assert.is_true(summary.undo.failed > 0)
    server:clear()
    summary = assert(job:undo { client = client, rate = 0 })
    assert.same({ "undone", 60, 0 }, { summary.state, summary.undo.restored, summary.undo.failed })
    assert.same(before, support.weights(server, 3))
    server:clear()
    assert(job:undo { client = client, rate = 0 })
    assert.equal(0, #server:requests())
  end)

  it("skips whom somebody bound after their bind was refused", function()
    start { agents = { [3] = support.agents(200) } }
    local job = applied(support.range(3, 1, 2))
    server:fault { operation = "bind_agents", to = math.huge, status = 403, body = "<html>" }
    assert.equal("blocked", assert(job:undo { client = client, rate = 0 }).stopped.kind)
    server:clear()
    server:bind(3, support.agents(2))
    local summary = assert(job:undo { client = client, rate = 0 })
    assert.same({ "undone", 0, 2 }, { summary.state, summary.undo.restored, summary.undo.skipped })
    assert.equal(0, #support.bodies(server, "bind_agents"))
  end)

  it("skips whom somebody binds, with weights of their own, while a bind is refused", function()
    start { agents = { [3] = support.agents(200) } }
    local job = applied(support.range(3, 1, 2))
    server:fault { operation = "bind_agents", to = math.huge, status = 500, body = '{"resultCode":"1","resultMessage":"no"}' }
    local summary = assert(job:undo { rate = 0, client = support.hooked(client, function(request)
      if request.operation == "bind_agents" then server:bind(3, { { userAccount = "a1", agentWeight = 77 } }) end
    end) })
    -- The listing that decides shows the one and not the other.
    assert.same({ skipped = 1, failed = 1, restored = 0, unknown = 0 }, summary.undo)
    assert.same({ "bound_again", "released" }, { summary.counts.bound_again == 1 and "bound_again",
      summary.counts.released == 1 and "released" })
    assert.equal("77/1", support.weights(server, 3).a1)
  end)

  it("leaves those unbound whom somebody else unbound after their release was refused", function()
    start { agents = { [3] = support.agents(200) } }
    local job = support.plan(store, client, support.range(3, 1, 20))
    server:fault { operation = "release_agent_by_skill", status = 403, body = "<html>" }
    assert.equal("blocked", assert(job:apply { client = client, rate = 0 }).stopped.kind)
    server:unbind(3, { "a1", "a2" })
    local summary = assert(job:resume { client = client, rate = 0 })
    assert.same({ 18, 2, "finished" }, { summary.counts.released, summary.counts.not_bound, summary.state })
    server:clear()
    assert(job:undo { client = client, rate = 0 })
    assert.is_nil(support.weights(server, 3).a1)
    assert.is_string(support.weights(server, 3).a3)
  end)

  it("can be interrupted, and goes on", function()
    start { agents = { [3] = support.agents(400) } }
    local before = support.weights(server, 3)
    local job = applied(support.range(3, 1, 180))
    local done = 0
    local summary = assert(job:undo { client = client, rate = 0, force = true, interrupted = function() return done >= 60 end,
      on_progress = function(counts) done = counts.done end })
    assert.equal("undoing", summary.state)
    assert.equal("aborted", summary.stopped.kind)
    assert.equal("argument", select(2, job:resume { client = client }).kind)
    server:clear()
    summary = assert(job:undo { client = client, rate = 0, force = true })
    assert.same({ 180, 0 }, { summary.undo.restored, summary.undo.skipped })
    assert.same(before, support.weights(server, 3))
    for _, body in ipairs(support.bodies(server, "bind_agents")) do assert.is_true(#body.userAccounts <= 30) end
  end)

  it("whose answer was lost is settled by query", function()
    start { agents = { [3] = support.agents(400) } }
    local quick = assert(server:client { retry = false })
    local before = support.weights(server, 3)
    local job = applied(support.range(3, 1, 60))
    server:clear()
    server:fault { operation = "bind_agents", from = 1, to = 1, close = "request", apply = true }
    server:fault { operation = "bind_agents", from = 3, to = 3, close = "request" }
    local summary = assert(job:undo { client = quick, rate = 0 })
    assert.same({ 50, 10 }, { summary.undo.restored, summary.undo.unknown })
    summary = assert(job:undo { client = quick, rate = 0 })
    assert.same({ 60, 0 }, { summary.undo.restored, summary.undo.unknown })
    assert.same(before, support.weights(server, 3))
  end)

  it("of a job that was interrupted restores what it had released", function()
    start { agents = { [3] = support.agents(400) } }
    local before = support.weights(server, 3)
    local job, done = support.plan(store, client, support.range(3, 1, 150)), 0
    assert(job:apply { client = client, rate = 0, interrupted = function() return done >= 100 end,
      on_progress = function(counts) done = counts.done end })
    local summary = assert(job:undo { client = client, rate = 0 })
    assert.same({ 100, "undone" }, { summary.undo.restored, summary.state })
    assert.same(before, support.weights(server, 3))
  end)

  it("looks only at queues from which somebody was released", function()
    start { agents = { [3] = support.agents(100), [4] = support.agents(100), [5] = support.agents(100) },
      refuse_accounts = { a50 = true } }
    local list = support.range(3, 1, 10)
    list[#list + 1], list[#list + 2] = { 4, "nobody" }, { 5, "a50" }
    local job = applied(list)
    server:clear()
    local progress
    local summary = assert(job:undo { client = client, rate = 0, on_progress = function(counts) progress = counts end })
    assert.same({ "undone", 10, 10, 10 }, { summary.state, summary.undo.restored, progress.total, progress.done })
    assert.equal(1, #support.bodies(server, "query_agents"))
    assert.same({ "done", "done" }, { job:queues()[2].state, job:queues()[3].state })
  end)

  it("is about those that were released, for the blast radius", function()
    start { agents = { [3] = support.agents(20) } }
    local job = support.plan(store, client, support.range(3, 1, 15), { chunk = 5 })
    local done = 0
    assert(job:apply { client = client, rate = 0, force = true, interrupted = function() return done >= 10 end,
      on_progress = function(counts) done = counts.done end })
    assert.equal("guard", select(2, job:queues()).kind)
    assert.is_nil(select(2, job:queues "undo"))
    assert.equal("guard", select(2, job:resume { client = client, rate = 0 }).kind)
    assert.equal(10, assert(job:undo { client = client, rate = 0 }).undo.restored)
  end)

  it("is not about those whose release was refused, for the blast radius", function()
    start { agents = { [3] = support.agents(20) }, refuse_accounts = { a1 = true, a2 = true } }
    local job = applied(support.range(3, 1, 12))
    assert.equal(10, job:queues("undo")[1].about)
    assert.equal(10, assert(job:undo { client = client, rate = 0 }).undo.restored)
  end)

  it("is about those too that may yet turn out to be released, for the blast radius", function()
    start { agents = { [3] = support.agents(20) } }
    local quick = assert(server:client { retry = false })
    local job = support.plan(store, client, support.range(3, 1, 11))
    server:fault { operation = "release_agent_by_skill", close = "request" }
    server:fault { operation = "query_agents", from = 3, to = math.huge, status = 502 }
    assert.equal(11, assert(job:apply { client = quick, rate = 0, force = true }).counts.unknown)
    server:clear()
    server:fault { operation = "release_agent_by_skill", status = 403, body = "<html>" }
    assert.equal(11, assert(job:resume { client = quick, rate = 0, force = true }).counts.pending)
    assert.equal(11, job:queues("undo")[1].about)
    assert.equal("guard", select(2, job:undo { client = quick, rate = 0 }).kind)
  end)

  it("does not call those restored who were released in the midst of it", function()
    local agents = support.agents(100)
    for i = 1, 60 do agents[i].agentWeight, agents[i].skillWeight = 2, 2 end
    for i = 61, 100 do agents[i].agentWeight, agents[i].skillWeight = 3, 3 end
    start { agents = { [3] = agents } }
    local quick, before = assert(server:client { retry = false }), support.weights(server, 3)
    local job = support.plan(store, client, support.range(3, 61, 70, support.range(3, 1, 30)), { chunk = 10 })
    -- Nobody can tell what came of a11 to a20, who are still bound.
    server:clear()
    server:fault { operation = "release_agent_by_skill", from = 2, to = 2, close = "request" }
    server:fault { operation = "query_agents", from = 3, to = 4, status = 502 }
    assert.equal(10, assert(job:apply { client = quick, rate = 0 }).counts.unknown)
    server:clear()
    server:fault { operation = "bind_agents", from = 3, to = math.huge, status = 403, body = "<html>" }
    local summary = assert(job:undo { client = quick, rate = 0, force = true })
    assert.same({ "undoing", 20 }, { summary.state, summary.undo.restored })
    -- The slow server does at last what it was asked.
    server:clear()
    local late = {}
    for i = 11, 20 do late[#late + 1] = "a" .. i end
    server:unbind(3, late)
    summary = assert(job:undo { client = quick, rate = 0, force = true })
    assert.same({ "undone", 40, 0 }, { summary.state, summary.undo.restored, summary.undo.skipped })
    assert.same(before, support.weights(server, 3))
    local bodies = support.bodies(server, "bind_agents")
    assert.same({ 2, late }, { #bodies, bodies[2].userAccounts })
  end)

  it("of a job never applied is refused", function()
    start { agents = { [3] = support.agents(100) } }
    local job = support.plan(store, client, support.range(3, 1, 5))
    assert.equal("argument", select(2, job:undo { client = client }).kind)
  end)
end)
