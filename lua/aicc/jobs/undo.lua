--- Binds again, with their own weights, the agents of one queue that the job released.
--
-- Those with the same weights go together, fifty in a request. Whoever is bound again already is skipped.
-- @module aicc.jobs.undo

local chunks = require "aicc.jobs.db.chunks"
local connection = require "aicc.jobs.db.connection"
local errors = require "aicc.error"
local judge = require "aicc.jobs.judge"
local pages = require "aicc.pages"
local send = require "aicc.jobs.send"
local snapshot = require "aicc.jobs.db.snapshot"

local M = {}

local SIZE = 50 -- the API's largest
local PAGE = 1000

--- What is told of a queue that is left with rows that nothing else explains.
M.LEFT = "some agents could not be bound again"

local function skip(db, claim, line)
  snapshot.skip(db, claim.id, line)
  return true
end

-- Finds out what came of binds that are not done: bound as asked is done if this job may have done it, bound otherwise was
-- somebody else. Those that were refused get another chance.
local function settle_binds(db, claim, listing)
  local is_done, done = judge.is_done.bind, 0
  for _, chunk in ipairs(chunks.of(db, claim.id, "bind", chunks.UNDONE)) do
    if chunk.was_in_doubt then chunk.attempts = math.max(chunk.attempts, 1) end -- it may have been sent
    done = done + chunks.sift(chunk, function(account, line)
      local is_ours = chunk.was_in_doubt and is_done(listing, chunk, account) == true
      return not is_ours and listing.exact[account] and skip(db, claim, line)
    end)
    local counts = chunks.divide(db, chunk, function(account) return listing.exact[account] and "done" or "pending" end)
    done = done + (counts.done or 0)
  end
  return done
end

local UNSENT = "SELECT s.line, s.account FROM snapshot s WHERE s.queue = ? AND s.line > ? AND " .. chunks.UNSENT ..
  " ORDER BY s.line LIMIT ?"

-- Marks those that somebody has bound again before a bind was sent. Returns how many.
local function skip_bound(db, claim, listing)
  local skipped, line = 0, 0
  repeat
    local rows = db:rows(UNSENT, claim.id, line, PAGE)
    for _, row in ipairs(rows) do
      if listing.exact[row.account] then
        skip(db, claim, row.line)
        skipped = skipped + 1
      end
      line = row.line
    end
  until #rows < PAGE
  return skipped
end

-- Whether somebody would be bound whom a listing does not show.
local function binds(db, claim, listing)
  for _, chunk in ipairs(chunks.of(db, claim.id, "bind", chunks.UNDONE)) do
    for _, account in ipairs(chunk.accounts) do
      if not listing.exact[account] then return true end
    end
  end
  local line = 0
  repeat
    local rows = db:rows(UNSENT, claim.id, line, PAGE)
    for _, row in ipairs(rows) do
      if not listing.exact[row.account] then return true end
      line = row.line
    end
  until #rows < PAGE
  return false
end

-- Whom a listing does not show may have been bound again, with weights that are not ours to overwrite. Two readings that agree
-- are as good as a proof here: on servers that do not show everybody whom they count there is none.
local function is_uncertain(db, claim, listing)
  return not listing.is_proof and not listing.agreed and binds(db, claim, listing)
end

-- A listing in which another spelling is another agent: the snapshot has the server's own. Who is not there is to be bound again.
local function by_name(listing)
  return setmetatable({ find = function(account) return listing.exact[account] and account end }, { __index = listing })
end

local function prepare(work, claim)
  local listing, err = work:list(claim, function(listing)
    return judge.is_release_undecided(work.db, claim, by_name(listing), chunks.DOUBTFUL) or is_uncertain(work.db, claim, listing)
  end)
  if not listing then return false, err end
  if is_uncertain(work.db, claim, listing) then return false, pages.unsteady(pages.READINGS) end
  local done
  work.turn:note(claim, function(db)
    judge.settle_releases(db, claim, by_name(listing), chunks.DOUBTFUL, true)
    done = settle_binds(db, claim, listing) + skip_bound(db, claim, listing)
  end)
  if not work.turn:commit(claim) then return false, work.lost end
  work:count("done", done)
  return not work:is_stopping()
