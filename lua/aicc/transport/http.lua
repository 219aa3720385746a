--- One request and its answer in HTTP, over a socket to an egress: what the transports of nginx and HAProxy say there.
--
-- The host's part is the socket: `send(bytes)`, `receive("*l")`, and `receiveany(n)` or, where there is none, `receive(n)`. An
-- answer ends where its Content-Length or its last chunk says, or else with its connection. Each read waits for what is left of
-- the attempt.
-- @module aicc.transport.http

local core = require "aicc.core"
local egress = require "aicc.transport.egress"

local MAX_HEAD = 128 * 1024 -- bytes; the egress refuses much shorter ones

local PIECE = 16 * 1024      -- bytes that are read at once

local M = {}

--- A request as bytes.
-- @tparam table encoded `path`, `headers`, `body`
-- @tparam[opt="1.0"] string version of HTTP; "1.0" keeps an answer from coming in chunks
-- @treturn string
function M.format(encoded, version)
  local lines = { ("POST %s HTTP/%s"):format(encoded.path, version or "1.0") }
  for name, value in pairs(encoded.headers) do lines[#lines + 1] = ("%s: %s"):format(name, value) end
  lines[#lines + 1] = ("Content-Length: %d\r\n\r\n"):format(#encoded.body)
  return table.concat(lines, "\r\n") .. encoded.body
end

-- Whether an attempt's time is over, by a clock that HAProxy reads once for all that it does in a turn.
local function is_over(ends) return core.now() >= ends - 0.05 end

-- What an answer is read with: the socket, until when, and how many bytes have come of the body.
local function reader(socket, wait_at_most, ends)
  local self = { size = 0 }

  -- Sets how long the next read may take; false when nothing is left.
  local function prepare()
    local left = ends - core.now()
    if left <= 0 then return false end
    wait_at_most(socket, left)
    return true
  end

  -- A line without its end; or nil and why not.
  function self.line()
    if not prepare() then return nil, "timeout" end
    return socket:receive "*l"
  end

  -- Some of what is there, and why no more came: in nginx what has come, in HAProxy so many bytes, or what comes before the end.
  local function some(most)
    if not prepare() then return nil, "timeout" end
    if socket.receiveany then return socket:receiveany(most) end
    return socket:receive(most)
  end

  -- Appends so many bytes to `parts`; returns how many did not come any more, or nil and why that is no answer.
  function self.bytes(parts, wanted)
    while wanted > 0 do
      local data, problem, part = some(math.min(wanted, PIECE))
      data = data or part
      if problem == "timeout" then return nil, problem end
      if not data or data == "" then break end
      parts[#parts + 1] = data
      wanted, self.size = wanted - #data, self.size + #data
      if self.size > egress.MAX_REPLY then return nil, "too_large" end
    end
    return wanted
  end

  return self
end

-- The status and the headers, by lower-case names, of the answer that begins; or nil and why not.
local function read_head(from)
  local line, problem = from.line()
  if not line then return nil, problem end
  local status = line:match "^HTTP/1%.[01] (%d%d%d)%f[^%d]"
  if not status then return nil, "what came is no HTTP" end
  local headers, size = {}, #line + 2
  repeat
    line, problem = from.line()
    if not line then return nil, problem end
    size = size + #line + 2
    if size > MAX_HEAD then return nil, "too_large" end
    local name, value = line:match "^([^:%s]+):[ \t]*(.-)[ \t]*$"
    if name then headers[name:lower()] = value end
  until line == ""
  return { status = tonumber(status), headers = headers, head_size = size }
end

-- A body in chunks, as `read_body`.
local function read_chunks(from)
  local parts = {}
  while true do
    local line, problem = from.line()
    local size = line and tonumber(line:match "^%s*(%x+)%s*%f[;\0]", 16)
    if problem == "timeout" then return nil, problem end
    if not size then return table.concat(parts), true end
    if size == 0 then break end
    local missing
    missing, problem = from.bytes(parts, size)
    if not missing then return nil, problem end
    if missing > 0 or not from.line() then return table.concat(parts), true end
  end
  repeat local line = from.line() until not line or line == "" -- trailers
  return table.concat(parts), false
end

-- The body; or nil and why it is none. Second, whether some of it is missing.
local function read_body(from, headers, length)
  if (headers["transfer-encoding"] or ""):lower() == "chunked" then return read_chunks(from) end
  local parts = {}
  local missing, problem = from.bytes(parts, length or egress.MAX_REPLY + 1)
  if not missing then return nil, problem end
  return table.concat(parts), length ~= nil and missing > 0
end

--- Reads an answer.
-- @tparam table socket
-- @tparam function wait_at_most sets the seconds that the socket's next read may take
-- @tparam number ends when the attempt ends, by `core.now`
-- @tparam[opt="1.0"] string version as for `format`
-- @treturn ?table the reply: `status`, `headers` (lower-case names), `head_size` (bytes), `body`, `truncated` (some of the body
--   is missing)
-- @treturn ?string "timeout", "too_large", or another reason in words
function M.read(socket, wait_at_most, ends, version)
  local from = reader(socket, wait_at_most, ends)
  local reply, problem = read_head(from)
  if version == "1.1" then -- HTTP/1.0 has no interim answers
    while reply and reply.status < 200 do reply, problem = read_head(from) end
  end
  local length = reply and tonumber(reply.headers["content-length"])
  if length and length > egress.MAX_REPLY then return nil, "too_large" end
  if reply then
    reply.body, reply.truncated = read_body(from, reply.headers, length)
    if not reply.body then reply, problem = nil, reply.truncated end
  end
  -- HAProxy's socket ends in silence when its time is over, as if the answer had ended.
  if (not reply or reply.truncated or not length) and is_over(ends) then return nil, "timeout" end
  return reply, problem
end

--- What an exchange on a connected socket comes to: sends a request and reads its answer.
-- @tparam table socket
-- @tparam table encoded the request
-- @tparam table limits `timeout` (seconds of the attempt), `ends` (when it ends, by `core.now`), `wait_at_most` as for `read`,
--   `version` as for `format`
-- @treturn ?table the reply
-- @treturn ?string an error's kind
-- @treturn ?string its outcome
-- @treturn ?string its message
function M.exchange(socket, encoded, limits)
  limits.wait_at_most(socket, math.max(0, limits.ends - core.now()))
  local sent, problem = socket:send(M.format(encoded, limits.version))
  local reply
  if sent and sent >= 0 then
    reply, problem = M.read(socket, limits.wait_at_most, limits.ends, limits.version)
  elseif is_over(limits.ends) then
    problem = "timeout"
  end
  if reply then return reply end
  if problem == "timeout" then return nil, "timeout", "unknown", ("no answer within %.3g s"):format(limits.timeout) end
  if problem == "too_large" then return nil, "too_large" end
  return nil, "network", "unknown", "the egress's connection broke before an answer came: " .. tostring(problem)
end

return M
