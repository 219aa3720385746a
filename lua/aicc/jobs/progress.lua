--- How far a job is, queue by queue, in agents: for who watches it, and before it is run.
--
-- Only what was sent is looked at, chunk by chunk, so it costs a fiftieth of a look at all rows; and it only reads, in one
-- statement, so all numbers are of one moment, and no worker waits for it.
-- @module aicc.jobs.progress

local connection = require "aicc.jobs.db.connection"
local pages = require "aicc.pages"
local pause = require "aicc.jobs.db.pause"
local queue_claims = require "aicc.jobs.queue_claims"

local M = {}

local BIND = 50 -- agents in a request of an undo

-- Of each queue: agents that the run is about, and how many of them have which outcome. accounts: of a queue that no run has
-- looked at yet, all whom the job names.
local QUEUES = [[SELECT CAST(q.skill AS TEXT) AS skill, q.skill_name, q.state, q.message, q.size, q.owner, %s AS agents,
    COALESCE(x.done, 0)%s AS done, COALESCE(x.failed, 0) AS failed, COALESCE(x.unknown, 0) AS unknown,
    COALESCE(x.sent, 0) AS sent, %s AS sure,
    CASE WHEN q.state = 'planned' THEN (SELECT COUNT(*) FROM rows r WHERE r.queue = q.id AND r.twin IS NULL) END AS accounts
  FROM queues q LEFT JOIN (
    SELECT queue, CAST(SUM(CASE WHEN state = 'done' THEN lines ELSE 0 END) AS INTEGER) AS done,
      CAST(SUM(CASE WHEN state = 'failed' THEN lines ELSE 0 END) AS INTEGER) AS failed,
      CAST(SUM(CASE WHEN state = 'unknown' THEN lines ELSE 0 END) AS INTEGER) AS unknown,
      CAST(SUM(CASE WHEN state = 'sent' THEN lines ELSE 0 END) AS INTEGER) AS sent
    FROM (
      SELECT c.queue, c.action, c.state, (SELECT COUNT(*) FROM snapshot s WHERE s.queue = c.queue
        AND s.line BETWEEN c.first_line AND c.last_line%s) AS lines
      FROM chunks c JOIN queues w ON w.id = c.queue WHERE w.job = ? AND c.action = '%s') sent
    GROUP BY queue) x ON x.queue = q.id
  WHERE q.job = ? ORDER BY q.number]]

-- What is counted of a release, and of an undo: of that, whom the job has released, or may have; for sure it has some of them.
local IN_CHUNKS = [[(SELECT CAST(COALESCE(SUM((SELECT COUNT(*) FROM snapshot s WHERE s.queue = c.queue
    AND s.line BETWEEN c.first_line AND c.last_line)), 0) AS INTEGER)
  FROM chunks c WHERE c.queue = q.id AND c.action = 'release' AND %s)]]
local MAYBE_RELEASED = IN_CHUNKS:format "(c.state IN ('done', 'sent', 'unknown') OR c.in_doubt > 0)"
local SURELY_RELEASED = IN_CHUNKS:format "c.state = 'done'"
local SKIPPED = " + (SELECT COUNT(*) FROM snapshot s WHERE s.queue = q.id AND s.undo = 'skipped')"
local OF_ACTION = {
  release = QUEUES:format("COALESCE(q.bound, 0)", "", "COALESCE(q.bound, 0)", "", "release"),
  bind = QUEUES:format(MAYBE_RELEASED, SKIPPED, SURELY_RELEASED, " AND s.agent_weight = c.agent_weight "
    .. "AND s.skill_weight = c.skill_weight AND s.undo IS NULL", "bind"),
}

-- How many requests a listing of so many agents takes: as many as pages, and a look behind a first page that is exactly full;
-- twice as many where somebody is not on it, and several pages have to prove that (`aicc.pages`).
local function listing(size, is_absent)
  if size == pages.PAGE_SIZE then return 2 end
  local count = math.max(1, math.ceil(size / pages.PAGE_SIZE))
  return count > 1 and is_absent and 2 * count or count
end