end

-- The pairs of weights that agents of the queue had. `line`: no line up to that is to be sent any more.
local function pairs_of(db, claim)
  local list = db:rows([[SELECT DISTINCT CAST(agent_weight AS TEXT) AS agent_weight, CAST(skill_weight AS TEXT) AS skill_weight
    FROM snapshot WHERE queue = ? ORDER BY 1, 2]], claim.id)
  for _, pair in ipairs(list) do
    pair.agent_weight, pair.skill_weight, pair.line = connection.big(pair.agent_weight), connection.big(pair.skill_weight), 0
  end
  return list
end

local OF_PAIR = "SELECT s.line, s.account FROM snapshot s WHERE s.queue = ? AND s.line > ? AND s.agent_weight = ? " ..
  "AND s.skill_weight = ? AND %s ORDER BY s.line LIMIT ?"
local NEXT, NEIGHBOURS = OF_PAIR:format(chunks.UNSENT), OF_PAIR:format "s.undo IS NULL"

-- The next bind with these weights, or nil. It ends before an agent with the same weights who is not to be in it: one who is in
-- another, or one whose release may still turn out to be done, and who would then pass for restored.
local function next_chunk(db, claim, pair)
  local rows = db:rows(NEXT, claim.id, pair.line, pair.agent_weight, pair.skill_weight, SIZE)
  if #rows == 0 then return end
  local neighbours = db:rows(NEIGHBOURS, claim.id, rows[1].line - 1, pair.agent_weight, pair.skill_weight, #rows)
  local chunk = {
    queue = claim.id, action = "bind", agent_weight = pair.agent_weight, skill_weight = pair.skill_weight, attempts = 0,
    first_line = rows[1].line, lines = {}, accounts = {},
  }
  for i, row in ipairs(rows) do
    if row.line ~= neighbours[i].line then break end
    chunk.lines[i], chunk.accounts[i], chunk.last_line = row.line, row.account, row.line
  end
  pair.line = chunk.last_line
  return chunk
end

local function send_all(work, claim)
  for _, chunk in ipairs(chunks.of(work.db, claim.id, "bind", chunks.PENDING)) do
    if #chunk.accounts > 0 and not send.chunk(work, claim, chunk) then return end
  end
  for _, pair in ipairs(pairs_of(work.db, claim)) do
    local chunk = next_chunk(work.db, claim, pair)
    while chunk do
      if not send.chunk(work, claim, chunk) then return end
      chunk = next_chunk(work.db, claim, pair)
    end
  end
end

--- Whether a queue has released agents that are neither restored nor skipped, or may have.
-- @tparam table db
-- @tparam table claim
-- @treturn boolean
-- @treturn ?table why, if that is known
function M.remains(db, claim)
  if chunks.has(db, claim.id, chunks.UNSETTLED, "release") then
    return true, errors.new {
      kind = "protocol", operation = "query_agents", outcome = "unknown", skill_id = claim.skill,
      message = "what comes of some releases is not known: undo once more, ten minutes after they were sent",
    }
  end
  if chunks.has(db, claim.id, chunks.UNDONE, "bind") then return true end
  return db:row("SELECT s.line FROM snapshot s WHERE s.queue = ? AND " .. chunks.UNSENT .. " LIMIT 1", claim.id) ~= nil
end

--- Works one queue until it is as before, or cannot be.
-- @tparam table work the run (`aicc.jobs.work`)
-- @tparam table claim
-- @treturn boolean whether it could be looked at
function M.work(work, claim)
  local ready, err = prepare(work, claim)
  if ready then send_all(work, claim) else claim.trouble = err end
  return ready
end

return M
