-- Files of which `make coverage` sees less than 95 % of the lines, and why that is so.

local reasons = {}

local function because(reason)
  return function(names)
    for name in names:gmatch "%S+" do reasons[name] = reason end
  end
end

because "runs in nginx (LuaJIT) and in HAProxy (its own Lua), which the recorder does not see: check-hosts" [[
  lua/aicc/host.lua lua/aicc/store/shdict.lua lua/aicc/transport/egress.lua lua/aicc/transport/haproxy.lua
  lua/aicc/transport/http.lua lua/aicc/transport/nginx.lua src/processlib.c ]]

because "runs in Copas, which Debian has for Lua 5.1, or only before Lua 5.3: check-loops" [[
  lua/aicc/transport/loops/copas.lua lua/aicc/transport/loops/stands_in.lua lua/aicc/transport/polled.lua ]]

because "only Lua 5.1 and 5.2 need it: check-luas" [[ src/uncaught.c ]]

because "what waits is told otherwise before Lua 5.3 (check-luas), or is taken back where memory ends while calls begin" [[
  lua/aicc/loop.lua ]]

because "escapes of characters that every caller refuses before: check-fuzz has them" [[ src/json.c ]]

because "for libcurl before 7.88, and where a random source is missing; both cannot be had here" [[ src/sys.c ]]

because "what is missing follows when there is no memory in the sandbox, or no room for its certificate's file" [[
  src/sandbox/cafile.c src/sandbox/request.c src/sandbox/state.c ]]

return reasons
