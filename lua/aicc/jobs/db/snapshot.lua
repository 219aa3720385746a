--- One queue's snapshot: which of its rows are bound, under which name and with which weights.
--
-- An agent is in it once. Rows that turn out to name the same agent in different spellings become twins, as those are that name
-- it in the same one.
-- @module aicc.jobs.db.snapshot

local chunks = require "aicc.jobs.db.chunks"
local errors = require "aicc.error"
local jobs = require "aicc.jobs.db.jobs"

local M = {}

local PAGE = 1000 -- rows that are in memory at once

local SNAPSHOT = "snapshot (queue, line, account, agent_weight, skill_weight)"

-- The error of a row whose agent has no weights, or nil: it could not be bound again as it was, and no default would be true.
local function incomplete(db, queue, frontier, listing)
  local line = frontier
  repeat
    local rows = db:rows("SELECT line, account FROM rows WHERE queue = ? AND line > ? ORDER BY line LIMIT ?", queue, line, PAGE)
    for _, row in ipairs(rows) do
      local name, weights = listing.find(row.account)
      local field = name and listing.lacking(weights)
      if field then
        return errors.new { kind = "protocol", operation = "query_agents", outcome = "unknown", skill_id = listing.skill,
          message = ("the listing of queue %.0f has no integer %s for the agent '%s'"):format(listing.skill, field,
            name) }
      end
      line = row.line
    end
  until #rows < PAGE
end

local function remove(db, queue, line) db:run("DELETE FROM snapshot WHERE queue = ? AND line = ?", queue, line) end

--- Takes a line out of the snapshot: somebody else has unbound its agent, as it seems.
-- @tparam table db
-- @tparam integer queue
-- @tparam integer line
-- @tparam boolean is_proved whether that is certain
function M.drop(db, queue, line, is_proved)
  remove(db, queue, line)
  db:run("UPDATE queues SET bound = bound - 1 WHERE id = ?", queue)
  if not is_proved then db:run("INSERT INTO unseen (queue, line) VALUES (?, ?)", queue, line) end
end

--- Marks a line that an undo has nothing to do for: somebody else has bound its agent again.
-- @tparam table db
-- @tparam integer queue
-- @tparam integer line
function M.skip(db, queue, line) db:run("UPDATE snapshot SET undo = 'skipped' WHERE queue = ? AND line = ?", queue, line) end

-- Lines of which no listing has told yet whether they are bound: none of them was ever sent.
local UNSEEN = [[SELECT n.line, r.account FROM unseen n JOIN rows r ON r.queue = n.queue AND r.line = n.line
  WHERE n.queue = ? AND n.line > ? ORDER BY n.line LIMIT ?]]

-- Calls f for each row of a query that takes a queue, the line to begin behind and how many, until it returns true. Returns
-- whether it did.
local function each(db, sql, queue, from, f)
  local line = from
  repeat
    local rows = db:rows(sql, queue, line, PAGE)
    for _, row in ipairs(rows) do
      if f(row) then return true end
      line = row.line
    end
  until #rows < PAGE
  return false
end

-- Whether a queue's job is made from accounts: it was said then who leaves, letter by letter, and nobody else may.
local function is_of_accounts(db, queue)
  return db:row("SELECT j.source FROM queues q JOIN jobs j ON j.id = q.job WHERE q.id = ?", queue).source ~= "rows"
end

-- What tells which agent of a listing a row's account means, if any: its name and its weights. Where the listing proves nothing,
-- somebody of exactly that name may be bound and not shown.
local function reader(db, queue, listing)
  if is_of_accounts(db, queue) then
    return function(account)
      local weights = listing.exact[account]
      if weights then return account, weights end
    end
  end
  if listing.is_proof then return listing.find end
  local named -- agents whose very names are in rows; looked for once an agent of another spelling is met
  local function is_named(name)
    if not named then
      named = {}
      each(db, "SELECT line, account FROM rows WHERE queue = ? AND line > ? ORDER BY line LIMIT ?", queue, 0, function(row)
        if listing.exact[row.account] then named[row.account] = true end
      end)
    end
    return named[name]
  end
  return function(account)
    local name, weights = listing.find(account)
    if name == account or name and is_named(name) then return name, weights end
  end
end

-- Whether a listing proves that an account is unbound: it has no spelling of it.
local function is_absent(listing, account) return listing.is_proof and not listing.find(account) end

