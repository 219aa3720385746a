-- `make bench`: what a call costs, beside C on libcurl with nothing around it. Read the ratios: they are of one run, in
-- interleaved rounds, and hold where absolute times do not. The server is the sandbox in a process of its own.

local core = require "aicc.curl"
local aicc = require "aicc"
local loop = require "aicc.loop"

local ROUNDS, CALLS = 7, 2000
local RELEASE = "/apiaccess/rest/cc-management/v1/agentAccount/releaseAgentBySkillId"

local function command(...)
  local pipe = assert(io.popen((...):format(select(2, ...))))
  local output = pipe:read "a"
  return pipe:close() and output or error("failed: " .. (...))
end

-- Starts a sandbox in another process; it ends when its standard input does.
local function start_server(tls, delay)
  local path = os.tmpname()
  local server = assert(io.popen(([[lua5.4 -e '
    local server = assert(require("aicc.sandbox").start { tls = %s, agents = { [3] = { "1001" } } })
    local file = assert(io.open("%s", "w"))
    if %g > 0 then server:fault { operation = "release_agent_by_skill", to = math.huge, delay = %g } end
    file:write(server.base_url, "\n", server.ca_file or "", "\n", "ready\n")
    file:close()
    io.read "a"
    server:stop()']]):format(tostring(tls), path, delay or 0, delay or 0), "w"))
  local told
  repeat
    core.sleep(0.01)
    local file = io.open(path)
    told = file and file:read "a" or ""
    if file then file:close() end
  until told:find "ready\n$"
  os.remove(path)
  local base_url, ca_file = told:match "^([^\n]*)\n([^\n]*)\n"
  return { base_url = base_url, ca_file = ca_file ~= "" and ca_file or nil, stop = function() server:close() end }
end

-- Runs f CALLS times; returns microseconds of wall clock and of CPU per call.
local function measure(f)
  for _ = 1, 10 do f() end
  local wall, cpu = core.now(), os.clock()
  for _ = 1, CALLS do f() end
  return (core.now() - wall) / CALLS * 1e6, (os.clock() - cpu) / CALLS * 1e6
end

local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

local function bench_calls(title, server)
  local client = assert(aicc.new { base_url = server.base_url, ca_file = server.ca_file, app_key = "sandbox-key",
    app_secret = "sandbox-secret" })
  local session = assert(core.session { base_url = server.base_url, ca_file = server.ca_file, app_key = "sandbox-key" })
  local token = assert(client:access_token())
  local arguments = { skillId = 3, userAccounts = { "1001", "1002" } }
  local ways = {
    { "C on libcurl (raw)", function()
      local output = command("build/bench/raw '%s%s' '%s' '%s' %d 1",
        server.base_url, RELEASE, server.ca_file or "", token, CALLS)
      local wall, cpu = output:match "(%S+) (%S+)"
      return tonumber(wall) / CALLS * 1e6, tonumber(cpu) / CALLS * 1e6
    end },
    { "session:release_agent_by_skill", function()
      return measure(function() assert(session:release_agent_by_skill(token, arguments)) end)
    end },
    { "client:release_agent_by_skill", function()
      return measure(function() assert(client:release_agent_by_skill(3, arguments.userAccounts)) end)
    end },
  }
  local walls, cpus = {}, {}
  for _ = 1, ROUNDS do
    for i, way in ipairs(ways) do
      walls[i], cpus[i] = walls[i] or {}, cpus[i] or {}
      local wall, cpu = way[2]()
      table.insert(walls[i], wall)
      table.insert(cpus[i], cpu)
    end
  end
  print(("\n%s, one call at a time, connection kept (medians of %d rounds of %d calls)"):format(title, ROUNDS, CALLS))
  local wall, cpu = median(walls[1]), median(cpus[1])
  for i, way in ipairs(ways) do
    print(("  %-32s %7.1f µs wall  x %.2f   %7.1f µs CPU  x %.2f"):format(
      way[1], median(walls[i]), median(walls[i]) / wall, median(cpus[i]), median(cpus[i]) / cpu))
  end
  client:close()
  session:close()
end

-- An API that takes its time, as one across a network does: there many calls at once pay.
local function bench_loop()
  local count, delay = 320, 0.005
  local server = start_server(false, delay)
  local client = assert(aicc.new { base_url = server.base_url, app_key = "sandbox-key", app_secret = "sandbox-secret",
    max_in_flight = 32 })
  assert(client:access_token())
  local began = core.now()
  for _ = 1, count do assert(client:release_agent_by_skill(3, { "1001" })) end
  local one = core.now() - began
  began = core.now()
  for _ = 1, count do
    loop.spawn(function() assert(client:release_agent_by_skill(3, { "1001" })) end)
  end
  loop.run()
  local many = core.now() - began
  print(("\nMany at once, HTTP, answers after %g ms: %d calls\n  %-32s %7.0f calls/s\n  %-32s %7.0f calls/s  x %.1f"):format(
    delay * 1000, count, "one after the other", count / one, "aicc.loop, 32 in flight", count / many, one / many))
  client:close()
  server.stop()
end

local http, https = start_server(false), start_server(true)
bench_calls("HTTP", http)
bench_calls("HTTPS", https)
bench_loop()
http.stop()
https.stop()
dofile "spec/bench/encode.lua"
dofile "spec/bench/jobs.lua"
