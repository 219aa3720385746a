-- postgresql.lua - job stores in a PostgreSQL database, for jobs.lua: emptied and planned anew for each round.

local dbi = require "DBI"
local jobs = require "aicc.jobs"

local store = { url = assert(os.getenv "AICC_OOM_POSTGRESQL", "AICC_OOM_POSTGRESQL: no server") }

local own = assert(jobs.open(store.url)) -- which also makes the tables
local watch = assert(dbi.Connect("PostgreSQL", store.url))
watch:autocommit(true)

local function run(text)
  local statement = assert(watch:prepare(text))
  assert(statement:execute())
  return statement
end

function store.later() run("UPDATE queues SET lease = clock_timestamp() WHERE lease IS NOT NULL"):close() end

function store.empty()
  store.later()
  for _, job in ipairs(assert(own:list())) do assert(own:forget(job.name)) end
end

function store.planned(plan)
  store.empty()
  plan(own)
end

-- Nobody is inside a transaction or waits for somebody who is.
function store.check()
  local statement = run [[SELECT count(*) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND datname = current_database() AND (state LIKE 'idle in%' OR wait_event_type = 'Lock')]]
  local told = statement:fetch(false)
  assert(tonumber(told[1]) == 0, "somebody is still inside a transaction")
  statement:close()
end

return store
