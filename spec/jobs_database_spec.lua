-- The job store's way to its database: what is bound, what fails, what is committed. On SQLite; spec/jobs_postgresql_spec.lua has
-- PostgreSQL's part.

local collector = require "spec.support.collector"
local connection = require "aicc.jobs.db.connection"
local errors = require "aicc.error"
local open = require "aicc.jobs.db.open"
local support = require "spec.support.jobs"

describe("the job store's database", function()
  local db

  before_each(function() db = assert(open.open("sqlite:" .. support.folder() .. "/jobs.db")) end)
  after_each(function()
    collector.usual()
    db:close()
    support.clean()
  end)

  -- Numbers that are texts of one length where they are bound and selected: one that is made may take the place of one that is
  -- nobody's any more.
  local BASE = 10 ^ 14

  it("compares with what was bound until the last row, whatever is collected meanwhile", function()
    db:run "CREATE TABLE t (a BIGINT NOT NULL, b BIGINT NOT NULL)"
    local values = {}
    for i = 1, 60 do values[2 * i - 1], values[2 * i] = BASE + i, BASE + i % 2 end
    db:insert("t (a, b)", 2, values)
    for odd = 0, 1 do
      collector.eager()
      local rows = db:rows("SELECT CAST(a AS TEXT) AS a FROM t WHERE b = ? AND a > ? ORDER BY rowid", BASE + odd, BASE + 10)
      collector.usual()
      local found, expected = {}, {}
      for i, row in ipairs(rows) do found[i] = connection.big(row.a) - BASE end
      for i = 11, 60 do expected[#expected + 1] = i % 2 == odd and i or nil end
      assert.same(expected, found)
    end
  end)

  -- The message of the store's failure that a function must end with.
  local function failure(f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    assert.is_true(errors.is_error(err, "store"), tostring(err))
    return err.message
  end

  -- Tables whose constraint is looked at when a transaction ends, and not before.
  local function constrained()
    db:run "PRAGMA foreign_keys = ON"
    db:run "CREATE TABLE parent (id INTEGER PRIMARY KEY)"
    db:run "CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
  end

  local function children() return db:row("SELECT COUNT(*) AS n FROM child").n end

  it("rolls back what it cannot commit, and goes on", function()
    constrained()
    local message = failure(db.transaction, db, function() db:run("INSERT INTO child VALUES (1, 7)") end)
    assert.matches("^job store: .*FOREIGN KEY", message)
    assert.equal(0, children())
    db:transaction(function()
      db:run "INSERT INTO parent VALUES (7)"
      db:run("INSERT INTO child VALUES (1, 7)")
    end)
    assert.equal(1, children())
  end)

  it("tells of a fetch that fails as of everything else that does", function()
    constrained()
    local message = failure(db.row, db, "INSERT INTO child VALUES (?, ?) RETURNING id", 1, 7)
    assert.matches("^job store: .*FOREIGN KEY", message)
    assert.equal(0, children())
    assert.same({ nil, "store" }, { (function(value, err) return value, err.kind end)(errors.protect(db.row, db,
      "INSERT INTO child VALUES (?, ?) RETURNING id", 1, 7)) })
  end)

  it("does not tell a failure again of a statement that is executed next", function()
    db:run "CREATE TABLE t (id INTEGER PRIMARY KEY)"
    local insert = "INSERT INTO t VALUES (?)"
    db:run(insert, 1)
    failure(db.run, db, insert, 1)
    db:run(insert, 2)
    assert.equal(2, db:row("SELECT COUNT(*) AS n FROM t").n)
  end)

  it("commits nothing of a transaction in which a statement has failed", function()
    db:run "CREATE TABLE t (id INTEGER PRIMARY KEY)"
    local message = failure(db.transaction, db, function()
      db:run "INSERT INTO t VALUES (1)"
      pcall(db.run, db, "INSERT INTO t VALUES (1)")
    end)
    assert.matches("UNIQUE", message)
    assert.equal(0, db:row("SELECT COUNT(*) AS n FROM t").n)
    assert.same({ 1, nil, 3 }, { db:transaction(function() return 1, nil, 3 end) })
  end)

  it("lets Ctrl-C through #lua54", function()
    db:rows "SELECT 1"
    local fetch = db.statements["SELECT 1"].handle.fetch
    debug.sethook(function() -- as the interpreter does
      if debug.getinfo(2, "f").func ~= fetch then return end
      debug.sethook()
      error("interrupted!", 0)
    end, "c")
    local ok, problem = pcall(db.rows, db, "SELECT 1")
    debug.sethook()
    assert.same({ false, "interrupted!" }, { ok, problem })
    assert.equal(1, #db:rows "SELECT 1")
  end)

  it("says so once it is closed", function()
    db:close()
    local ok, err = pcall(db.run, db, "BEGIN")
    assert.is_false(ok)
    assert.is_true(errors.is_error(err, "closed"))
  end)
end)
