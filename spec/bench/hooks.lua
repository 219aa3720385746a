-- What the benches of the hosts share: the CPU of a host's process, and two ways to answer a request in it, in turns.
--
-- A round is as many calls of one way and then of the other; the next begins with the other. What counts is each round's ratio,
-- whose median a busy machine moves little; and of each way the median, in microseconds.

local load = require "spec.support.hosts.load"

local hooks = {}

--- What a file holds.
function hooks.content(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

--- Seconds of CPU that a process has used, to the nanosecond: all its threads.
function hooks.cpu(pid)
  local pipe, sum = io.popen(("cat /proc/%s/task/*/schedstat"):format(pid)), 0
  for line in pipe:lines() do sum = sum + line:match "^%d+" end
  pipe:close()
  return sum / 1e9
end

-- Seconds of CPU for each of so many calls, 8 at once; all must be good.
local function run(pid, request, calls, after)
  local before = hooks.cpu(pid)
  for _, reply in ipairs((load.run(load.many(calls, request, 8)))) do
    assert(reply.status == 202, tostring(reply.status) .. tostring(reply.body))
  end
  local used = hooks.cpu(pid) - before
  after()
  return used / calls
end

hooks.run = run

local function median(values)
  table.sort(values)
  return values[math.ceil(#values / 2)]
end

--- Compares the webhook with the code by hand, and prints how they stand.
-- @param name of the host
-- @param pid its only worker's
-- @param ways `webhook` and `by_hand`: requests
-- @param options `calls` of each way in a round, `rounds`, `after()` each turn, `target`
function hooks.compare(name, pid, ways, options)
  local times, ratios = { webhook = {}, by_hand = {} }, {}
  for _, way in ipairs { "webhook", "by_hand" } do run(pid, ways[way], options.calls, options.after) end
  for round = 1, options.rounds do
    for i = 1, 2 do
      local way = (round + i) % 2 == 0 and "webhook" or "by_hand"
      times[way][round] = run(pid, ways[way], options.calls, options.after)
    end
    ratios[round] = times.webhook[round] / times.by_hand[round]
  end
  local ratio = median(ratios)
  print(("CPU of a call in %s, its egress included: webhook %.0f us, by hand %.0f us (medians of %d rounds of %d calls)"):format(
    name, median(times.webhook) * 1e6, median(times.by_hand) * 1e6, options.rounds, options.calls))
  print(("%.2f times, median of the rounds' ratios (%.2f to %.2f); the target is at most %.1f: %s"):format(
    ratio, ratios[1], ratios[#ratios], options.target, ratio <= options.target and "met" or "MISSED"))
  return ratio
end

-- Memory and descriptors of a process: kilobytes, and how many.
local function state(pid)
  local pipe = io.popen(("ls /proc/%s/fd | wc -l"):format(pid))
  local descriptors = pipe:read "*n"
  pipe:close()
  return tonumber(hooks.content("/proc/" .. pid .. "/status"):match "VmRSS:%s*(%d+)"), descriptors
end

--- Makes many calls, and prints what they left behind, and on how many connections they came to the API.
-- @param name of the host
-- @param pid its only worker's
-- @param request the webhook's
-- @param server the sandbox
-- @param calls how many
function hooks.many(name, pid, request, server, calls)
  local memory, descriptors = state(pid)
  local seen, connections = {}, 0
  for done = 0, calls - 1, 1000 do
    run(pid, request, math.min(calls - done, 1000), function()
      for _, sent in ipairs(server:requests()) do
        if not seen[sent.connection] then connections = connections + 1 end
        seen[sent.connection] = true
      end
      server:clear()
    end)
  end
  local memory_after, descriptors_after = state(pid)
  print(("%d calls in %s: %d kB before, %d kB after; %d and %d descriptors; %d connections to the API"):format(
    calls, name, memory, memory_after, descriptors, descriptors_after, connections))
end

return hooks
