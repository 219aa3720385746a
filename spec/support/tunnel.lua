--- An HTTP proxy that tunnels: whatever name it is asked for, it connects to one port of this machine. So a program that dials an
-- address of the documents' gets a server of the spec's, over TLS, by that name.

local processes = require "spec.support.processes"

local tunnel = {}

local SCRIPT = [[
  local socket = require "socket"
  local listener = assert(socket.bind("127.0.0.1", 0))
  print((select(2, listener:getsockname())))
  io.stdout:flush()
  local peers, open = {}, { listener }
  local function close(one)
    for at = #open, 1, -1 do
      if open[at] == one or open[at] == peers[one] then table.remove(open, at):close() end
    end
  end
  while true do
    for _, one in ipairs((socket.select(open))) do
      if one == listener then
        local near = assert(listener:accept())
        repeat local line = near:receive() until not line or line == ""
        local far = assert(socket.connect("127.0.0.1", %d))
        near:send "HTTP/1.1 200 Connected\r\n\r\n"
        peers[near], peers[far] = far, near
        for _, end_of_it in ipairs { near, far } do
          end_of_it:settimeout(0)
          open[#open + 1] = end_of_it
        end
      elseif peers[one] then
        local bytes, problem, part = one:receive(65536)
        bytes = bytes or part
        peers[one]:settimeout(10)
        if #bytes > 0 then peers[one]:send(bytes) end
        peers[one]:settimeout(0)
        if problem == "closed" then close(one) end
      end
    end
  end
]]

--- Starts one that leads to a port: its process, and its address.
function tunnel.to(port)
  local process = processes.lua(SCRIPT:format(port))
  return process, "http://127.0.0.1:" .. assert(process:line())
end

return tunnel
