-- A sandbox in another process (server.lua), as an object with methods.

local cjson = require "cjson"
local processes = require "spec.support.processes"
local socket = require "socket"

local remote = {}

local Remote = {}

-- A method of the other process; what goes wrong there is raised here.
function Remote:__index(name)
  return Remote[name] or function(_, argument)
    self.connection:send(cjson.encode { name, argument } .. "\n")
    local reply = cjson.decode((assert(self.connection:receive "*l")))
    return reply.error and error(reply.error, 2) or reply.result
  end
end

--- Ends the process.
function Remote:stop()
  self.connection:close()
  self.process:wait()
end

--- Starts one; `tls` or nil. Fields: `port`, `base_url`, `ca_file`, `app_key`, `app_secret`, `process`.
function remote.start(tls)
  local process = processes.spawn(("%s spec/soak/server.lua %s"):format(processes.LUA, tls or ""),
    { LUA_PATH = package.path, LUA_CPATH = package.cpath })
  local self = cjson.decode(process:line())
  self.process, self.connection = process, assert(socket.connect("127.0.0.1", self.control))
  self.connection:setoption("tcp-nodelay", true)
  return setmetatable(self, Remote)
end

return remote
