--- Who works on what: a job's queues, each worked by one worker at a time.
--
-- SQLite: one worker a job, which has its lock (`aicc.jobs.job_lock`). PostgreSQL: several, on several hosts. A claim is a lease
-- by the database's clock, and carries an epoch: every transaction of a queue begins by renewing its lease, which changes no row
-- once somebody else has the queue. Nothing is sent under a lease that could end before the answer is here.
-- @module aicc.jobs.queue_claims

local connection = require "aicc.jobs.db.connection"
local core = require "aicc.core"
local job_lock = require "aicc.jobs.job_lock"
local text = require "aicc.jobs.db.text"

local Claims = {}
Claims.__index = Claims

local M = {}

-- Seconds that a lease lasts; that must be left of it, beside an attempt's timeout, when a request is sent.
M.LEASE, M.MARGIN = 30, 5

-- What the two databases say differently.
local WORDS = {
  sqlite = { lease = "NULL", free = "1 = 1", lock = "" },
  postgresql = {
    lease = "clock_timestamp() + interval '%g seconds'",
    free = "(lease IS NULL OR lease < clock_timestamp())", lock = "FOR UPDATE SKIP LOCKED",
  },
}

-- ---- the queue to work on ----

--- Claims the next queue that is nobody's, and that this worker has not had before.
-- @treturn ?table a claim: `id`, `skill`, `number`, and what the turn and the pace keep in it
function Claims:next()
  local began = core.now "boottime"
  local row = self.db:transaction(self.db.row, self.db, self.claim_sql, self.owner, self.job.id, self.owner,
    self.job.state)
  if not row then return end
  local claim = {
    id = row.id, number = row.number, skill = connection.big(row.skill), state = row.state, epoch = row.epoch, size = row.size,
    ends = began + self.lease, notes = {}, lost = false, strikes = 0,
  }
  self.held[claim] = true
  return claim
end

--- Whether others still work on queues of this job: should they die, this worker has to go on for them.
-- @treturn boolean
function Claims:is_awaited()
  if not self.shared then return false end
  return self.db:row([[SELECT COUNT(*) AS n FROM queues
    WHERE job = ? AND state IN ('planned', 'open') AND owner IS NOT NULL AND owner <> ?]], self.job.id, self.owner).n > 0
end

--- Gives a queue up, in the state in which it is left. For a note of a turn.
-- @tparam table db
-- @tparam table claim
-- @tparam string state
-- @tparam ?string message
function Claims:leave(db, claim, state, message)
  db:run("UPDATE queues SET state = ?, message = ?, lease = NULL WHERE id = ?", state, text.line(message), claim.id)
  self.held[claim] = nil
end

-- ---- leases ----

--- Renews a claim's lease. Inside a transaction it is the fence: until that ends, nobody else can take the queue.
-- @tparam table claim
-- @treturn boolean false if the claim is lost
function Claims:hold(claim)
  if not self.shared then return true end
  local began = core.now "boottime"
  claim.lost = claim.lost or self.db:run(self.hold_sql, claim.id, self.owner, claim.epoch) == 0
  if claim.lost then self.held[claim] = nil else claim.ends = began + self.lease end
  return not claim.lost
end

--- Whether a request may be sent under a claim: its lease will last until the answer is here.
-- @tparam table claim
-- @tparam number timeout seconds that the attempt may take
-- @treturn boolean
-- @treturn ?string why not
function Claims:may_send(claim, timeout)
  if not self.shared then return true end
  local function lasts() return claim.ends - core.now "boottime" >= timeout + M.MARGIN end
  if not claim.lost and not lasts() then self:hold(claim) end
  if claim.lost then return false, "another worker has taken the queue over" end
  if not lasts() then return false, ("a lease of %g s is too short for an attempt of %g s"):format(self.lease, timeout) end
  return true
end

--- Renews all leases that are due.
function Claims:renew()
  for claim in pairs(self.held) do
    if claim.ends - core.now "boottime" < self.lease * 2 / 3 then self:hold(claim) end
  end
end

--- How many workers are at work on this job.
-- @treturn integer
function Claims:workers()
  if not self.shared then return 1 end
  return self.db:row("SELECT COUNT(DISTINCT owner) AS n FROM queues WHERE job = ? AND lease > clock_timestamp()", self.job.id).n
end

--- Lets other workers of a SQLite store begin.
function Claims:close()
  if self.lock then self.lock:release() end
end

-- ---- beginning ----

--- Who is at work on a job right now. What a killed worker left behind does not count.
-- @tparam table db
-- @tparam table job
-- @treturn ?string the processes and their hosts, or nil if there are none
function M.workers_of(db, job)
  if db.path then return job_lock.holder(db, job) end
  local names = {}
  for _, row in ipairs(db:rows("SELECT DISTINCT owner FROM queues WHERE job = ? AND lease > clock_timestamp()", job.id)) do
    names[#names + 1] = row.owner:match "^[^,]*"
  end
  return #names > 0 and table.concat(names, ", ") or nil
end

--- Begins to work on a job.
-- @tparam table db
-- @tparam table job
-- @tparam ?table options `lease`: seconds, for specs
-- @treturn ?table
-- @treturn ?table an error of kind "store": somebody else does
function M.open(db, job, options)
  local words, lease = WORDS[db.dialect.name], options and options.lease or M.LEASE
  local process = job_lock.process()
  local expiry = words.lease:format(lease)
  local self = setmetatable({
    db = db, job = job, lease = lease, held = {}, shared = db.dialect.name == "postgresql",
    owner = ("%s, %s"):format(process, core.hash(process .. core.now() .. core.random())),
    hold_sql = ("UPDATE queues SET lease = %s WHERE id = ? AND owner = ? AND epoch = ?"):format(expiry),
    claim_sql = ([[UPDATE queues SET owner = ?, epoch = epoch + 1, lease = %s WHERE id = (
        SELECT id FROM queues WHERE job = ? AND state IN ('planned', 'open') AND (owner IS NULL OR owner <> ?) AND %s
          AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = queues.job AND jobs.state = ?)
        ORDER BY number LIMIT 1 %s)
      RETURNING id, number, CAST(skill AS TEXT) AS skill, state, epoch, size]]):format(expiry, words.free, words.lock),
  }, Claims)
  if self.shared then
    db:limit_idleness(lease) -- a lease that has ended is of no use to others while its row is still locked
    return self
  end
  local problem
  self.lock, problem = job_lock.take(db, job)
  if not self.lock then return nil, problem end
  return self
end

return M
