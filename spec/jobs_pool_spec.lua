-- A job store behind a pool of connections: one that gives each connection a session of its own is as good as the server, one
-- that gives each transaction another session is refused. On a real pgbouncer before a real server.

local jobs = require "aicc.jobs"
local postgresql = require "spec.support.postgresql"
local support = require "spec.support.jobs"

describe("a job store behind pgbouncer #postgresql #slow #nosan #lua54", function()
  local server, pool

  setup(function() server = postgresql.start() end)
  teardown(function() server.stop() end)
  after_each(function()
    if pool then pool.stop() end
    pool = nil
    support.clean()
  end)

  for _, size in ipairs { 1, 5 } do
    it(("is refused, with the reason, where transactions take turns on %d session(s)"):format(size), function()
      pool = postgresql.pool(server, "transaction", size)
      local store, err = jobs.open(pool.url)
      assert.same({ nil, "store" }, { store, err.kind })
      assert.matches("gives each transaction another session.*pool_mode = transaction.*connect to the server itself", err.message)
    end)
  end

  it("works through a pool of sessions: planned, applied, reported", function()
    pool = postgresql.pool(server, "session", 5)
    local sandbox = support.sandbox { agents = { [3] = support.agents(20) } }
    local client = assert(sandbox:client())
    local store = assert(jobs.open(pool.url))
    local job = support.plan(store, client, support.range(3, 1, 10))
    assert.equal(10, assert(job:apply { client = client, rate = 0 }).counts.released)
    assert.is_true(store:forget "night")
    store:close()
  end)

  it("works where there is one session, and nobody else to compare it with", function()
    pool = postgresql.pool(server, "session", 1)
    local store = assert(jobs.open(pool.url))
    assert.equal(0, #store:list())
    store:close()
  end)

  it("is not asked twice whose session it is, where nobody stands between", function()
    local core = require "aicc.core"
    local claimed, real = core.postgresql_session(server.url)
    assert.is_true(claimed == real and real > 0)
    assert.is_nil(core.postgresql_session "postgresql://aicc@/postgres?host=/nowhere")
    pool = postgresql.pool(server, "session", 5)
    claimed, real = core.postgresql_session(pool.url)
    assert.is_true(claimed ~= real and real > 0)
  end)
end)
