-- `make bench`: calls.lua, many calls at once against an API that takes its time (the sandbox in a process of its own),
-- encode.lua and jobs.lua. Read the ratios: they are of one run, in interleaved rounds, and hold where absolute times do not.

local core = require "aicc.curl"
local aicc = require "aicc"
local loop = require "aicc.loop"

-- Starts a sandbox in another process; it ends when its standard input does.
local function start_server(delay)
  local path = os.tmpname()
  local server = assert(io.popen(([[lua5.4 -e '
    local server = assert(require("aicc.sandbox").start { agents = { [3] = { "1001" } } })
    local file = assert(io.open("%s", "w"))
    if %g > 0 then server:fault { operation = "release_agent_by_skill", to = math.huge, delay = %g } end
    file:write(server.base_url, "\n", server.ca_file or "", "\n", "ready\n")
    file:close()
    io.read "a"
    server:stop()']]):format(path, delay, delay), "w"))
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

-- An API that takes its time, as one across a network does: there many calls at once pay.
local function bench_loop()
  local count, delay = 320, 0.005
  local server = start_server(delay)
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

dofile "spec/bench/calls.lua"
bench_loop()
dofile "spec/bench/encode.lua"
dofile "spec/bench/jobs.lua"
