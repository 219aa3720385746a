-- How a report is read from PostgreSQL: on a real server, which the spec starts.

local db_jobs = require "aicc.jobs.db.jobs"
local jobs = require "aicc.jobs"
local postgresql = require "spec.support.postgresql"
local report = require "aicc.jobs.report"
local support = require "spec.support.jobs"
local tables = require "spec.support.tables"

describe("a large job in PostgreSQL #postgresql #slow #nosan #lua54", function()
  local database, store

  setup(function() database = postgresql.start() end)
  teardown(function() database.stop() end)

  before_each(function() store = assert(jobs.open(database.url)) end)
  after_each(function()
    store:close()
    support.clean()
  end)

  it("is reported as the report's view has it row by row", function()
    for seed = 1, 40 do
      local job = tables.job(store.db, seed)
      assert.same(tables.reported(store.db, job), tables.listed(store.db, job), "seed " .. seed)
    end
  end)

  it("has its report's chunks looked up for each line, none read through, once the server knows how many there are", function()
    local db = store.db
    local job = db_jobs.create(db, "night", 50)
    db:run([[INSERT INTO queues (job, number, skill, state, epoch, size) SELECT CAST(? AS INTEGER), n, n, 'done', 0, 9
      FROM generate_series(1, 1000) n]], job.id)
    local first = db:row("SELECT MIN(id) AS id FROM queues WHERE job = ?", job.id).id
    db:run([[INSERT INTO rows (job, line, queue, account) SELECT CAST(? AS INTEGER), n, CAST(? AS INTEGER) + n % 1000, 'a' || n
      FROM generate_series(1, 100000) n]], job.id, first)
    db:run([[INSERT INTO snapshot (queue, line, account, agent_weight, skill_weight) SELECT queue, line, account, 1, 1 FROM rows
      WHERE job = ?]], job.id)
    db:run([[INSERT INTO chunks (queue, action, agent_weight, skill_weight, first_line, last_line, state, attempts, in_doubt)
      SELECT queue, 'release', 0, 0, line, line + 4000, 'done', 1, 0 FROM rows WHERE job = ? AND line / 1000 % 5 = 0]], job.id)
    for _, name in ipairs { "queues", "rows", "snapshot", "chunks" } do db:run("ANALYZE " .. name) end
    local each, steps = db.each, {}
    function db.each(self, f, sql, ...)
      for _, step in ipairs(self:rows("EXPLAIN " .. sql, ...)) do steps[#steps + 1] = step["QUERY PLAN"] end
      return each(self, f, sql, ...)
    end
    report.rows(db, job, "all")()
    db.each = nil
    local plan = table.concat(steps, "\n")
    assert.matches("chunks_pkey on chunks x", plan)
    assert.is_nil(plan:find "Seq Scan on chunks", plan)
    assert.is_nil(plan:find "Hash Cond: [^\n]*SubPlan", plan)
  end)
end)
