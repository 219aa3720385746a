-- A job in PostgreSQL, worked by 1, 2, 4, 8 and 16 processes: rows a second beside one of them, the API's answers after 50 ms.
--
-- The sandbox, the server and each worker are processes of their own on this machine; the server writes as it does in earnest
-- (fsync is on). What tells where it stops growing, and why, stands beside it:
--   of most   rows a second, of those that there would be if all time went into waiting for answers
--   CPUs      processors in use, of those that there are; and what of them workers, database and sandbox have
--   fsyncs    of the log, for each 1,000 rows (several sessions share one); commits, for each 1,000 rows
--   sessions  what the workers' sessions do: idle, running, or what they wait for (pg_stat_activity, every 10 ms)
-- JSON into build/bench/workers.json.
--     workers.lua [COUNT ...]                 else 1 2 4 8 16, without a limit; then 1 and 8 at 100 requests a second
--     workers.lua work STORE BASE_URL RATE    one worker, in this process: prints when it began and ended, its CPU, its commits

local aicc = require "aicc"
local core = require "aicc.core"
local jobs = require "aicc.jobs"
local sandbox = require "spec.bench.sandbox"
local proc = require "spec.support.proc"
local tools = require "spec.bench.tools"

local QUEUES, EACH, SPARE, DELAY = 480, 200, 50, 0.05
local FEW = 160       -- queues for a set rate
local CONCURRENCY = 4 -- queues at once in each worker

local function client_of(url)
  return assert(aicc.new { base_url = url, app_key = "sandbox-key", app_secret = "sandbox-secret" })
end

if arg[1] == "work" then
  local store, client = assert(jobs.open(arg[2])), client_of(arg[3])
  assert(client:access_token())
  io.read "l" -- all begin at once
  local began, cpu = core.now(), os.clock()
  local summary = assert(store:job "bench":apply {
    client = client, rate = tonumber(arg[4]), force = true, concurrency = CONCURRENCY,
  })
  print(began, core.now(), os.clock() - cpu, summary.commits, summary.requests)
  store:close()
  return
end

-- The CPU of the database's server: its own and that of its sessions, which have ended by then.
local function cpu_of_server(data)
  local file = assert(io.open(data .. "/postmaster.pid"))
  local pid = file:read "n"
  file:close()
  local own, ended = proc.cpu(pid)
  return own + ended
end

local function plan(url, base_url, queues)
  local store, at = assert(jobs.open(url)), -1
  for _, job in ipairs(store:list()) do assert(store:forget(job.name)) end
  assert(store:plan(jobs.rows(function()
    at = at + 1
    if at < queues * EACH then return 1 + at % queues, "a" .. 1 + at // queues end
  end), { name = "bench", client = client_of(base_url), rate = 0, concurrency = 8 }))
  store:close()
end

-- What the workers' sessions do, looked at every 10 ms until the job is done: what for -> share of the sessions that are open.
local function watch(url, count)
  local store, waits, looks = assert(jobs.open(url)), {}, 0
  repeat
    for _, row in ipairs(store.db:rows [[SELECT CASE WHEN state = 'idle' THEN 'idle'
          ELSE COALESCE(wait_event_type || ' ' || wait_event, 'running') END AS what, COUNT(*) AS n
        FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1]]) do
      waits[row.what] = (waits[row.what] or 0) + row.n / count
    end
    looks = looks + 1
    core.sleep(0.01)
  until store.db:row "SELECT state FROM jobs WHERE name = 'bench'".state == "finished" -- status() would count all rows
  store:close()
  for what, n in pairs(waits) do waits[what] = n / looks end
  return waits
end

-- How often the server's log was written to the disk so far; nil where it does not tell (before 14, and from 18 on elsewhere).
local function syncs(url)
  local store = assert(jobs.open(url))
  local ok, row = pcall(store.db.row, store.db, "SELECT wal_sync AS n FROM pg_stat_wal")
  store:close()
  return ok and tonumber(row.n) or nil
end

