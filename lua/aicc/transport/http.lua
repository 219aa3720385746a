--- One request and its answer in HTTP, over a socket to an egress: what the transports of nginx and HAProxy say there.
--
-- The host's part is the socket. Each read waits for what is left of the attempt.
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
  local lines, n = { "POST " .. encoded.path .. " HTTP/" .. (version or "1.0") }, 1
  for name, value in pairs(encoded.headers) do
    n = n + 1
    lines[n] = name .. ": " .. value
  end
  lines[n + 1] = "Content-Length: " .. #encoded.body .. "\r\n\r\n" .. encoded.body
  return table.concat(lines, "\r\n")
end

-- Whether an attempt's time is over, by a clock that HAProxy reads once for all that it does in a turn.
local function is_over(ends) return core.now() >= ends - 0.05 end

-- The status and the headers, by lower-case names, in a head with an empty line at its end; nil if it is none.
local function parse_head(text)
  local status = text:match "^HTTP/1%.[01] (%d%d%d)%f[^%d]"
  if not status then return end
  local headers = {}
  for name, value in text:gmatch "\n([^:%s]+):[ \t]*([^\r\n]*)" do headers[name:lower()] = value end
  return { status = tonumber(status), headers = headers, head_size = #text }
end

-- ---- an answer as it comes ----

-- Sets how long the next read may take; false when nothing is left.
local function prepare(socket, limits)
  local left = limits.ends - core.now()
  if left <= 0 then return false end
  limits.wait_at_most(socket, left)
  return true
end

-- The head; or nil and why there is none.
local function read_head(socket, limits)
  local lines, size = {}, 0
  repeat
    if not prepare(socket, limits) then return nil, "timeout" end
    local line, problem = socket:receive "*l"
    if not line then return nil, problem end
    size = size + #line + 2
    if size > MAX_HEAD then return nil, "too_large" end
    lines[#lines + 1] = line
  until line == ""
  return parse_head(table.concat(lines, "\r\n") .. "\r\n")
end

-- The body: so many bytes, or until the connection ends; or nil and why there is none. Second, whether some of it is missing.
local function read_body(socket, limits, length)
  local parts, wanted = {}, length or egress.MAX_REPLY + 1
  while wanted > 0 do
    if not prepare(socket, limits) then return nil, "timeout" end
    local data, problem, part = socket:receiveany(math.min(wanted, PIECE))
    data = data or part
    if problem == "timeout" then return nil, problem end
    if not data or data == "" then break end
    parts[#parts + 1], wanted = data, wanted - #data
  end
  if not length and wanted == 0 then return nil, "too_large" end
  return table.concat(parts), length ~= nil and wanted > 0
end

--- Reads an answer as it comes, from a socket with `receive("*l")` and `receiveany(n)` (nginx's). It ends where its
-- Content-Length says, or with its connection.
-- @tparam table socket
-- @tparam table limits `ends` (when the attempt ends, by `core.now`), `wait_at_most(socket, seconds)` (sets how long the socket's
--   next read may take)
-- @treturn ?table the reply: `status`, `headers` (lower-case names), `head_size` (bytes), `body`, `truncated` (some of the body
--   is missing)
-- @treturn ?string "timeout", "too_large", or another reason in words
function M.read(socket, limits)
  local reply, problem = read_head(socket, limits)
  if not reply then return nil, problem or "what came is no HTTP" end
  local length = tonumber(reply.headers["content-length"])
  if reply.status < 200 or reply.status == 204 or reply.status == 304 then length = 0 end -- these have no body
  if length and length > egress.MAX_REPLY then return nil, "too_large" end
  reply.body, reply.truncated = read_body(socket, limits, length)
  if not reply.body then return nil, reply.truncated end
  return reply
end

-- ---- an answer as a whole ----

-- A body without its chunks. Second, whether some of it is missing.
local function dechunk(text, at)
  local parts = {}
  while true do
    local digits, from = text:match("^(%x+)[^\r\n]*\r\n()", at)
    local size = digits and #digits <= 8 and tonumber(digits, 16)
    if size == 0 then return table.concat(parts), false end
    parts[#parts + 1] = size and text:sub(from, from + size - 1)
    at = size and from + size + 2
    if not size or at > #text + 1 then return table.concat(parts), true end
  end
end

--- Reads an answer whose sender closes the connection behind it, at once: for HAProxy, where each read costs. A read there ends
-- in silence when its time is over, as if the answer had ended.
-- @tparam table socket with `receive(n)`, which brings what came before the end if that is less
-- @tparam table limits as for `read`
-- @treturn ?table as `read`
-- @treturn ?string
function M.read_whole(socket, limits)
  if not prepare(socket, limits) then return nil, "timeout" end
  local text, problem = socket:receive(MAX_HEAD + egress.MAX_REPLY)
  local reply, from
  while text do
    from = select(2, text:find("\r\n\r\n", 1, true))
    reply = from and parse_head(text:sub(1, from))
    if not reply or reply.status >= 200 then break end
    text = text:sub(from + 1) -- that was an interim one
  end
  local length = reply and tonumber(reply.headers["content-length"])
  if reply and reply.headers["transfer-encoding"] then
    reply.body, reply.truncated = dechunk(text, from + 1)
  elseif reply then
    reply.body = text:sub(from + 1, length and from + length)
    reply.truncated = length ~= nil and #reply.body < length
  end
  if (not reply or reply.truncated or not length) and is_over(limits.ends) then return nil, "timeout" end
  if not reply then return nil, problem or "what came is no HTTP" end
  if #reply.body > egress.MAX_REPLY then return nil, "too_large" end
  return reply
end

--- Whether the connection that a reply of HTTP/1.0 came on is good for another request: the reply's end was known, and was there.
-- @tparam table reply as from `read`
-- @treturn boolean
function M.may_keep(reply)
  local headers = reply.headers
  return (headers.connection or ""):lower() == "keep-alive" and headers["content-length"] ~= nil and not reply.truncated
    and not headers["transfer-encoding"]
end

--- What an exchange on a connected socket comes to: sends a request and reads its answer.
-- @tparam table socket
-- @tparam table encoded the request
-- @tparam table limits as for `read`, and `timeout` (seconds of the attempt); `is_whole`: HTTP/1.1, and `read_whole`
-- @treturn ?table the reply
-- @treturn ?string an error's kind
-- @treturn ?string its outcome
-- @treturn ?string its message
function M.exchange(socket, encoded, limits)
  if not limits.is_whole then prepare(socket, limits) end
  local sent, problem = socket:send(M.format(encoded, limits.is_whole and "1.1"))
  local reply
  if sent and sent >= 0 then
    reply, problem = (limits.is_whole and M.read_whole or M.read)(socket, limits)
  elseif is_over(limits.ends) then
    problem = "timeout"
  end
  if reply then return reply end
  if problem == "timeout" then return nil, "timeout", "unknown", ("no answer within %.3g s"):format(limits.timeout) end
  if problem == "too_large" then return nil, "too_large" end
  return nil, "network", "unknown", "the egress's connection broke before an answer came: " .. tostring(problem)
end

return M
