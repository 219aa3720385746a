-- Requests that a job need not make: a queue that the plan has just listed is not listed again, where that is asked for and
-- nothing depends on it.

local cjson = require "cjson"
local jobs = require "aicc.jobs"
local support = require "spec.support.jobs"

describe("A job that is planned and applied at once #lua54", function()
  local server, client, store

  before_each(function()
    server = support.sandbox { agents = { [3] = support.agents(60), [4] = support.agents(40, "b") } }
    client = assert(server:client())
    store = support.store()
  end)

  after_each(function()
    store:close()
    support.clean()
  end)

  local function plan(rows)
    local job = support.plan(store, client, rows or { { 3, "a1" }, { 3, "a2" }, { 3, "nobody" }, { 4, "b1" } })
    server:clear()
    return job
  end

  local function apply(job, options)
    options.client, options.rate = options.client or client, 0
    return assert(job:apply(options))
  end

  -- How many requests of each operation came since the plan.
  local function sent()
    local counts = {}
    for _, request in ipairs(server:requests()) do counts[request.operation] = (counts[request.operation] or 0) + 1 end
    return { counts.query_agents or 0, counts.release_agent_by_skill or 0 }
  end

  it("lists no queue twice where it may go by the plan's listing, and releases the same", function()
    local summary = apply(plan(), { listed_within = 60 })
    assert.same({ 3, 1 }, { summary.counts.released, summary.counts.not_bound })
    assert.same({ 0, 2 }, sent())
    assert.same({ 58, 39 }, { #server:accounts(3), #server:accounts(4) })
  end)

  it("lists each queue once more where nobody said so", function()
    apply(plan(), {})
    assert.same({ 2, 2 }, sent())
  end)

  it("lists each where the plan's listing is older", function()
    apply(plan(), { listed_within = 1e-9 })
    assert.same({ 2, 2 }, sent())
  end)

  it("lists each where another client planned: it may be another server's", function()
    apply(plan(), { listed_within = 60, client = assert(server:client()) })
    assert.same({ 2, 2 }, sent())
  end)

  it("lists each that another process, or another opening of the store, has planned", function()
    local job = plan()
    local path = store.db.path
    store:close()
    store = assert(jobs.open("sqlite:" .. path))
    apply(assert(store:job(job.name)), { listed_within = 60 })
    assert.same({ 2, 2 }, sent())
  end)

  it("lists a queue for which somebody else has sent something meanwhile", function()
    local job = plan()
    local other = assert(jobs.open("sqlite:" .. store.db.path))
    server:fault { operation = "release_agent_by_skill", to = 1, status = 403, body = "{}" }
    local first = apply(assert(other:job(job.name)), { concurrency = 1 })
    other:close()
    assert.same({ "forbidden", 0 }, { first.stopped.kind, first.counts.released })
    server:clear()
    local second = apply(job, { listed_within = 60 })
    assert.equal(3, second.counts.released)
    assert.same({ 1, 2 }, sent()) -- the other queue is as the plan saw it still
  end)

  it("lists a queue of which no listing proved who is not bound", function()
    local page = { resultCode = "0", count = "61", data = {} }
    for i, agent in ipairs(server:agents(3)) do page.data[i] = agent end
    server:fault { operation = "query_agents", to = math.huge, body = cjson.encode(page) } -- shows one fewer than it counts
    local job = plan { { 3, "a1" }, { 3, "nobody" } }
    assert.equal(1, store.db:row("SELECT COUNT(*) AS n FROM unseen").n)
    apply(job, { listed_within = 60 })
    assert.is_true(sent()[1] >= 1)
  end)

  it("is undone by what is bound then, not by what the plan saw", function()
    local job = plan()
    apply(job, { listed_within = 60 })
    server:bind(3, { { userAccount = "a1", agentWeight = 9, skillWeight = 9 } })
    server:clear()
    assert(job:undo { client = client, rate = 0, listed_within = 60 })
    assert.is_true(sent()[1] >= 2)
    assert.equal("9/9", support.weights(server, 3).a1)
  end)
end)
