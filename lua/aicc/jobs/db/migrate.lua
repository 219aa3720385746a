--- How a job store of an older version becomes one of this: statements for each step, as they were when its version came.
--
-- A store is brought up to date in one transaction, by whoever opens it first. Each step only adds: a worker of the older version
-- that is still at it finds what it knows.
-- @module aicc.jobs.db.migrate

local M = {}

--- The oldest version that can be brought up to date.
M.OLDEST = 1

--- The oldest version that can be read as it is, where it cannot be brought up to date: what came since is only added.
M.READABLE = 3

-- From a version to the next one. The view `report` is made anew at the end, and is in none of them.
local STEPS = {
  { "CREATE TABLE unseen (queue INTEGER NOT NULL, line INTEGER NOT NULL, PRIMARY KEY (queue, line)) {clustered}" },
  {
    "ALTER TABLE jobs ADD COLUMN source TEXT NOT NULL DEFAULT 'rows'",
    "ALTER TABLE queues ADD COLUMN skill_name TEXT",
    [[CREATE TABLE agents (
      job INTEGER NOT NULL, line INTEGER NOT NULL, account TEXT NOT NULL, folded TEXT NOT NULL, twin INTEGER,
      state TEXT, place INTEGER, code TEXT, message TEXT, PRIMARY KEY (job, line)) {clustered}]],
    "CREATE INDEX agents_by_name ON agents (folded, job)",
    "CREATE INDEX agents_by_place ON agents (job, place)",
  },
  {
    [[CREATE TABLE minutes (
      job INTEGER NOT NULL, minute TEXT NOT NULL, action TEXT NOT NULL, requests INTEGER NOT NULL,
      PRIMARY KEY (job, minute, action)) {clustered}]],
    [[CREATE TABLE pauses (
      job INTEGER NOT NULL, began_at TEXT NOT NULL, seconds INTEGER NOT NULL, PRIMARY KEY (job, began_at)) {clustered}]],
    "ALTER TABLE jobs ADD COLUMN rate INTEGER",
  },
  { "CREATE TABLE boots (boot TEXT NOT NULL PRIMARY KEY, ahead BIGINT NOT NULL) {clustered}" },
}

--- What brings tables from one version to another.
-- @tparam integer from
-- @tparam integer to
-- @treturn {string,...} statements, in order; what the databases say differently is in braces, as in `aicc.jobs.db.schema`
function M.statements(from, to)
  local all = {}
  for version = from, to - 1 do
    for _, statement in ipairs(STEPS[version]) do all[#all + 1] = statement end
  end
  return all
end

return M
