-- What a job costs as it grows: nothing is gone through again and again, whatever the machine. (`make bench-scale` measures.)

local counts = require "aicc.jobs.db.counts"
local jobs = require "aicc.jobs"
local report = require "aicc.jobs.report"
local rows = require "aicc.jobs.db.jobs"
local support = require "spec.support.jobs"
local tables = require "spec.support.tables"

-- Those that grow with a job's rows and queues, under whatever name a statement has them.
local TABLES = {}
for name in ("rows snapshot chunks unseen agents queues r s c n u q a x"):gmatch "%a+" do TABLES[name] = true end

-- What this process has done with files so far: `wchar`, bytes written; `rchar`, bytes read.
local function moved(what)
  for line in io.lines "/proc/self/io" do
    local bytes = line:match("^" .. what .. ": (%d+)")
    if bytes then return tonumber(bytes) end
  end
end

describe("a large job", function()
  after_each(support.clean)

  it("is counted queue by queue as the report's view has it row by row", function()
    local store = support.store()
    local seen = {}
    for seed = 1, 150 do
      local job = tables.job(store.db, seed)
      local all, undone, own = tables.viewed(store.db, job)
      local counted, counted_undone = counts.all(store.db, job)
      assert.same(all, tables.present(counted), "seed " .. seed)
      assert.same(undone, tables.present(counted_undone), "seed " .. seed)
      local agents = counts.agents(store.db, job)
      agents.undone, agents.was_released = nil, nil
      assert.same(own, tables.present(agents), "seed " .. seed)
      for status in pairs(all) do seen[status] = true end
      local sum = 0
      for _, n in pairs(counted) do sum = sum + n end
      assert.equal(job.lines, sum)
    end
    for _, status in ipairs { "released", "not_bound", "failed", "unknown", "pending", "planned", "no_agent", "no_queue" } do
      assert.is_true(seen[status], status)
    end
    store:close()
  end)

  it("writes each page once for many rows of it, whatever their order, and keeps no copies #nosan", function()
    local store = support.store()
    local queues, count, at = 100, 20000, -1
    local job = rows.create(store.db, "night", 50)
    local before = moved "wchar"
    assert.equal(0, rows.load(store.db, job, jobs.rows(function()
      at = at + 1
      if at < count then return 1 + at % queues, "a" .. 1 + math.floor(at / queues) end
    end), error))
    local each = (moved "wchar" - before) / count
    assert.is_true(each < 64, ("%.1f bytes a row"):format(each)) -- 37 of them are the row's and its index's
    store:close()
  end)

  it("is reported as the report's view has it row by row", function()
    local store = support.store()
    for seed = 1, 100 do
      local job = tables.job(store.db, seed)
      assert.same(tables.reported(store.db, job), tables.listed(store.db, job), "seed " .. seed)
    end
    store:close()
  end)

  it("is reported in the order of its lines with its queues' pages read again a few times, and little memory #slow #nosan",
    function()
      local store = support.store()
      local db, count, most, line = store.db, 200000, 0, 0
      local job = tables.large(db, count, 500)
      local size = db:row("PRAGMA page_count").page_count * db:row("PRAGMA page_size").page_size
      collectgarbage() collectgarbage()
      local before, used = moved "rchar", collectgarbage "count"
      for row in report.rows(db, job, "all") do
        line = line + 1
        assert(row.line == line and row.user_account == "a" .. line and row.skill_id == 1 + line % 500
          and row.status == "released")
        if line % 10000 == 1 then -- many of which are the first of a part
          collectgarbage() collectgarbage() -- what is garbage when depends on whatever else the suite has in memory
          most = math.max(most, collectgarbage "count" - used)
        end
      end
      assert.equal(count, line)
      local times = (moved "rchar" - before) / size
      assert.is_true(times < 5, ("%.1f times the store's size"):format(times)) -- 10,000 lines at a time: 8
      assert.is_true(most < 5 * 1024, ("%.0f KiB"):format(most))
      store:close()
    end)

  it("has a report that fails rather than leaves out one of two rows that have the same line", function()
    local store = support.store()
    local job = tables.large(store.db, 100, 2)
    store.db:run("UPDATE rows SET line = 4 WHERE job = ? AND line = 7", job.id)
    local ok, err = pcall(tables.listed, store.db, job)
    assert.is_false(ok)
    assert.equal("job store: the job large has two rows of line 4", err.message)
    store:close()
  end)

  it("has its queues' agents in memory by name and weights alone", function()
    local agents = {}
    for i = 1, 3000 do agents[i] = { userAccount = "a" .. i, agentWeight = 1 + i % 2, skillWeight = 1 } end
    local client = assert(support.sandbox({ agents = { [3] = agents } }):client())
    local function kept(options)
      collectgarbage() collectgarbage()
      local before = collectgarbage "count"
      local list, _, known = client:query_agents(3, options)
      collectgarbage() collectgarbage()
      return (collectgarbage "count" - before) * 1024 / 3000, list, known
    end
    kept { weights = true }
    local each, weights, known = kept { weights = true }
    assert.is_true(each < 120, ("%.0f bytes an agent"):format(each))
    assert.same({ agentWeight = 2, skillWeight = 1 }, weights.a1)
    assert.equal(weights.a1, weights.a2999)
    assert.same({ 3000, false }, { known.size, known.is_proof })
    assert.is_true(kept() > 3 * each)
    assert.has_error(function() client:query_agents(3, { weights = 1 }) end, "weights: expected a boolean, got number")
  end)

  -- ---- how the database is asked ----

  -- A job that has been planned, applied and undone, as far as it goes, and looked at in every way: what was asked meanwhile.
  local function asked()
    local store = support.store()
    local server = support.sandbox { agents = { [3] = support.agents(300), [4] = support.agents(300) },
      refuse_accounts = { a7 = true } }
    local client = assert(server:client())
    local job = support.plan(store, client, support.range(3, 1, 60, support.range(4, 1, 60)))
    local function look()
      assert(job:status())
      assert(job:queues())
      for _, wanted in ipairs { {}, { failed = true }, { unrestored = true } } do
        for _ in assert(job:report(wanted)) do end -- luacheck: ignore
      end
      assert(store:list())
    end
    look()
    assert(job:apply { client = client, rate = 0 })
    look()
    assert(job:undo { client = client, rate = 0 })
    look()
    return store
  end

  it("is asked for by its indexes, never by reading a table through", function()
    local store, checked = asked(), 0
    for sql in pairs(store.db.statements) do
      if sql:find "^%s*[SUDW]" and not sql:find "^SELECT version" and not sql:find "sqlite_master" then
        local _, count = sql:gsub("%?", "")
        local zeros = {}
        for i = 1, count do zeros[i] = 0 end
        local steps = store.db:rows("EXPLAIN QUERY PLAN " .. sql, (table.unpack or unpack)(zeros)) -- luacheck: ignore
        for _, step in ipairs(steps) do
          local scanned = step.detail:match "^SCAN (%S+)"
          assert.is_false(TABLES[scanned] or false, step.detail .. " in " .. sql)
          -- What is read a thousand rows at a time comes in the index's order: none are sorted anew for each thousand.
          assert.is_false(sql:find "LIMIT %?" ~= nil and step.detail:find "TEMP B%-TREE FOR ORDER BY" ~= nil, sql)
        end
        checked = checked + 1
      end
    end
    assert.is_true(checked > 30, checked .. " statements")
    store:close()
  end)
end)
