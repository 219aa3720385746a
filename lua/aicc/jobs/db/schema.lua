--- The job store's tables; doc/jobs.md explains them and has queries to copy.
--
-- A row never changes once it is planned, but that a listing may show it to be a twin. What became of it follows from the
-- snapshot (was it bound?) and from the chunk whose lines it is in (what was sent, what came of it): 100,000 rows cost 2,000
-- updates, not 100,000. The view `report` puts it together. `aicc.jobs.db.migrate` brings tables of older versions here.
-- @module aicc.jobs.db.schema

local migrate = require "aicc.jobs.db.migrate"

local M = {}

local VERSION = 5

-- A number is never given twice: whoever still holds that of a job that was forgotten meets nothing, not another job.
-- {serial}, {clustered} and {instant} are what the two databases say differently.
local WORDS = {
  sqlite = { serial = "INTEGER PRIMARY KEY AUTOINCREMENT", clustered = "WITHOUT ROWID", instant = "TEXT" },
  postgresql = {
    serial = "INTEGER PRIMARY KEY GENERATED ALWAYS AS IDENTITY", clustered = "", instant = "TIMESTAMP WITH TIME ZONE",
  },
}

local STATEMENTS = {
  "CREATE TABLE schema_version (version INTEGER NOT NULL)",

  -- state: planning, planned, running, finished, undoing, undone. Times are UTC, as text. After a 429: paused_until is in
  -- milliseconds since 1970, slowed_rate in requests per 1,000 seconds. source: rows; or of accounts whose queues were found:
  -- agents (by asking for each), sweep (by listing every queue), both. rate: of the last run, in the same unit;
  -- 0 for no limit.
  [[CREATE TABLE jobs (
      id {serial}, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL, chunk INTEGER NOT NULL, lines INTEGER NOT NULL,
      worker TEXT, created_at TEXT NOT NULL, started_at TEXT, finished_at TEXT,
      paused_until BIGINT, slowed_rate BIGINT, source TEXT NOT NULL DEFAULT 'rows', rate INTEGER)]],

  -- state: planned, open, done, stopped. size: agents in the queue when it was listed; bound: those of them that the job names.
  -- skill_name: the API's, where it told.
  [[CREATE TABLE queues (
      id {serial}, job INTEGER NOT NULL, number INTEGER NOT NULL, skill BIGINT NOT NULL, state TEXT NOT NULL,
      size INTEGER, bound INTEGER, listed_at TEXT, message TEXT,
      owner TEXT, epoch INTEGER NOT NULL, lease {instant}, skill_name TEXT)]],
  "CREATE UNIQUE INDEX queues_of_job ON queues (job, number)",

  -- twin: the line that stands for this one, since both name the same agent of the same queue.
  [[CREATE TABLE rows (
      job INTEGER NOT NULL, line INTEGER NOT NULL, queue INTEGER NOT NULL, account TEXT NOT NULL, twin INTEGER,
      PRIMARY KEY (queue, line)) {clustered}]],
  "CREATE INDEX rows_of_job ON rows (job, line)",

  -- Who was bound, under the name the server calls them by. undo: skipped, if bound again by somebody else.
  [[CREATE TABLE snapshot (
      queue INTEGER NOT NULL, line INTEGER NOT NULL, account TEXT NOT NULL, agent_weight BIGINT NOT NULL,
      skill_weight BIGINT NOT NULL, undo TEXT, PRIMARY KEY (queue, line)) {clustered}]],

  -- Lines that are in no snapshot by a listing that proves nothing: whether their agents are bound nobody can tell.
  "CREATE TABLE unseen (queue INTEGER NOT NULL, line INTEGER NOT NULL, PRIMARY KEY (queue, line)) {clustered}",

  -- A request: the snapshot's lines first_line to last_line of a queue (of one pair of weights, for a bind; else 0 and 0).
  -- state: pending, sent (an intent: no result yet), done, failed, unknown. in_doubt: how far it may have been applied,
  -- whatever came of later requests: 0 not at all; 1 refused by the API, after a part of it perhaps; 2 it got no answer.
  [[CREATE TABLE chunks (
      queue INTEGER NOT NULL, action TEXT NOT NULL, agent_weight BIGINT NOT NULL, skill_weight BIGINT NOT NULL,
      first_line INTEGER NOT NULL, last_line INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
      in_doubt INTEGER NOT NULL, code TEXT, message TEXT, sent_at TEXT, finished_at TEXT,
      PRIMARY KEY (queue, action, agent_weight, skill_weight, first_line)) {clustered}]],

  -- An account of a job that is not made from rows. line: the input's; folded: how its spelling is compared; twin: the line that
  -- has the same account. state: found (in queues: it has rows), else what the report says of it, in its place among the rows:
  -- no_agent, no_queue, not_bound, failed. (What the agent is called is not kept: nobody needs it.)
  [[CREATE TABLE agents (
      job INTEGER NOT NULL, line INTEGER NOT NULL, account TEXT NOT NULL, folded TEXT NOT NULL, twin INTEGER,
      state TEXT, place INTEGER, code TEXT, message TEXT, PRIMARY KEY (job, line)) {clustered}]],
  "CREATE INDEX agents_by_name ON agents (folded, job)",
  "CREATE INDEX agents_by_place ON agents (job, place)",

  -- How many requests left in a minute ("2026-11-26T22:03Z"), of what a run did: plan, release, bind. When the API had asked for
  -- a pause, and for how long.
  [[CREATE TABLE minutes (
      job INTEGER NOT NULL, minute TEXT NOT NULL, action TEXT NOT NULL, requests INTEGER NOT NULL,
      PRIMARY KEY (job, minute, action)) {clustered}]],
  [[CREATE TABLE pauses (
      job INTEGER NOT NULL, began_at TEXT NOT NULL, seconds INTEGER NOT NULL, PRIMARY KEY (job, began_at)) {clustered}]],

  -- SQLite: how many milliseconds the time of chunks.sent_at is ahead of the time since a boot of the machine.
  "CREATE TABLE boots (boot TEXT NOT NULL PRIMARY KEY, ahead BIGINT NOT NULL) {clustered}",
}

