--- Opens a job store's database: SQLite's file, or PostgreSQL's URL.
-- @module aicc.jobs.db.open

local connection = require "aicc.jobs.db.connection"
local core = require "aicc.core"
local errors = require "aicc.error"
local schema = require "aicc.jobs.db.schema"

local M = {}

local BUSY = 10000 -- milliseconds for which SQLite waits for another process's transaction
local LONGEST = 1000 -- bytes of libpq's message
local IDLE = 60    -- seconds after which PostgreSQL ends a session that is doing nothing inside a transaction

local function driver(name, package)
  local loaded, dbi = pcall(require, "DBI")
  if not loaded or not pcall(require, name) then
    return nil, connection.failure(("LuaDBI's %s is missing: on Debian, apt-get install %s"):format(name, package))
  end
  return dbi
end

local function connected(handle, problem, dialect)
  if not handle then return nil, connection.failure(tostring(problem)) end
  return connection.new(handle, dialect)
end

-- The first words to a SQLite database.
local function set_up(self)
  self.path = self:row("PRAGMA database_list").file -- without symbolic links: its name is the lock's too
  self:row("PRAGMA busy_timeout = " .. BUSY)
  self:row "PRAGMA journal_mode = WAL"
  self:run "PRAGMA synchronous = FULL"
  return self
end

-- What is to be said of where a database's file is, or nil.
local function warning_of(path)
  local kind = core.network_file_system(path)
  if not kind then return end
  local where = kind == "FUSE" and "a FUSE file system, which may be a network's" or ("a network file system (%s)"):format(kind)
  return ("job store: %s is on %s: SQLite's locks may fail there, and two hosts that write may destroy it; keep it on a disk of "
    .. "this host, or use PostgreSQL to share jobs"):format(path, where)
end

-- Opens a SQLite database beside which nothing can be written, for reading: SQLite must not look for its log there, so whatever
-- that holds would be missing.
local function open_unwritable(dbi, path)
  local log = io.open(path .. "-wal", "rb")
  local size = log and log:seek "end"
  if log then log:close() end
  if size and size > 0 then
    return nil, connection.failure(("%s cannot be written, and SQLite would have to, to read what was written last (%s-wal): "
      .. "copy both, and read the copy"):format(path, path))
  end
  local flags = package.loaded["dbd.sqlite3"]
  local name = path:gsub("^/+", "/"):gsub("[%%?#]", function(letter) return ("%%%02X"):format(letter:byte()) end)
  local handle, problem = dbi.Connect("SQLite3", ("file:%s?immutable=1"):format(name),
    flags.SQLITE_OPEN_READONLY + flags.SQLITE_OPEN_URI)
  local self, err = connected(handle, problem, "sqlite")
  if self then self.path, self.is_read_only = path, true end
  return self, err
end

local function open_sqlite(path)
  local dbi, missing = driver("dbd.sqlite3", "lua-dbi-sqlite3")
  if not dbi then return nil, missing end
  -- SQLite would make it readable for all. One that is there and that others may read is refused, as a token's file is: account
  -- names are personal data, and a warning would scroll by.
  local made, problem = core.create_file(path)
  if not made then return nil, connection.failure(problem) end
  local handle
  handle, problem = dbi.Connect("SQLite3", path)
  local self, err = connected(handle, problem, "sqlite")
  if not self then return nil, err end
  local ready
  ready, err = errors.protect(set_up, self)
  if ready then
    self.warning = warning_of(self.path)
    return self
  end
  self:close()
  if not err.message:find "readonly database" and not err.message:find "unable to open database" then return nil, err end
  return open_unwritable(dbi, path)
end

