-- A job store in PostgreSQL, as the chaos needs it: a server of its own on a disk that can be full, with copies as databases.

local disk = require "spec.chaos.disk"
local jobs = require "aicc.jobs"
local server = require "spec.support.postgresql"

local postgresql = {}

local Place = { INSTEAD = "none is full" }
Place.__index = Place

local FIRST = "night0"

local function address(self, name) return ("postgresql://aicc@/%s?host=%s"):format(name, self.server.folder) end

local function shell(command)
  local pipe = io.popen(command .. " 2>&1")
  local output = pipe:read "a"
  return pipe:close() and output or error(command .. ":\n" .. output, 0)
end

-- Words to the server, over a connection that is made anew where it has gone with the server.
local function sql(self, words)
  local function ask()
    self.store = self.store or assert(jobs.open(self.server.url))
    return self.store.db:rows(words)
  end
  local ok, rows = pcall(ask)
  if ok then return rows end
  self.store = nil
  return ask()
end

local function fresh(self)
  self.made = self.made + 1
  return "night" .. self.made
end

--- The store's address.
function Place:url() return address(self, self.database) end

--- Opens it, to look at it.
function Place:open() return assert(jobs.open(self:url())) end

--- Copies it, whoever is at work on it. Returns the copy.
function Place:copy()
  local name = fresh(self)
  sql(self, "CREATE DATABASE " .. name)
  shell(("%spg_dump -h %s -U aicc %s | %spsql -qX -v ON_ERROR_STOP=1 -h %s -U aicc %s >/dev/null"):format(self.server.bin,
    self.server.folder, self.database, self.server.bin, self.server.folder, name))
  return name
end

--- From now on the store is what a copy has.
function Place:switch(copy)
  local name = fresh(self)
  sql(self, ("CREATE DATABASE %s TEMPLATE %s"):format(name, copy))
  self.database = name
end

function Place:limited(command) return command end -- luacheck: ignore self

function Place:fill(pages) self.disk:fill(pages) end

function Place:free()
  self.disk:free()
  self.server.revive()
end

--- Ends the server as a power cut would, and starts it again.
function Place:crash() self.server.crash() end

--- Those who worked on it are dead: their leases are over, as if the time had passed. Or they live, and it is the server's clock
-- that has jumped. Queues are locked in the workers' own order, so that none waits for another for ever.
function Place:bury()
  local store = self:open()
  store.db:run [[UPDATE queues SET lease = clock_timestamp() - interval '1 second'
    WHERE id IN (SELECT id FROM queues WHERE lease IS NOT NULL ORDER BY id FOR UPDATE)]]
  store:close()
end

--- Nothing is left of a round.
function Place:clean()
  for _, row in ipairs(sql(self, "SELECT datname FROM pg_database WHERE datname LIKE 'night%'")) do
    sql(self, ("DROP DATABASE %s WITH (FORCE)"):format(row.datname))
  end
  self.database = FIRST
  sql(self, "CREATE DATABASE " .. FIRST)
end

function Place:stop()
  if self.store then self.store:close() end
  self.server.stop()
  self.disk:stop()
end

--- Makes one.
function postgresql.start()
  local small = disk.make(256)
  local self = setmetatable({ name = "postgresql", disk = small, made = 0, is_shared = true,
    server = server.start(small.path, "-c min_wal_size=2MB -c max_wal_size=2MB", "--wal-segsize=1") }, Place)
  self:clean()
  return self
end

return postgresql
