--- The other end of a session's connections, by hand, in the same thread: nothing happens that the spec did not ask for.
--
-- Whoever waits here steps the session meanwhile. Nothing waits longer than 20 seconds.

local socket = require "socket"

local peer = {}

local Peer = {}
Peer.__index = Peer

local PATIENCE = 20

peer.SUCCESS = '{"resultCode":"0","resultMessage":"success"}'

--- A reply with that body on a connection that is kept.
function peer.reply(body, status, headers)
  return "HTTP/1.1 " .. (status or "200 OK") .. "\r\n" .. (headers or "") .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
end

--- Steps the session until `ready` returns something, and returns that.
function peer.pump(session, ready)
  local give_up = socket.gettime() + PATIENCE
  repeat
    session:step(0.002)
    local found = { ready() }
    if found[1] ~= nil then return table.unpack(found, 1, 4) end
  until socket.gettime() > give_up
  error("nothing came of it in " .. PATIENCE .. " s", 2)
end

--- The next result of the session: the ticket, and what is its.
function peer.result(session)
  return peer.pump(session, function() return session:result() end)
end

--- Listens on a loopback port.
function peer.listen()
  local listener = assert(socket.bind("127.0.0.1", 0))
  listener:settimeout(0)
  local port = select(2, listener:getsockname())
  return setmetatable({ listener = listener, port = tonumber(port), connections = {} }, Peer)
end

--- A session's next connection.
function Peer:accept(session)
  local connection = peer.pump(session, function() return self.listener:accept() end)
  connection:settimeout(0)
  self.connections[#self.connections + 1] = connection
  return connection
end

--- Whether somebody has connected whom nobody has accepted.
function Peer:is_called()
  return #socket.select({ self.listener }, nil, 0) > 0
end

--- Reads a whole request.
function Peer:read(session, connection) -- luacheck: ignore self
  local request = ""
  return peer.pump(session, function()
    local whole, why, part = connection:receive(65536)
    request = request .. (whole or part)
    local head, body = request:match "^(.-\r\n\r\n)(.*)$"
    if head and #body >= tonumber(head:match "[Cc]ontent%-[Ll]ength: (%d+)" or 0) then return request end
    assert(why ~= "closed", "the connection was closed in the middle of a request")
  end)
end

--- Closes with a reset instead of an end.
function Peer:reset(connection) -- luacheck: ignore self
  connection:setoption("linger", { on = true, timeout = 0 })
  connection:close()
end

function Peer:stop()
  for _, connection in ipairs(self.connections) do connection:close() end
  self.listener:close()
end

return peer
