--- One commit per turn of the loop: the results of all that ended in it, and the intents of all that starts.
--
-- A queue's coroutine notes what it wants written and then commits, which lets the others go on until the turn is over. The first
-- one that wakes writes for all. With several workers each queue's writes begin with its fence (`aicc.jobs.queue_claims`): a
-- queue that somebody else has taken over is written no more.
-- @module aicc.jobs.turn

local loop = require "aicc.loop"

local Turn = {}
Turn.__index = Turn

local M = {}

-- Writes what the claims of a turn have noted; and the timeline, where it is time, and a claim that is ours shows that the job is
-- still there. It comes last, so that nobody waits for its row for longer than the commit takes. Returns whether it did.
local function write(self, claims)
  -- One order for all workers, so that two can never wait for each other's rows.
  table.sort(claims, function(a, b) return a.id < b.id end)
  local holds = false
  for _, claim in ipairs(claims) do
    if not claim.lost and self.claims:hold(claim) then
      holds = true
      for _, note in ipairs(claim.notes) do note(self.db) end
    end
  end
  if not holds or not self.timeline:is_due() then return false end
  self.timeline:write(self.db)
  return true
end

local function flush(self, turn)
  self.current = { claims = {} }
  turn.is_over = true
  local ok, result = pcall(self.db.transaction, self.db, write, self, turn.claims)
  for _, claim in ipairs(turn.claims) do claim.notes = {} end
  if not ok then turn.problem = result elseif result then self.timeline:written() end
  self.commits = self.commits + 1
end

--- Notes something to be written with this claim's next commit.
-- @tparam table claim
-- @tparam function note takes the database; may not yield
function Turn:note(claim, note) claim.notes[#claim.notes + 1] = note end -- luacheck: ignore self

--- Commits what was noted, together with whatever else this turn brings.
-- @tparam table claim
-- @treturn boolean false if the claim was lost, and nothing written
function Turn:commit(claim)
  local turn = self.current
  turn.claims[#turn.claims + 1] = claim
  loop.sleep(0)
  if not turn.is_over then flush(self, turn) end
  if turn.problem then error(turn.problem, 0) end
  return not claim.lost
end

--- Turns of a worker, one after the other.
-- @tparam table db
-- @tparam table claims
-- @tparam table timeline of the run (`aicc.jobs.db.timeline`)
-- @treturn table `commits` counts them
function M.new(db, claims, timeline)
  return setmetatable({ db = db, claims = claims, timeline = timeline, current = { claims = {} }, commits = 0 }, Turn)
end

return M