-- Works the job with so many workers. Returns seconds and what they cost.
local function measure(database, count, rate, queues)
  local server, rows = sandbox.start { queues = queues, each = EACH + SPARE, delay = DELAY }, queues * EACH
  plan(database.url, server.url, queues)
  local synced = syncs(database.url)
  local served, kept = (proc.cpu(server.pid)), cpu_of_server(database.data)
  local gate, workers = os.tmpname(), {}
  os.execute(("rm %s; mkfifo %s"):format(gate, gate))
  for i = 1, count do
    workers[i] = io.popen(("exec lua5.4 spec/bench/workers.lua work '%s' '%s' %g <%s"):format(database.url, server.url, rate,
      gate))
  end
  local starter = assert(io.open(gate, "w"))
  core.sleep(1) -- all of them are at the gate
  starter:write(("\n"):rep(count * 4096))
  starter:close()
  local waits = watch(database.url, count)
  local first, last, cpu, commits, requests = math.huge, 0, 0, 0, 0
  for _, worker in ipairs(workers) do
    local began, ended, own, committed, asked = worker:read("n", "n", "n", "n", "n")
    assert(worker:close(), "a worker failed")
    first, last, cpu = math.min(first, began), math.max(last, ended), cpu + own
    commits, requests = commits + committed, requests + asked
  end
  os.remove(gate)
  local store = assert(jobs.open(database.url))
  local counts = assert(assert(store:job "bench"):status()).counts
  store:close()
  assert(counts.released == rows, "not all were released")
  local seconds = last - first
  local it = {
    workers = count, rate = rate, seconds = seconds, rows = rows / seconds, cpu = cpu / seconds, requests = requests,
    waits = waits, commits = 1000 * commits / rows, of_most = requests * DELAY / (count * CONCURRENCY) / seconds,
    sandbox = (proc.cpu(server.pid) - served) / seconds, database = (cpu_of_server(database.data) - kept) / seconds,
    fsyncs = synced and 1000 * (syncs(database.url) - synced) / rows,
  }
  server.stop()
  return it
end

local counts, found = {}, {}
for i, word in ipairs(arg) do counts[i] = assert(tonumber(word), "workers: expected a number") end
if not counts[1] then counts = { 1, 2, 4, 8, 16 } end
local database = require("spec.support.postgresql").start(nil, "-c fsync=on")
local cores = tonumber((tools.output "nproc"))
print(("\nPostgreSQL, %d rows in %d queues (at a rate %d in %d), answers after %.0f ms, %d queues at once in each worker, "
  .. "%d processors")
  :format(QUEUES * EACH, QUEUES, FEW * EACH, FEW, DELAY * 1000, CONCURRENCY, cores))
print(("  %7s %5s %7s %7s %5s %7s | %5s %8s %8s %8s | %7s %8s"):format("workers", "rate", "seconds", "rows/s", "x", "of most",
  "CPUs", "workers'", "server's", "sandbox's", "fsyncs", "commits"))
local function show(it, base)
  found[#found + 1] = it
  it.times, it.processors = it.rows / base.rows, it.cpu + it.database + it.sandbox
  print(("  %7d %5s %7.2f %7.0f %5.2f %5.0f %% | %5.2f %8.2f %8.2f %8.2f  | %7s %8.1f"):format(it.workers,
    it.rate == 0 and "-" or it.rate, it.seconds, it.rows, it.times, it.of_most * 100, it.processors, it.cpu, it.database,
    it.sandbox, it.fsyncs and ("%.1f"):format(it.fsyncs) or "?", it.commits))
  local told = {}
  for what, share in pairs(it.waits) do told[#told + 1] = { what = what, share = share } end
  table.sort(told, function(a, b) return a.share > b.share end)
  for i, one in ipairs(told) do told[i] = ("%s %.1f %%"):format(one.what, one.share * 100) end
  print("          sessions: " .. table.concat(told, ", ", 1, math.min(#told, 7)))
  io.stdout:flush()
end
local ok, problem = xpcall(function()
  local base
  for _, count in ipairs(counts) do
    local it = measure(database, count, 0, QUEUES)
    base = base or it
    show(it, base)
  end
  if arg[1] then return end
  local slow = measure(database, 1, 100, FEW)
  show(slow, slow)
  show(measure(database, 8, 100, FEW), slow)
end, debug.traceback)
database.stop()
if not ok then error(problem, 0) end
tools.save("workers", found)
