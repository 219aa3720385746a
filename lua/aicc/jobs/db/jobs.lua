--- What a job store is asked of jobs and their rows: made, found, listed, forgotten.
--
-- Functions of a database (`aicc.jobs.db.connection`); they raise what it raises.
-- @module aicc.jobs.db.jobs

local connection = require "aicc.jobs.db.connection"
local core = require "aicc.core"
local errors = require "aicc.error"

local M = {}

local MOST = 2 ^ 31 - 1 -- of a column of PostgreSQL's

-- Rows that are in memory at once, and in one transaction. They are written queue by queue: where each went to its queue in the
-- order of the input, a transaction would come back to the same page of the database again and again.
local BATCH = 20000

--- The time, as the store keeps it and reports show it. Workers of several hosts go by their server's clock: whether ten minutes
-- have passed since another one's request does not depend on whose clock is wrong.
-- @tparam ?table db else by this machine's clock
-- @tparam[opt=0] integer seconds from now
-- @treturn string UTC, ISO 8601
function M.time(db, seconds)
  local now = db and db.ahead and math.floor(db.ahead + core.now "boottime") or os.time()
  return os.date("!%Y-%m-%dT%H:%M:%SZ", now + (seconds or 0))
end

-- How far the time of `steady` is ahead of the time since this machine's start, in a SQLite store; nil before the first run.
local AHEAD = "SELECT CAST(ahead AS TEXT) AS ahead FROM boots WHERE boot = ?"

local function ahead_of(db)
  if db.steady or db.ahead or core.boot_id() == "" then return db.steady end
  local row = db:row(AHEAD, core.boot_id())
  db.steady = row and connection.big(row.ahead) / 1000
  return db.steady
end

--- The time by a clock that nobody sets, as long as the machine runs: of whose request is how old. It begins as the time of day
-- with the first run since the machine's start, and all processes go on from there.
-- @tparam table db
-- @tparam[opt=0] integer seconds from now
-- @treturn string as `time`
function M.steady(db, seconds)
  local ahead = ahead_of(db)
  if not ahead then return M.time(db, seconds) end
  return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(ahead + core.now "boottime") + (seconds or 0))
end

--- Begins that clock, where it has not begun. For a transaction; it is known to be there once that is committed.
-- @tparam table db
-- @treturn boolean whether it did: then times by an earlier one, or by another machine's, tell nothing of how old something is
function M.begin_steady(db)
  if db.ahead or core.boot_id() == "" or ahead_of(db) then return false end
  db:run "DELETE FROM boots"
  db:run("INSERT INTO boots (boot, ahead) VALUES (?, ?)", core.boot_id(),
    math.floor((core.now "realtime" - core.now "boottime") * 1000 + 0.5))
  return true
end

-- ---- jobs ----

--- The job of that name.
-- @tparam table db
-- @tparam string name
-- @treturn ?table its row in `jobs`
-- @treturn ?table an error of kind "argument"
function M.find(db, name)
  local job = db:row("SELECT * FROM jobs WHERE name = ?", name)
  if job then return job end
  return nil, errors.new { kind = "argument", message = ("there is no job '%s'"):format(name) }
end

--- The error of a job that is no more.
-- @tparam table job
-- @treturn table of kind "store"
function M.gone(job) return connection.failure(("the job %s is gone: somebody has forgotten it"):format(job.name)) end

--- The job as it is now: not another one that has been given its name.
-- @tparam table db
-- @tparam table job
-- @treturn table its row in `jobs`; raised is the error if it is gone
function M.reload(db, job) return db:row("SELECT * FROM jobs WHERE id = ?", job.id) or error(M.gone(job), 0) end

--- Keeps a job there, and its state as it is, until the transaction ends; brings `job.state` up to date. Raises if it is gone.
-- @tparam table db
-- @tparam table job
function M.pin(db, job)
  db:run("UPDATE jobs SET state = state WHERE id = ?", job.id)
  job.state = M.reload(db, job).state
end

--- Takes a job's queues, in the order in which workers do, before several of them are written at once: an UPDATE of PostgreSQL's
-- takes rows as it comes across them, so that each could wait for what the other has. (SQLite lets one write at a time.)
-- @tparam table db
-- @tparam table job
-- @tparam[opt] string state those in this state only
function M.pin_queues(db, job, state)
  if db.dialect.name ~= "postgresql" then return end
  state = state or ""
  db:rows("SELECT id FROM queues WHERE job = ? AND (? = '' OR state = ?) ORDER BY id FOR UPDATE", job.id, state, state)
end

--- Every job, oldest first.
-- @tparam table db
-- @treturn {table,...} rows of `jobs`
function M.list(db) return db:rows "SELECT * FROM jobs ORDER BY id" end

local BEGINNING = { running = "started_at", finished = "finished_at" }

--- Sets a job's state. Raises if the job is gone.
-- @tparam table db
-- @tparam table job
-- @tparam string state
function M.set_state(db, job, state)
  local column = BEGINNING[state]
  if db:run("UPDATE jobs SET state = ? WHERE id = ?", state, job.id) == 0 then error(M.gone(job), 0) end
  if column then db:run(("UPDATE jobs SET %s = COALESCE(%s, ?) WHERE id = ?"):format(column, column), M.time(db), job.id) end
  job.state = state
end

--- Notes how fast a run is to be, for who watches it.
-- @tparam table db
-- @tparam table job
-- @tparam number rate requests a second; 0 for no limit
function M.set_rate(db, job, rate)
  local stored = rate > 0 and math.max(1, math.min(math.floor(rate * 1000 + 0.5), MOST)) or 0
  db:run("UPDATE jobs SET rate = ? WHERE id = ?", stored, job.id)
