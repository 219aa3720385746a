-- A job store in SQLite, as the chaos needs it: on a disk that can be full, with copies in other folders.

local disk = require "spec.chaos.disk"
local jobs = require "aicc.jobs"
local processes = require "spec.support.processes"
local support = require "spec.support.jobs"

local sqlite = {}

local Place = { INSTEAD = "files may not grow" }
Place.__index = Place

local function read(path)
  local file = io.open(path, "rb")
  local bytes = file and file:read "a"
  if file then file:close() end
  return bytes
end

local function write(path, bytes)
  local file = assert(io.open(path, "wb"))
  assert(file:write(bytes))
  assert(file:close())
  assert(os.execute("chmod 600 " .. path))
end

local function fresh(self)
  self.made = self.made + 1
  return ("%s/copy%d.db"):format(self.copies, self.made)
end

--- The store's address.
function Place:url() return "sqlite:" .. self.path end

--- Opens it, to look at it.
function Place:open() return assert(jobs.open(self:url())) end

-- A copy by SQLite itself, of what is committed: as sqlite3's .backup would make it.
local function backed_up(self, path)
  local store = self:open()
  store.db:run(("VACUUM INTO '%s'"):format(path))
  store:close()
  assert(os.execute("chmod 600 " .. path))
end

-- A copy of the files, the database before its log. If the database changed meanwhile it is made again, as one would who copies
-- files that are in use.
local function copied(self, path)
  local bytes, log
  repeat
    bytes, log = read(self.path), read(self.path .. "-wal")
  until read(self.path) == bytes
  write(path, bytes)
  if log then write(path .. "-wal", log) end
end

--- Copies it, whoever is at work on it. Returns the copy. Not by SQLite where who is at work stands still: it may hold a lock.
function Place:copy(random, stands_still)
  local path = fresh(self)
  local how = random() < 0.5 and not stands_still and backed_up or copied
  how(self, path)
  return path
end

--- From now on the store is what a copy has.
function Place:switch(copy)
  self.made = self.made + 1
  self.path = ("%s/jobs%d.db"):format(self.disk.path, self.made)
  write(self.path, read(copy))
  local log = read(copy .. "-wal")
  if log then write(self.path .. "-wal", log) end
end

-- What a command is started with: where the disk is as large as any, files may not grow beyond the size of the log's index and a
-- few pages, so that writing to the log fails.
function Place:limited(command, pages)
  if self.disk.is_small then return command end
  local size = #(read(self.path .. "-wal") or "") + 32768 + pages * 4096
  return "sh -c " .. processes.quote(("trap '' XFSZ; ulimit -f %d; exec %s"):format(math.ceil(size / 512), command))
end

function Place:fill(pages) self.disk:fill(pages) end
function Place:free() self.disk:free() end

--- Those who worked on it are dead, and nobody waits for them.
function Place:bury() end -- luacheck: ignore self

--- Nothing is left of a round.
function Place:clean()
  os.execute(("rm -rf %s/* %s/*"):format(self.disk.path, self.copies))
  self.path = self.disk.path .. "/jobs.db"
end

function Place:stop()
  self.disk:stop()
  os.execute("rm -rf " .. self.copies)
end

--- Makes one.
function sqlite.start()
  local self = setmetatable({ name = "sqlite", disk = disk.make(8), copies = support.folder(), made = 0 }, Place)
  assert(os.execute("chmod 700 " .. self.disk.path))
  self:clean()
  return self
end

return sqlite
