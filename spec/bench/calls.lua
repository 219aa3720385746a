-- What a call costs, beside C on libcurl with nothing around it and beside what people write. The server is nginx with one worker
-- and canned answers (server.lua): it has answered before any of these clients has read, so that what is measured is the client.
-- Interleaved rounds, each in a process of its own; the medians of the rounds' ratios to raw. Prints tables, and JSON into
-- build/bench/calls.json.
--     calls.lua [rounds [calls a round]]

local processes = require "spec.support.processes"
local server = require "spec.bench.server"
local tools = require "spec.bench.tools"

local ROUNDS, CALLS = tonumber(arg[1]) or 5, tonumber(arg[2]) or 3000

-- Each: a name; how many calls of a round it makes; its command; `every`: in which rounds it takes part.
local function ways_of(nginx, url, ca_file, in_flight)
  local address, ways, many = url .. server.PATH, {}, in_flight > 1
  local function add(name, share, ...)
    local count = math.max(1, math.floor(CALLS * share))
    local command = tools.on_core(many) .. (...):format(select(2, ...)):gsub("@COUNT@", count)
    ways[#ways + 1] = { name = name, count = count, command = command, every = 1 }
    return ways[#ways]
  end
  local lua = processes.LUA
  add(many and "C on libcurl, multi (raw)" or "C on libcurl, easy (raw)", 1, "build/bench/raw '%s' '%s' '%s' @COUNT@ %d",
    address, ca_file, server.TOKEN, in_flight)
  add("C on libcurl, lean", 1, "build/bench/raw '%s' '%s' '%s' @COUNT@ %d lean", address, ca_file, server.TOKEN, in_flight)
  add("aicc: session", 1, "%s spec/bench/caller.lua session '%s' '%s' @COUNT@ %d", lua, url, ca_file, in_flight)
  add(many and "aicc: client in a loop" or "aicc: client", 1, "%s spec/bench/caller.lua client '%s' '%s' @COUNT@ %d", lua, url,
    ca_file, in_flight)
  if not many then
    add("LuaSocket, framed by hand", 1, "%s spec/bench/caller_socket.lua '%s' '%s' '%s' @COUNT@", lua, address, ca_file,
      server.TOKEN)
    add("Python, http.client", 0.5, "python3 spec/bench/caller.py '%s' '%s' '%s' @COUNT@", address, ca_file, server.TOKEN)
    add("the curl command", 0.01, "bash spec/bench/caller.sh '%s' '%s' '%s' @COUNT@", address, ca_file, server.TOKEN)
  end
  if tools.has "wrk" then -- it takes a second each time
    add("wrk (the server's limit)", 1, "bash spec/bench/wrk.sh '%s' %d '%s' '%s' @COUNT@",
      address, in_flight, server.TOKEN, nginx.work).every = 2
  end
  return ways
end

local function note(way, name, value)
  way[name] = way[name] or {}
  table.insert(way[name], value)
end

local function bench(nginx, title, url, ca_file, in_flight)
  local ways = ways_of(nginx, url, ca_file, in_flight)
  for round = 1, ROUNDS do
    local raw_wall, raw_cpu
    for _, way in ipairs(ways) do
      if round % way.every == 0 or ROUNDS == 1 then
        local wall, cpu = tools.numbers(way.command)
        wall, cpu = wall / way.count, cpu and cpu / way.count
        raw_wall, raw_cpu = raw_wall or wall, raw_cpu or cpu
        note(way, "walls", wall)
        note(way, "wall_ratios", wall / raw_wall)
        if cpu then
          note(way, "cpus", cpu)
          note(way, "cpu_ratios", cpu / raw_cpu)
        end
      end
    end
  end
  print(("\n%s, %d in flight: %d rounds of %d calls"):format(title, in_flight, ROUNDS, CALLS))
  print(("  %-28s %10s %7s %10s %7s"):format("", "µs wall", "x", "µs CPU", "x"))
  local rows = {}
  for i, way in ipairs(ways) do
    local row = { way = way.name, wall = tools.median(way.walls) * 1e6, wall_ratio = tools.median(way.wall_ratios) }
    if way.cpus then row.cpu, row.cpu_ratio = tools.median(way.cpus) * 1e6, tools.median(way.cpu_ratios) end
    rows[i] = row
    print(("  %-28s %10.1f %7.2f %10s %7s"):format(row.way, row.wall, row.wall_ratio, row.cpu and ("%.1f"):format(row.cpu) or "",
      row.cpu and ("%.2f"):format(row.cpu_ratio) or ""))
  end
  return { title = title, in_flight = in_flight, rows = rows }
end

local tables = {}
tools.with_server(function(nginx)
  for _, in_flight in ipairs { 1, 8, 32, 64 } do
    tables[#tables + 1] = bench(nginx, "HTTP", nginx.http, "", in_flight)
    tables[#tables + 1] = bench(nginx, "HTTPS", nginx.https, nginx.ca_file, in_flight)
  end
end)
if not tools.has "wrk" then print "\n(wrk, which would show the server's own limit, is not installed)" end
tools.save("calls", { machine = tools.machine(), rounds = ROUNDS, calls = CALLS, tables = tables })
