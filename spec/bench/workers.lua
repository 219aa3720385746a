-- A job in PostgreSQL, worked by 1, 2, 4 and 8 processes: rows a second beside one of them, the API's answers after 50 ms.
--
-- The sandbox, the server and each worker are processes of their own on this machine; the server writes as it does in earnest
-- (fsync is on). Which of them has the machine's processors when more workers bring no more: their CPU is printed, too. JSON into
-- build/bench/workers.json.
--     workers.lua [COUNT ...]                 else 1 2 4 8, without a limit; then 1 and 8 at a set rate of 100 requests a second
--     workers.lua work STORE BASE_URL RATE    one worker, in this process: prints when it began and ended, its CPU, its commits

local aicc = require "aicc"
local core = require "aicc.core"
local jobs = require "aicc.jobs"
local sandbox = require "spec.bench.sandbox"
local proc = require "spec.support.proc"
local tools = require "spec.bench.tools"

local QUEUES, EACH, SPARE, DELAY = 160, 200, 50, 0.05
local ROWS = QUEUES * EACH

local function client_of(url)
  return assert(aicc.new { base_url = url, app_key = "sandbox-key", app_secret = "sandbox-secret" })
end

if arg[1] == "work" then
  local store, client = assert(jobs.open(arg[2])), client_of(arg[3])
  assert(client:access_token())
  io.read "l" -- all begin at once
  local began, cpu = core.now(), os.clock()
  local summary = assert(store:job "bench":apply { client = client, rate = tonumber(arg[4]), force = true })
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

local function plan(url, base_url)
  local store, at = assert(jobs.open(url)), -1
  for _, job in ipairs(store:list()) do assert(store:forget(job.name)) end
  assert(store:plan(jobs.rows(function()
    at = at + 1
    if at < ROWS then return 1 + at % QUEUES, "a" .. 1 + at // QUEUES end
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
  until assert(store:job "bench":status()).state == "finished"
  store:close()
  for what, n in pairs(waits) do waits[what] = n / looks end
  return waits
end

-- Works the job with so many workers. Returns seconds and what they cost.
local function measure(database, count, rate)
  local server = sandbox.start { queues = QUEUES, each = EACH + SPARE, delay = DELAY }
  plan(database.url, server.url)
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
  assert(counts.released == ROWS, "not all were released")
  local it = {
    workers = count, rate = rate, seconds = last - first, rows = ROWS / (last - first), cpu = cpu, commits = commits,
    requests = requests, waits = waits, sandbox = proc.cpu(server.pid) - served, database = cpu_of_server(database.data) - kept,
  }
  server.stop()
  return it
end

local counts, found = {}, {}
for i, word in ipairs(arg) do counts[i] = assert(tonumber(word), "workers: expected a number") end
if not counts[1] then counts = { 1, 2, 4, 8 } end
local database = require("spec.support.postgresql").start(nil, "-c fsync=on")
print(("\nPostgreSQL, %d rows in %d queues, answers after %.0f ms, 4 queues at once in each worker"):format(ROWS, QUEUES,
  DELAY * 1000))
print(("  %7s %6s %8s %8s %9s %6s %9s %9s %9s %9s"):format("workers", "rate", "seconds", "rows/s", "requests", "x", "workers'",
  "server's", "sandbox's", "CPUs"))
local function show(it, base)
  found[#found + 1] = it
  it.times = it.rows / base.rows
  print(("  %7d %6s %8.2f %8.0f %9d %6.2f %9.2f %9.2f %9.2f %9.2f"):format(it.workers, it.rate == 0 and "-" or it.rate,
    it.seconds, it.rows, it.requests, it.times, it.cpu, it.database, it.sandbox,
    (it.cpu + it.database + it.sandbox) / it.seconds))
  local told = {}
  for what, share in pairs(it.waits) do told[#told + 1] = ("%s %.0f %%"):format(what, share * 100) end
  table.sort(told)
  print("          sessions: " .. table.concat(told, ", "))
  io.stdout:flush()
end
local ok, problem = xpcall(function()
  local base
  for _, count in ipairs(counts) do
    local it = measure(database, count, 0)
    base = base or it
    show(it, base)
  end
  if arg[1] then return end
  local slow = measure(database, 1, 100)
  show(slow, slow)
  show(measure(database, 8, 100), slow)
end, debug.traceback)
database.stop()
if not ok then error(problem, 0) end
tools.save("workers", found)