-- The chunk {chunk} in which a line of the snapshot is, if {condition}: of those of its queue, action and weights that begin at
-- the line or before it the last one, should it reach so far. Both databases understand the first way. By the second one
-- PostgreSQL looks it up once for a line, whatever its statistics say; by the first it would rather read the chunks of all jobs
-- through for each part of a report, once there are some thousand, and look for the line twice.
local CHUNKS = {
  plain = [[LEFT JOIN chunks {chunk} ON {condition} AND {chunk}.queue = s.queue AND {chunk}.action = '{action}'
      AND {chunk}.agent_weight = {agent_weight} AND {chunk}.skill_weight = {skill_weight} AND {chunk}.last_line >= s.line
      AND {chunk}.first_line = (SELECT MAX(x.first_line) FROM chunks x WHERE x.queue = s.queue AND x.action = '{action}'
        AND x.agent_weight = {agent_weight} AND x.skill_weight = {skill_weight} AND x.first_line <= s.line)]],
  lateral = [[LEFT JOIN LATERAL (SELECT * FROM chunks x WHERE {condition} AND x.queue = s.queue AND x.action = '{action}'
        AND x.agent_weight = {agent_weight} AND x.skill_weight = {skill_weight} AND x.first_line <= s.line
      ORDER BY x.first_line DESC LIMIT 1) {chunk} ON {chunk}.last_line >= s.line]],
}

local RELEASE = { chunk = "c", condition = "s.line IS NOT NULL", action = "release", agent_weight = "0", skill_weight = "0" }
local BIND = {
  chunk = "u", condition = "c.state = 'done'", action = "bind", agent_weight = "s.agent_weight", skill_weight = "s.skill_weight",
}

