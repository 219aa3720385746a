-- What a call costs, beside C on libcurl with nothing around it and beside what people write. The server is nginx with one worker
-- and canned answers (server.lua): it has answered before any of these clients has read, so that what is measured is the client.
-- Interleaved rounds, each in a process of its own; the medians of the rounds' ratios to raw. Prints tables, and JSON into
-- build/bench/calls.json.
--     calls.lua [rounds [calls a round]]

local cjson = require "cjson"
local processes = require "spec.support.processes"
local server = require "spec.bench.server"

local ROUNDS, CALLS = tonumber(arg[1]) or 7, tonumber(arg[2]) or 3000

local function has(program) return (os.execute("command -v " .. program .. " >/dev/null 2>&1")) end

-- What a command prints: seconds of wall clock, and of CPU where it tells them.
local function seconds(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local output = pipe:read "a"
  local wall, cpu = output:match "^([%d.]+) ?([%d.]*)"
  assert(pipe:close() and wall, command .. ": " .. output)
  return tonumber(wall), tonumber(cpu)
end

-- Each: a name; how many calls of the round it makes; its command. `most`: at most so many in flight.
local function ways_of(nginx, url, ca_file, in_flight)
  local address, ways = url .. server.PATH, {}
  local function add(name, share, ...)
    local count = math.max(1, math.floor(CALLS * share))
    ways[#ways + 1] = { name = name, count = count, command = (...):format(select(2, ...)):gsub("@COUNT@", count) }
  end
  local lua, many = processes.LUA, in_flight > 1
  add(many and "C on libcurl, multi (raw)" or "C on libcurl, easy (raw)", 1, "build/bench/raw '%s' '%s' '%s' @COUNT@ %d",
    address, ca_file, server.TOKEN, in_flight)
  add("session", 1, "%s spec/bench/caller.lua session '%s' '%s' @COUNT@ %d", lua, url, ca_file, in_flight)
  add(many and "client, in aicc.loop" or "client", 1, "%s spec/bench/caller.lua client '%s' '%s' @COUNT@ %d", lua, url, ca_file,
    in_flight)
  if not many then
    add("LuaSocket, connection kept", 1, "%s spec/bench/caller.lua luasocket '%s' '%s' @COUNT@ 1", lua, url, ca_file)
    add("Python, http.client kept", 0.5, "python3 spec/bench/caller.py '%s' '%s' '%s' @COUNT@", address, ca_file, server.TOKEN)
    add("the curl command", 0.01, "bash spec/bench/caller.sh '%s' '%s' '%s' @COUNT@", address, ca_file, server.TOKEN)
  end
  if has "wrk" then
    add("wrk (the server's limit)", 1, "bash spec/bench/wrk.sh '%s' %d '%s' '%s' @COUNT@",
      address, in_flight, server.TOKEN, nginx.work)
  end
  return ways
end

local function median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

local function bench(nginx, title, url, ca_file, in_flight)
  local ways = ways_of(nginx, url, ca_file, in_flight)
  for _ = 1, ROUNDS do
    local raw_wall, raw_cpu
    for _, way in ipairs(ways) do
      local wall, cpu = seconds(way.command)
      wall, cpu = wall / way.count, cpu and cpu / way.count
      raw_wall, raw_cpu = raw_wall or wall, raw_cpu or cpu
      local measured = { walls = wall, wall_ratios = wall / raw_wall, cpus = cpu, cpu_ratios = cpu and cpu / raw_cpu }
      for _, list in ipairs { "walls", "wall_ratios", "cpus", "cpu_ratios" } do
        way[list] = way[list] or {}
        table.insert(way[list], measured[list])
      end
    end
  end
  print(("\n%s, %d in flight: %d rounds of %d calls"):format(title, in_flight, ROUNDS, CALLS))
  print(("  %-28s %10s %7s %10s %7s"):format("", "µs wall", "x", "µs CPU", "x"))
  local rows = {}
  for i, way in ipairs(ways) do
    local row = { way = way.name, wall = median(way.walls) * 1e6, wall_ratio = median(way.wall_ratios) }
    if way.cpus[1] then row.cpu, row.cpu_ratio = median(way.cpus) * 1e6, median(way.cpu_ratios) end
    rows[i] = row
    print(("  %-28s %10.1f %7.2f %10s %7s"):format(row.way, row.wall, row.wall_ratio, row.cpu and ("%.1f"):format(row.cpu) or "",
      row.cpu and ("%.2f"):format(row.cpu_ratio) or ""))
  end
  return { title = title, in_flight = in_flight, rows = rows }
end

local nginx, tables = server.start(), {}
local ok, problem = xpcall(function()
  for _, in_flight in ipairs { 1, 8, 32, 64 } do
    tables[#tables + 1] = bench(nginx, "HTTP", nginx.http, "", in_flight)
    tables[#tables + 1] = bench(nginx, "HTTPS", nginx.https, nginx.ca_file, in_flight)
  end
end, debug.traceback)
nginx:stop()
if not ok then error(problem, 0) end
if not has "wrk" then print "\n(wrk, which would show the server's own limit, is not installed)" end
local file = assert(io.open("build/bench/calls.json", "w"))
file:write(cjson.encode { date = os.date "!%Y-%m-%d", rounds = ROUNDS, calls = CALLS, tables = tables }, "\n")
file:close()
