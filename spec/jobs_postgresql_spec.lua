-- Jobs that several workers share: on a real PostgreSQL server, which the spec starts.

local db_jobs = require "aicc.jobs.db.jobs"
local counts = require "aicc.jobs.db.counts"
local jobs = require "aicc.jobs"
local loop = require "aicc.loop"
local pause = require "aicc.jobs.db.pause"
local postgresql = require "spec.support.postgresql"
local queries = require "spec.support.queries"
local queue_claims = require "aicc.jobs.queue_claims"
local socket = require "socket"
local support = require "spec.support.jobs"
local tables = require "spec.support.tables"
local timelines = require "aicc.jobs.db.timeline"
local turn = require "aicc.jobs.turn"

local LUA = arg and arg[-1] or "lua5.4"
local QUEUES = 24

describe("a job in PostgreSQL #postgresql #slow #nosan #lua54", function()
  local database, server, client, store

  setup(function() database = postgresql.start() end)
  teardown(function() database.stop() end)

  before_each(function() store = assert(jobs.open(database.url)) end)
  after_each(function()
    for _, job in ipairs(store:list()) do assert(store:forget(job.name)) end
    store:close()
    support.clean()
  end)

  local function start(options)
    server = support.sandbox(options)
    client = assert(server:client())
  end

  it("goes the whole way, with queues beyond 32 bits", function()
    local big = math.tointeger(2 ^ 53 - 1)
    start { agents = { [big] = support.agents(300), [2147483648] = support.agents(300) }, refuse_accounts = { a7 = true } }
    local before = { support.weights(server, big), support.weights(server, 2147483648) }
    local list = support.range(2147483648, 1, 60, support.range(big, 1, 60))
    list[#list + 1], list[#list + 2] = { big, "nobody" }, { big, "a1" }
    local job = support.plan(store, client, list)
    assert.equal(big, job:queues()[1].skill_id)
    local summary = assert(job:apply { client = client, rate = 0 })
    assert.same({ released = 119, failed = 2, not_bound = 1, unknown = 0, pending = 0, planned = 0 }, summary.counts)
    local statuses, lines = support.statuses(job)
    assert.equal("failed", statuses[("%d a7"):format(big)])
    for i, row in ipairs(list) do assert.same(row, { lines[i].skill_id, lines[i].user_account }) end
    assert.equal(119, assert(job:undo { client = client, rate = 0 }).undo.restored)
    assert.same(before, { support.weights(server, big), support.weights(server, 2147483648) })
  end)

  it("rolls back what fails, the commit too, and goes on", function()
    start { agents = { [3] = support.agents(100) } }
    assert.has_error(function() store.db:transaction(function() store.db:run "nonsense" end) end)
    store.db:run "CREATE TABLE pairs (a INTEGER, b INTEGER UNIQUE DEFERRABLE INITIALLY DEFERRED)"
    local ok, err = pcall(store.db.transaction, store.db, function() store.db:run "INSERT INTO pairs VALUES (1, 7), (2, 7)" end)
    assert.is_false(ok)
    assert.equal("store", err.kind)
    assert.matches("duplicate key", err.message)
    -- PostgreSQL calls the commit of what has failed a success, and rolls it back.
    ok = pcall(store.db.transaction, store.db, function()
      store.db:run "INSERT INTO pairs VALUES (1, 7)"
      pcall(store.db.run, store.db, "INSERT INTO pairs VALUES ('nonsense', 7)")
    end)
    assert.is_false(ok)
    assert.equal(0, store.db:row("SELECT COUNT(*) AS n FROM pairs").n)
    store.db:run "DROP TABLE pairs"
    assert.equal(0, #store:list())
    local job = support.plan(store, client, support.range(3, 1, 10))
    assert.equal(10, assert(job:apply { client = client, rate = 0 }).counts.released)
  end)

  it("keeps what a server says at length in Chinese, and goes on", function()
    start { agents = { [3] = support.agents(300) } }
    local job = support.refused(server, store, client)
    assert.truthy(utf8.len(job:queues()[1].message)) -- luacheck: ignore (not in Lua 5.1)
    server:clear()
    assert.equal(140, assert(job:resume { client = client, rate = 0 }).counts.released)
  end)

  it("keeps what a server says in no UTF-8, and with a NUL", function()
    start { agents = { [3] = support.agents(100) } }
    local job = support.plan(store, client, support.range(3, 1, 10))
    server:fault { operation = "release_agent_by_skill", status = 200,
      body = '{"resultCode":"0","resultMessage":"caf\233 \\u0000 ferm\233"}' }
    assert.equal(10, assert(job:apply { client = client, rate = 0 }).counts.released)
    assert.equal("caf?   ferm?", job:report()().message)
  end)

  it("is not kept in a database that lacks the characters", function()
    store.db:run "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
    local none, err = jobs.open((database.url:gsub("/postgres%?", "/latin?")))
    assert.same({ nil, "store" }, { none, err.kind })
    assert.matches("LATIN1, not UTF8", err.message)
    store.db:run "DROP DATABASE latin"
  end)

  it("says in libpq's words why there is no connection, and no password", function()
    local hba = io.open(database.data .. "/pg_hba.conf", "r+")
    local lines = hba:read "a"
    hba:seek "set"
    hba:write("local all locked scram-sha-256\n", lines)
    hba:close()
    store.db:run "CREATE ROLE locked LOGIN PASSWORD 'right-one'"
    store.db:row "SELECT pg_reload_conf()"
    -- { what stands for it in the URL, with what; what is said }
    for _, case in ipairs {
      { "/postgres%?", "/nowhere?", 'database "nowhere" does not exist' },
      { "aicc@", "nobody@", 'role "nobody" does not exist' },
      { "aicc@", "locked:secret-word@", 'password authentication failed for user "locked"' },
      { "aicc@", "locked:secret-word%%zz@", 'invalid percent%-encoded token: "%*%*%*"' },
      { "aicc@.*", "aicc:a@secret-word@127.0.0.1:1/postgres", 'host name "%*%*%*@127.0.0.1"' },
      { "aicc@.*", "aicc@127.0.0.1:1/postgres?password=secret-word", "127.0.0.1.*port 1 failed: Connection refused" },
      { "aicc@.*", "aicc@127.0.0.1:1/postgres?sslmode=secret-word&sslpassword=secret-word", 'invalid sslmode value: "%*%*%*"' },
    } do
      local none, err = jobs.open((database.url:gsub(case[1], (case[2]:gsub("%%", "%%%%")))))
      assert.same({ nil, "store" }, { none, err.kind })
      assert.matches(case[3], err.message)
      assert.is_nil(err.message:find "secret", err.message)
    end
    store.db:run "DROP ROLE locked"
  end)

  it("is counted queue by queue as the report's view has it row by row", function()
    for seed = 1, 40 do
      local job = tables.job(store.db, seed)
      local all, undone, own = tables.viewed(store.db, job)
      local counted, counted_undone = counts.all(store.db, job)
      local agents = counts.agents(store.db, job)
      agents.undone, agents.was_released = nil, nil
      assert.same({ all, undone, own },
        { tables.present(counted), tables.present(counted_undone), tables.present(agents) }, "seed " .. seed)
    end
  end)

  it("answers each query of doc/jobs.md", function()
    start { agents = { [3] = support.agents(100) } }
    assert(support.plan(store, client, support.range(3, 1, 10)):apply { client = client, rate = 0 })
    for _, query in ipairs(queries.all()) do store.db:rows(query.sql) end
  end)

  it("goes by the server's clock, whoever's own is wrong: a release that may still be done is not failed", function()
    start { agents = { [3] = support.agents(10) }, refuse_accounts = { a1 = true } }
    client = assert(server:client { retry = { attempts = 1 } })
    local job, time = support.plan(store, client, support.range(3, 1, 1)), os.time
    server:fault { operation = "release_agent_by_skill", close = "request" }
    os.time = function() return time() - 900 end -- luacheck: ignore (the clock of the worker whose request is lost)
    local summary = job:apply { client = client, rate = 0, force = true }
    os.time = time -- luacheck: ignore
    assert.equal(1, summary.counts.unknown)
    assert.equal(1, assert(job:resume { client = client, rate = 0, force = true }).counts.unknown)
    store.db:run "UPDATE chunks SET sent_at = '2026-11-01T00:00:00Z'" -- more than ten minutes by any clock
    assert.equal(1, assert(job:resume { client = client, rate = 0, force = true }).counts.failed)
  end)

  it("forgets leases with their owners when it is turned around", function()
    start { agents = { [3] = support.agents(100), [4] = support.agents(100) } }
    local job = support.plan(store, client, { { 3, "a1" }, { 4, "nobody" } })
    assert(job:apply { client = client, rate = 0 })
    store.db:run "UPDATE queues SET owner = 'somebody', lease = clock_timestamp() - interval '1 second'"
    assert.equal(1, assert(job:undo { client = client, rate = 0 }).undo.restored)
    assert.equal(0, store.db:row("SELECT COUNT(*) AS n FROM queues WHERE lease IS NOT NULL").n)
  end)

  it("makes twins of rows that name an agent in two spellings", function()
    start { agents = { [3] = support.agents(100) } }
    local job = support.plan(store, client, { { 3, "A1" }, { 3, "a1" }, { 3, "A1" } })
    assert.equal(1, job:queues()[1].bound)
    assert.equal(3, assert(job:apply { client = client, rate = 0 }).counts.released)
  end)

  it("finds out of lines among those that were sent that they are bound", function()
    start { agents = { [3] = support.agents(40) } }
    support.show_only(server, { "a2", "a4", "a20", "a21" }, 40)
    local job = support.plan(store, client, support.range(3, 1, 5))
    assert.same({ 2, 3 }, { job:queues()[1].bound, job:queues()[1].unseen })
    assert.equal(3, assert(job:apply { client = client, rate = 0 }).counts.pending)
    server:clear()
    assert.equal(5, assert(job:resume { client = client, rate = 0 }).counts.released)
    assert.equal(5, assert(job:undo { client = client, rate = 0 }).undo.restored)
  end)

  it("sends nothing under a lease that could end before the answer is here", function()
    start { agents = { [3] = support.agents(100) } }
    local slow = assert(server:client { timeout = 3 })
    local job = support.plan(store, client, support.range(3, 1, 10))
    local summary = assert(job:apply { client = slow, rate = 0, lease = 7 }) -- 3 s for the answer, 5 s to spare
    assert.same({ 10, "running" }, { summary.counts.pending, summary.state })
    assert.equal(0, #support.bodies(server, "release_agent_by_skill"))
    assert.matches("lease", job:queues()[1].message)
    assert.equal(10, assert(job:resume { client = slow, rate = 0, lease = 9 }).counts.released)
  end)

  it("sends nothing under a lease that another worker has", function()
    start { agents = { [3] = support.agents(100) } }
    local job = support.plan(store, client, support.range(3, 1, 20), { chunk = 10 })
    -- It has slept for longer than its lease, with the first chunk's intent noted, and another one has begun and stopped.
    local robbed = support.hooked(client, function(request)
      if request.operation == "release_agent_by_skill" then
        store.db:run "UPDATE queues SET owner = 'another', epoch = epoch + 1, lease = NULL, state = 'stopped'"
      end
    end)
    assert(job:apply { client = robbed, rate = 0 })
    assert.equal(1, #support.bodies(server, "release_agent_by_skill")) -- its own lease was good when that left
    assert.equal(10, job:status().counts.unknown)
    assert.equal(20, assert(job:resume { client = client, rate = 0 }).counts.released)
  end)

  it("locks the rows of queues in one order, so that two workers never wait for each other", function()
    start { agents = { [3] = support.agents(100), [4] = support.agents(100) } }
    support.plan(store, client, { { 3, "a1" }, { 4, "a1" } })
    store.db:run "UPDATE jobs SET state = 'running'"
    local claimed = assert(queue_claims.open(store.db, db_jobs.find(store.db, "night")))
    local first, second = claimed:next(), claimed:next()
    local pipe = io.popen(("exec '%s' spec/support/holder.lua '%s' 2>&1"):format(LUA, database.url))
    assert.equal("ready", pipe:read "l")
    local written, results = turn.new(store.db, claimed, timelines.new(claimed.job, "release")), {}
    for i, claim in ipairs { second, first } do
      loop.spawn(function() results[i] = written:commit(claim) end)
    end
    loop.run()
    assert.equal("done", pipe:read "l")
    pipe:close()
    assert.same({ true, true }, results)
    store.db:run "UPDATE queues SET lease = NULL"
  end)

  it("keeps a pause for all workers, by the database's clock", function()
    start { agents = { [3] = support.agents(100) } }
    support.plan(store, client, support.range(3, 1, 10))
    local job = db_jobs.find(store.db, "night")
    assert.is_nil(pause.get(store.db, job))
    pause.set(store.db, job, 1000, 2.5)
    pause.set(store.db, job, 10, 1)
    local left, rate = pause.get(store.db, job)
    assert.is_true(left > 500 and left <= 1000)
    assert.equal(2.5, rate)
  end)

  it("is not forgotten while somebody plans it", function()
    start { agents = { [3] = support.agents(100) } }
    local other, at, err = assert(jobs.open(database.url)), 0, nil
    local function row()
      at = at + 1
      if at == 2 then err = select(2, other:forget "night") end
      if at <= 10 then return 3, "a" .. at end
    end
    local job = assert(store:plan(jobs.rows(row), { name = "night", client = client, rate = 0 }))
    assert.equal("store", err.kind)
    assert.matches("process %d+ on ", err.message)
    assert.equal(10, assert(job:apply { client = client, rate = 0 }).counts.released)
    assert(other:forget "night")
    other:close()
  end)

  -- ---- several workers ----

  local function scene()
    local agents, list = {}, {}
    for q = 1, QUEUES do
      agents[q] = support.agents(300)
      support.range(q, 1, 120, list)
    end
    start { agents = agents }
    return support.plan(store, client, list, { chunk = 10 })
  end

  local function spawn(name, rate)
    -- The alarm outlives exec: a worker that hangs fails its spec.
    local pipe = io.popen(("echo $$; exec perl -e 'alarm 120; exec @ARGV' '%s' spec/support/worker.lua '%s' %s %s %g 2>&1")
      :format(LUA, database.url, server.base_url, name, rate))
    return { pid = pipe:read "l", pipe = pipe }
  end

  local function finish(worker)
    local output = worker.pipe:read "a"
    return worker.pipe:close(), output
  end

  local function signal(name, worker) assert(os.execute(("kill -%s %s"):format(name, worker.pid))) end

  -- Who sent to which queue, in order, without repetitions.
  local function owners()
    local of = {}
    for _, request in ipairs(server:requests()) do
      local skill = request.operation == "release_agent_by_skill" and request.body:match '"skillId":(%d+)'
      if skill then
        local list = of[skill] or {}
        of[skill] = list
        local name = request.header["user-agent"]
        if list[#list] ~= name then list[#list + 1] = name end
      end
    end
    return of
  end

  -- Waits until a worker is in the middle of its queues.
  local function wait_for_work(name)
    for _ = 1, 1000 do
      local sent = 0
      for _, request in ipairs(server:requests()) do
        if request.operation == "release_agent_by_skill" and request.header["user-agent"] == name then sent = sent + 1 end
      end
      if sent >= 10 then return end
      socket.sleep(0.02)
    end
    error(name .. " has sent nothing")
  end

  local function check(job, killed)
    local told = job:status().counts
    assert.equal(QUEUES * 120, told.released)
    assert.equal("finished", job:status().state)
    local busy = {}
    for skill, list in pairs(owners()) do
      if #list > 1 then assert.same({ 2, killed }, { #list, list[1] }, "queue " .. skill .. ": " .. table.concat(list, ", ")) end
      for _, name in ipairs(list) do busy[name] = true end
    end
    for q = 1, QUEUES do assert.equal(180, #server:accounts(q)) end
    return busy
  end

  for _, count in ipairs { 2, 4 } do
    it(("is shared by %d workers, one of which is killed"):format(count), function()
      local job = scene()
      server:clear()
      local workers = {}
      for i = 1, count do workers[i] = spawn("worker" .. i, 200) end
      wait_for_work "worker1"
      signal("KILL", workers[1])
      finish(workers[1])
      for i = 2, count do assert.is_true(finish(workers[i])) end
      local busy = check(job, "worker1")
      for i = 1, count do assert.is_true(busy["worker" .. i], "worker" .. i .. " had no queue") end
    end)
  end

  it("waits with all its workers where one is told to", function()
    local job = scene()
    server:clear()
    server:fault { operation = "release_agent_by_skill", from = 20, to = 20, status = 429, headers = { ["Retry-After"] = "4" } }
    local workers = { spawn("worker1", 100), spawn("worker2", 100) }
    for _, worker in ipairs(workers) do assert.is_true(finish(worker)) end
    check(job)
    local longest, before = 0, nil
    for _, request in ipairs(server:requests()) do
      if before then longest = math.max(longest, request.time - before) end
      before = request.time
    end
    -- The other one goes on until it looks up.
    assert.is_true(longest >= 3.2, ("%.1f s"):format(longest))
  end)

  it("goes on without a worker that sleeps too long, which then sends nothing any more", function()
    local job = scene()
    server:clear()
    local workers = { spawn("worker1", 100), spawn("worker2", 100) }
    wait_for_work "worker1"
    signal("STOP", workers[1])
    assert.is_true(finish(workers[2]))
    check(job, "worker1")
    local before = #server:requests()
    signal("CONT", workers[1])
    local ended_well, output = finish(workers[1])
    -- Where it slept inside a transaction, the server has ended its session.
    if not ended_well then assert.matches("job store: ", output) end
    assert.equal(before, #server:requests())
    check(job, "worker1")
  end)

  it("goes on without somebody who sleeps inside a transaction", function()
    local job = scene()
    local sleeper = assert(jobs.open(database.url))
    sleeper.db:limit_idleness(3)
    sleeper.db:run "BEGIN"
    sleeper.db:run("UPDATE queues SET epoch = epoch WHERE number = 1")
    sleeper.db:run("UPDATE jobs SET lines = lines")
    assert.is_true(finish(spawn("worker1", 0)))
    check(job)
    assert.has_error(function() sleeper.db:run "COMMIT" end)
    sleeper:close()
  end)
end)
