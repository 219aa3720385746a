-- Jobs as their tables may be, made at random: for specs that compare two ways of reading them.

local core = require "aicc.core"
local jobs = require "aicc.jobs.db.jobs"
local report = require "aicc.jobs.report"

local tables = {}

-- Numbers from 1 to n, the same ones for a seed on every Lua.
local function randomness(seed)
  local state = seed
  return function(n)
    state = (state * 48271) % 2147483647
    return 1 + state % n
  end
end

local STATES = { "done", "done", "failed", "sent", "unknown", "pending" }
local UNDONE = { "done", "failed", "unknown", "sent", "pending" }

-- Chunks that follow each other over the lines up to a frontier; those of binds are of one pair of weights each.
local function chunk(db, random, queue, lines, action, states, weights)
  local at = 1
  while at <= #lines do
    local last = math.min(#lines, at + random(5) - 1)
    if random(12) > 1 then
      db:run([[INSERT INTO chunks (queue, action, agent_weight, skill_weight, first_line, last_line, state, attempts, in_doubt)
        VALUES (?, ?, ?, ?, ?, ?, ?, 1, 0)]], queue, action, weights, weights, lines[at], lines[last], states[random(#states)])
    elseif action == "release" then
      last = #lines -- what is behind the frontier has no chunk
    end
    at = last + 1
  end
end

-- One queue's rows: bound, unseen, not bound, or twins of an earlier one.
local function fill(db, random, job, queue, take_line, is_turned)
  local bound, firsts = {}, {}
  for _ = 1, random(40) - 1 do
    local line, kind = take_line(), random(6)
    local twin = kind == 1 and firsts[1] and firsts[random(#firsts)] or nil
    db:run("INSERT INTO rows (job, line, queue, account, twin) VALUES (?, ?, ?, ?, ?)", job.id, line, queue, "a" .. line, twin)
    if not twin then
      firsts[#firsts + 1] = line
      if kind == 2 then
        db:run("INSERT INTO unseen (queue, line) VALUES (?, ?)", queue, line)
      elseif kind > 3 then
        bound[#bound + 1] = line
        db:run("INSERT INTO snapshot (queue, line, account, agent_weight, skill_weight, undo) VALUES (?, ?, ?, 1, 1, ?)", queue,
          line, "a" .. line, is_turned and random(8) == 1 and "skipped" or nil)
      end
    end
  end
  if job.state ~= "planned" then chunk(db, random, queue, bound, "release", STATES, 0) end
  if is_turned then chunk(db, random, queue, bound, "bind", UNDONE, 1) end
end

--- A job of some queues whose rows take turns, in any state; of accounts, too.
-- @tparam table db
-- @tparam integer seed
-- @treturn table the job
function tables.job(db, seed)
  local random, line = randomness(seed), 0
  for _ = 1, 5 do random(2) end
  local job = jobs.create(db, ("random-%d-%s"):format(seed, core.hash(tostring(seed)):sub(1, 8)), 5)
  job.state = ({ "planned", "running", "finished", "undoing", "undone" })[random(5)]
  job.source = random(3) == 1 and "sweep" or "rows"
  local function take_line()
    line = line + random(3)
    return line
  end
  db:transaction(function()
    for number = 1, random(4) do
      local queue = db:row([[INSERT INTO queues (job, number, skill, state, epoch, size) VALUES (?, ?, ?, 'open', 0, 9)
        RETURNING id]], job.id, number, number).id
      fill(db, random, job, queue, take_line, job.state:find "^undo" ~= nil)
    end
    for i = 1, job.source == "sweep" and random(5) or 0 do
      local state = ({ "no_agent", "no_queue", "failed", "not_bound" })[random(4)]
      db:run("INSERT INTO agents (job, line, account, folded, state, place) VALUES (?, ?, ?, ?, ?, ?)", job.id, i, "b" .. i,
        "b" .. i, state, take_line())
    end
    local lines = db:row("SELECT COUNT(*) AS n FROM report WHERE job = ?", job.id).n
    db:run("UPDATE jobs SET state = ?, source = ?, lines = ? WHERE id = ?", job.state, job.source, lines, job.id)
  end)
  return jobs.reload(db, job)
end

--- What the view says of a job: status -> rows; undo -> rows that were released; status -> agents of rows.
-- @tparam table db
-- @tparam table job
-- @treturn table
-- @treturn table
-- @treturn table
function tables.viewed(db, job)
  local all, undone, own = {}, {}, {}
  for _, row in ipairs(db:rows("SELECT status, undo, twin, skill_id FROM report WHERE job = ?", job.id)) do
    all[row.status] = (all[row.status] or 0) + 1
    if row.undo and row.undo ~= "pending" then undone[row.undo] = (undone[row.undo] or 0) + 1 end
    if not row.twin and row.skill_id then own[row.status] = (own[row.status] or 0) + 1 end
  end
  return all, undone, own
end

--- A job's report as the view has it.
-- @tparam table db
-- @tparam table job
-- @treturn {table,...} rows
function tables.reported(db, job)
  local rows = db:rows([[SELECT line, CAST(skill_id AS TEXT) AS skill_id, skill_name, user_account, status, code, message,
      attempts, finished_at, undo, undo_message FROM report WHERE job = ? ORDER BY line]], job.id)
  for _, row in ipairs(rows) do row.skill_id = tonumber(row.skill_id) end
  return rows
end

--- The same as it is told, row by row.
-- @tparam table db
-- @tparam table job
-- @treturn {table,...} rows
function tables.listed(db, job)
  local rows = {}
  for row in report.rows(db, job, "all") do rows[#rows + 1] = row end
  return rows
end

--- A job of many rows, whose queues take turns, applied as it seems: a request for every fifty.
-- @tparam table db
-- @tparam integer rows
-- @tparam integer queues
-- @treturn table the job
function tables.large(db, rows, queues)
  local job = jobs.create(db, "large", 50)
  db:transaction(function()
    db:run([[INSERT INTO queues (job, number, skill, state, epoch, size) WITH RECURSIVE q (n) AS (SELECT 1 UNION ALL
      SELECT n + 1 FROM q WHERE n < CAST(? AS INTEGER)) SELECT ?, n, n, 'done', 0, 9 FROM q]], queues, job.id)
    local first = db:row("SELECT MIN(id) AS id FROM queues WHERE job = ?", job.id).id
    db:run([[INSERT INTO rows (job, line, queue, account) WITH RECURSIVE l (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM l
      WHERE n < CAST(? AS INTEGER)) SELECT ?, n, ? + n % CAST(? AS INTEGER), 'a' || n FROM l ORDER BY 3, 2]], rows, job.id, first,
      queues)
    db:run([[INSERT INTO snapshot (queue, line, account, agent_weight, skill_weight) SELECT queue, line, account, 1, 1 FROM rows
      WHERE job = ? ORDER BY queue, line]], job.id)
    db:run([[INSERT INTO chunks (queue, action, agent_weight, skill_weight, first_line, last_line, state, attempts, in_doubt)
      SELECT queue, 'release', 0, 0, line, line + 49 * ?, 'done', 1, 0 FROM rows
      WHERE job = ? AND (line - 1) / CAST(? AS INTEGER) % 50 = 0]], queues, job.id, queues)
    db:run("UPDATE jobs SET state = 'finished', lines = ? WHERE id = ?", rows, job.id)
  end)
  return jobs.reload(db, job)
end

--- Counts without those that are 0.
function tables.present(counts)
  local present = {}
  for name, n in pairs(counts) do
    if n > 0 then present[name] = n end
  end
  return present
end

return tables
