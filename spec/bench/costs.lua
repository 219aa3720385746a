-- What a call costs beside time: system calls (strace counts them), bytes left for the collector, and memory for each transfer in
-- flight. Each is what a process with many has more than one with few. JSON into build/bench/costs.json.

local processes = require "spec.support.processes"
local server = require "spec.bench.server"
local tools = require "spec.bench.tools"

local FEW, MANY = 100, 400   -- calls
local SOME, WIDE = 16, 256   -- transfers in flight

local function raw(url, calls, in_flight)
  return ("build/bench/raw '%s%s' '' '%s' %d %d"):format(url, server.PATH, server.TOKEN, calls, in_flight)
end

local function caller(way)
  return function(url, calls, in_flight)
    return ("%s spec/bench/caller.lua %s '%s' '' %d %d"):format(processes.LUA, way, url, calls, in_flight)
  end
end

local function luasocket(url, calls)
  return ("%s spec/bench/caller_socket.lua '%s%s' '' '%s' %d"):format(processes.LUA, url, server.PATH, server.TOKEN, calls)
end

local function python(url, calls)
  return ("python3 spec/bench/caller.py '%s%s' '' '%s' %d"):format(url, server.PATH, server.TOKEN, calls)
end

local WAYS = {
  { name = "C on libcurl, easy (raw)", command = raw, in_flight = 1 },
  { name = "aicc: session", command = caller "session", in_flight = 1, is_ours = true },
  { name = "aicc: client", command = caller "client", in_flight = 1, is_ours = true },
  { name = "LuaSocket, framed by hand", command = luasocket, in_flight = 1, is_ours = true },
  { name = "Python, http.client", command = python, in_flight = 1 },
  { name = "C on libcurl, multi (raw)", command = raw, in_flight = 32, is_wide = true },
  { name = "aicc: session, many", command = caller "session", in_flight = 32, is_ours = true, is_wide = true },
  { name = "aicc: client in a loop", command = caller "client", in_flight = 32, is_ours = true, is_wide = true },
}

-- How many system calls of each name a command makes.
local function system_calls(command)
  local path = os.tmpname()
  tools.output(("strace -f -c -o %s %s"):format(path, command))
  local counts = {}
  for line in io.lines(path) do
    local calls, name = line:match "^%s*[%d.]+%s+[%d.]+%s+%d*%s+(%d+)%s+%d*%s*([%a_][%w_]*)$"
    if calls and name ~= "total" then counts[name] = (counts[name] or 0) + tonumber(calls) end
  end
  os.remove(path)
  return counts
end

local function rounded(number) return math.floor(number * 100 + 0.5) / 100 end

-- Their number for a call, and by name those that a tenth of the calls make or more.
local function system_calls_of(way, url)
  local few, many = system_calls(way.command(url, FEW, way.in_flight)), system_calls(way.command(url, MANY, way.in_flight))
  local all, by_name = 0, {}
  for name, calls in pairs(many) do
    local each = (calls - (few[name] or 0)) / (MANY - FEW)
    all = all + each
    if each >= 0.1 then by_name[name] = rounded(each) end
  end
  return rounded(all), by_name
end

local function names_of(by_name)
  local names = {}
  for name in pairs(by_name) do names[#names + 1] = name end
  table.sort(names, function(a, b) return by_name[a] > by_name[b] or by_name[a] == by_name[b] and a < b end)
  for i, name in ipairs(names) do names[i] = ("%s %.4g"):format(name, by_name[name]) end
  return table.concat(names, ", ")
end

local function peak(way, url, in_flight)
  local _, _, memory = tools.numbers(way.command(url, 4 * in_flight, in_flight))
  return memory
end

local can_trace = tools.has "strace" and pcall(tools.output, "strace -c -o /dev/null true")
local rows = {}
tools.with_server(function(nginx)
  for i, way in ipairs(WAYS) do
    local row = { way = way.name, in_flight = way.in_flight }
    if can_trace then row.system_calls, row.by_name = system_calls_of(way, nginx.http) end
    if way.is_ours then
      row.garbage = select(4, tools.numbers("BENCH_GARBAGE=1 " .. way.command(nginx.http, 1000, way.in_flight)))
    end
    if way.is_wide then row.memory = (peak(way, nginx.http, WIDE) - peak(way, nginx.http, SOME)) / (WIDE - SOME) end
    rows[i] = row
  end
end)

print(("\n%-26s %8s %12s %12s"):format("per call, HTTP", "syscalls", "B garbage", "KiB each"))
for _, row in ipairs(rows) do
  local function shown(format, number) return number and format:format(number) or "" end
  print(("  %-24s %8s %12s %12s   %s"):format(row.way, shown("%.1f", row.system_calls), shown("%d", row.garbage),
    shown("%.1f", row.memory), row.by_name and names_of(row.by_name) or ""))
end
print "(KiB each: of peak memory, for each further transfer in flight, with its connection)"
if not can_trace then print "(strace, which counts system calls, is not installed or may not trace)" end
tools.save("costs", rows)
