-- What came of requests without an answer: kept in doubt, settled by listings that prove it, and only by those.

local core = require "aicc.core"
local support = require "spec.support.jobs"

describe("a job's doubts #lua54", function()
  local server, client, store

  local function start(options)
    server = support.sandbox(options)
    client = assert(server:client { retry = false })
    store = support.store()
  end

  after_each(function()
    store:close()
    support.clean()
  end)

  local function chunks() return store.db:rows "SELECT state, in_doubt FROM chunks ORDER BY first_line" end

  local function pages()
    local numbers = {}
    for _, body in ipairs(support.bodies(server, "query_agents")) do
      numbers[#numbers + 1] = ("%d"):format(body.pageNum)
    end
    return table.concat(numbers, " ")
  end

  it("are kept beyond a later refusal: who is gone then was released by it", function()
    start { agents = { [3] = support.agents(90) } }
    local job = support.plan(store, client, support.range(3, 1, 10))
    -- Nobody can tell what came of it.
    server:fault { operation = "release_agent_by_skill", close = "request" }
    server:fault { operation = "query_agents", from = 3, to = math.huge, status = 502 }
    assert.equal(10, assert(job:apply { client = client, rate = 0 }).counts.unknown)
    -- Still bound; sent again and certainly refused.
    server:clear()
    server:fault { operation = "release_agent_by_skill", status = 403, body = "<html>" }
    assert.equal(10, assert(job:resume { client = client, rate = 0 }).counts.pending)
    assert.same({ { state = "pending", in_doubt = 2 } }, chunks())
    -- The slow server does at last what it was asked first.
    server:clear()
    server:unbind(3, { "a1", "a2" })
    local summary = assert(job:resume { client = client, rate = 0 })
    assert.same({ 10, 0 }, { summary.counts.released, summary.counts.not_bound })
  end)

  it("are of what is given up while it waits to be sent again", function()
    start { agents = { [3] = support.agents(90) } }
    local job = support.plan(store, client, support.range(3, 1, 4))
    server:fault { operation = "release_agent_by_skill", close = "request" }
    local patient = assert(server:client { retry = { base = 10 } })
    local summary = assert(job:apply { client = patient, rate = 0,
      interrupted = function() return #support.bodies(server, "release_agent_by_skill") > 0 end })
    assert.same({ "aborted", 4, 0 }, { summary.stopped.kind, summary.counts.unknown, summary.counts.pending })
    server:clear()
    server:unbind(3, { "a1", "a2" }) -- the slow server does at last what it was asked
    summary = assert(job:resume { client = client, rate = 0 })
    assert.same({ 4, 0 }, { summary.counts.released, summary.counts.not_bound })
  end)

  -- A job of a1 to a4, whose release nobody has answered so far; what it asks for from now on is refused.
  local function unanswered()
    start { agents = { [3] = support.agents(90) } }
    local job = support.plan(store, client, support.range(3, 1, 4))
    server:fault { operation = "release_agent_by_skill", close = "request" }
    assert.equal(4, assert(job:apply { client = client, rate = 0 }).counts.unknown)
    server:clear()
    server:fault { operation = "release_agent_by_skill", to = math.huge, status = 500,
      body = '{"resultCode":"1","resultMessage":"no"}' }
    return job
  end

  local function pass(seconds)
    local sent_at = os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() - seconds)
    store.db:run("UPDATE chunks SET sent_at = ?", sent_at)
    return sent_at
  end

  it("outlive the next run's refusal: a slow server may still do what it was asked", function()
    local job = unanswered()
    local sent_at = pass(590)
    local summary = assert(job:resume { client = client, rate = 0 })
    assert.same({ 4, 0, "running" }, { summary.counts.unknown, summary.counts.failed, summary.state })
    -- That was answered: the doubt is as old as before.
    for _, chunk in ipairs(store.db:rows "SELECT sent_at FROM chunks") do assert.equal(sent_at, chunk.sent_at) end
    server:unbind(3, { "a1", "a2" }) -- so it does
    pass(601)
    summary = assert(job:resume { client = client, rate = 0 })
    assert.same({ 2, 2, "finished" }, { summary.counts.released, summary.counts.failed, summary.state })
  end)

  it("are as old as they are, though somebody sets the clock forward", function()
    local job, path = unanswered(), store.db.path
    store:close() -- as another process finds it
    store = assert(require("aicc.jobs").open("sqlite:" .. path))
    job = assert(store:job(job.name))
    local time = os.time
    os.time = function(...) return time(...) + (select("#", ...) == 0 and 86400 or 0) end -- luacheck: ignore
    local summary, err = job:resume { client = client, rate = 0 }
    os.time = time -- luacheck: ignore
    assert(summary, err)
    assert.same({ 4, 0 }, { summary.counts.unknown, summary.counts.failed })
    pass(601)
    local counts = assert(job:resume { client = client, rate = 0 }).counts
    assert.same({ 0, 3, 1 }, { counts.unknown, counts.failed, counts.pending }) -- after three refusals it is left alone
  end)

  it("begin anew after a start of the machine, and on another one: the time of day may have been wrong on either side", function()
    local job, path, boot_id = unanswered(), store.db.path, core.boot_id
    finally(function() core.boot_id = boot_id end)
    local function resume()
      store:close() -- as another process finds it
      store = assert(require("aicc.jobs").open("sqlite:" .. path))
      job = assert(store:job(job.name))
      local counts = assert(job:resume { client = client, rate = 0 }).counts
      return { counts.unknown, counts.failed }
    end
    pass(3600) -- by this clock, which was an hour behind when the first request since the machine's start left
    core.boot_id = function() return "11111111-2222-4333-8444-555555555555" end
    assert.same({ 4, 0 }, resume())
    pass(3600)
    core.boot_id = boot_id -- back again
    assert.same({ 3, 0 }, resume()) -- after three refusals it is left alone
    pass(601)
    assert.same({ 0, 3 }, resume())
    assert.same({ { boot = boot_id() } }, store.db:rows "SELECT boot FROM boots")
  end)

  it("keep an undo from its end for ten minutes", function()
    local job = unanswered()
    local summary = assert(job:undo { client = client, rate = 0 })
    assert.same({ "undoing", 4, "protocol" }, { summary.state, summary.counts.unknown, summary.troubles[1].kind })
    server:unbind(3, { "a1", "a2" }) -- the slow server does at last what it was asked
    pass(601)
    summary = assert(job:undo { client = client, rate = 0 })
    assert.same({ "undone", 2, 90 }, { summary.state, summary.undo.restored, #server:accounts(3) })
  end)

  it("are inherited by the halves of what was sent", function()
    start { agents = { [3] = support.agents(90) } }
    local job = support.plan(store, client, support.range(3, 1, 8))
    local retrying = assert(server:client { retry = { attempts = 2 } })
    -- A lost answer, then a refusal: the left half is sent, and the run ends.
    server:fault { operation = "release_agent_by_skill", from = 1, to = 1, close = "request" }
    server:fault { operation = "release_agent_by_skill", from = 2, to = 2, status = 500,
      body = '{"resultCode":"1","resultMessage":"no"}' }
    server:fault { operation = "release_agent_by_skill", from = 3, to = 3, status = 403, body = "<html>" }
    server:fault { operation = "query_agents", from = 4, to = math.huge, status = 502 }
    local summary = assert(job:apply { client = retrying, rate = 0 })
    assert.equal(8, summary.counts.unknown)
    assert.same({ { state = "unknown", in_doubt = 2 }, { state = "unknown", in_doubt = 2 } }, chunks())
  end)

  -- A server that refuses a release and yet has done it, in a run that ends before it could look.
  local function refuse_but_apply()
    start { agents = { [3] = support.agents(90) } }
    local job = support.plan(store, client, support.range(3, 1, 8))
    server:fault { operation = "release_agent_by_skill", to = math.huge, apply = true, status = 500,
      body = '{"resultCode":"1","resultMessage":"no"}' }
    return job
  end

  it("are smaller of what was refused: gone is released, in this run", function()
    local job = refuse_but_apply()
    assert.equal(8, assert(job:apply { client = client, rate = 0 }).counts.released)
  end)

  it("are smaller of what was refused: gone is released, in the next run, and restored by an undo", function()
    local job = refuse_but_apply()
    local function interrupted() return #support.bodies(server, "release_agent_by_skill") >= 2 end
    assert.equal(8, assert(job:apply { client = client, rate = 0, interrupted = interrupted }).counts.pending)
    for _, chunk in ipairs(chunks()) do assert.same({ state = "pending", in_doubt = 1 }, chunk) end
    server:clear()
    local summary = assert(job:resume { client = client, rate = 0 })
    assert.same({ 8, 0 }, { summary.counts.released, summary.counts.not_bound })
    assert.equal(8, assert(job:undo { client = client, rate = 0 }).undo.restored)
    assert.equal(90, #server:accounts(3))
  end)

  it("are smaller of what was refused: still bound is failed", function()
    start { agents = { [3] = support.agents(90) }, refuse_accounts = { a2 = true } }
    local job = support.plan(store, client, support.range(3, 1, 4))
    local summary = assert(job:apply { client = client, rate = 0 })
    assert.same({ 3, 1, 0 }, { summary.counts.released, summary.counts.failed, summary.counts.unknown })
  end)

  it("are none of what was turned away unread: gone is not bound", function()
    start { agents = { [3] = support.agents(90) } }
    local job = support.plan(store, client, support.range(3, 1, 3))
    server:fault { operation = "release_agent_by_skill", to = math.huge, status = 413 }
    local notes, gone = {}, false
    local summary = assert(job:apply { client = client, rate = 0, on_note = function(note) notes[#notes + 1] = note end,
      interrupted = function()
        if not gone and #support.bodies(server, "release_agent_by_skill") > 0 then
          server:unbind(3, { "a2" })
          gone = true
        end
        return false
      end })
    assert.same({ 2, 1, "finished" }, { summary.counts.failed, summary.counts.not_bound, summary.state })
    assert.same({ 1, 1 }, { #notes, notes[1].lost })
    assert.equal(2, job:queues()[1].bound)
  end)

  it("are settled by a proof where somebody seems gone; a queue in which all are bound is listed once", function()
    start { agents = { [3] = support.agents(150) } }
    local job = support.plan(store, client, support.range(3, 1, 10))
    server:clear()
    server:fault { operation = "release_agent_by_skill", close = "request" }
    server:fault { operation = "query_agents", from = 3, to = math.huge, status = 502 }
    assert.equal(10, assert(job:apply { client = client, rate = 0 }).counts.unknown)
    assert.equal("0 1 0 0", pages()) -- a first look; then the client asks what came of it, then the run
    server:clear()
    assert.equal(10, assert(job:resume { client = client, rate = 0 }).counts.released)
    assert.equal("0 1", pages()) -- all are still bound
    server:clear()
    assert.equal(10, assert(job:undo { client = client, rate = 0 }).undo.restored)
    assert.equal("0 1 0 1", pages()) -- whoever is not shown is bound, so that has to be certain
  end)

  it("outlive an undo that is interrupted before it sends them again", function()
    local agents = support.agents(200)
    for _, agent in ipairs(agents) do agent.agentWeight, agent.skillWeight = 2, 2 end
    start { agents = { [3] = agents } }
    local job = support.plan(store, client, support.range(3, 1, 3))
    assert(job:apply { client = client, rate = 0 })
    server:fault { operation = "bind_agents", to = math.huge, status = 403, body = "<html>" }
    assert.equal("blocked", assert(job:undo { client = client, rate = 0 }).stopped.kind)
    store.db:run "UPDATE chunks SET state = 'sent', attempts = 0 WHERE action = 'bind'" -- as `kill -9` leaves it
    server:clear()
    -- It has settled the doubt, and noted that it is about to send.
    local function interrupted()
      return store.db:row("SELECT COUNT(*) AS n FROM chunks WHERE action = 'bind' AND state = 'sent' AND in_doubt = 2").n > 0
    end
    assert.equal("aborted", assert(job:undo { client = client, rate = 0, interrupted = interrupted }).stopped.kind)
    assert.equal(0, #support.bodies(server, "bind_agents"))
    assert.same({ state = "pending", attempts = 1, in_doubt = 2 },
      store.db:row "SELECT state, attempts, in_doubt FROM chunks WHERE action = 'bind'")
    -- The slow server does at last what it was asked first.
    server:bind(3, { agents[1], agents[2], agents[3] })
    local summary = assert(job:undo { client = client, rate = 0 })
    assert.same({ 3, 0 }, { summary.undo.restored, summary.undo.skipped })
  end)

  it("keep a queue from being done; three refusals at its end do not", function()
    local refused = {}
    for i = 1, 12 do refused["a" .. i] = true end
    start { agents = { [3] = support.agents(100) }, refuse_accounts = refused }
    local notes = {}
    local job = support.plan(store, client, support.range(3, 1, 12), { chunk = 4 })
    local summary = assert(job:apply { client = client, rate = 0, on_note = function(note) notes[#notes + 1] = note end })
    assert.same({ "finished", 12, 0 }, { summary.state, summary.counts.failed, #notes })
    assert.equal("done", job:queues()[1].state)
  end)
end)
