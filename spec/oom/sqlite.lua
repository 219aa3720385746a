-- sqlite.lua - job stores in SQLite's files, for jobs.lua: a job that is planned is planned once, and its file copied for each
-- round.

local core = require "aicc.core"
local dbi = require "DBI"
local jobs = require "aicc.jobs"

local folder = assert(os.getenv "AICC_OOM_FOLDER", "AICC_OOM_FOLDER: no folder for stores")
local path, template = folder .. "/jobs.db", folder .. "/planned.db"

local store = { url = "sqlite:" .. path }

-- Puts a copy of a store that is closed in the place of another one; without one, nothing.
local function copy(from, to)
  for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(to .. suffix) end
  if not from then return end
  local file = assert(io.open(from, "rb"))
  assert(core.create_file(to)) -- for nobody else
  local written = assert(io.open(to, "wb"))
  written:write((file:read "*a"))
  written:close()
  file:close()
end

function store.empty() copy(nil, path) end

function store.later() end

local is_planned = false

function store.planned(plan)
  if not is_planned then
    copy(nil, template)
    local opened = assert(jobs.open("sqlite:" .. template))
    plan(opened)
    opened:close()
    is_planned = true
  end
  copy(template, path)
end

-- The file is sound by SQLite's own judgement, and nobody holds it.
function store.check()
  local connection = assert(dbi.Connect("SQLite3", path))
  connection:autocommit(true)
  local statement = assert(connection:prepare "PRAGMA integrity_check")
  assert(statement:execute())
  local told = statement:fetch(false)
  assert(told and told[1] == "ok", told and told[1] or "no answer")
  statement:close()
  for _, text in ipairs { "BEGIN IMMEDIATE", "ROLLBACK" } do
    local held = assert(connection:prepare(text))
    local done, problem = held:execute()
    assert(done, "the store is not free: " .. tostring(problem))
    held:close()
  end
  connection:close()
end

return store
