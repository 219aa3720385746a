-- A process's first call: from its start to its end, with all that it loads, and a connection. Ours fetches a token first, as it
-- has to; the others have one. Interleaved rounds, medians; JSON into build/bench/first.json.
--     first.lua [rounds]

local core = require "aicc.core"
local processes = require "spec.support.processes"
local server = require "spec.bench.server"
local tools = require "spec.bench.tools"

local ROUNDS, TIMES = tonumber(arg[1]) or 5, 5

local function ways_of(url, ca_file)
  local address, lua = url .. server.PATH, processes.LUA
  return {
    { name = "C on libcurl (raw)", command = ("build/bench/raw '%s' '%s' '%s' 1 1"):format(address, ca_file, server.TOKEN) },
    { name = "aicc: client, token and call",
      command = ("%s spec/bench/caller.lua client '%s' '%s' 1 1"):format(lua, url, ca_file) },
    { name = "LuaSocket, framed by hand",
      command = ("%s spec/bench/caller_socket.lua '%s' '%s' '%s' 1"):format(lua, address, ca_file, server.TOKEN) },
    { name = "Python, http.client",
      command = ("python3 spec/bench/caller.py '%s' '%s' '%s' 1"):format(address, ca_file, server.TOKEN) },
    { name = "the curl command",
      command = ("bash -c '. spec/bench/caller.sh' caller.sh '%s' '%s' '%s' 1"):format(address, ca_file, server.TOKEN) },
  }
end

local function bench(title, url, ca_file)
  local ways = ways_of(url, ca_file)
  for _ = 1, ROUNDS do
    local raw
    for _, way in ipairs(ways) do
      local command = ("export BENCH_WARM_UP=0; for i in %s; do %s%s; done >/dev/null"):format(("1 "):rep(TIMES), tools.on_core(),
        way.command)
      local began = core.now()
      tools.output(command)
      local wall = (core.now() - began) / TIMES
      raw = raw or wall
      way.walls, way.ratios = way.walls or {}, way.ratios or {}
      table.insert(way.walls, wall)
      table.insert(way.ratios, wall / raw)
    end
  end
  print(("\nFirst call of a process, %s: %d rounds of %d"):format(title, ROUNDS, TIMES))
  print(("  %-28s %10s %7s"):format("", "ms", "x"))
  local rows = {}
  for i, way in ipairs(ways) do
    rows[i] = { way = way.name, wall = tools.median(way.walls) * 1e3, ratio = tools.median(way.ratios) }
    print(("  %-28s %10.1f %7.2f"):format(way.name, rows[i].wall, rows[i].ratio))
  end
  return { title = title, rows = rows }
end

tools.with_server(function(nginx)
  tools.save("first", { bench("HTTP", nginx.http, ""), bench("HTTPS", nginx.https, nginx.ca_file) })
end)
