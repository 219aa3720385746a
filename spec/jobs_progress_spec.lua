-- How far a job is, queue by queue, and how many requests it takes at least: compared with what the sandbox received, and with
-- the report.

local cjson = require "cjson"
local jobs = require "aicc.jobs"
local postgresql = require "spec.support.postgresql"
local support = require "spec.support.jobs"

describe("a job's progress", function()
  after_each(support.clean)

  local function scene(options)
    local server = support.sandbox(options)
    return server, assert(server:client()), support.store()
  end

  -- Runs it, and returns how many requests arrived, without the token's.
  local function requests_of(server, run)
    server:clear()
    assert(run())
    local count = 0
    for _, request in ipairs(server:requests()) do
      if request.operation ~= "token" then count = count + 1 end
    end
    return count
  end

  it("says before a run how many requests it takes, if nothing fails", function()
    local server, client, store = scene { agents = {
      [3] = support.agents(250), [4] = support.agents(100), [5] = support.agents(101), [6] = support.agents(20),
    } }
    local all = support.range(3, 1, 120)
    support.range(4, 1, 7, all)
    support.range(5, 1, 101, all)
    for _, row in ipairs { { 3, "a1" }, { 3, "absent" }, { 6, "absent" }, { 4, "absent" } } do all[#all + 1] = row end
    local job = support.plan(store, client, all, { chunk = 20 })
    local ahead = job:progress "apply"
    -- Pages, twice where somebody is absent, and one behind a full first one; then chunks: 3 * 2 + 6, 2 + 1, 2 + 6, 1.
    local each = {}
    for i, queue in ipairs(ahead.queues) do each[i] = queue.requests end
    assert.same({ 12, 3, 8, 1 }, each)
    assert.equal(24, ahead.requests)
    assert.equal(24, requests_of(server, function() return job:apply { client = client, rate = 0, force = true } end))
    assert.equal(0, job:progress().requests)
    local back = job:progress "undo"
    assert.same({ "bind", 228, 0, 228 }, { back.action, back.agents, back.done, back.left })
    local bound = requests_of(server, function() return job:undo { client = client, rate = 0, force = true } end)
    -- Weights differ: agents of a pair go together, so there are more requests than the fewest that there may be.
    assert.is_true(back.requests <= bound and back.requests >= bound / 3, ("%d of %d"):format(back.requests, bound))
    assert.same({ 228, 0, 0 }, { job:progress().done, job:progress().left, job:progress().requests })
  end)

  -- The same of one row after the other.
  local function of_report(job)
    local of = {}
    for row in job:report() do
      local queue = of[row.skill_id] or { done = 0, failed = 0, unknown = 0, left = 0 }
      of[row.skill_id] = queue
      local word = ({ released = "done", failed = "failed", unknown = "unknown", planned = "left", pending = "left" })[row.status]
      if word then queue[word] = queue[word] + 1 end
    end
    return of
  end

  -- The scenes of one database: after each request that a run sends, progress is what the report says; `new` makes a store.
  local function agrees(new)
    local server = support.sandbox {
      agents = { [3] = support.agents(150), [4] = support.agents(60), [5] = support.agents(10) }, refuse_accounts = { a7 = true },
    }
    local client, store, watcher = assert(server:client()), new()
    local all = support.range(3, 1, 60)
    support.range(4, 1, 30, all)
    all[#all + 1] = { 5, "absent" }
    local job = support.plan(store, client, all, { chunk = 20 })
    local seen = watcher:job "night"
    server:fault { operation = "release_agent_by_skill", from = 3, to = 3, status = 403, body = "" }
    local looks, at_work = 0, 0
    local hooked = support.hooked(client, function()
      local progress, rows = assert(seen:progress "apply"), of_report(seen)
      looks = looks + 1
      local sums = { done = 0, failed = 0, unknown = 0, left = 0 }
      for _, queue in ipairs(progress.queues) do
        local expected = rows[queue.skill_id]
        if queue.at_work then -- what is under way, the report calls unknown
          at_work = at_work + 1
          expected.left, expected.unknown = expected.left + expected.unknown, 0
        end
        for name in pairs(sums) do
          assert.equal(expected[name], queue[name], name)
          sums[name] = sums[name] + queue[name]
        end
        assert.equal(queue.agents, queue.done + queue.failed + queue.unknown + queue.left)
      end
      for name, sum in pairs(sums) do assert.equal(sum, progress[name]) end
    end)
    assert(job:apply { client = hooked, rate = 0, concurrency = 1, force = true })
    assert.equal("running", seen:progress().state)
    assert(seen:progress().left > 0)
    assert.equal(0, seen:progress().rate)
    assert(job:resume { client = hooked, rate = 0, concurrency = 1, force = true })
    local done = seen:progress()
    assert.is_nil(done.worker)
    assert.same({ "finished", 88, 2, 0, 0 }, { done.state, done.done, done.failed, done.left, done.requests })
    assert.is_true(looks > 10 and at_work >= looks, at_work .. " at work")
    assert.equal("night: finished; 88 of 90 agents released, 2 failed, 0 unknown", tostring(done))
    store:close()
    watcher:close()
  end

  it("is what the report says, at any moment of a run", function()
    agrees(function()
      local store, path = support.store()
      return store, assert(jobs.open("sqlite:" .. path))
    end)
  end)

  it("is what the report says in PostgreSQL, too #postgresql", function()
    local server = postgresql.start()
    finally(server.stop)
    agrees(function() return assert(jobs.open(server.url)), assert(jobs.open(server.url)) end)
  end)

  it("promises no more of an undo than there is, where what was refused may have been released", function()
    local agents = {} -- with the same weights: so a bind is for all of them
    for i = 1, 30 do agents[i] = "a" .. i end
    local server, client, store = scene {
      agents = { [3] = agents, [4] = agents }, refuse_accounts = { a2 = true }, refuse_queues = { [4] = true },
    }
    local job = support.plan(store, client, support.range(4, 3, 10, support.range(3, 1, 10)), { chunk = 10 })
    assert(job:apply { client = client, rate = 0, force = true })
    assert.equal(9, job:progress().done)
    local back = job:progress "undo"
    assert.same({ 18, 18 }, { back.agents, back.left })
    -- A listing and a bind; of queue 4 the listing shows that everybody is still there.
    assert.equal(3, back.requests)
    assert.equal(3, requests_of(server, function() return job:undo { client = client, rate = 0, force = true } end))
    local done = job:progress()
    assert.same({ "undone", 9, 9, 0, 0 }, { done.state, done.agents, done.done, done.left, done.requests })
  end)

  it("is told by the plan, for people and for machines #lua54", function()
    local server = support.sandbox { agents = { [3] = support.agents(300), [4] = support.agents(30) } }
    local folder = support.folder()
    support.csv(folder .. "/night.csv", support.range(3, 1, 140, { { 4, "absent" } }))
    local function plan(options)
      local status, out = support.run(folder, server, ("plan %s/night.csv %s"):format(folder, options))
      assert.equal(0, status)
      return out
    end
    -- Three pages and one, three chunks.
    assert.matches("\nApplying it takes at least 7 requests: 1 s at 5 requests a second%. Retries, and halving what the API "
      .. "refuses, come on top%.\n", plan "--job one")
    assert.matches("at least 7 requests: 4 s at 0.5 requests a second%. .*apply two %-%-rate 0.5\n", plan "--job two --rate 0.5")
    assert.matches("at least 144 requests, without a limit to their rate%.", plan "--job three --rate 0 --chunk 1")
    local told = cjson.decode(plan("--job four --rate 2 --json"):match '[^\n]*"event":"plan"[^\n]*')
    assert.same({ rate = 2, requests_at_least = 7, seconds_at_least = 1 }, told.apply)
    server:clear()
    assert.equal(0, (support.run(folder, server, "apply one --rate 0")))
    assert.equal(7, #server:requests())
  end)

  it("tells a wrong verb, and of a job that is gone", function()
    local _, client, store = scene { agents = { [3] = support.agents(10) } }
    local job = support.plan(store, client, support.range(3, 1, 2))
    assert.has_error(function() job:progress "plan" end, "verb: expected apply, resume or undo, got plan")
    store:forget "night"
    local progress, err = job:progress()
    assert.is_nil(progress)
    assert.is_false(store:is_read_only())
    assert.equal("argument", err.kind)
  end)
end)
