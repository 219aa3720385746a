-- 100,000 rows over 200 queues: the job beside a loop that makes one call per row. Wall time, requests, peak memory; no rate
-- limit. The sandbox is in a process of its own. The loops are measured on a sample; their time for all rows follows from that.

local aicc = require "aicc"
local core = require "aicc.core"
local jobs = require "aicc.jobs"

local QUEUES, EACH, SPARE = 200, 500, 100 -- rows of a queue; agents that are bound beside them
local ROWS = QUEUES * EACH
local SAMPLE = { client = 2000, fresh = 500, curl = 100 }

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
  return {
    base_url = url, stop = function() server:close() end,
    client = function() return assert(aicc.new { base_url = url, app_key = "sandbox-key", app_secret = "sandbox-secret" }) end,
  }
end

local function peak_memory()
  for line in io.lines "/proc/self/status" do
    local kib = line:match "^VmHWM:%s*(%d+)"
    if kib then return tonumber(kib) / 1024 end
  end
end

-- Seconds for all rows, at the speed of the first `count`.
local function sampled(count, f)
  local began = core.now()
  for i = 1, count do f(1 + i % QUEUES, "a" .. (1 + i // QUEUES)) end
  return (core.now() - began) / count * ROWS
end

local function bench(title, server)
  local client = server.client()
  local token = assert(client:access_token())
  local path = os.tmpname()
  os.remove(path)
  local store = assert(jobs.open("sqlite:" .. path))
  local at = 0
  local began = core.now()
  local job = assert(store:plan(jobs.rows(function()
    at = at + 1
    if at <= ROWS then return 1 + (at - 1) % QUEUES, "a" .. (1 + (at - 1) // QUEUES) end
  end), { name = "bench", client = client, rate = 0 }))
  local planned = core.now()
  local summary = assert(job:apply { client = client, rate = 0, force = true })
  local applied = core.now()
  assert(summary.counts.released == ROWS, "not all were released")
  local memory = peak_memory()
  local pages = QUEUES * math.ceil((EACH + SPARE) / 100)

  local naive = sampled(SAMPLE.client, function(skill, account) assert(client:release_agent_by_skill(skill, { account })) end)
  local fresh = sampled(SAMPLE.fresh, function(skill, account)
    local one = server.client()
    assert(one:release_agent_by_skill(skill, { account }))
    one:close()
  end)
  local curl = sampled(SAMPLE.curl, function(skill, account)
    assert(os.execute(([[curl -sf -o /dev/null -H 'Content-Type: application/json' -H 'Authorization: Bearer %s' \
      -H 'x-app-key: sandbox-key' -d '{"skillId":%d,"userAccounts":["%s"]}' \
      %s/apiaccess/rest/cc-management/v1/agentAccount/releaseAgentBySkillId]]):format(
      token, skill, account, server.base_url)))
  end)

  local took = applied - planned
  print(("\nA job, %s: %d rows, %d queues, chunks of 50, no rate limit"):format(title, ROWS, QUEUES))
  print(("  plan %26.1f s   (reads the rows, lists %d pages)"):format(planned - began, pages))
  print(("  apply %25.1f s   %d requests: %d releases + %d pages; %d commits; peak memory %.0f MiB"):format(took,
    summary.requests, ROWS // 50, pages, summary.commits, memory))
  for _, way in ipairs { { "one call per row, one client", naive, SAMPLE.client },
    { "one call per row, a client each", fresh, SAMPLE.fresh }, { "one curl per row", curl, SAMPLE.curl } } do
    print(("  %-31s%6.1f s   x %.1f of apply, x %.1f of plan and apply (from %d calls)"):format(way[1], way[2], way[2] / took,
      way[2] / (applied - began), way[3]))
  end
  store:close()
  client:close()
  for _, suffix in ipairs { "", "-wal", "-shm", ".1.lock" } do os.remove(path .. suffix) end
end

for _, delay in ipairs { 0, 0.005 } do
  local server = start_server(delay)
  bench(delay == 0 and "answers at once" or ("answers after %g ms"):format(delay * 1000), server)
  server.stop()
end