-- What of a URL may be a password, and its parts: libpq quotes what it cannot read, and a password with an @ in it looks like a
-- host. Longest first.
local function passwords(url)
  local found = {}
  local function add(text)
    if not text or text == "" then return end
    found[#found + 1] = text
    for part in text:gmatch "[^@/:?#&=%%]+" do
      if #part > 2 then found[#found + 1] = part end
    end
  end
  local decoded = url:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end)
  for _, text in ipairs { url, decoded } do
    add(text:match "^%a+://[^:@/?]*:(.*)@")
    for value in text:gmatch "[?&]%s*%w*[pP][aA][sS][sS][wW][oO][rR][dD]%s*=([^&]*)" do add(value) end
  end
  table.sort(found, function(a, b) return #a > #b end)
  return found
end

-- libpq's message, which LuaDBI loses, without what may be a password.
local function unreachable(url, otherwise)
  local message = core.postgresql_problem(url) or otherwise
  for _, secret in ipairs(passwords(url)) do message = message:gsub(secret:gsub("%p", "%%%0"), "***") end
  return connection.failure(core.printable(message, LONGEST))
end

local POOLED = "the URL leads to a pool that gives each transaction another session of the server's (pgbouncer: pool_mode = "
  .. "transaction): locks, settings and prepared statements would be somebody else's; connect to the server itself, or let the "
  .. "pool give a connection a session (pool_mode = session)"

local ROUNDS = 3 -- in which somebody else may have taken the session between two looks

local function session_of(self) return self:row("SELECT pg_backend_pid() AS number").number end

-- Whether a session is ours for one transaction only: somebody stands between (the number that they gave a connection is not that
-- of its session), and two connections that live at the same time have the same one; or one has two, one after the other.
local function is_pooled(self, url)
  local own = session_of(self)
  for _ = 1, ROUNDS do
    local claimed, real = core.postgresql_session(url)
    if not claimed or claimed == real or real == 0 then return false end
    if real == own or session_of(self) ~= own then return true end
  end
  return false
end

-- The same; a pool that takes the session away between two statements takes a statement that was prepared, too.
local function is_refused(self, url)
  local known, result = errors.protect(function() return true, is_pooled(self, url) end)
  if known then return result end
  return result.message:find("prepared statement", 1, true) ~= nil
end

local function open_postgresql(url)
  local dbi, missing = driver("dbd.postgresql", "lua-dbi-postgresql")
  if not dbi then return nil, missing end
  local handle, problem = dbi.Connect("PostgreSQL", url)
  if not handle then return nil, unreachable(url, tostring(problem)) end
  local self = connection.new(handle, "postgresql")
  if is_refused(self, url) then
    self:close()
    return nil, connection.failure(POOLED)
  end
  self:limit_idleness(IDLE)
  self:run "SET client_encoding TO 'UTF8'" -- whatever PGCLIENTENCODING says: all of our texts are
  self:run "SET client_min_messages TO 'error'" -- libpq prints others on the standard error
  -- How far the server's clock is ahead of the time since this machine's start, which nobody sets.
  self.ahead = tonumber(self:row("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS TEXT) AS now").now) - core.now "boottime"
  -- Whatever is asked of many rows is in the order of an index, and begins somewhere in it. Of rows that were just written the
  -- server has no statistics yet, and would rather read all that follow, and sort them, for each thousand.
  self:run "SET enable_bitmapscan TO off"
  local encoding = self:row("SELECT current_setting('server_encoding') AS name").name
  if encoding == "UTF8" or encoding == "SQL_ASCII" then return self end -- the latter takes any bytes, and keeps them
  self:close()
  return nil, connection.failure(("the database's encoding is %s, not UTF8: names and messages may not fit"):format(encoding))
end

--- Opens a database, and makes the tables if it has none.
-- @tparam string url `sqlite:PATH` or `postgresql://…`
-- @treturn ?table
-- @treturn ?table an error of kind "store", or "config" where the URL is neither
function M.open(url)
  return errors.protect(function()
    local path = url:match "^sqlite:(.+)$"
    local self, err
    if path then
      self, err = open_sqlite(path)
    elseif url:find "^postgres%a*://" then
      self, err = open_postgresql(url)
    else
      err = errors.new { kind = "config", message = "url: expected sqlite:PATH or postgresql://…" }
    end
    if not self then return nil, err end
    local installed, problem = pcall(schema.install, self)
    if installed and not problem then
      self:forget_statements() -- or SQLite would prepare them again, for new tables, at a moment when there is no memory maybe
      return self
    end
    self:close()
    error(installed and connection.failure(problem) or problem, 0)
  end)
end

return M
