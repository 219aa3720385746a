-- The benches' request with LuaSocket and LuaSec, a connection that is kept, and HTTP framed by hand, as people write it: no
-- check of what is sent, nothing tried again, and whatever comes is believed.
--     caller_socket.lua URL CA_FILE TOKEN COUNT     prints what caller.lua does

local cjson = require "cjson"
local socket = require "socket"

local url, ca_file, token, count = arg[1], arg[2], arg[3], tonumber(arg[4])
local host, port, path = url:match "^%a+://([^:/]+):(%d+)(/.*)$"
local connection = assert(socket.connect(host, tonumber(port)))
connection:setoption("tcp-nodelay", true)
if ca_file ~= "" then
  connection = assert(require("ssl").wrap(connection, {
    mode = "client", protocol = "any", cafile = ca_file, verify = "peer", options = "all",
  }))
  connection:sni(host)
  assert(connection:dohandshake())
end

local HEAD = "POST %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n" ..
  "x-app-key: sandbox-key\r\nContent-Length: %d\r\n\r\n%s"

local function run(calls)
  for _ = 1, calls do
    local body = cjson.encode { skillId = 3, userAccounts = { "1001", "1002" } }
    assert(connection:send(HEAD:format(path, host, port, token, #body, body)))
    local status = assert(connection:receive "*l"):match "^HTTP/1%.1 (%d+)"
    local length
    for line in function() return connection:receive "*l" end do
      if line == "" then break end
      length = line:lower():match "^content%-length:%s*(%d+)" or length
    end
    assert(status == "200" and cjson.decode((connection:receive(tonumber(length)))).resultCode == "0")
  end
end

run(tonumber(os.getenv "BENCH_WARM_UP" or 64))
collectgarbage()
if os.getenv "BENCH_GARBAGE" then collectgarbage "stop" end
local garbage, wall, cpu = collectgarbage "count", socket.gettime(), os.clock()
run(count)
wall, cpu, garbage = socket.gettime() - wall, os.clock() - cpu, collectgarbage "count" - garbage
print(("%.6f %.6f %d %s"):format(wall, cpu, 0, os.getenv "BENCH_GARBAGE" and math.floor(garbage * 1024 / count + 0.5) or ""))
