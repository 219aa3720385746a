-- Jobs that stop early or wait: throttled by the API, or interrupted. What was sent is settled, and nothing more leaves.

local chunks = require "aicc.jobs.db.chunks"
local core = require "aicc.core"
local loop = require "aicc.loop"
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

  describe("that is throttled", function()
    -- How many seconds passed between one release and the next, by the sandbox's clock.
    local function gaps()
      local times, before = {}, nil
      for _, request in ipairs(server:requests()) do
        if before then times[#times + 1] = request.time - before end
        before = request.time
      end
      return times
    end

    it("waits with all its queues, tells so, and goes on at half the rate", function()
      start { agents = { [3] = support.agents(100), [4] = support.agents(100) } }
      local job = support.plan(store, client, support.range(4, 1, 20, support.range(3, 1, 20)))
      server:clear()
      server:fault { operation = "release_agent_by_skill", status = 429, headers = { ["Retry-After"] = "2" } }
      local notes, began = {}, core.now()
      local summary = assert(apply(job, { rate = 20, on_note = function(note) notes[#notes + 1] = note end }))
      assert.same({ 40, "finished" }, { summary.counts.released, summary.state })
      assert.same({ { type = "throttled", seconds = 2, rate = 10 } }, notes)
      assert.is_true(core.now() - began >= 2)
      assert.is_true(math.max(table.unpack(gaps())) >= 1.5, "somebody did not wait")
    end)

    it("for longer than a minute stops at once: the rows stay pending", function()
      start { agents = { [3] = support.agents(100), [4] = support.agents(100) } }
      local job = support.plan(store, client, support.range(4, 1, 20, support.range(3, 1, 20)), { chunk = 10 })
      server:clear()
      server:fault { operation = "release_agent_by_skill", status = 429, headers = { ["Retry-After"] = "70" } }
      local began = core.now()
      local summary = assert(apply(job, { concurrency = 1 }))
      assert.is_true(core.now() - began < 5)
      assert.same({ "throttled", 70 }, { summary.stopped.kind, summary.stopped.retry_after })
      assert.same({ 40, "running" }, { summary.counts.pending, summary.state })
      assert.equal(1, count "release_agent_by_skill")
      assert.equal(40, assert(job:resume { client = client, rate = 0 }).counts.released)
    end)

    it("while it is planned tells so, or is not planned", function()
      start { agents = { [3] = support.agents(100) } }
      local notes = {}
      local function on_note(note) notes[#notes + 1] = note end
      server:fault { operation = "query_agents", status = 429, headers = { ["Retry-After"] = "1" } }
      support.plan(store, client, support.range(3, 1, 20), { on_note = on_note, rate = 20 })
      assert.equal("throttled", notes[1].type)
      server:fault { operation = "query_agents", status = 429, headers = { ["Retry-After"] = "86400" } }
      local began = core.now()
      local job, err = store:plan(support.rows(support.range(3, 1, 20)), { client = client, name = "later", rate = 0 })
      assert.is_nil(job)
      assert.equal("throttled", err.kind)
      assert.is_true(core.now() - began < 5)
    end)
  end)

  describe("that is interrupted", function()
    it("lists no queue any more that nothing was sent to", function()
      start { agents = { [3] = support.agents(4000) } }
      local job = support.plan(store, client, support.range(3, 1, 20))
      server:clear()
      local interrupted = false
      loop.spawn(function()
        repeat loop.sleep(0.02) until count "query_agents" > 0
        interrupted = true
      end)
      local summary = assert(apply(job, { rate = 20, interrupted = function() return interrupted end }))
      assert.equal("aborted", summary.stopped.kind)
      assert.equal(20, summary.counts.pending)
      assert.is_true(count "query_agents" < 15, count "query_agents" .. " of 40 pages")
    end)

    it("still settles what was sent", function()
      start { agents = { [3] = support.agents(100) } }
      local job = support.plan(store, client, support.range(3, 1, 20))
      server:clear()
      server:fault { operation = "release_agent_by_skill", close = "request", apply = true }
      local summary = assert(job:apply { client = assert(server:client { retry = false }), rate = 0,
        interrupted = function() return count "release_agent_by_skill" > 0 end })
      assert.equal(20, summary.counts.released)
    end)

    for pause, unknown in pairs { [1] = 0, [20] = 20 } do
      it(("in a pause of %d s settles what was sent only if that is soon"):format(pause), function()
        start { agents = { [3] = support.agents(90) } }
        local job = support.plan(store, client, support.range(3, 1, 20))
        server:clear()
        server:fault { operation = "release_agent_by_skill", close = "request", apply = true }
        server:fault { operation = "query_agents", from = 2, status = 429, headers = { ["Retry-After"] = tostring(pause) } }
        local began = core.now()
        -- The client's look at what came of the release meets the 429, and the run's own waits; then comes the interrupt.
        local summary = assert(job:apply { client = assert(server:client { retry = false }), rate = 0,
          interrupted = function() return count "query_agents" >= 2 end })
        assert.is_true(core.now() - began < 4, core.now() - began .. " s")
        assert.equal("aborted", summary.stopped.kind)
        assert.equal(unknown, summary.counts.unknown)
        server:clear()
        assert.equal(20, assert(job:resume { client = client, rate = 0 }).counts.released)
      end)
    end

    it("looks at no other queue in a pause", function()
      local agents, list = {}, {}
      for q = 1, 6 do
        agents[q] = support.agents(100)
        support.range(q, 1, 20, list)
      end
      start { agents = agents }
      local job = support.plan(store, client, list)
      server:fault { operation = "release_agent_by_skill", status = 429, headers = { ["Retry-After"] = "20" } }
      local began = core.now()
      local summary = assert(apply(job, { interrupted = function() return core.now() - began > 0.5 end }))
      assert.is_true(core.now() - began < 2, core.now() - began .. " s")
      assert.equal(0, summary.counts.unknown)
    end)

    it("sends nothing that waited behind the client's window", function()
      local agents, list = {}, {}
      for q = 1, 12 do
        agents[q] = support.agents(100)
        support.range(q, 1, 10, list)
      end
      start { agents = agents }
      local narrow = assert(server:client { max_in_flight = 2 })
      local job = support.plan(store, narrow, list)
      server:clear()
      server:fault { operation = "release_agent_by_skill", to = math.huge, delay = 0.3 }
      local at_stop
      local summary = assert(job:apply { client = narrow, rate = 0, concurrency = 12, interrupted = function()
        at_stop = at_stop or count "release_agent_by_skill" >= 2 and count "release_agent_by_skill"
        return at_stop ~= nil and at_stop ~= false
      end })
      assert.equal("aborted", summary.stopped.kind)
      assert.equal(at_stop, count "release_agent_by_skill")
    end)

    it("takes back the intent of its last request alone: behind another one nobody would look for its rows", function()
      start { agents = { [3] = support.agents(100) } }
      local job, db = support.plan(store, client, support.range(3, 1, 20), { chunk = 10 }), store.db
      local queue = db:row("SELECT id FROM queues").id
      local first = chunks.next(db, queue, 0, 10)
      chunks.intend(db, first)
      chunks.intend(db, chunks.next(db, queue, first.last_line, 10))
      chunks.withdraw(db, first)
      local summary = assert(apply(job))
      assert.same({ "finished", 20 }, { summary.state, summary.counts.released })
      assert.equal(80, #server:accounts(3))
    end)
  end)
end)
