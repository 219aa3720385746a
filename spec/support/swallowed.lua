-- swallowed.lua FOLDER KIND PARAMETERS - a job store of PostgreSQL over TCP, whose way there swallows all that is sent from some
-- moment on: the "question", or the "answer" to one that has arrived. Prints what the question's error says. For a network
-- namespace of its own, which it ends (unshare -n); FOLDER is that of the server's Unix socket.

local core = require "aicc.core"
local jobs = require "aicc.jobs"

local folder, kind, parameters = arg[1], arg[2], arg[3]

local function must(command) assert(os.execute(command), command) end

local function cut() must "ip link set lo down" end

-- Waits, on a way that stays, until the question has come to the server.
if kind == "watch" then
  local db = assert(jobs.open("postgresql://aicc@/postgres?host=" .. folder)).db
  local ASLEEP = "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"
  while db:row(ASLEEP).n == 0 do core.sleep(0.02) end
  cut()
  os.exit(true, false)
end

must "ip link set lo up"
local way = io.popen(("exec python3 spec/support/forwarder.py 5432 %s/.s.PGSQL.5432"):format(folder))
assert(way:read "l" == "ready")
local store = assert(jobs.open("postgresql://aicc@127.0.0.1/postgres?" .. parameters))
local err
if kind == "question" then
  assert(store:list())
  cut()
  err = select(2, store:list())
else
  must(("%s spec/support/swallowed.lua %s watch &"):format(arg[-1], folder))
  err = select(2, pcall(store.db.row, store.db, "SELECT pg_sleep(600)"))
end
print(err)
os.exit(true, false)
