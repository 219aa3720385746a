-- Who may have a job, and what becomes of those who still hold one that was forgotten.

local core = require "aicc.core"
local db_jobs = require "aicc.jobs.db.jobs"
local job_lock = require "aicc.jobs.job_lock"
local jobs = require "aicc.jobs"
local support = require "spec.support.jobs"

describe("a job's lock #lua54", function()
  local server, client, store, path

  before_each(function()
    server = support.sandbox { agents = { [3] = support.agents(100), [4] = support.agents(100) } }
    client = assert(server:client())
    store, path = support.store()
  end)

  after_each(function()
    store:close()
    support.clean()
  end)

  -- A reader of rows that calls `between` before the last one.
  local function slow(list, between)
    local at = 0
    return jobs.rows(function()
      at = at + 1
      if at == #list then between() end
      if list[at] then return list[at][1], list[at][2] end
    end)
  end

  it("is held while it is planned: nobody forgets it meanwhile, nobody takes its number", function()
    local other = assert(jobs.open("sqlite:" .. path))
    local forgotten, err, mixed
    local list = support.range(3, 1, 2100)
    assert(store:plan(slow(list, function()
      forgotten, err = other:forget "slow"
      mixed = support.plan(other, client, support.range(4, 1, 5), { name = "other" })
    end), { name = "slow", client = client, rate = 0 }))
    assert.is_nil(forgotten)
    assert.equal("store", err.kind)
    assert.matches(("process %d on .*slow"):format(core.process()), err.message)
    assert.equal(5, assert(mixed:apply { client = client, rate = 0 }).counts.released)
    assert.equal(100, #server:accounts(3))
    assert(other:forget "slow")
    other:close()
  end)

  it("is held when it is planned in vain no longer than that", function()
    assert.is_nil(store:plan(support.rows { { 3, "" } }, { name = "bad", client = client }))
    assert.equal(0, store.db:row("SELECT COUNT(*) AS n FROM jobs").n)
    local pipe = io.popen(("ls %s.*.lock 2>/dev/null"):format(path))
    assert.equal("", pipe:read "a")
    pipe:close()
  end)

  it("is given up when a reader raises, and nothing is left of the job", function()
    local ok = pcall(store.plan, store, slow(support.range(3, 1, 1500), function() error "broken" end),
      { name = "night", client = client })
    assert.is_false(ok)
    assert.equal(0, store.db:row("SELECT COUNT(*) AS n FROM rows").n)
    assert(support.plan(store, client, support.range(3, 1, 5)))
  end)

  it("belongs to a number that no other job ever gets", function()
    local first = support.plan(store, client, support.range(3, 1, 5))
    local id, queue = store.db:row("SELECT id FROM jobs").id, store.db:row("SELECT id FROM queues").id
    assert(store:forget(first.name))
    support.plan(store, client, support.range(4, 1, 5))
    assert.is_true(store.db:row("SELECT id FROM jobs").id > id)
    assert.is_true(store.db:row("SELECT id FROM queues").id > queue)
  end)

  it("is of no use once the job is forgotten, whatever has its name", function()
    support.plan(store, client, support.range(3, 1, 5))
    local old = db_jobs.find(store.db, "night")
    assert(store:forget "night")
    support.plan(store, client, support.range(4, 1, 5))
    local held, err = job_lock.take(store.db, old)
    assert.is_nil(held)
    assert.same({ "store", "job store: the job night is gone: somebody has forgotten it" }, { err.kind, err.message })
    for _, f in ipairs { db_jobs.pin, db_jobs.reload, function(db, job) db_jobs.set_state(db, job, "planned") end,
      function(db, job) db_jobs.load(db, job, support.rows { { 3, "a1" } }, error) end } do
      local ok, problem = pcall(f, store.db, old)
      assert.is_false(ok)
      assert.equal("store", problem.kind)
    end
    assert.equal(5, store.db:row("SELECT COUNT(*) AS n FROM rows").n)
  end)

  it("does not fail for those who only look whether it is held", function()
    local job, lock_file, looks = support.plan(store, client, support.range(3, 1, 5)), core.lock_file, 0
    finally(function() core.lock_file = lock_file end)
    core.lock_file = function(...) -- luacheck: ignore
      looks = looks + 1
      if looks <= 3 then return false end
      return lock_file(...)
    end
    assert.equal(5, assert(job:apply { client = client, rate = 0 }).counts.released)
  end)

  it("is not needed to see that others have turned a job around: its end leaves their state", function()
    local job = support.plan(store, client, support.range(3, 1, 5))
    local workers = require "aicc.jobs.workers"
    local original = workers.run
    finally(function() workers.run = original end)
    workers.run = function(...)
      local result = original(...)
      store.db:run "UPDATE jobs SET state = 'undoing'"
      return result
    end
    assert.equal("undoing", assert(job:apply { client = client, rate = 0 }).state)
    assert.equal("undoing", job:status().state)
  end)
end)
