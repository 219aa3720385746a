-- The soak's sandbox, in a process of its own: server.lua [tls]. It says where it is, in a line of JSON, then does what it is
-- told over one connection, a line of JSON each: [method, argument] -> {"result":…} or {"error":…}. It ends with that connection.

local cjson = require "cjson"
local sandbox = require "aicc.sandbox"
local socket = require "socket"

local AGENTS = { [3] = 120, [4] = 60, [5] = 40, [6] = 20 }

local function bound()
  local queues = {}
  for skill, count in pairs(AGENTS) do
    queues[skill] = {}
    for i = 1, count do
      queues[skill][i] = { userAccount = ("q%d-%03d"):format(skill, i), agentWeight = 1 + i % 3, skillWeight = 1 + i % 2 }
    end
  end
  return queues
end

local server = assert(sandbox.start { tls = arg[1] == "tls", agents = bound(), token_lifetime = 3600 })

local commands = {}

--- Requests of each operation since the last time, and none is kept.
function commands.tally()
  local counts = {}
  for _, request in ipairs(server:requests()) do
    counts[request.operation or request.path] = (counts[request.operation or request.path] or 0) + 1
    assert(not request.body:find('"userAccounts":[]', 1, true), "everybody was unbound")
  end
  return counts
end

--- Who is bound, with which weights, as one string.
function commands.bound()
  local list = {}
  for skill in pairs(AGENTS) do
    for _, agent in ipairs(server:agents(skill)) do
      list[#list + 1] = ("%d %s %d/%d"):format(skill, agent.userAccount, agent.agentWeight, agent.skillWeight)
    end
  end
  table.sort(list)
  return table.concat(list, "\n")
end

function commands.fault(fault) return server:fault(fault) end
function commands.release_held() return server:release_held() end
function commands.clear() return server:clear() end
function commands.reset() return server:reset() end

local listener = assert(socket.bind("127.0.0.1", 0))
local _, control = listener:getsockname()
print(cjson.encode { control = control, port = ("%d"):format(server.port), base_url = server.base_url, ca_file = server.ca_file,
  app_key = server.app_key, app_secret = server.app_secret })
io.stdout:flush()
local connection = listener:accept()
for line in function() return (connection:receive "*l") end do
  local words = cjson.decode(line)
  local ok, result = pcall(commands[words[1]], words[2])
  connection:send(cjson.encode { result = ok and result or nil, error = not ok and tostring(result) or nil } .. "\n")
end
server:stop()