end

-- First the job's own row and its queues' fence: whoever has pinned the one or holds the other is waited for, and a worker that
-- has slept too long then writes nothing more.
local function delete(db, job)
  db:run("DELETE FROM jobs WHERE id = ?", job.id)
  M.pin_queues(db, job)
  db:run("UPDATE queues SET epoch = epoch + 1 WHERE job = ?", job.id)
  for _, name in ipairs { "minutes", "pauses" } do db:run("DELETE FROM " .. name .. " WHERE job = ?", job.id) end
  for _, name in ipairs { "chunks", "snapshot", "unseen" } do
    db:run("DELETE FROM " .. name .. " WHERE queue IN (SELECT id FROM queues WHERE job = ?)", job.id)
  end
  db:run("DELETE FROM rows WHERE job = ?", job.id)
  db:run("DELETE FROM agents WHERE job = ?", job.id)
  db:run("DELETE FROM queues WHERE job = ?", job.id)
end

--- Deletes a job and all that is known of its rows.
-- @tparam table db
-- @tparam table job
function M.forget(db, job) db:transaction(delete, db, job) end

-- ---- rows ----

--- Makes a job without rows.
-- @tparam table db
-- @tparam string name
-- @tparam integer chunk accounts in a request
-- @treturn table the job, in the state "planning"
function M.create(db, name, chunk)
  local job = db:row([[INSERT INTO jobs (name, state, chunk, lines, created_at) VALUES (?, 'planning', ?, 0, ?)
    RETURNING id, name]], name, chunk, M.time(db))
  return M.reload(db, job)
end

-- The number of a skill's queue in `queues`; made when its first row comes.
local function queue_of(db, job, queues, skill)
  local id = queues[skill]
  if not id then
    queues.count = queues.count + 1
    id = db:row([[INSERT INTO queues (job, number, skill, state, epoch) VALUES (?, ?, ?, 'planned', 0) RETURNING id]],
      job.id, queues.count, skill).id
    queues[skill] = id
  end
  return id
end

-- Rows as they come, each queue's in a chain: `first` and `last` of each skill, `after` each row.
local function new_batch() return { size = 0, line = {}, account = {}, after = {}, first = {}, last = {}, skills = {} } end

local function collect(batch, line, skill, account)
  local at, before = batch.size + 1, batch.last[skill]
  batch.size, batch.line[at], batch.account[at], batch.after[at] = at, line, account, false
  batch.last[skill] = at
  if before then
    batch.after[before] = at
  else
    batch.first[skill] = at
    batch.skills[#batch.skills + 1] = skill
  end
end

local function add_rows(db, job, queues, batch)
  M.pin(db, job)
  local skills, values, at = batch.skills, {}, 0
  for _, skill in ipairs(skills) do queue_of(db, job, queues, skill) end
  table.sort(skills, function(a, b) return queues[a] < queues[b] end)
  for _, skill in ipairs(skills) do
    local row, queue = batch.first[skill], queues[skill]
    while row do
      values[at + 1], values[at + 2], values[at + 3] = queue, batch.line[row], batch.account[row]
      row, at = batch.after[row], at + 3
    end
  end
  db:insert("rows (job, queue, line, account)", 3, values, job.id)
end

---- Marks the rows that ask for what an earlier row asks for. Queues of which no row does are left out, which is quick to find.
-- @tparam table db
-- @tparam table job
function M.mark_twins(db, job)
  for _, queue in ipairs(db:rows([[SELECT id FROM queues WHERE job = ?
      AND (SELECT COUNT(*) - COUNT(DISTINCT account) FROM rows WHERE queue = queues.id) > 0]], job.id)) do
    db:run([[UPDATE rows SET twin = firsts.line FROM (
        SELECT line AS own, MIN(line) OVER (PARTITION BY account) AS line FROM rows WHERE queue = ?) AS firsts
      WHERE rows.queue = ? AND rows.line = firsts.own AND firsts.line < firsts.own]], queue.id, queue.id)
  end
end

--- Loads what a reader gives into a new job. Rows are written some thousands at a time, so that they need no memory, and nobody
-- waits for a slow input.
-- @tparam table db
-- @tparam table job
-- @tparam function reader see `aicc.jobs.input`
-- @tparam function on_bad_line called with line and problem
-- @treturn integer how many bad lines there were
function M.load(db, job, reader, on_bad_line)
  local queues, batch, good, bad = { count = 0 }, new_batch(), 0, 0
  for line, skill, account in reader do
    if skill then
      good = good + 1
      collect(batch, line, skill, account)
      if batch.size == BATCH then
        if bad == 0 then db:transaction(add_rows, db, job, queues, batch) end
        batch = new_batch()
      end
    else
      bad = bad + 1
      on_bad_line(line, account)
    end
  end
  if bad > 0 then return bad end
  db:transaction(function()
    add_rows(db, job, queues, batch)
    M.mark_twins(db, job)
    db:run("UPDATE jobs SET lines = ? WHERE id = ?", good, job.id)
  end)
  job.lines = good
  return 0
end

-- ---- queues ----

--- A job's queues, first seen first.
-- @tparam table db
-- @tparam table job
-- @treturn {table,...} rows of `queues`; `skill` is an integer
function M.queues(db, job)
  local queues = db:rows([[SELECT id, number, CAST(skill AS TEXT) AS skill, state, size, bound, listed_at, message, owner,
      skill_name FROM queues WHERE job = ? ORDER BY number]], job.id)
  for _, queue in ipairs(queues) do queue.skill = connection.big(queue.skill) end
  return queues
end

return M
