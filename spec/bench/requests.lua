-- How many requests a job makes for each of its rows: they are what it costs where five a second are allowed. Rows over one queue
-- and over 200, in queues that have a hundred agents more: planned and then applied, and both at once (`listed_within`). JSON
-- into build/bench/requests.json.
--     requests.lua [rows ...]     else 10, 100, 1,000 and 100,000

local aicc = require "aicc"
local core = require "aicc.core"
local jobs = require "aicc.jobs"
local sandbox = require "spec.bench.sandbox"
local tools = require "spec.bench.tools"

local SPARE, CHUNK, RATE = 100, 50, 5

local function measure(count, queues, within)
  local each = math.ceil(count / queues)
  local server = sandbox.start { queues = queues, each = each + SPARE }
  local client = assert(aicc.new { base_url = server.url, app_key = "sandbox-key", app_secret = "sandbox-secret" })
  local asked, path, at = {}, os.tmpname(), 0
  os.remove(path)
  local attempt = client.transport.attempt
  function client.transport.attempt(self, request, ...)
    asked[request.operation] = (asked[request.operation] or 0) + 1
    return attempt(self, request, ...)
  end
  local store = assert(jobs.open("sqlite:" .. path))
  local began = core.now()
  local job = assert(store:plan(jobs.rows(function()
    at = at + 1
    if at <= count then return 1 + (at - 1) % queues, "a" .. 1 + (at - 1) // queues end
  end), { name = "bench", client = client, rate = 0 }))
  local planned = asked.query_agents
  local summary = assert(job:apply { client = client, rate = 0, force = true, listed_within = within })
  local seconds = core.now() - began
  assert(summary.counts.released == count, "not all were released")
  store:close()
  client:close()
  server.stop()
  for _, suffix in ipairs { "", "-wal", "-shm", ".1.lock" } do os.remove(path .. suffix) end
  local releases = asked.release_agent_by_skill
  local all = asked.query_agents + releases
  return {
    rows = count, queues = queues, plan = planned, listings = asked.query_agents - planned, releases = releases,
    least = math.min(count, queues) * math.ceil(each / CHUNK), all = all, each = all / count, seconds = seconds,
  }
end

local counts = {}
for i, text in ipairs(arg) do counts[i] = assert(tonumber(text), "rows: expected a number") end
if not counts[1] then counts = { 10, 100, 1000, 100000 } end
local rows = {}
print(("\nRequests of a job, queues of %d agents more than rows, chunks of %d\n"):format(SPARE, CHUNK))
print(("  %8s %7s %10s %11s %9s %8s %10s %10s %8s %9s %10s"):format("rows", "queues", "plan lists", "apply lists", "releases",
  "all", "for a row", "at " .. RATE .. "/s", "rows/s", "at once", "for a row"))
for _, queues in ipairs { 1, 200 } do
  for _, count in ipairs(counts) do
    local row, at_once = measure(count, queues), measure(count, queues, 60)
    row.at_once, row.each_at_once = at_once.all, at_once.each
    rows[#rows + 1] = row
    print(("  %8d %7d %10d %11d %9d %8d %10.3f %8.0f s %8.0f %9d %10.3f"):format(row.rows, row.queues, row.plan, row.listings,
      row.releases, row.all, row.each, row.all / RATE, row.rows / row.seconds, row.at_once, row.each_at_once))
  end
end
print "\n  rows/s: plan and apply with no rate limit, against a sandbox that answers at once"
tools.save("requests", rows)
