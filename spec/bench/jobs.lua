-- 100,000 rows over 200 queues: the job beside loops that make one call per row. Requests, wall time, peak memory; no rate limit.
--
-- The job twice: as people plan and then apply it, and planned and applied at once, by a program that lists no queue twice for it
-- (`listed_within`). Each way runs in a process of its own, and so does the sandbox. The loops: one curl process per row, which
-- is what operators have today (loop.sh); a client of ours made for each row; one client of ours, whose connection is kept. They
-- are measured on a sample of the rows, and their time for all rows follows from that; their memory does not grow with the rows.
-- Interleaved rounds, the medians of the rounds' ratios; JSON into build/bench/jobs.json.
--     jobs.lua                  measures all
--     jobs.lua WAY BASE_URL SAMPLE [SECONDS]     one way, in this process: prints its numbers

local aicc = require "aicc"
local core = require "aicc.core"
local jobs = require "aicc.jobs"
local sandbox = require "spec.bench.sandbox"
local tools = require "spec.bench.tools"

local QUEUES, EACH, SPARE = 200, 500, 100 -- rows of a queue; agents that are bound beside them
local ROWS = QUEUES * EACH
local CURL = 20    -- times faster than the loop around curl, at least
local KEPT = 0.15  -- of the time of the loop with one client, at most (issue 11)