--- Whether a listing that is no proof does not show somebody whom only a proof may say to be unbound.
-- @tparam table db
-- @tparam integer queue
-- @tparam table listing as from `aicc.jobs.listing`
-- @treturn boolean
function M.misses(db, queue, listing)
  local frontier = chunks.frontier(db, queue)
  local meant = reader(db, queue, listing)
  local function is_missing(row) return not meant(row.account) end
  return each(db, "SELECT line, account FROM rows WHERE queue = ? AND line > ? AND twin IS NULL ORDER BY line LIMIT ?", queue,
    frontier, is_missing) or each(db, UNSEEN, queue, 0, is_missing)
end

--- How many different rows no listing has told of yet whether they are bound.
-- @tparam table db
-- @tparam integer queue
-- @treturn integer
function M.unseen(db, queue) return db:row("SELECT COUNT(*) AS n FROM unseen WHERE queue = ?", queue).n end

-- Weights as the database tells them. Many agents share theirs.
local function text_of(weights)
  weights.text = weights.text or ("%.0f/%.0f"):format(weights.agentWeight, weights.skillWeight)
  return weights.text
end

-- What one row's entry in the snapshot must become, whose agent the listing shows under this name, if it does. `absent`: as what
-- it counts if there was one and is none any more.
local function correct(db, queue, row, name, weights, fresh, changes, absent)
  if not name then
    if row.bound_as then
      remove(db, queue, row.line)
      changes[absent] = changes[absent] + 1
    end
  elseif not row.bound_as then
    local at = #fresh
    fresh[at + 1], fresh[at + 2], fresh[at + 3], fresh[at + 4] = row.line, name, weights.agentWeight, weights.skillWeight
    changes.gained = changes.gained + 1
  elseif row.bound_as ~= name or row.weights ~= text_of(weights) then
    db:run("UPDATE snapshot SET account = ?, agent_weight = ?, skill_weight = ? WHERE queue = ? AND line = ?",
      name, weights.agentWeight, weights.skillWeight, queue, row.line)
    changes.changed = changes.changed + 1
  end
end

-- Rows behind the frontier became twins of another spelling by what an older listing showed. One for which this one shows an
-- agent of its own stands for itself again, and whoever else is spelled like it is its twin.
local function part(db, queue, frontier, meant)
  local line, parted = frontier, {}
  repeat
    local rows = db:rows([[SELECT r.line, r.account, s.account AS bound_as FROM rows r
        JOIN rows f ON f.queue = r.queue AND f.line = r.twin LEFT JOIN snapshot s ON s.queue = f.queue AND s.line = f.line
      WHERE r.queue = ? AND r.line > ? AND f.account <> r.account ORDER BY r.line LIMIT ?]], queue, line, PAGE)
    for _, row in ipairs(rows) do
      local name = not parted[row.account] and meant(row.account)
      if name and name ~= row.bound_as then
        db:run("UPDATE rows SET twin = NULL WHERE queue = ? AND line = ?", queue, row.line)
        parted[row.account] = true
      end
      line = row.line
    end
  until #rows < PAGE
  if not next(parted) then return end
  db:run([[UPDATE rows SET twin = firsts.line FROM rows firsts
    WHERE rows.queue = ? AND rows.twin IS NOT NULL AND firsts.queue = rows.queue AND firsts.twin IS NULL
      AND firsts.account = rows.account AND firsts.line <> rows.twin]], queue)
end

-- Makes twins of the rows behind the frontier that name an agent which another row names too. One that was sent stays the first,
-- then one in the server's own spelling. Returns how many left the snapshot.
local function unite(db, queue, frontier)
  local counts = db:row("SELECT COUNT(*) AS n, COUNT(DISTINCT account) AS accounts FROM snapshot WHERE queue = ?", queue)
  if counts.accounts == counts.n then return 0 end
  local united = db:run([[UPDATE rows SET twin = firsts.first FROM (
      SELECT s.line AS own, FIRST_VALUE(s.line) OVER (PARTITION BY s.account
        ORDER BY CASE WHEN s.line <= ? THEN 0 WHEN r.account = s.account THEN 1 ELSE 2 END, s.line) AS first
      FROM snapshot s JOIN rows r ON r.queue = s.queue AND r.line = s.line WHERE s.queue = ?) AS firsts
    WHERE rows.queue = ? AND rows.line = firsts.own AND firsts.first <> firsts.own AND firsts.own > ?]],
    frontier, queue, queue, frontier)
  db:run([[DELETE FROM snapshot WHERE queue = ? AND line IN (SELECT line FROM rows WHERE queue = ? AND twin IS NOT NULL)]],
    queue, queue)
  -- Their own twins follow them.
  db:run([[UPDATE rows SET twin = firsts.twin FROM rows firsts
    WHERE rows.queue = ? AND firsts.queue = rows.queue AND firsts.line = rows.twin AND firsts.twin IS NOT NULL]], queue)
  return united
