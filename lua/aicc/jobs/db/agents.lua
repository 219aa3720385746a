--- The accounts that a job is made from, and what is found out of the queues they are in.
--
-- While the job is planned two tables of the session hold what is found: which account is to be released from which queue
-- (because the API names the queue for it, or the queue's listing shows it), and the agents of the listings that an account may
-- mean. Then each account's queues become rows, in the order of the input; an account without one has its own place between them.
--
-- An account is the agent of exactly that name. Nobody has said whether case counts, and whoever is only spelled alike may be
-- somebody else: that is told, and nobody is released for it.
--
-- Functions of a database (`aicc.jobs.db.connection`); they raise what it raises.
-- @module aicc.jobs.db.agents

local connection = require "aicc.jobs.db.connection"
local jobs = require "aicc.jobs.db.jobs"
local settle = require "aicc.settle"
local text = require "aicc.jobs.db.text"

local M = {}

local PAGE = 1000 -- accounts that are in memory at once
local GROUP = 50  -- names that are looked up in a statement

-- ---- the input ----

local function add(db, job, batch)
  jobs.pin(db, job)
  local values = {}
  for i = 1, batch.size do
    local at = #values
    values[at + 1], values[at + 2], values[at + 3] = batch.line[i], batch.account[i], settle.fold(batch.account[i])
  end
  db:insert("agents (job, line, account, folded)", 3, values, job.id)
end

local TWINS = [[UPDATE agents SET twin = firsts.line FROM (
    SELECT line AS own, MIN(line) OVER (PARTITION BY account) AS line FROM agents WHERE job = ?) AS firsts
  WHERE agents.job = ? AND agents.line = firsts.own AND firsts.line < firsts.own]]

--- Loads what a reader gives into a new job.
-- @tparam table db
-- @tparam table job
-- @tparam function reader of accounts, see `aicc.jobs.input`
-- @tparam function on_bad_line called with line and problem
-- @treturn integer how many bad lines there were
-- @treturn integer how many accounts, the same one counted once
function M.load(db, job, reader, on_bad_line)
  local batch, bad = { size = 0, line = {}, account = {} }, 0
  for line, account, problem in reader do
    if not account then
      bad = bad + 1
      on_bad_line(line, problem)
    elseif bad == 0 then
      batch.size = batch.size + 1
      batch.line[batch.size], batch.account[batch.size] = line, account
      if batch.size == PAGE then
        db:transaction(add, db, job, batch)
        batch.size = 0
      end
    end
  end
  if bad > 0 then return bad, 0 end
  db:transaction(function()
    add(db, job, batch)
    db:run(TWINS, job.id, job.id)
  end)
  return 0, db:row("SELECT COUNT(*) AS n FROM agents WHERE job = ? AND twin IS NULL", job.id).n
end

--- The next accounts, each once.
-- @tparam table db
-- @tparam table job
-- @tparam integer line behind which to begin
-- @treturn {table,...} `line`, `account`: a thousand at most
function M.page(db, job, line)
  return db:rows("SELECT line, account FROM agents WHERE job = ? AND twin IS NULL AND line > ? ORDER BY line LIMIT ?", job.id,
    line, PAGE)
end

-- ---- what is found ----

--- Makes the tables for what is found, or empties them.
-- @tparam table db
function M.begin(db)
  db:run [[CREATE TEMPORARY TABLE IF NOT EXISTS found_pairs (
    agent INTEGER NOT NULL, skill BIGINT NOT NULL, queue INTEGER, number INTEGER, PRIMARY KEY (agent, skill))]]
  db:run "CREATE INDEX IF NOT EXISTS found_pairs_of_skill ON found_pairs (skill)"
  db:run [[CREATE TEMPORARY TABLE IF NOT EXISTS found_agents (
    skill BIGINT NOT NULL, account TEXT NOT NULL, agent_weight BIGINT, skill_weight BIGINT, PRIMARY KEY (skill, account))]]
  M.finish(db)
end

--- Empties them.
-- @tparam table db
function M.finish(db)
  db:run "DELETE FROM found_pairs"
  db:run "DELETE FROM found_agents"
end

local function pair(db, line, skill)
  return db:run("INSERT INTO found_pairs (agent, skill) VALUES (?, ?) ON CONFLICT DO NOTHING", line, skill) > 0
end

--- Notes what the API says of accounts. For a transaction.
-- @tparam table db
-- @tparam table job
-- @tparam {table,...} answers `line`; `state` ("no_agent", "no_queue", "failed" or nil), `code`, `message`; `skills`
function M.note(db, job, answers)
  jobs.pin(db, job)
  for _, answer in ipairs(answers) do
    db:run("UPDATE agents SET state = ?, code = ?, message = ? WHERE job = ? AND line = ?", answer.state or "found",
      text.line(answer.code), text.line(answer.message), job.id, answer.line)
    for _, skill in ipairs(answer.skills) do pair(db, answer.line, skill) end
  end
end

--- The queues that are known of so far.
-- @tparam table db
-- @treturn {integer,...}
function M.skills(db)
  local skills = {}
  for i, row in ipairs(db:rows [[SELECT CAST(skill AS TEXT) AS id FROM (SELECT DISTINCT skill FROM found_pairs) s
      ORDER BY skill]]) do
    skills[i] = connection.big(row.id)
  end
  return skills
end

--- The accounts for which the API names a queue, or that are to be looked for in it anyway.
-- @tparam table db
-- @tparam table job
-- @tparam integer skill
-- @treturn {table,...} `line`, `account`
function M.of_queue(db, job, skill)
  return db:rows([[SELECT a.line, a.account FROM found_pairs p JOIN agents a ON a.job = ? AND a.line = p.agent
    WHERE p.skill = ? ORDER BY a.line]], job.id, skill)
end

-- The sum keeps SQLite from reading all of a job's accounts, which it would rather do than look each name up in the index.
local MEANT = "SELECT line, account, folded FROM agents WHERE job + 0 = CAST(? AS INTEGER) AND twin IS NULL AND folded IN (" ..
  ("?, "):rep(GROUP - 1) .. "?)"

local unpack = table.unpack or unpack

-- Calls f(row, namesakes) for each account of the job that agents of a listing may mean.
local function each_meant(db, job, agents, f)
  local names, namesakes = {}, {}
  for _, agent in ipairs(agents) do
    local name = agent.userAccount
    if name then
      local folded = settle.fold(name)
      if not namesakes[folded] then
        names[#names + 1], namesakes[folded] = folded, {}
      end
      table.insert(namesakes[folded], agent)
    end
  end
  for at = 1, #names, GROUP do
    local group = {}
    for i = 1, GROUP do group[i] = names[at + i - 1] or "" end -- which is nobody's
    for _, row in ipairs(db:rows(MEANT, job.id, unpack(group))) do f(row, namesakes[row.folded]) end
  end
end

local function keep(db, skill, agent)
  local function integer(value) return type(value) == "number" and value % 1 == 0 and value or nil end
  db:run([[INSERT INTO found_agents (skill, account, agent_weight, skill_weight) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING]],
    skill, agent.userAccount, integer(agent.agentWeight), integer(agent.skillWeight))
end

--- Notes which accounts a queue's listing shows. For a transaction.
-- @tparam table db
-- @tparam table job
-- @tparam integer skill
-- @tparam {table,...} agents the listing
-- @treturn {string,...} accounts that it shows and for which nobody had named the queue
-- @treturn table line -> an agent's account that differs from the input's in case only
function M.match(db, job, skill, agents)
  jobs.pin(db, job)
  local unnamed, alike = {}, {}
  each_meant(db, job, agents, function(row, namesakes)
    local is_there = false
    for _, agent in ipairs(namesakes) do
      keep(db, skill, agent)
      is_there = is_there or agent.userAccount == row.account
    end
    if not is_there then
      alike[row.line] = namesakes[1].userAccount
    elseif pair(db, row.line, skill) then
      unnamed[#unnamed + 1] = row.account
    end
  end)
  return unnamed, alike
end

--- Adds a queue to what is asked of every account: it could not be told who is not in it. For a transaction.
-- @tparam table db
-- @tparam table job
-- @tparam integer skill
function M.suspect(db, job, skill)
  jobs.pin(db, job)
  db:run([[INSERT INTO found_pairs (agent, skill) SELECT line, CAST(? AS BIGINT) FROM agents WHERE job = ? AND twin IS NULL
    ON CONFLICT DO NOTHING]], skill, job.id)
end

--- The agents of a queue's listing that were kept.
-- @tparam table db
-- @tparam integer skill
-- @treturn {table,...} `userAccount`, `agentWeight`, `skillWeight`, as in a listing
function M.kept(db, skill)
  local agents = db:rows([[SELECT account AS "userAccount", CAST(agent_weight AS TEXT) AS agent_weight,
    CAST(skill_weight AS TEXT) AS skill_weight FROM found_agents WHERE skill = ?]], skill)
  for _, agent in ipairs(agents) do
    agent.agentWeight = agent.agent_weight and connection.big(agent.agent_weight)
    agent.skillWeight = agent.skill_weight and connection.big(agent.skill_weight)
  end
  return agents
end

-- ---- rows ----

local QUEUES = [[INSERT INTO queues (job, number, skill, state, epoch)
  SELECT CAST(? AS INTEGER), ROW_NUMBER() OVER (ORDER BY first_line, skill), skill, 'planned', 0
  FROM (SELECT skill, MIN(agent) AS first_line FROM found_pairs GROUP BY skill) f]]

local NUMBERS = [[UPDATE found_pairs SET queue = q.id, number = q.number FROM queues q
  WHERE q.job = ? AND found_pairs.skill = q.skill]]

-- Each account with each of its queues, or by itself: numbered in the order of the input.
local PLACES = [[SELECT a.line AS agent, a.account, p.queue, ROW_NUMBER() OVER (ORDER BY a.line, p.number) AS place
  FROM agents a LEFT JOIN found_pairs p ON p.agent = COALESCE(a.twin, a.line) WHERE a.job = ?]]

local ROWS = "INSERT INTO rows (job, line, queue, account) SELECT CAST(? AS INTEGER), place, queue, account FROM (" .. PLACES ..
  ") placed WHERE queue IS NOT NULL"

local ALONE = "UPDATE agents SET place = placed.place FROM (" .. PLACES ..
  ") placed WHERE agents.job = ? AND agents.line = placed.agent AND placed.queue IS NULL"

local FOUND = [[UPDATE agents SET state = 'found', code = NULL, message = NULL WHERE job = ? AND twin IS NULL
  AND EXISTS (SELECT 1 FROM found_pairs p WHERE p.agent = agents.line)]]

local OF_FIRST = [[UPDATE agents SET state = f.state, code = f.code, message = f.message FROM agents f
  WHERE agents.job = ? AND f.job = agents.job AND f.line = agents.twin]]

-- What is known of an account that is in no queue's listing, where every queue was listed so that absence is proof.
local PROVED = {
  [[UPDATE agents SET state = 'not_bound', code = NULL, message = 'on no queue''s listing' WHERE job = ? AND twin IS NULL
    AND (state IS NULL OR state IN ('no_queue', 'failed'))]],
  [[UPDATE agents SET message = message || '; nor is it on any queue''s listing' WHERE job = ? AND twin IS NULL
    AND state = 'no_agent']],
}

--- Makes rows of what was found. For a transaction.
-- @tparam table db
-- @tparam table job
-- @tparam string source "agents", "sweep" or "both"
-- @tparam table alike line -> what to say of somebody who is spelled alike, of accounts that are found nowhere
-- @tparam ?boolean has_all whether every queue of the tenant was listed
function M.make_rows(db, job, source, alike, has_all)
  jobs.pin(db, job)
  db:run(QUEUES, job.id)
  db:run(NUMBERS, job.id)
  db:run(ROWS, job.id, job.id)
  db:run(ALONE, job.id, job.id)
  if has_all then
    for _, statement in ipairs(PROVED) do db:run(statement, job.id) end
  end
  db:run(FOUND, job.id)
  for line, message in pairs(alike) do
    db:run([[UPDATE agents SET message = COALESCE(message || '; ', '') || ?,
        state = CASE WHEN state = 'not_bound' THEN 'no_queue' ELSE state END
      WHERE job = ? AND line = ? AND state <> 'found']], text.line(message), job.id, line)
  end
  db:run(OF_FIRST, job.id)
  jobs.mark_twins(db, job)
  job.lines = db:row([[SELECT (SELECT COUNT(*) FROM rows WHERE job = ?) + (SELECT COUNT(*) FROM agents
    WHERE job = ? AND place IS NOT NULL) AS n]], job.id, job.id).n
  job.source = source
  db:run("UPDATE jobs SET lines = ?, source = ? WHERE id = ?", job.lines, source, job.id)
end

--- Leaves a queue's rows open: it could not be listed, and so nothing is known of who is in it. For a transaction.
-- @tparam table db
-- @tparam table job
-- @tparam integer queue
-- @tparam string why
function M.leave_open(db, job, queue, why)
  jobs.pin(db, job)
  db:run("INSERT INTO unseen (queue, line) SELECT queue, line FROM rows WHERE queue = ? AND twin IS NULL", queue)
  db:run("UPDATE queues SET bound = 0, message = ? WHERE id = ?", text.line(why), queue)
end

-- ---- looking at them ----

--- How many accounts of a job's input are what: `found` (in queues), `no_agent`, `no_queue`, `not_bound`, `failed`, and `lines`.
-- @tparam table db
-- @tparam table job
-- @treturn ?table nil for a job that is made from rows
function M.counts(db, job)
  if job.source == "rows" then return nil end
  local counts = { found = 0, no_agent = 0, no_queue = 0, not_bound = 0, failed = 0, lines = 0 }
  for _, row in ipairs(db:rows("SELECT state, COUNT(*) AS n FROM agents WHERE job = ? GROUP BY state", job.id)) do
    if row.state then counts[row.state] = row.n end
    counts.lines = counts.lines + row.n
  end
  return counts
end

--- The accounts without a queue, in the order of the input, each once.
-- @tparam table db
-- @tparam table job
-- @treturn function iterator over tables: `line`, `user_account`, `status`, `message`
function M.without_queue(db, job)
  local page, at, line = {}, 0, 0
  return function()
    if at == #page and line then
      page, at = db:rows([[SELECT line, account AS user_account, state AS status, message FROM agents
        WHERE job = ? AND place IS NOT NULL AND twin IS NULL AND line > ? ORDER BY line LIMIT ?]], job.id, line, PAGE), 0
      line = #page == PAGE and page[PAGE].line or nil
    end
    at = at + 1
    return page[at]
  end
end

return M