-- How many requests a queue takes at least until it is done: its listing, right before the first write, and its changes.
local function requests_of(queue, size, action)
  if queue.state == "done" then return 0 end
  local ended = queue.done + queue.failed + queue.unknown
  local sure = math.max(0, queue.sure - ended - queue.sent) -- of the others a listing may say that there is nothing to do
  local changes = math.ceil(sure / size)
  if queue.at_work or ended > 0 then return changes end
  local shown = (queue.size or 0) - (action == "bind" and queue.agents - queue.done or 0)
  return changes + listing(shown, action == "bind" and sure > 0 or (queue.accounts or 0) > queue.agents)
end

-- Whether the states of the queues are those of an undo.
local function is_turned(job) return job.state == "undoing" or job.state == "undone" end

-- Whether one of these workers ("4711 on db1, 4712 on db2") has a queue.
local function is_at_work(row, workers)
  local owner = row.owner and row.owner:match "^[^,]*"
  if not owner or not workers or row.state ~= "planned" and row.state ~= "open" then return false end
  return (", " .. workers .. ","):find(", " .. owner .. ",", 1, true) ~= nil
end

local function queues_of(db, job, action, workers)
  local size, queues = action == "bind" and BIND or job.chunk, {}
  for i, row in ipairs(db:rows(OF_ACTION[action], job.id, job.id)) do
    local queue = {
      skill_id = connection.big(row.skill), skill_name = row.skill_name, state = row.state, message = row.message,
      size = row.size, agents = row.agents, done = row.done, failed = row.failed, unknown = row.unknown, sent = row.sent,
      accounts = row.accounts, sure = row.sure, at_work = is_at_work(row, workers),
    }
    -- What is under way gets its outcome, unless who sent it is no more.
    if not queue.at_work then queue.unknown, queue.sent = queue.unknown + queue.sent, 0 end
    -- As it will be, once the job is turned around.
    if action == "bind" and not is_turned(job) then queue.state = queue.agents > 0 and "planned" or "done" end
    -- Of whom a release was in doubt, it has found out whether they are to be bound.
    if action == "bind" and is_turned(job) and queue.state == "done" then
      queue.agents = queue.done + queue.failed + queue.unknown
    end
    queue.left = math.max(0, queue.agents - queue.done - queue.failed - queue.unknown)
    queue.requests = requests_of(queue, size, action)
    queue.accounts, queue.sent, queue.sure = nil, nil, nil
    queues[i] = queue
  end
  return queues
end

--- How far a job is.
-- @tparam table db
-- @tparam table job
-- @tparam ?string verb "undo" for what an undo is about; what the job is at if not given
-- @treturn table `name`, `state`; `action`: "release" or "bind"; `worker`: who works on it, or nil; `rate`: the requests a second
--   that were set for the last run (0: no limit), or nil; `pause`: for how many seconds all of them wait, and `slowed`: how
--   many requests a second they are then; `queues`, each with `skill_id`, `skill_name`, `state`, `at_work` (whether somebody
--   is), `message`, `size`, and with counts of agents: `agents` (that the run is about), of them `done`, `failed`, `unknown`,
--   `left` (what is under way, too); `requests`: how many it takes at least until nothing is left. Each of the counts is there
--   for all queues too
function M.of(db, job, verb)
  local is_undo = verb == "undo" or not verb and is_turned(job)
  local action = is_undo and "bind" or "release"
  local worker = queue_claims.workers_of(db, job)
  local told = {
    name = job.name, state = job.state, action = action, worker = worker, rate = job.rate and job.rate / 1000,
    agents = 0, done = 0, failed = 0, unknown = 0, left = 0, requests = 0, queues = queues_of(db, job, action, worker),
  }
  for _, queue in ipairs(told.queues) do
    for _, name in ipairs { "agents", "done", "failed", "unknown", "left", "requests" } do
      told[name] = told[name] + queue[name]
    end
  end
  local seconds, slowed = pause.get(db, job)
  if seconds and seconds > 0 then told.pause, told.slowed = seconds, slowed end
  return told
end

return M