end

-- Takes note of the unseen lines up to the frontier of which a listing tells whether they are bound; those behind it are gone
-- through anyway. Who is bound after all is to be sent, or is a twin of the row that has the same agent.
local function reveal(db, queue, frontier, listing, meant, changes)
  db:run("DELETE FROM unseen WHERE queue = ? AND line > ?", queue, frontier)
  each(db, UNSEEN, queue, 0, function(row)
    local name, weights = meant(row.account)
    if name and listing.lacking(weights) or not name and not is_absent(listing, row.account) then return end
    db:run("DELETE FROM unseen WHERE queue = ? AND line = ?", queue, row.line)
    if not name then return end
    local first = db:row("SELECT line FROM snapshot WHERE queue = ? AND account = ?", queue, name)
    if first then
      db:run("UPDATE rows SET twin = ? WHERE queue = ? AND (line = ? OR twin = ?)", first.line, queue, row.line, row.line)
    else
      chunks.carve(db, queue, row.line)
      db:insert(SNAPSHOT, 4, { row.line, name, weights.agentWeight, weights.skillWeight }, queue)
      changes.gained = changes.gained + 1
    end
  end)
end

--- Makes the snapshot of the lines that were never sent what a listing shows. For a transaction.
-- @tparam table db
-- @tparam integer queue
-- @tparam table listing as from `aicc.jobs.listing`
-- @treturn ?table `gained`, `lost`, `changed`: how many rows differ from what was known; `unseen`: how many are not shown, which
--   proves nothing; `bound`: how many are bound, those sent included
-- @treturn ?table an error of kind "protocol", and nothing is written: the agent of such a line has no weights
function M.refresh(db, queue, listing)
  local frontier = chunks.frontier(db, queue)
  local problem = listing.is_lacking() and incomplete(db, queue, frontier, listing)
  if problem then return nil, problem end
  local changes, line = { gained = 0, lost = 0, changed = 0, unseen = 0 }, frontier
  local meant = reader(db, queue, listing)
  reveal(db, queue, frontier, listing, meant, changes)
  part(db, queue, frontier, meant)
  repeat
    local rows = db:rows([[SELECT r.line, r.account, s.account AS bound_as,
        CAST(s.agent_weight AS TEXT) || '/' || CAST(s.skill_weight AS TEXT) AS weights
      FROM rows r LEFT JOIN snapshot s ON s.queue = r.queue AND s.line = r.line
      WHERE r.queue = ? AND r.line > ? AND r.twin IS NULL ORDER BY r.line LIMIT ?]], queue, line, PAGE)
    local fresh, unseen = {}, {}
    for _, row in ipairs(rows) do
      local name, weights = meant(row.account)
      local absent = not name and is_absent(listing, row.account)
      correct(db, queue, row, name, weights, fresh, changes, absent and "lost" or "unseen")
      if not name and not absent then unseen[#unseen + 1] = row.line end
      line = row.line
    end
    db:insert(SNAPSHOT, 4, fresh, queue)
    db:insert("unseen (queue, line)", 1, unseen, queue)
  until #rows < PAGE
  local united = unite(db, queue, frontier)
  changes.gained, changes.lost = math.max(0, changes.gained - united), changes.lost + math.max(0, united - changes.gained)
  changes.bound = db:row("SELECT COUNT(*) AS n FROM snapshot WHERE queue = ?", queue).n
  -- Once something was sent, the queue's size is what it was before; but if that listing did not show everybody.
  db:run([[UPDATE queues SET bound = ?, listed_at = ?, size = CASE WHEN ? = '0' OR size IS NULL OR size < ? THEN ? ELSE size END
    WHERE id = ?]], changes.bound, jobs.time(db), tostring(frontier), listing.size, listing.size, queue)
  return changes
end

return M
