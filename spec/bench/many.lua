-- Many calls at once against an API that takes its time, as one across a network does: one client that calls 320 times, with up
-- to 32 in flight, and a hundred clients in one loop with five calls each. JSON into build/bench/many.json.

local aicc = require "aicc"
local core = require "aicc.core"
local loop = require "aicc.loop"
local sandbox = require "spec.bench.sandbox"
local tools = require "spec.bench.tools"

local COUNT, DELAY = 320, 0.005
local CLIENTS, EACH, SLOW = 100, 5, 0.020

local function new_client(server, options)
  options.base_url, options.app_key, options.app_secret = server.url, "sandbox-key", "sandbox-secret"
  return assert(aicc.new(options))
end

local function timed(f, ...)
  local began = core.now()
  f(...)
  return core.now() - began
end

local function call(client, times)
  for _ = 1, times do assert(client:release_agent_by_skill(3, { "1001" })) end
end

local function one_client()
  local server = sandbox.start { agents = { [3] = { "1001" } }, delay = DELAY }
  local client = new_client(server, { max_in_flight = 32 })
  assert(client:access_token())
  local one = timed(call, client, COUNT)
  local many = timed(function()
    for _ = 1, COUNT do loop.spawn(call, client, 1) end
    loop.run()
  end)
  client:close()
  server.stop()
  print(("\nMany at once, HTTP, answers after %g ms: %d calls\n  %-32s %7.0f calls/s\n  %-32s %7.0f calls/s  x %.1f"):format(
    DELAY * 1000, COUNT, "one after the other", COUNT / one, "aicc.loop, 32 in flight", COUNT / many, one / many))
  return { delay = DELAY, calls = COUNT, one = one, many = many }
end

local function many_clients()
  local server = sandbox.start { agents = { [3] = { "1001" } }, delay = SLOW }
  local clients = {}
  for i = 1, CLIENTS do
    clients[i] = new_client(server, {})
    assert(clients[i]:access_token())
  end
  local seconds = timed(function()
    for _, client in ipairs(clients) do loop.spawn(call, client, EACH) end
    loop.run()
  end)
  server.stop()
  print(("  %d clients in one loop, %d calls each, answers after %g ms: %.2f s (target 0.2)"):format(CLIENTS, EACH, SLOW * 1000,
    seconds))
  return { clients = CLIENTS, each = EACH, delay = SLOW, seconds = seconds, target = 0.2 }
end

tools.save("many", { one_client = one_client(), many_clients = many_clients() })
