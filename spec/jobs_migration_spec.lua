-- A job store of an older version: whoever opens it first brings it up to date, and its jobs go on. The stores are dumps of what
-- those versions made (spec/fixtures/make.lua).

local connection = require "aicc.jobs.db.connection"
local core = require "aicc.core"
local dbi = require "DBI"
local jobs = require "aicc.jobs"
local lfs = require "lfs"
local open = require "aicc.jobs.db.open"
local postgresql = require "spec.support.postgresql"
local processes = require "spec.support.processes"
local support = require "spec.support.jobs"

local OPEN = "local store, err = require 'aicc.jobs'.open(%q); print(store and 'opened' or err.message)"

-- Whom the killed run left bound: see spec/fixtures/make.lua.
local function contact_centre()
  local function but(count, prefix, gone)
    local list = {}
    for i, agent in ipairs(support.agents(count, prefix)) do
      if not gone(i) then list[#list + 1] = agent end
    end
    return list
  end
  return support.sandbox { agents = {
    [3] = but(100, "a", function(i) return i <= 30 end), [4] = support.agents(60, "b"),
    [5] = but(40, "c", function(i) return i <= 12 and i ~= 2 end), [6] = support.agents(50, "d"),
    [7] = but(60, "e", function(i) return i <= 20 and i % 6 ~= 0 end), [8] = support.agents(3, "f"),
  } }
end

-- Runs a dump's statements.
local function load(db, version)
  local file = assert(io.open(("spec/fixtures/jobs-v%d.%s.sql"):format(version, db.dialect.name)))
  local text = file:read "a"
  file:close()
  for statement in (text:gsub("\nPRAGMA[^\n]*", "")):gmatch "(%u.-);\n" do
    if not statement:find "^PRAGMA" and not statement:find "^BEGIN" and statement ~= "COMMIT" then db:run(statement) end
  end
end

-- The columns of every table, as the database tells them.
local COLUMNS = {
  sqlite = [[SELECT m.name AS t, c.name AS c, c.type AS type, c."notnull" AS n, c.dflt_value AS d, c.pk AS k FROM sqlite_master m,
    pragma_table_info(m.name) c WHERE m.name NOT LIKE 'sqlite%' ORDER BY 1, 2]],
  postgresql = [[SELECT table_name AS t, column_name AS c, data_type AS type, is_nullable AS n, column_default AS d
    FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2]],
}
local INDEXES = {
  sqlite = "SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY 1",
  postgresql = "SELECT indexname AS name FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1",
}

-- The version of a store's tables.
local function version_in(scene, url)
  local db = scene.raw(url)
  local version = db:row("SELECT version FROM schema_version").version
  db:close()
  return version
end

-- The specs of one database. `scene.old(version)` makes a store of that version and returns its URL, `scene.raw(url)` a database
-- without looking at its tables, `scene.new()` a store's URL.
local function specs(scene)
  after_each(support.clean)

  local function statuses(db)
    return db:rows "SELECT job, line, skill_id, user_account, status, code, attempts, undo FROM report ORDER BY job, line"
  end

  for version = 1, 3 do
    it(("goes on where version %d stopped: resumed, reported, undone"):format(version), function()
      local url = scene.old(version)
      local db = scene.raw(url)
      local before = statuses(db)
      db:close()
      assert.is_true(#before > 100)
      local server = contact_centre()
      local client = assert(server:client())
      local store = assert(jobs.open(url))
      assert.equal(5, version_in(scene, url))
      for _, row in ipairs(before) do
        if row.undo == "restored" then row.status = "bound_again" end -- which older versions called released
      end
      assert.same(before, statuses(store.db))
      local night = assert(store:job "night")
      assert.equal(10, night:status().counts.unknown) -- the request that nobody knows the answer of
      local summary = assert(night:resume { client = client, rate = 0 })
      assert.same({ "finished", 50, 50 }, { summary.state, summary.lines, summary.counts.released })
      for _, body in ipairs(support.bodies(server, "release_agent_by_skill")) do
        for _, account in ipairs(body.userAccounts) do
          assert.is_true(body.skillId == 4 or tonumber(account:match "%d+") > 30, account .. " was sent again")
        end
      end
      assert.equal(60, #server:accounts(3))
      assert.equal(50, assert(night:undo { client = client, rate = 0 }).undo.restored)
      for skill, prefix in pairs { [3] = "a", [4] = "b" } do
        local bound = support.weights(server, skill)
        for _, agent in ipairs(support.agents(skill == 3 and 100 or 60, prefix)) do
          assert.equal(("%d/%d"):format(agent.agentWeight, agent.skillWeight), bound[agent.userAccount], agent.userAccount)
        end
      end
      assert.equal("undone", assert(store:job("back"):undo { client = client, rate = 0 }).state)
      assert.equal(60, #server:accounts(7))
      assert.equal(15, assert(store:job("late"):apply { client = client, rate = 0 }).counts.released)
      -- Version 1 took who was not shown for not bound; each queue is looked at again before it is written to.
      assert.equal(2, assert(store:job("hidden"):apply { client = client, rate = 0, force = true }).counts.released)
      local _, lines = support.statuses(store:job "done")
      assert.same({ 14, "failed", "not_bound" }, { #lines, lines[2].status, lines[13].status })
      assert.is_true(store:forget "done")
      store:close()
    end)

    it(("is brought from version %d to what a new one is, by several processes at once too"):format(version), function()
      local url = scene.old(version)
      local holder = scene.raw(url) -- all find the old tables before one may change them
      holder:run(holder.dialect.begin)
      if holder.dialect.name == "postgresql" then holder:run "LOCK TABLE jobs IN ACCESS SHARE MODE" end
      local children = {}
      for i = 1, 4 do children[i] = processes.lua(OPEN:format(url)) end
      core.sleep(0.3)
      holder:run "COMMIT"
      holder:close()
      for _, child in ipairs(children) do assert.equal("opened", scene.nth(2, child:wait())) end
      local migrated, fresh = scene.raw(url), scene.raw(scene.new())
      assert.same(fresh:rows(COLUMNS[fresh.dialect.name]), migrated:rows(COLUMNS[fresh.dialect.name]))
      assert.same(fresh:rows(INDEXES[fresh.dialect.name]), migrated:rows(INDEXES[fresh.dialect.name]))
      assert.equal(1, migrated:row("SELECT COUNT(*) AS n FROM schema_version").n)
      migrated:close()
      fresh:close()
    end)
  end

  it("stays as it was where that fails, and says what to do", function()
    local url = scene.old(1)
    local db = scene.raw(url)
    db:run "CREATE TABLE agents (something TEXT)" -- in the way of the second step
    db:close()
    local store, err = jobs.open(url)
    assert.is_nil(store)
    assert.equal("store", err.kind)
    assert.matches("version 1 to 5, and are as they were .*agents.*: run `aicc jobs` once", err.message)
    assert.equal(1, version_in(scene, url))
    db = scene.raw(url)
    assert.is_true(#statuses(db) > 100)
    assert.has_error(function() db:row "SELECT COUNT(*) FROM unseen" end) -- the first step is undone too
    db:close()
  end)

  it("of a newer version is refused", function()
    local url = scene.old(2)
    local db = scene.raw(url)
    db:run "UPDATE schema_version SET version = 6"
    db:close()
    local store, err = jobs.open(url)
    assert.is_nil(store)
    assert.matches("version 6, and this aicc knows those up to 5", err.message)
    assert.equal(6, version_in(scene, url))
  end)
end

describe("an older job store #lua54", function()
  local scene = {}

  function scene.nth(n, ...) return (select(n, ...)) end

  function scene.new()
    local url = "sqlite:" .. support.folder() .. "/new.db"
    assert(jobs.open(url)):close()
    return url
  end

  function scene.raw(url)
    local db = connection.new(assert(dbi.Connect("SQLite3", (url:gsub("^sqlite:", "")))), "sqlite")
    db:row "PRAGMA busy_timeout = 10000"
    return db
  end

  function scene.old(version)
    local path = support.folder() .. "/old.db"
    assert(core.create_file(path))
    local db = scene.raw(path)
    db:row "PRAGMA journal_mode = WAL"
    db:transaction(load, db, version)
    db:close()
    return "sqlite:" .. path
  end

  specs(scene)

  -- What a command says of a store that cannot be written, with its exit status.
  local function said_of(path, arguments)
    local folder = path:match "^(.*)/"
    local command = support.command(folder, nil, ("%s --store sqlite:%s"):format(arguments, path))
    local pipe = io.popen "id -u"
    local is_root = pipe:read "n" == 0
    pipe:close()
    local both = "-dac_override,-dac_read_search"
    local prefix = is_root and ("setpriv --bounding-set=%s --inh-caps=%s "):format(both, both) or ""
    os.execute(("chmod 500 %s; chmod 400 %s"):format(folder, path))
    pipe = io.popen(prefix .. command .. " 2>&1; echo status $?")
    local said = pipe:read "a"
    pipe:close()
    os.execute(("chmod 700 %s; chmod 600 %s"):format(folder, path))
    return said
  end

  it("that cannot be written says where to bring it up to date", function()
    local path = scene.old(2):gsub("^sqlite:", "")
    local said = said_of(path, "jobs")
    assert.matches("its tables are of version 2, which are to be brought to version 5, and it cannot be written", said)
    assert.matches("run `aicc jobs` once where it can be, or on a copy of it\nstatus 9\n$", said)
    assert.is_nil(lfs.attributes(path .. "-wal"))
    assert(open.open("sqlite:" .. path)):close()
  end)

  it("that cannot be written is read as it is, where nothing is missing but what came since", function()
    local url = scene.old(3)
    local path = url:gsub("^sqlite:", "")
    assert.matches("night +running.*\nstatus 0\n$", said_of(path, "jobs"))
    assert.matches("20 released.*\nstatus 0\n$", said_of(path, "status night"))
    assert.matches("did not note its requests.*\nstatus 0\n$", said_of(path, "report night --format html"))
    assert.equal(3, version_in(scene, url))
  end)
end)

describe("an older job store in PostgreSQL #postgresql #slow #nosan #lua54", function()
  local scene, server, number = {}, nil, 0

  setup(function() server = postgresql.start() end)
  teardown(function() server.stop() end)

  function scene.nth(n, ...) return (select(n, ...)) end

  function scene.raw(url) return connection.new(assert(dbi.Connect("PostgreSQL", url)), "postgresql") end

  -- Each store has a database of its own.
  local function empty()
    number = number + 1
    local db = scene.raw(server.url)
    db:run("CREATE DATABASE store" .. number)
    db:close()
    return (server.url:gsub("/postgres%?", "/store" .. number .. "?"))
  end

  function scene.new()
    local url = empty()
    assert(jobs.open(url)):close()
    return url
  end

  function scene.old(version)
    local url = empty()
    local db = scene.raw(url)
    db:transaction(load, db, version)
    db:close()
    return url
  end

  specs(scene)
end)
