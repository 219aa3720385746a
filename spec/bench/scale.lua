-- What a job costs as it grows: ten times the rows, one queue in place of many, a thousand jobs in the store.
--
-- Each step (plan, apply, status, report) is a process of its own, and so are the sandbox and, for PostgreSQL, the server: what
-- a step costs beside theirs is the library's and SQLite's own. CPU seconds (user and system), and ratios of those; wall time is
-- printed, and says little where others work. Answers come at once, and no rate limits.
--     scale.lua [sqlite|postgresql ...] [SCALE]    SCALE: 1, or 0.1 for a tenth of all rows
--     scale.lua STEP STORE BASE_URL ROWS QUEUES    one step, in this process: prints its numbers

local aicc = require "aicc"
local core = require "aicc.core"
local jobs = require "aicc.jobs"
local proc = require "spec.support.proc"
local sandbox = require "spec.bench.sandbox"
local tools = require "spec.bench.tools"

local SPARE = 100      -- agents of a queue beside those that the job names
local MANY = 1000      -- jobs in a store
local TEN = 11         -- ten times the rows: at most so many times the CPU (issue 14)
local ONE_QUEUE = 2    -- all rows in one queue: at most so many times the CPU of 200
local MEMORY = 40      -- MiB, at most, with one queue
local STATUS = 0.1     -- seconds for status and jobs, with MANY jobs, at most

-- ---- the steps, each in a process of its own ----

local function number_in(path, pattern)
  for line in io.lines(path) do
    local found = line:match(pattern)
    if found then return tonumber(found) end
  end
end

local steps = {}

local function client_of(url)
  return assert(aicc.new { base_url = url, app_key = "sandbox-key", app_secret = "sandbox-secret" })
end

-- The rows, over the queues in turn.
local function reader(rows, queues)
  local at = -1
  return jobs.rows(function()
    at = at + 1
    if at < rows then return 1 + at % queues, "a" .. 1 + at // queues end
  end)
end

function steps.plan(store, url, rows, queues)
  assert(store:plan(reader(rows, queues), { name = "bench", client = client_of(url), rate = 0 }))
end

function steps.apply(store, url, rows)
  local summary = assert(assert(store:job "bench"):apply { client = client_of(url), rate = 0, force = true })
  assert(summary.counts.released == rows, tostring(summary))
end

function steps.status(store, _, rows)
  assert(assert(store:job "bench"):status().counts.released == rows)
end

