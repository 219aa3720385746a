--- Binds again, with their own weights, the agents of one queue that the job released.
--
-- Those with the same weights go together, fifty in a request. Whoever is bound again already is skipped.
-- @module aicc.jobs.undo

local database = require "aicc.jobs.database"
local dispatch = require "aicc.jobs.dispatch"
local ledger = require "aicc.jobs.ledger"
local release = require "aicc.jobs.release"

local M = {}

local SIZE = 50 -- the API's largest
local PAGE = 1000

--- What is told of a queue that is left with rows that nothing else explains.
M.LEFT = "some agents could not be bound again"

local function skip(db, claim, line)
  db:run("UPDATE snapshot SET undo = 'skipped' WHERE queue = ? AND line = ?", claim.id, line)
  return true
end

-- Finds out what came of binds that are not done: bound as asked is done if this job may have done it, bound otherwise was
-- somebody else. Those that were refused get another chance.
local function settle(db, claim, listing)
  local is_done, done = dispatch.actions.bind.is_done, 0
  for _, chunk in ipairs(ledger.chunks(db, claim.id, "bind", ledger.UNDONE)) do
    if chunk.was_in_doubt then chunk.attempts = math.max(chunk.attempts, 1) end -- it may have been sent
    done = done + ledger.sift(chunk, function(account, line)
      local is_ours = chunk.was_in_doubt and is_done(listing, chunk, account)
      return not is_ours and listing.find(account) and skip(db, claim, line)
    end)
    local counts = ledger.divide(db, chunk, function(account) return listing.find(account) and "done" or "pending" end)
    done = done + (counts.done or 0)
  end
  return done
end

-- The pairs of weights that agents of the queue had, each with its frontier: no bind was ever sent for a line behind that.
local function pairs_of(db, claim)
  local list = db:rows([[SELECT CAST(agent_weight AS TEXT) AS agent_weight, CAST(skill_weight AS TEXT) AS skill_weight,
      (SELECT COALESCE(MAX(last_line), 0) FROM chunks c WHERE c.queue = s.queue AND c.action = 'bind'
        AND c.agent_weight = s.agent_weight AND c.skill_weight = s.skill_weight) AS frontier
    FROM (SELECT DISTINCT queue, agent_weight, skill_weight FROM snapshot WHERE queue = ?) s
    ORDER BY s.agent_weight, s.skill_weight]], claim.id)
  for _, pair in ipairs(list) do
    pair.agent_weight, pair.skill_weight = database.big(pair.agent_weight), database.big(pair.skill_weight)
  end
  return list
end

-- The next agents with these weights, behind a line, that are to be bound again.
local function restorable(db, claim, pair, line, limit)
  return db:rows("SELECT s.line, s.account FROM snapshot s WHERE s.queue = ? AND s.line > ? AND " .. ledger.RESTORABLE ..
    " ORDER BY s.line LIMIT ?", claim.id, line, pair.agent_weight, pair.skill_weight, limit)
end

-- Marks those that somebody has bound again. Returns how many.
local function skip_bound(db, claim, listing)
  local skipped = 0
  for _, pair in ipairs(pairs_of(db, claim)) do
    local line = pair.frontier
    repeat
      local rows = restorable(db, claim, pair, line, PAGE)
      for _, row in ipairs(rows) do
        if listing.find(row.account) then
          skip(db, claim, row.line)
          skipped = skipped + 1
        end
        line = row.line
      end
    until #rows < PAGE
  end
  return skipped
end

local function prepare(work, claim)
  local listing, err = work:list(claim, ledger.has(work.db, claim.id, ledger.DOUBTFUL))
  if not listing then return false, err end
  local done
  work.journal:note(claim, function(db)
    release.settle(db, claim, listing, ledger.DOUBTFUL)
    done = settle(db, claim, listing) + skip_bound(db, claim, listing)
  end)
  if not work.journal:commit(claim) then return false, work.lost end
  work:count("done", done)
  return not work:is_stopping()
end

-- The next bind with these weights, or nil.
local function next_chunk(db, claim, pair)
  local rows = restorable(db, claim, pair, pair.frontier, SIZE)
  if #rows == 0 then return end
  local chunk = {
    queue = claim.id, action = "bind", agent_weight = pair.agent_weight, skill_weight = pair.skill_weight, attempts = 0,
    first_line = rows[1].line, last_line = rows[#rows].line, lines = {}, accounts = {},
  }
  for i, row in ipairs(rows) do chunk.lines[i], chunk.accounts[i] = row.line, row.account end
  pair.frontier = chunk.last_line
  return chunk
end

local function send_all(work, claim)
  for _, chunk in ipairs(ledger.chunks(work.db, claim.id, "bind", ledger.PENDING)) do
    if #chunk.accounts > 0 and not work:send(claim, chunk) then return end
  end
  for _, pair in ipairs(pairs_of(work.db, claim)) do
    local chunk = next_chunk(work.db, claim, pair)
    while chunk do
      if not work:send(claim, chunk) then return end
      chunk = next_chunk(work.db, claim, pair)
    end
  end
end

--- Whether a queue has released agents that are neither restored nor skipped.
-- @tparam table db
-- @tparam table claim
-- @treturn boolean
function M.remains(db, claim)
  if ledger.has(db, claim.id, ledger.UNDONE, "bind") then return true end
  for _, pair in ipairs(pairs_of(db, claim)) do
    if next_chunk(db, claim, pair) then return true end
  end
  return false
end

--- Works one queue until it is as before, or cannot be.
-- @tparam table work the run
-- @tparam table claim
function M.work(work, claim)
  local ready, err = prepare(work, claim)
  if ready then send_all(work, claim) else claim.trouble = err end
  work:leave(claim, ready)
end

return M
