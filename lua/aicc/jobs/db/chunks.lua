--- What was sent to one queue, and what came of it: its chunks.
--
-- A chunk is a request: the lines `first_line` to `last_line` of a queue that are in the snapshot. Chunks of a queue's releases
-- follow each other without overlaps, and what is between them is not in the snapshot; the last one's end is the frontier, and
-- no line behind it was ever sent.
-- @module aicc.jobs.db.chunks

local connection = require "aicc.jobs.db.connection"
local jobs = require "aicc.jobs.db.jobs"
local text = require "aicc.jobs.db.text"

local M = {}

--- The last line that was ever sent, or 0.
-- @tparam table db
-- @tparam integer queue
-- @treturn integer
function M.frontier(db, queue)
  return db:row("SELECT COALESCE(MAX(last_line), 0) AS line FROM chunks WHERE queue = ? AND action = 'release'", queue).line
end

-- The lines and the accounts of rows.
local function filled(chunk, rows)
  chunk.lines, chunk.accounts = {}, {}
  for i, row in ipairs(rows) do chunk.lines[i], chunk.accounts[i] = row.line, row.account end
  return chunk
end

--- The next chunk to release behind a line. What is sent is the server's own spelling, not the row's: a server that tells
-- spellings apart would answer "success" and release nobody.
-- @tparam table db
-- @tparam integer queue
-- @tparam integer line
-- @tparam integer size accounts at most
-- @treturn ?table
function M.next(db, queue, line, size)
  local rows = db:rows("SELECT line, account FROM snapshot WHERE queue = ? AND line > ? ORDER BY line LIMIT ?", queue, line, size)
  if #rows == 0 then return end
  return filled({
    queue = queue, action = "release", agent_weight = 0, skill_weight = 0, first_line = line + 1, last_line = rows[#rows].line,
    attempts = 0,
  }, rows)
end

-- Something of the chunk that covers the row `s` of the snapshot, if any does: the last one that begins at or before it. A scalar
-- subquery, so that no planner can make a join of all rows with all chunks of it.
local COVERING = [[(SELECT %s FROM chunks c WHERE c.queue = s.queue AND c.action = '%s' AND c.agent_weight = %s
  AND c.skill_weight = %s AND c.first_line <= s.line ORDER BY c.first_line DESC LIMIT 1)]]

--- Which rows `s` of the snapshot an undo binds again: released ones that nobody else has bound since.
M.RESTORABLE = "s.undo IS NULL AND s.line <= " ..
  COVERING:format("CASE WHEN c.state = 'done' THEN c.last_line ELSE 0 END", "release", 0, 0)

--- Which of those no bind was sent for yet.
M.UNSENT = M.RESTORABLE .. " AND s.line > COALESCE(" ..
  COVERING:format("c.last_line", "bind", "s.agent_weight", "s.skill_weight") .. ", 0)"

-- How far a chunk's requests may have been applied: not at all (nil in Lua, 0 in the table), as those of which no byte was sent
-- or that were turned away before anybody looked at the accounts; REFUSED by the API itself, which may have done a part of it
-- first; UNANSWERED, of which nobody knows anything and which a slow server may still do.
M.REFUSED, M.UNANSWERED = 1, 2

--- Seconds after which nobody does any more what a request asked for that got no answer.
M.LATE = 600

--- Which chunks these are, as SQL. PENDING: to be sent; OPEN: without an outcome; UNSETTLED: nobody knows what came of them;
-- DOUBTFUL: they may have been applied; UNDONE: what is not done, refused or not; RELEASED: releases that are done, or may be.
M.PENDING = "state = 'pending'"
M.OPEN = "state IN ('sent', 'unknown', 'pending')"
M.UNSETTLED = "state IN ('sent', 'unknown')"
M.DOUBTFUL = ("(%s OR state = 'pending' AND in_doubt > 0)"):format(M.UNSETTLED)
M.UNDONE = "state <> 'done'"
M.RELEASED = ("(state = 'done' OR %s)"):format(M.DOUBTFUL)

--- Whether a queue has such chunks.
-- @tparam table db
-- @tparam integer queue
-- @tparam string which as SQL, see above
-- @tparam ?string action "release" or "bind"; both if not given
-- @treturn boolean
function M.has(db, queue, which, action)
  local sql = "SELECT COUNT(*) AS n FROM chunks WHERE queue = ? AND (? = '' OR action = ?) AND " .. which
  return db:row(sql, queue, action or "", action or "").n > 0
end

--- Such chunks of a queue, with their lines and accounts. `was_in_doubt`: how far earlier requests for them may have been
-- applied (see above); `is_late`: so long ago that what is not done of it will not be done any more. `in_doubt` will say it of
-- those of this run.
-- @tparam table db
-- @tparam integer queue
-- @tparam string action "release" or "bind"
-- @tparam string which as SQL, see above
-- @treturn {table,...}
function M.of(db, queue, action, which)
  local chunks = db:rows(([[SELECT queue, action, CAST(agent_weight AS TEXT) AS agent_weight,
      CAST(skill_weight AS TEXT) AS skill_weight, first_line, last_line, state, attempts, sent_at,
      CASE WHEN state = 'sent' THEN %d ELSE in_doubt END AS in_doubt
    FROM chunks WHERE queue = ? AND action = ? AND %s ORDER BY first_line]]):format(M.UNANSWERED, which), queue, action)
  for _, chunk in ipairs(chunks) do
    chunk.was_in_doubt, chunk.in_doubt = chunk.in_doubt > 0 and chunk.in_doubt or nil, nil
    chunk.is_late = not chunk.sent_at or chunk.sent_at < jobs.steady(db, -M.LATE)
    chunk.doubted_at = chunk.was_in_doubt == M.UNANSWERED and chunk.sent_at or nil
    chunk.agent_weight, chunk.skill_weight = connection.big(chunk.agent_weight), connection.big(chunk.skill_weight)
    if action == "release" then
      filled(chunk, db:rows("SELECT line, account FROM snapshot WHERE queue = ? AND line BETWEEN ? AND ? ORDER BY line",
        queue, chunk.first_line, chunk.last_line))
    else
      filled(chunk, db:rows([[SELECT s.line, s.account FROM snapshot s WHERE s.queue = ? AND s.line BETWEEN ? AND ?
          AND s.agent_weight = ? AND s.skill_weight = ? AND ]] .. M.RESTORABLE .. " ORDER BY s.line",
        queue, chunk.first_line, chunk.last_line, chunk.agent_weight, chunk.skill_weight))
    end
  end
  return chunks
end

local KEY = "queue = ? AND action = ? AND agent_weight = ? AND skill_weight = ? AND first_line = ?"

local function key(chunk) return chunk.queue, chunk.action, chunk.agent_weight, chunk.skill_weight, chunk.first_line end

--- How far any request for a chunk may have been applied, as a number: the column in_doubt.
-- @tparam table chunk
-- @treturn integer
function M.doubt(chunk) return math.max(chunk.in_doubt or 0, chunk.was_in_doubt or 0) end

--- Whether a slow server may still do what any request for a chunk asked for.
-- @tparam table chunk
-- @treturn boolean
function M.may_follow(chunk)
  return chunk.in_doubt == M.UNANSWERED or chunk.was_in_doubt == M.UNANSWERED and not chunk.is_late
end

-- What of a job got no answer, and has no outcome yet.
local RENEW = ([[UPDATE chunks SET sent_at = ? WHERE queue IN (SELECT id FROM queues WHERE job = ?)
  AND (state = 'sent' OR state IN ('unknown', 'pending') AND in_doubt = %d)]]):format(M.UNANSWERED)

--- For the beginning of a run: lets doubts of before the machine's start, or of another machine, be as young as they can be.
-- Nobody knows how old they are: the time of day may have been set on either side.
-- @tparam table db in a transaction
function M.renew_doubts(db)
  if not jobs.begin_steady(db) then return end
  for _, job in ipairs(jobs.list(db)) do db:run(RENEW, jobs.time(db), job.id) end
end

-- When the last request left that got no answer, else the last one: an answer since makes an older doubt no younger.
local function sent_at(chunk) return chunk.in_doubt ~= M.UNANSWERED and chunk.doubted_at or chunk.sent_at end

--- Notes that a chunk is about to be sent.
-- @tparam table db
-- @tparam table chunk
function M.intend(db, chunk)
  chunk.sent_at = jobs.steady(db)
  db:run([[INSERT INTO chunks (last_line, state, attempts, in_doubt, sent_at, queue, action, agent_weight, skill_weight,
        first_line) VALUES (?, 'sent', ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (queue, action, agent_weight, skill_weight, first_line) DO UPDATE
      SET state = 'sent', sent_at = excluded.sent_at]],
    chunk.last_line, chunk.attempts, M.doubt(chunk), chunk.sent_at, key(chunk))
end

--- Notes what came of a chunk.
-- @tparam table db
-- @tparam table chunk with `state`, `attempts`, `code`, `message`; `in_doubt`, if it may have been applied
function M.conclude(db, chunk)
  db:run([[UPDATE chunks SET state = ?, attempts = ?, in_doubt = ?, code = ?, message = ?, sent_at = ?, finished_at = ?
    WHERE ]] .. KEY, chunk.state, chunk.attempts, M.doubt(chunk), text.line(chunk.code), text.line(chunk.message), sent_at(chunk),
    jobs.time(db), key(chunk))
end

--- Takes back the intent of a chunk of which no byte was ever sent: its lines are as if never looked at. A release has to be
-- the queue's last chunk for that.
-- @tparam table db
-- @tparam table chunk
function M.withdraw(db, chunk)
  db:run("DELETE FROM chunks WHERE " .. KEY .. " AND (action = 'bind' OR last_line = (SELECT MAX(c.last_line) FROM chunks c " ..
    "WHERE c.queue = chunks.queue AND c.action = chunks.action))", key(chunk))
end

-- All columns but first_line.
local REST = "queue, action, agent_weight, skill_weight, last_line, state, attempts, in_doubt, code, message, sent_at, " ..
  "finished_at"

--- Makes a chunk of its own, to be sent, of a line that no request was ever for though the frontier is behind it. What covers
-- the line is cut in two; a part without lines is none.
-- @tparam table db
-- @tparam integer queue
-- @tparam integer line not in the snapshot yet
function M.carve(db, queue, line)
  local function holds(from, to)
    return db:row("SELECT COUNT(*) AS n FROM snapshot WHERE queue = ? AND line BETWEEN ? AND ?", queue, from, to).n > 0
  end
  local chunk = db:row([[SELECT queue, action, agent_weight, skill_weight, first_line, last_line FROM chunks
    WHERE queue = ? AND action = 'release' AND first_line <= ? ORDER BY first_line DESC LIMIT 1]], queue, line)
  if chunk and chunk.last_line >= line then
    if holds(line + 1, chunk.last_line) then
      db:run(("INSERT INTO chunks (first_line, %s) SELECT CAST(? AS INTEGER), %s FROM chunks WHERE %s"):format(REST, REST, KEY),
        line + 1, key(chunk))
    end
    if holds(chunk.first_line, line - 1) then
      db:run("UPDATE chunks SET last_line = ? WHERE " .. KEY, line - 1, key(chunk))
    else
      db:run("DELETE FROM chunks WHERE " .. KEY, key(chunk))
    end
  end
  db:run([[INSERT INTO chunks (queue, action, agent_weight, skill_weight, first_line, last_line, state, attempts, in_doubt)
    VALUES (?, 'release', 0, 0, ?, ?, 'pending', 0, 0)]], queue, line, line)
end

-- A part of a chunk: its accounts number `from` to `to`, in the state given. The parts together cover what the chunk covered.
local function part_of(chunk, from, to, state)
  local part = { lines = {}, accounts = {} }
  for name, value in pairs(chunk) do
    if part[name] == nil then part[name] = value end
  end
  for i = from, to do
    part.lines[i - from + 1], part.accounts[i - from + 1] = chunk.lines[i], chunk.accounts[i]
  end
  if from > 1 then part.first_line = chunk.lines[from - 1] + 1 end
  if to < #chunk.lines then part.last_line = chunk.lines[to] end
  part.state = state
  return part
end

local function replace(db, chunk, parts)
  db:run("DELETE FROM chunks WHERE " .. KEY, key(chunk))
  for _, part in ipairs(parts) do
    local finished_at = part.state ~= "pending" and jobs.time(db) or nil
    db:run([[INSERT INTO chunks (last_line, state, attempts, in_doubt, code, message, sent_at, finished_at, queue, action,
        agent_weight, skill_weight, first_line) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]],
      part.last_line, part.state, part.attempts, M.doubt(part), text.line(part.code), text.line(part.message), sent_at(part),
      finished_at, key(part))
  end
end

--- The halves of a chunk. They inherit its doubt: what the whole asked for may have been done, or a slow server may still do it.
-- @tparam table chunk of two accounts at least
-- @treturn table
-- @treturn table
function M.halves(chunk)
  local middle, state = math.ceil(#chunk.lines / 2), chunk.in_doubt == M.UNANSWERED and "unknown" or "pending"
  return part_of(chunk, 1, middle, state), part_of(chunk, middle + 1, #chunk.lines, state)
end

--- Replaces a chunk by its halves.
-- @tparam table db
-- @tparam table chunk
-- @tparam table left
-- @tparam table right
function M.split(db, chunk, left, right) replace(db, chunk, { left, right }) end

--- Takes accounts out of a chunk that is to be divided.
-- @tparam table chunk
-- @tparam function is_out takes an account and its line
-- @treturn integer how many it took out
function M.sift(chunk, is_out)
  local lines, accounts = chunk.lines, chunk.accounts
  chunk.lines, chunk.accounts = {}, {}
  for i, account in ipairs(accounts) do
    if not is_out(account, lines[i]) then
      chunk.lines[#chunk.lines + 1], chunk.accounts[#chunk.accounts + 1] = lines[i], account
    end
  end
  return #accounts - #chunk.accounts
end

--- Gives each account of a chunk its own state, in as few chunks as that takes.
-- @tparam table db
-- @tparam table chunk
-- @tparam function state_of takes an account; returns a state
-- @treturn table state -> how many accounts
function M.divide(db, chunk, state_of)
  local parts, counts, from, state = {}, {}, 1, nil
  for i, account in ipairs(chunk.accounts) do
    local this = state_of(account)
    counts[this] = (counts[this] or 0) + 1
    if state and this ~= state then
      parts[#parts + 1] = part_of(chunk, from, i - 1, state)
      from = i
    end
    state = this
  end
  if state then parts[#parts + 1] = part_of(chunk, from, #chunk.accounts, state) end
  replace(db, chunk, parts)
  return counts
end

return M