-- What became of each line of {rows}, a row `r`; and of {binds}, if anything was undone.
local OF_ROWS = [[SELECT r.job, r.line, r.twin, q.skill AS skill_id, q.skill_name, r.account AS user_account,
      CASE WHEN s.line IS NULL AND n.line IS NULL THEN 'not_bound'
           WHEN c.state = 'done' THEN {released}
           WHEN c.state = 'failed' THEN 'failed'
           WHEN c.state IN ('sent', 'unknown') THEN 'unknown'
           WHEN j.state IN ('planning', 'planned') THEN 'planned'
           ELSE 'pending' END AS status,
      {code} AS code, CASE WHEN n.line IS NULL THEN {message}
           WHEN q.size IS NULL AND q.message IS NOT NULL THEN q.message
           ELSE 'no listing proves whether it is bound' END AS message,
      {attempts} AS attempts,
      CASE WHEN s.line IS NULL AND n.line IS NULL THEN q.listed_at ELSE {finished_at} END AS finished_at,
      {undo} AS undo, {undo_message} AS undo_message
    FROM {rows}
    JOIN jobs j ON j.id = r.job
    JOIN queues q ON q.id = r.queue
    LEFT JOIN snapshot s ON s.queue = r.queue AND s.line = COALESCE(r.twin, r.line)
    LEFT JOIN unseen n ON n.queue = r.queue AND n.line = COALESCE(r.twin, r.line)
    {releases}
    {binds}]]

-- Whoever reads that an agent is released acts on it: so of whom an undo has bound again, or may have, that is not said. What
-- stands beside the status is of the request that it follows from. With who was skipped it follows from none: a bind that covers
-- the line was sent for its neighbours.
local SKIPPED, DONE = "c.state = 'done' AND s.undo IS NOT NULL", "u.state = 'done'"
local MAYBE = "(u.state IN ('sent', 'unknown') OR u.state = 'pending' AND u.in_doubt > 0)"

local function of_undo(skipped, column)
  return ("CASE WHEN %s THEN %s WHEN %s OR %s THEN u.%s ELSE c.%s END"):format(SKIPPED, skipped, DONE, MAYBE, column, column)
end

local OF_UNDO = {
  released = ("CASE WHEN %s OR %s THEN 'bound_again' WHEN %s THEN 'unknown' ELSE 'released' END"):format(SKIPPED, DONE, MAYBE),
  code = of_undo("NULL", "code"), message = of_undo("'somebody else had bound the agent again'", "message"),
  attempts = of_undo("0", "attempts"), finished_at = of_undo("NULL", "finished_at"),
  undo = ("CASE WHEN %s THEN s.undo WHEN %s THEN 'restored' WHEN %s THEN 'unknown' ELSE u.state END"):format(SKIPPED, DONE,
    MAYBE),
  undo_message = ("CASE WHEN %s THEN NULL ELSE u.message END"):format(SKIPPED),
}

local OF_NO_UNDO = {
  released = "'released'", code = "c.code", message = "c.message", attempts = "c.attempts", finished_at = "c.finished_at",
  undo = "CAST(NULL AS TEXT)", undo_message = "CAST(NULL AS TEXT)",
}

local function filled(text, words) return (text:gsub("{([%l_]+)}", words)) end

--- What became of some lines, as a query.
-- @tparam string rows what to select `r` from, a row of `rows`
-- @tparam boolean is_undone whether binds may have been sent
-- @tparam ?string dialect whose own way is to be used, if it has one
-- @treturn string its columns are those of the view `report`
function M.report_of(rows, is_undone, dialect)
  local chunk = dialect == "postgresql" and CHUNKS.lateral or CHUNKS.plain
  local words = { rows = rows, releases = filled(chunk, RELEASE), binds = is_undone and filled(chunk, BIND) or "" }
  for name, value in pairs(is_undone and OF_UNDO or OF_NO_UNDO) do words[name] = value end
  return filled(OF_ROWS, words)
