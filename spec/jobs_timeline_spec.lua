-- When a job's requests left: each is noted in its minute, with the pauses, whatever ends the run.

local jobs = require "aicc.jobs"
local loop = require "aicc.loop"
local support = require "spec.support.jobs"
local timelines = require "aicc.jobs.db.timeline"
local turn = require "aicc.jobs.turn"

describe("a job's timeline #lua54", function()
  local folder, server, client

  before_each(function()
    folder = support.folder()
    server = support.sandbox { agents = { [3] = support.agents(100), [4] = support.agents(100, "b") } }
    client = assert(server:client())
  end)
  after_each(support.clean)

  -- action -> requests
  local function noted(store)
    local sums = { plan = 0, release = 0, bind = 0 }
    for _, row in ipairs(store.db:rows "SELECT minute, action, requests FROM minutes") do
      assert.matches("^20%d%d%-%d%d%-%d%dT%d%d:%d%dZ$", row.minute)
      sums[row.action] = sums[row.action] + row.requests
    end
    return sums
  end

  it("has every request of a plan, an apply that is stopped, a resume and an undo, and the pause between", function()
    local store = support.store()
    local list = support.range(3, 1, 90)
    for i = 1, 40 do list[#list + 1] = { 4, "b" .. i } end
    local before = #server:requests()
    local job = support.plan(store, client, list, { chunk = 10 })
    local planned = #server:requests() - before
    assert.equal(planned, job.requests)
    assert.same({ plan = planned, release = 0, bind = 0 }, noted(store))
    server:fault { operation = "release_agent_by_skill", from = 3, to = 3, status = 429, headers = { ["Retry-After"] = "2" } }
    assert(job:apply { client = client, rate = 0, concurrency = 1, force = true, interrupted = function()
      return #server:accounts(3) <= 50
    end })
    local pauses = store.db:rows "SELECT seconds FROM pauses"
    assert.same({ { seconds = 2 } }, pauses)
    assert(job:resume { client = client, rate = 0, force = true })
    local applied = #server:requests() - before - planned
    assert.equal(applied, noted(store).release)
    assert(job:undo { client = client, rate = 0, force = true })
    assert.same({ plan = planned, release = applied, bind = #server:requests() - before - planned - applied }, noted(store))
    assert.is_true(noted(store).bind > 0)
    local read = timelines.read(store.db, store.db:row "SELECT * FROM jobs")
    assert.is_true(read.is_whole)
    assert.is_true(store:forget "night")
    assert.same({ plan = 0, release = 0, bind = 0 }, noted(store))
    assert.equal(0, store.db:row("SELECT COUNT(*) AS n FROM pauses").n)
    store:close()
  end)

  it("keeps what could not be written, and writes nothing where no queue is its own", function()
    local store = support.store()
    local timeline = timelines.new({ id = 7 }, "release")
    local holds, due = false, true
    local made = turn.new(store.db, { hold = function() return holds end }, timeline)
    function timeline.is_due() return due end
    local function commit(note)
      local claim, problem = { id = 1, notes = { note } }, nil
      loop.spawn(function() problem = select(2, pcall(made.commit, made, claim)) end)
      loop.run()
      return problem
    end
    timeline:request()
    assert.is_true(commit()) -- the queue is somebody else's: so may the job be gone
    assert.equal(0, noted(store).release)
    holds = true
    assert.matches("no such table", commit(function(db) db:run "INSERT INTO no_such VALUES (1)" end).message)
    assert.equal(0, noted(store).release)
    timeline:request()
    due = false
    assert.is_true(commit())
    assert.equal(0, noted(store).release)
    due = true
    assert.is_true(commit())
    assert.equal(2, noted(store).release)
    assert.is_true(commit())
    assert.equal(2, noted(store).release)
    store:close()
  end)

  -- Else two workers of a PostgreSQL job, each with some minutes to write, may lock them crosswise: a deadlock, which ends one.
  it("writes its minutes in their order, however they were counted", function()
    local store = support.store()
    store.db:run "CREATE TEMPORARY TABLE written (number INTEGER PRIMARY KEY, minute TEXT)"
    store.db:run [[CREATE TEMPORARY TRIGGER note AFTER INSERT ON minutes BEGIN
      INSERT INTO written (minute) VALUES (new.minute); END]]
    local timeline = timelines.new({ id = 7 }, "release")
    for i = 1, 20 do timeline.minutes[29000000 + i * 7 % 20] = i end
    timeline:finish(store.db)
    local before, count = "", 0
    for _, row in ipairs(store.db:rows "SELECT minute FROM written ORDER BY number") do
      assert.is_true(before < row.minute, before .. " before " .. row.minute)
      before, count = row.minute, count + 1
    end
    assert.equal(20, count)
    store:close()
  end)

  it("has all but what left within the last second, of a run that is killed #slow", function()
    local rows = {}
    for i = 1, 100 do rows[i] = { 3, "a" .. i } end
    support.csv(folder .. "/night.csv", rows)
    assert.equal(0, (support.run(folder, server, ("plan --rate 0 --chunk 1 %s/night.csv"):format(folder))))
    local before = #server:requests()
    assert.is_true(support.kill(folder, server, "apply night --rate 20 --force --yes", 3))
    local sent = #server:requests() - before
    local store = assert(jobs.open(("sqlite:%s/aicc/jobs.db"):format(folder)))
    local release = noted(store).release
    assert.is_true(release <= sent and sent - release <= 2 * 20 + 5, ("%d of %d"):format(release, sent))
    assert.is_true(sent > 20)
    store:close()
  end)
end)
