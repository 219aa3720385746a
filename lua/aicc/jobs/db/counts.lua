--- How many rows of a job have which status.
--
-- The view `report` looks each row up; here queues are gone through one after the other, each in the order in which it is stored,
-- and a chunk counts its lines. It comes to the same, since no line is in two chunks, in the snapshot and `unseen` both, or,
-- being a twin, in either of them.
--
-- Functions of a database (`aicc.jobs.db.connection`); they raise what it raises.
-- @module aicc.jobs.db.counts

local schema = require "aicc.jobs.db.schema"

local M = {}

-- Of what kind how many rows are: the state of their release's chunk, `bound` without one, `unseen`, or none of these, as far as
-- it can be told from the number of `all`. One statement, which sees one state of a job that others work on; `w` are the
-- job's queues. Twins are what the row is that stands for them.
local KINDS = [[WITH w AS (SELECT id FROM queues WHERE job = ?),
    twins AS (SELECT queue, twin AS line, COUNT(*) AS n FROM rows WHERE queue IN (SELECT id FROM w) AND twin IS NOT NULL
      GROUP BY queue, twin)
  SELECT 'own' AS whose, 'all' AS kind, COUNT(*) AS n FROM rows WHERE queue IN (SELECT id FROM w) AND twin IS NULL
  UNION ALL SELECT 'own', 'bound', COUNT(*) FROM snapshot WHERE queue IN (SELECT id FROM w)
  UNION ALL SELECT 'own', 'unseen', COUNT(*) FROM unseen WHERE queue IN (SELECT id FROM w)
  UNION ALL SELECT 'own', state, CAST(SUM(lines) AS INTEGER) FROM (
      SELECT c.state, (SELECT COUNT(*) FROM snapshot s
        WHERE s.queue = c.queue AND s.line BETWEEN c.first_line AND c.last_line) AS lines
      FROM chunks c WHERE c.queue IN (SELECT id FROM w) AND c.action = 'release') sent GROUP BY state
  UNION ALL SELECT 'twin', kind, CAST(SUM(n) AS INTEGER) FROM (
      SELECT t.n, CASE WHEN s.line IS NOT NULL THEN COALESCE((
            SELECT CASE WHEN c.last_line >= s.line THEN c.state END FROM chunks c
            WHERE c.queue = s.queue AND c.action = 'release' AND c.agent_weight = 0 AND c.skill_weight = 0
              AND c.first_line <= s.line ORDER BY c.first_line DESC LIMIT 1), 'bound')
          WHEN u.line IS NOT NULL THEN 'unseen' ELSE 'absent' END AS kind
      FROM twins t LEFT JOIN snapshot s ON s.queue = t.queue AND s.line = t.line
        LEFT JOIN unseen u ON u.queue = t.queue AND u.line = t.line) judged GROUP BY kind
  UNION ALL SELECT 'agent', state, COUNT(*) FROM agents WHERE job = ? AND place IS NOT NULL GROUP BY state]]

-- In the view's words.
local STATUS = { done = "released", failed = "failed", sent = "unknown", unknown = "unknown", absent = "not_bound" }

local function none(job)
  local counts = { released = 0, not_bound = 0, failed = 0, unknown = 0, pending = 0, planned = 0 }
  if job.source ~= "rows" then counts.no_agent, counts.no_queue = 0, 0 end
  return counts
end

-- The kinds of those rows that stand for themselves: what is in a chunk is bound, and the rest of all is absent.
local function apart(kinds)
  local own = kinds.own
  own.absent = own.all - own.bound - own.unseen
  for state in pairs(STATUS) do
    if state ~= "absent" then own.bound = own.bound - (own[state] or 0) end
  end
  own.bound = own.bound - (own.pending or 0)
  own.all = nil
end

-- By status, of a job whose releases nobody has undone: those of rows that stand for themselves, and of all.
local function of_releases(db, job)
  local kinds, own, all = { own = {}, twin = {}, agent = {} }, none(job), none(job)
  for _, row in ipairs(db:rows(KINDS, job.id, job.id)) do kinds[row.whose][row.kind] = row.n end
  apart(kinds)
  local open = (job.state == "planning" or job.state == "planned") and "planned" or "pending"
  for whose, counts in pairs(kinds) do
    for kind, n in pairs(counts) do
      local status = whose == "agent" and kind or STATUS[kind] or open
      all[status] = (all[status] or 0) + n
      if whose == "own" then own[status] = own[status] + n end
    end
  end
  return own, all
end

-- As the view `report` has it; which, in a store that cannot be written, may be one of an older version.
local OF_UNDONE = [[SELECT status, undo, COUNT(*) AS n, COUNT(CASE WHEN twin IS NULL THEN 1 END) AS own
  FROM (%s) r GROUP BY status, undo]]

local OF_AGENTS = "SELECT state, COUNT(*) AS n FROM agents WHERE job = ? AND place IS NOT NULL GROUP BY state"

-- By status, and by what an undo made of those that were released.
local function of_undone(db, job)
  local own, all = none(job), none(job)
  local undone = { restored = 0, skipped = 0, failed = 0, unknown = 0 }
  own.bound_again, all.bound_again = 0, 0
  own.was_released, own.undone = 0, 0
  local rows = schema.report_of("(SELECT * FROM rows WHERE job = ?) r", true, db.dialect.name)
  for _, row in ipairs(db:rows(OF_UNDONE:format(rows), job.id)) do
    local word = row.undo
    all[row.status], own[row.status] = all[row.status] + row.n, own[row.status] + row.own
    if undone[word] then undone[word] = undone[word] + row.n end
    if word or row.status == "released" then own.was_released = own.was_released + row.own end
    if word == "restored" or word == "skipped" then own.undone = own.undone + row.own end
  end
  if job.source ~= "rows" then
    for _, row in ipairs(db:rows(OF_AGENTS, job.id)) do all[row.state] = all[row.state] + row.n end
  end
  return own, all, undone
end

local function is_turned(job) return job.state == "undoing" or job.state == "undone" end

--- How many rows have which status, and how many of those that were released an undo dealt with in which way.
-- @tparam table db
-- @tparam table job
-- @treturn table status -> count; with every status of the closed set: of a job that is made from accounts `no_agent` and
--   `no_queue` too, of one that is being undone or was `bound_again`
-- @treturn table word -> count: restored, skipped, failed, unknown
function M.all(db, job)
  if is_turned(job) then
    local _, all, undone = of_undone(db, job)
    return all, undone
  end
  local _, all = of_releases(db, job)
  return all, { restored = 0, skipped = 0, failed = 0, unknown = 0 }
end

--- The same of agents: of rows that name the same one it counts one.
-- @tparam table db
-- @tparam table job
-- @treturn table status -> count; `was_released`: how many this job had released, whatever an undo made of them since; `undone`:
--   how many of these are bound again
function M.agents(db, job)
  if is_turned(job) then return (of_undone(db, job)) end
  local own = of_releases(db, job)
  own.was_released, own.undone = own.released, 0
  return own
end

return M