-- The row number i: the queues take turns.
local function row(i) return 1 + (i - 1) % QUEUES, "a" .. (1 + (i - 1) // QUEUES) end

-- ---- the ways, each in a process of its own ----

local function peak_memory()
  for line in io.lines "/proc/self/status" do
    local kib = line:match "^VmHWM:%s*(%d+)"
    if kib then return tonumber(kib) end
  end
end

local function new_client(url)
  return assert(aicc.new { base_url = url, app_key = "sandbox-key", app_secret = "sandbox-secret" })
end

local ways = {}

function ways.job(url, _, within)
  local client, path, at, requests = new_client(url), os.tmpname(), 0, 0
  os.remove(path)
  local attempt = client.transport.attempt
  function client.transport.attempt(...)
    requests = requests + 1
    return attempt(...)
  end
  local store = assert(jobs.open("sqlite:" .. path))
  local began = core.now()
  local job = assert(store:plan(jobs.rows(function()
    at = at + 1
    if at <= ROWS then return row(at) end
  end), { name = "bench", client = client, rate = 0 }))
  local planned, listings = core.now(), requests
  local summary = assert(job:apply { client = client, rate = 0, force = true, listed_within = within })
  local applied = core.now()
  assert(summary.counts.released == ROWS, "not all were released")
  store:close()
  for _, suffix in ipairs { "", "-wal", "-shm", ".1.lock" } do os.remove(path .. suffix) end
  print(planned - began, applied - planned, peak_memory(), listings, requests - listings, summary.commits)
end

local function sampled(count, release)
  local began = core.now()
  for i = 1, count do assert(release(row(i))) end
  print(core.now() - began, peak_memory())
end

function ways.client(url, sample)
  local client = new_client(url)
  sampled(sample, function(skill, account) return client:release_agent_by_skill(skill, { account }) end)
end

function ways.fresh(url, sample)
  sampled(sample, function(skill, account)
    local client <close> = new_client(url)
    return (client:release_agent_by_skill(skill, { account }))
  end)
end

if arg[1] and ways[arg[1]] then return ways[arg[1]](arg[2], tonumber(arg[3]), tonumber(arg[4])) end

-- ---- beside each other ----

local function in_child(way, url, sample, within)
  return tools.numbers(("lua5.4 spec/bench/jobs.lua %s '%s' %d %s"):format(way, url, sample or 0, within or ""))
end

-- The seconds for a sample, and the memory in KiB, of the loop around curl.
local function around_curl(url, sample)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  for i = 1, sample do file:write(("%d,%s\n"):format(row(i))) end
  file:close()
  local client <close> = new_client(url)
  local microseconds, memory = tools.numbers(("bash spec/bench/loop.sh '%s' '%s' <%s"):format(url, assert(client:access_token()),
    path))
  os.remove(path)
  return microseconds / 1e6, memory
end

local function note(list, name, value)
  list[name] = list[name] or {}
  table.insert(list[name], value)
end

-- A job, on queues that are full again. Returns its seconds.
local function work(job, delay)
  local server = sandbox.start { queues = QUEUES, each = EACH + SPARE, delay = delay }
  local plan, apply, memory, listings, requests, commits = in_child("job", server.url, 0, job.within)
  server.stop()
  note(job, "plan", plan)
  note(job, "apply", apply)
  note(job, "memory", memory / 1024)
  job.listings, job.requests, job.commits = listings, requests, commits
  return plan + apply
end

-- One round: each loop with its sample, then the jobs.
local function round(loops, job, at_once, delay)
  local server, times = sandbox.start { queues = QUEUES, each = EACH + SPARE, delay = delay }, {}
  for i, way in ipairs(loops) do
    local seconds, memory
    if way.key then
      seconds, memory = in_child(way.key, server.url, way.sample)
    else
      seconds, memory = around_curl(server.url, way.sample)
    end
    times[i] = seconds / way.sample * ROWS
    note(way, "seconds", times[i])
    note(way, "memory", memory / 1024)
  end
  server.stop()
  local seconds = work(job, delay)
  note(at_once, "ratios", work(at_once, delay) / seconds)
  for i, way in ipairs(loops) do note(way, "ratios", times[i] / seconds) end
end

local function bench(title, delay, rounds, samples)
  local job, at_once, median = {}, { within = 60 }, tools.median
  local loops = {
    { name = "a loop around curl", sample = samples.curl }, { name = "a client each", key = "fresh", sample = samples.fresh },
    { name = "one client, kept", key = "client", sample = samples.client },
  }
  for _ = 1, rounds do round(loops, job, at_once, delay) end
  local plan, apply = median(job.plan), median(job.apply)
  print(("\nA job, %s: %d rows, %d queues, chunks of 50, no rate limit, %d rounds"):format(title, ROWS, QUEUES, rounds))
  print(("  plan %d requests; apply %d; %.3f for each row; %d commits; %.0f rows/s"):format(job.listings, job.requests,
    (job.listings + job.requests) / ROWS, job.commits, ROWS / (plan + apply)))
  print(("\n  %-24s %9s %9s %9s %9s"):format("", "requests", "seconds", "MiB", "x"))
  print(("  %-24s %9d %9.1f %9.1f"):format("job: plan", job.listings, plan, median(job.memory)))
  print(("  %-24s %9d %9.1f %9.1f"):format("job: apply", job.requests, apply, median(job.memory)))
  print(("  %-24s %9d %9.1f %9.1f %9.1f"):format("job: plan and apply", job.listings + job.requests, plan + apply,
    median(job.memory), 1))
  print(("  %-24s %9d %9.1f %9.1f %9.2f"):format("job: both at once", at_once.listings + at_once.requests,
    median(at_once.plan) + median(at_once.apply), median(at_once.memory), median(at_once.ratios)))
  local rows = {}
  for i, way in ipairs(loops) do
    rows[i] = { way = way.name, requests = ROWS, seconds = median(way.seconds), memory = median(way.memory),
      ratio = median(way.ratios), sample = way.sample }
    print(("  %-24s %9d %9.0f %9.1f %9.1f   (from %d calls)"):format(way.name, ROWS, rows[i].seconds, rows[i].memory,
      rows[i].ratio, way.sample))
  end
  local told = "  %.0f times faster than a loop around curl (wanted: %d); at once %.2f of one client's time, kept (wanted: %.2f)"
  print(told:format(rows[1].ratio, CURL, median(at_once.ratios) / rows[3].ratio, KEPT))
  return { title = title, delay = delay, rows = rows, plan = plan, apply = apply, memory = median(job.memory),
    requests = job.listings + job.requests, commits = job.commits, lines = ROWS,
    at_once = { seconds = median(at_once.plan) + median(at_once.apply), requests = at_once.listings + at_once.requests,
      ratio = median(at_once.ratios), memory = median(at_once.memory) } }
end

tools.save("jobs", {
  bench("answers at once", 0, 3, { curl = 100, fresh = 300, client = 2000 }),
  bench("answers after 5 ms", 0.005, 1, { curl = 100, fresh = 200, client = 400 }),
})
