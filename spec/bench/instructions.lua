-- `make bench-instructions`: machine instructions per call, beside C on libcurl with nothing around it. Counted by valgrind's
-- callgrind and not timed. Each way is run twice in a process of its own, with few calls and with many; what the latter has more
-- is theirs. The server is nginx (server.lua). That three times, in turn: what counts is the median.
--
-- What a poll finds ready would be chance, and 5 % of a call with 32 in flight. So server and client are kept on different cores:
-- then the server has always answered, on a busy machine too.
--
-- Fails where a ratio is above its limit: what was reached here, and a little more, less than 5 %; never more than the target,
-- which is issue 11's. Prints a table, and JSON into build/bench/instructions.json.

local processes = require "spec.support.processes"
local server = require "spec.bench.server"
local tools = require "spec.bench.tools"

local FEW, MANY, ROUNDS = 100, 600, 3

-- Each with the way that it is compared with.
local WAYS = {
  { name = "raw easy" },
  { name = "raw easy, lean", to = "raw easy" },
  { name = "session", to = "raw easy", limit = 0.90, target = 0.90 },
  { name = "client", to = "raw easy", limit = 1.07, target = 1.12 },
  { name = "raw multi, 32", in_flight = 32 },
  { name = "session, 32", to = "raw multi, 32", in_flight = 32, limit = 0.92 },
  { name = "loop, 32", to = "raw multi, 32", in_flight = 32, limit = 1.12, target = 1.12 },
}

-- The command that makes so many calls in one of the ways.
local function command(way, url, calls)
  local in_flight = way.in_flight or 1
  if way.name:find "^raw" then
    local lean = way.name:find "lean" and "lean" or ""
    return ("build/bench/raw '%s%s' '' '%s' %d %d %s"):format(url, server.PATH, server.TOKEN, calls, in_flight, lean)
  end
  local caller = way.name:find "^session" and "session" or "client"
  return ("%s spec/bench/caller.lua %s '%s' '' %d %d"):format(processes.LUA, caller, url, calls, in_flight)
end

-- The instructions of a process that makes so many calls.
local function instructions(way, url, calls)
  local output = tools.output(("%svalgrind --tool=callgrind --callgrind-out-file=/dev/null %s"):format(
    tools.on_core(true), command(way, url, calls)))
  return tonumber((output:match "Collected : (%d+)")) or error(way.name .. ": " .. output)
end

local found, missed = {}, 0
tools.with_server(function(nginx)
  for _ = 1, ROUNDS do
    for _, way in ipairs(WAYS) do
      local few, many = instructions(way, nginx.http, FEW), instructions(way, nginx.http, MANY)
      found[way.name] = found[way.name] or {}
      table.insert(found[way.name], (many - few) / (MANY - FEW))
    end
  end
end)
for name, counts in pairs(found) do
  table.sort(counts)
  found[name] = counts[ROUNDS // 2 + 1]
end

print(("%-18s %14s %8s %8s %8s"):format("", "instructions", "ratio", "limit", "target"))
local rows = {}
for i, way in ipairs(WAYS) do
  local ratio = way.to and found[way.name] / found[way.to]
  rows[i] = {
    name = way.name, instructions = math.floor(found[way.name] + 0.5), to = way.to, ratio = ratio, limit = way.limit,
    target = way.target,
  }
  local function shown(number) return number and ("%.2f"):format(number) or "" end
  local is_missed = way.limit and ratio > way.limit
  if is_missed then missed = missed + 1 end
  print(("%-18s %14d %8s %8s %8s%s"):format(way.name, rows[i].instructions, shown(ratio), shown(way.limit), shown(way.target),
    is_missed and "  MISSED" or ""))
end
tools.save("instructions", rows)
os.exit(missed == 0, true)
