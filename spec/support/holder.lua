-- Another worker of a shared job, as a process: holder.lua STORE. It locks the first queue's row, says so, waits until somebody
-- waits for that, and then locks the second one's too.

local core = require "aicc.core"
local jobs = require "aicc.jobs"

local db = assert(jobs.open(arg[1])).db
local WAITING = "SELECT COUNT(*) AS n FROM pg_locks WHERE NOT granted"
local LOCK = "UPDATE queues SET message = 'held' WHERE number = ?"

db:run "BEGIN"
db:run(LOCK, 1)
print "ready"
io.stdout:flush()
local give_up = core.now() + 20
while db:row(WAITING).n == 0 and core.now() < give_up do core.sleep(0.01) end
db:run(LOCK, 2)
db:run "COMMIT"
print "done"