end

-- Accounts without a queue stand between the rows, without a number. A page of a view that puts both together would be sorted
-- anew out of all of them: so each has a view of its own too.
local REPORT = {
  "CREATE VIEW report_of_rows AS " .. M.report_of("rows r", true),

  [[CREATE VIEW report_of_agents AS
    SELECT a.job, a.place AS line, CAST(NULL AS INTEGER) AS twin, CAST(NULL AS BIGINT) AS skill_id,
      CAST(NULL AS TEXT) AS skill_name, a.account AS user_account, a.state AS status, a.code, a.message,
      CAST(NULL AS INTEGER) AS attempts, j.created_at AS finished_at, CAST(NULL AS TEXT) AS undo,
      CAST(NULL AS TEXT) AS undo_message
    FROM agents a JOIN jobs j ON j.id = a.job WHERE a.place IS NOT NULL]],

  "CREATE VIEW report AS SELECT * FROM report_of_rows UNION ALL SELECT * FROM report_of_agents",
}

-- Whether there are tables.
local EXISTS = {
  sqlite = "SELECT COUNT(*) AS n FROM sqlite_master WHERE name = 'schema_version'",
  postgresql = "SELECT COUNT(*) AS n FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'schema_version'",
}

-- Several workers may open a new or an old database at once. (SQLite lets one write at a time.)
local ALONE = { postgresql = "SELECT pg_advisory_xact_lock(41155)" }

local function is_there(database) return database:row(EXISTS[database.dialect.name]).n > 0 end

local function version_of(database) return database:row("SELECT version FROM schema_version").version end

-- Waits until nobody else makes or changes tables. For the beginning of a transaction.
local function alone(database)
  local lock = ALONE[database.dialect.name]
  if lock then database:row(lock) end
end

local function run_all(database, statements)
  local words = WORDS[database.dialect.name]
  for _, statement in ipairs(statements) do database:run((statement:gsub("{(%l+)}", words))) end
end

local function create(database)
  alone(database)
  if is_there(database) then return end
  run_all(database, STATEMENTS)
  run_all(database, REPORT)
  database:run("INSERT INTO schema_version VALUES (?)", VERSION)
end

-- Brings older tables up to date, if nobody else has done so meanwhile.
local function update(database)
  alone(database)
  local version = version_of(database)
  if version >= VERSION then return end
  for _, view in ipairs { "report", "report_of_rows", "report_of_agents" } do database:run("DROP VIEW IF EXISTS " .. view) end
  run_all(database, migrate.statements(version, VERSION))
  run_all(database, REPORT)
  database:run("UPDATE schema_version SET version = ?", VERSION)
end

--- Makes the tables where there are none, and brings those of an older version up to date.
-- @tparam table database `is_read_only`: it cannot be written
-- @treturn ?string why those that are there cannot be used
function M.install(database)
  if not is_there(database) then database:transaction(create, database) end
  local version = version_of(database)
  database.version = version
  if version == VERSION then return end
  if version > VERSION or version < migrate.OLDEST then
    return ("its tables are of version %d, and this aicc knows those up to %d: use the aicc that made them"):format(version,
      VERSION)
  end
  if database.is_read_only and version >= migrate.READABLE then return end
  if database.is_read_only then
    return ("its tables are of version %d, which are to be brought to version %d, and it cannot be written: "
      .. "run `aicc jobs` once where it can be, or on a copy of it"):format(version, VERSION)
  end
  local done, err = pcall(database.transaction, database, update, database)
  if done then
    database.version = VERSION
    return
  end
  local why = type(err) == "table" and err.message:gsub("^job store: ", "") or tostring(err)
  return ("its tables could not be brought from version %d to %d, and are as they were (%s): run `aicc jobs` once as somebody "
    .. "who may change them"):format(version, VERSION, why)
end

return M
