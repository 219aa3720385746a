-- One way to make the benches' request, in a process of its own:
--     caller.lua WAY BASE_URL CA_FILE COUNT IN_FLIGHT
-- prints the seconds of wall clock and of CPU that COUNT calls took, and the process's peak memory in KiB; with BENCH_GARBAGE
-- also how many bytes each call left for the collector. Before them, BENCH_WARM_UP calls (64) that connect and do not count. WAY
-- is session or client (one after the other), or with more in flight than one a session's start, step and result, or clients in
-- aicc.loop.

local core = require "aicc.curl"
local aicc = require "aicc"
local loop = require "aicc.loop"

local WARM_UP = tonumber(os.getenv "BENCH_WARM_UP" or 64)
local way, base_url, ca_file, count, in_flight = arg[1], arg[2], arg[3], tonumber(arg[4]), tonumber(arg[5])
if ca_file == "" then ca_file = nil end
local TOKEN = ("bench-token-"):rep(10) .. "12345678" -- server.lua's
local ACCOUNTS = { "1001", "1002" }
local ARGUMENTS = { skillId = 3, userAccounts = ACCOUNTS }

local ways = {}

local function new_session()
  return assert(core.session {
    base_url = base_url, ca_file = ca_file, app_key = "sandbox-key", proxy = "", max_in_flight = in_flight,
  })
end

local function new_client()
  return assert(aicc.new {
    base_url = base_url, ca_file = ca_file, app_key = "sandbox-key", app_secret = ("secret-"):rep(5), proxy = "",
    max_in_flight = in_flight,
  })
end

function ways.session()
  local session = new_session()
  if in_flight == 1 then
    return function(calls)
      for _ = 1, calls do assert(session:release_agent_by_skill(TOKEN, ARGUMENTS)) end
    end
  end
  local function start() assert(session:start("release_agent_by_skill", TOKEN, ARGUMENTS)) end
  return function(calls)
    local begun = math.min(calls, in_flight)
    for _ = 1, begun do start() end
    local running = begun
    while running > 0 do
      session:step(1)
      local ticket, result, err = session:result()
      while ticket do
        assert(result, err)
        running = running - 1
        if begun < calls then
          start()
          begun, running = begun + 1, running + 1
        end
        ticket, result, err = session:result()
      end
    end
  end
end

function ways.client()
  local client = new_client()
  local function call(calls)
    for _ = 1, calls do assert(client:release_agent_by_skill(3, ACCOUNTS)) end
  end
  if in_flight == 1 then return call end
  assert(client:access_token())
  return function(calls)
    for i = 1, in_flight do loop.spawn(call, (calls + i - 1) // in_flight) end
    loop.run()
  end
end

local function peak_memory()
  for line in io.lines "/proc/self/status" do
    local kib = line:match "^VmHWM:%s*(%d+)"
    if kib then return kib end
  end
end

local run = ways[way]()
run(WARM_UP)
local garbage
if os.getenv "BENCH_GARBAGE" then
  collectgarbage()
  collectgarbage "stop"
  garbage = collectgarbage "count"
end
local wall, cpu = core.now(), os.clock()
run(count)
wall, cpu = core.now() - wall, os.clock() - cpu
print(("%.6f %.6f %d %s"):format(wall, cpu, peak_memory(),
  garbage and math.floor((collectgarbage "count" - garbage) * 1024 / count + 0.5) or ""))