function steps.queues(store, _, _, queues)
  assert(#assert(assert(store:job "bench"):queues()) == queues)
end

function steps.report(store, _, rows)
  local count = 0
  for row in assert(assert(store:job "bench"):report()) do
    assert(row.status == "released")
    count = count + 1
  end
  assert(count == rows)
end

-- A thousand jobs of ten rows each beside the one that there is: written by the job's own functions, but that nobody is listed.
function steps.fill(store, _, rows)
  local inner = require "aicc.jobs.db.jobs"
  for i = 1, rows do
    local job = inner.create(store.db, ("other-%d"):format(i), 50)
    inner.load(store.db, job, reader(10, 2), error)
    inner.set_state(store.db, job, "planned")
  end
end

function steps.jobs(store, _, rows) assert(#store:list() >= rows) end

function steps.other(store, _, rows) assert(assert(store:job("other-" .. rows)):status().lines == 10) end

if arg[1] and steps[arg[1]] then
  local before = core.now()
  local cpu = os.clock()
  local store = assert(jobs.open(arg[2]))
  local backend = not store.db.path and store.db:row("SELECT pg_backend_pid() AS pid").pid
  steps[arg[1]](store, arg[3], tonumber(arg[4]), tonumber(arg[5]))
  print(os.clock() - cpu, core.now() - before, number_in("/proc/self/status", "^VmHWM:%s*(%d+)") / 1024,
    backend and (proc.cpu(backend)) or 0)
  store:close()
  os.exit(true, false)
end

-- ---- beside each other ----

local function step(shape, name, rows, queues)
  local served = shape.server and proc.cpu(shape.server.pid) or 0
  local cpu, wall, memory, backend = tools.numbers(("lua5.4 spec/bench/scale.lua %s '%s' '%s' %d %d"):format(name, shape.store,
    shape.server and shape.server.url or "", rows or shape.rows, queues or shape.queues))
  local it = { cpu = cpu, wall = wall, memory = memory, backend = backend, cost = cpu + backend,
    server = shape.server and proc.cpu(shape.server.pid) - served or 0 }
  shape.steps[name] = it
  print(("  %-8s %9d %7d %9.2f %9.2f %9.2f %9.2f %9.1f"):format(name, rows or shape.rows, queues or shape.queues, cpu, backend,
    it.server, wall, memory))
  io.stdout:flush()
end

local function measure(shape)
  shape.server = sandbox.start { queues = shape.queues, each = shape.rows // shape.queues + SPARE }
  for _, name in ipairs { "plan", "apply", "status", "queues", "report" } do step(shape, name) end
  shape.server.stop()
end

-- Where a store is to be, and how to end it.
local places = {}

function places.sqlite()
  local path = os.tmpname()
  os.remove(path)
  return "sqlite:" .. path, function()
    for _, suffix in ipairs { "", "-wal", "-shm", ".1.lock" } do os.remove(path .. suffix) end
  end
end

function places.postgresql()
  local database = require("spec.support.postgresql").start()
  return database.url, database.stop
end

local missed = 0

local function judge(what, value, limit)
  local is_met = value <= limit
  if not is_met then missed = missed + 1 end
  print(("  %-58s %8.2f %8.2f %s"):format(what, value, limit, is_met and "" or "MISSED"))
end

local function bench(dialect, scale)
  local shapes = {
    { rows = 100000, queues = 200 }, { rows = 1000000, queues = 1000 }, { rows = 100000, queues = 1 },
  }
  print(("\n%s: CPU seconds of each step, and of the servers beside it; answers at once, no rate limit"):format(dialect))
  print(("  %-8s %9s %7s %9s %9s %9s %9s %9s"):format("", "rows", "queues", "CPU", "database", "sandbox", "wall", "MiB"))
  for i, shape in ipairs(shapes) do
    shape.rows, shape.steps = math.floor(shape.rows * scale), {}
    local stop
    shape.store, stop = places[dialect]()
    measure(shape)
    if i == 1 then
      step(shape, "fill", math.floor(MANY * scale), 1)
      step(shape, "jobs", math.floor(MANY * scale), 1)
      step(shape, "other", math.floor(MANY * scale), 1)
    end
    stop()
    shape.server, shape.store = nil, nil
  end
  local base, ten, one = shapes[1].steps, shapes[2].steps, shapes[3].steps
  print(("\n  %-58s %8s %8s"):format("", "", "wanted"))
  for _, name in ipairs { "plan", "apply", "status", "report" } do
    judge(("%s: ten times the rows, times the CPU"):format(name), ten[name].cost / base[name].cost, TEN)
  end
  for _, name in ipairs { "plan", "apply" } do
    judge(("%s: one queue, times the CPU of 200"):format(name), one[name].cost / base[name].cost, ONE_QUEUE)
    judge(("%s: one queue, MiB"):format(name), one[name].memory, MEMORY)
  end
  judge(("jobs, beside %d others: CPU seconds"):format(MANY), base.jobs.cost, STATUS)
  judge(("status of one of them: CPU seconds"):format(MANY), base.other.cost, STATUS)
  return shapes
end

local scale, found, dialects = 1, {}, {}
for _, word in ipairs(arg) do
  if tonumber(word) then scale = tonumber(word) else dialects[#dialects + 1] = word end
end
if not dialects[1] then dialects = { "sqlite", "postgresql" } end
for _, dialect in ipairs(dialects) do found[dialect] = bench(dialect, scale) end
tools.save("scale", found)
os.exit(missed == 0, true)
