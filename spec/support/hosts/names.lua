-- A name server on 127.0.0.1 that gives every name the addresses that the spec says, for a second. With no address there is no
-- such name.

local processes = require "spec.support.processes"

local SERVER = [[
import socket, struct, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
  query, sender = server.recvfrom(4096)
  end = query.index(b"\0", 12) + 5
  is_a = query[end - 4:end - 2] == b"\0\1"
  known = open(sys.argv[1]).read().split()
  addresses = known if is_a else []
  answers = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(address) for address in addresses)
  flags = b"\x81\x80" if known else b"\x81\x83"
  server.sendto(query[:2] + flags + b"\0\1" + struct.pack("!H", len(addresses)) + bytes(4) + query[12:end] + answers, sender)
]]

local Names = {}
Names.__index = Names

--- The addresses from now on: "127.0.0.1 127.0.0.2", say.
function Names:write(addresses)
  local file = assert(io.open(self.path .. ".new", "w"))
  file:write(addresses)
  file:close()
  assert(os.rename(self.path .. ".new", self.path))
end

function Names:stop()
  self.process:signal "KILL"
  self.process:wait()
  os.remove(self.path)
end

return {
  --- Starts one; `port` is where it listens.
  start = function(addresses)
    local self = setmetatable({ path = os.tmpname() }, Names)
    self:write(addresses)
    self.process = processes.spawn(("python3 -c %s %s"):format(processes.quote(SERVER), self.path))
    self.port = assert(self.process:line())
    return self
  end,
}
