-- 100,000 rows over 200 queues: the job beside loops that make one call per row. Requests, wall time, peak memory; no rate limit.
--
-- Each way runs in a process of its own, and so does the sandbox. The loops: one curl process per row, which is what operators
-- have today (loop.sh); a client of ours made for each row; one client of ours, whose connection is kept. They are measured on a
-- sample of the rows, and their time for all rows follows from that; their memory does not grow with the rows.
--     jobs.lua                  measures all
--     jobs.lua WAY BASE_URL     one way, in this process: prints its numbers

local aicc = require "aicc"
local core = require "aicc.core"
local jobs = require "aicc.jobs"

local QUEUES, EACH, SPARE = 200, 500, 100 -- rows of a queue; agents that are bound beside them
local ROWS = QUEUES * EACH
local PAGES = QUEUES * math.ceil((EACH + SPARE) / 100) -- of one listing of every queue
local SAMPLE = { client = 2000, fresh = 500, curl = 200 }
local TARGET = 20 -- times faster than the loop around curl, at least

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

function ways.job(url)
  local client, path, at = new_client(url), os.tmpname(), 0
  os.remove(path)
  local store = assert(jobs.open("sqlite:" .. path))
  local began = core.now()
  local job = assert(store:plan(jobs.rows(function()
    at = at + 1
    if at <= ROWS then return row(at) end
  end), { name = "bench", client = client, rate = 0 }))
  local planned = core.now()
  local summary = assert(job:apply { client = client, rate = 0, force = true })
  local applied = core.now()
  assert(summary.counts.released == ROWS, "not all were released")
  store:close()
  for _, suffix in ipairs { "", "-wal", "-shm", ".1.lock" } do os.remove(path .. suffix) end
  print(planned - began, applied - planned, peak_memory(), summary.requests, summary.commits)
end

local function sampled(count, release)
  local began = core.now()
  for i = 1, count do assert(release(row(i))) end
  print(core.now() - began, peak_memory())
end

function ways.client(url)
  local client = new_client(url)
  sampled(SAMPLE.client, function(skill, account) return client:release_agent_by_skill(skill, { account }) end)
end

function ways.fresh(url)
  sampled(SAMPLE.fresh, function(skill, account)
    local client <close> = new_client(url)
    return (client:release_agent_by_skill(skill, { account }))
  end)
end

if arg[1] and ways[arg[1]] then return ways[arg[1]](arg[2]) end

-- ---- beside each other ----

-- Starts a sandbox with its queues in another process; it ends when its standard input does.
local function start_server(delay)
  local path = os.tmpname()
  local server = assert(io.popen(([[lua5.4 -e '
    local agents = {}
    for q = 1, %d do
      agents[q] = {}
      for i = 1, %d do agents[q][i] = "a" .. i end
    end
    local server = assert(require("aicc.sandbox").start { agents = agents, log = false })
    if %g > 0 then server:fault { to = math.huge, delay = %g } end
    local file = assert(io.open("%s", "w"))
    file:write(server.base_url, "\n")
    file:close()
    io.read "a"
    server:stop()']]):format(QUEUES, EACH + SPARE, delay, delay, path), "w"))
  local url
  repeat
    core.sleep(0.05)
    local file = io.open(path)
    url = file and file:read "l"
    if file then file:close() end
  until url
  os.remove(path)
  return url, function() server:close() end
end

-- What a command prints: numbers.
local function numbers(command)
  local pipe = assert(io.popen(command))
  local told = {}
  for number in pipe:read("a"):gmatch "%S+" do told[#told + 1] = tonumber(number) end
  assert(pipe:close(), "failed: " .. command)
  return table.unpack(told)
end

local function in_child(way, url) return numbers(("lua5.4 spec/bench/jobs.lua %s '%s'"):format(way, url)) end

-- The seconds for all rows, and the memory in MiB, of the loop around curl.
local function around_curl(url)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  for i = 1, SAMPLE.curl do file:write(("%d,%s\n"):format(row(i))) end
  file:close()
  local client <close> = new_client(url)
  local microseconds, memory = numbers(("bash spec/bench/loop.sh '%s' '%s' <%s"):format(url, assert(client:access_token()), path))
  os.remove(path)
  return microseconds / 1e6 / SAMPLE.curl * ROWS, memory
end

local function bench(title, delay)
  local url, stop = start_server(delay)
  local loops = {}
  local function add(name, count, seconds, memory)
    loops[#loops + 1] = { name = name, count = count, seconds = seconds, memory = memory }
  end
  -- The loops first: each account is bound still.
  add("a loop around curl", SAMPLE.curl, around_curl(url))
  for _, way in ipairs { { "fresh", "a client each" }, { "client", "one client, kept" } } do
    local seconds, memory = in_child(way[1], url)
    add(way[2], SAMPLE[way[1]], seconds / SAMPLE[way[1]] * ROWS, memory)
  end
  stop()
  url, stop = start_server(delay)
  local plan, apply, memory, requests, commits = in_child("job", url)
  stop()

  print(("\nA job, %s: %d rows, %d queues, chunks of 50, no rate limit"):format(title, ROWS, QUEUES))
  print(("  plan   %6d requests = %d pages"):format(PAGES, PAGES))
  print(("  apply  %6d requests; rows / 50 + pages = %d + %d = %d; %d commits"):format(requests, ROWS // 50, PAGES,
    ROWS // 50 + PAGES, commits))
  print(("\n  %-24s %9s %9s %9s %9s %12s"):format("", "requests", "seconds", "MiB", "x apply", "x plan+apply"))
  print(("  %-24s %9d %9.1f %9.1f"):format("job: apply", requests, apply, memory / 1024))
  print(("  %-24s %9d %9.1f %9.1f"):format("job: plan and apply", requests + PAGES, plan + apply, memory / 1024))
  for _, way in ipairs(loops) do
    print(("  %-24s %9d %9.0f %9.1f %9.1f %12.1f   (from %d calls)"):format(way.name, ROWS, way.seconds, way.memory / 1024,
      way.seconds / apply, way.seconds / (plan + apply), way.count))
  end
  local ratio = loops[1].seconds / (plan + apply)
  print(("  %.0f times faster than the loop around curl, plan and all: %s"):format(ratio,
    ratio >= TARGET and ("at least %d"):format(TARGET) or ("NOT the %d that is wanted"):format(TARGET)))
end

bench("answers at once", 0)
bench("answers after 5 ms", 0.005)
