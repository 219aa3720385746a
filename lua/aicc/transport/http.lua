--- One request and its answer in HTTP, over a socket to an egress: what the transports of nginx and HAProxy say there.
--
-- The host's part is the socket. Each read waits for what is left of the attempt. The bytes of heads are `aicc.core`'s business
-- (http_request, http_head, http_result).
-- @module aicc.transport.http

local core = require "aicc.core"
local egress = require "aicc.transport.egress"

local MAX_HEAD = 128 * 1024 -- bytes; the egress refuses much shorter ones

local MAX_INTERIM = 20 -- interim answers that are read before one; nobody has use for as many

local PIECE = 16 * 1024      -- bytes that are read at once

local M = {}

-- Whether an attempt's time is over, by a clock that HAProxy reads once for all that it does in a turn.
local function is_over(ends) return core.now() >= ends - 0.05 end

-- ---- an answer as it comes ----

-- The next piece of an answer, or nil and why there is none. (The socket is told how long to wait only where that has changed.)
local function receive(socket, most, timeout, ends, wait_at_most)
  local left = ends - core.now()
  if left <= 0 then return nil, "timeout" end
  if left < timeout - 0.02 then wait_at_most(socket, left) end
  local data, problem, part = socket:receiveany(most)
  data = data or part
  if data and data ~= "" and problem ~= "timeout" then return data end
  return nil, problem
end

--- Reads an answer as it comes, from a socket with `receiveany(n)` (nginx's). It ends where its Content-Length says, or with its
-- connection.
-- @tparam table socket
-- @tparam number timeout seconds of the attempt, which the socket's reads wait for unless told otherwise
-- @tparam number ends when the attempt ends, by `core.now`
-- @tparam function wait_at_most takes the socket and seconds: sets how long its next read may take
-- @treturn ?string the answer, head and body
-- @treturn boolean|string whether some of the body is missing; after nil "timeout", "too_large", or another reason in words
-- @treturn ?boolean whether the connection is good for another request: the answer was an egress's, and no interim one, which
--   another one follows; and its end was known, and was there
function M.read(socket, timeout, ends, wait_at_most)
  local text, status, size, length, progress, in_chunks, keeps
  repeat -- all of it, mostly
    local data, problem = receive(socket, PIECE, timeout, ends, wait_at_most)
    if not data then return nil, problem end
    text = text and text .. data or data
    status, size, length, progress, in_chunks, keeps = core.http_head(text)
    if status == false then return nil, "what came is no HTTP" end
    if not status and #text > MAX_HEAD then return nil, "too_large" end
  until status
  if length and length > egress.MAX_REPLY then return nil, "too_large" end
  local missing = size + (length or egress.MAX_REPLY + 1) - #text
  if missing < 0 then return text:sub(1, size + length), false, false end
  if missing > 0 then
    local parts = { text }
    repeat
      local data, problem = receive(socket, math.min(missing, PIECE), timeout, ends, wait_at_most)
      if problem == "timeout" then return nil, problem end
      parts[#parts + 1] = data
      missing = data and missing - #data or missing
    until not data or missing == 0
    if not length and missing == 0 then return nil, "too_large" end
    text = table.concat(parts)
  end
  local is_whole = length ~= nil and missing == 0
  return text, length ~= nil and not is_whole, is_whole and keeps and not in_chunks and status >= 200 and progress ~= nil
end

-- ---- an answer as a whole ----

-- The bytes that a chunk's first line says will follow; nil if it is no such line.
local function size_in(line)
  local digits, extension = line:match "^0*(%x*)[ \t]*(.*)$"
  local is_size = line:find "^%x" and #digits <= 8 and (extension == "" or extension:find "^;")
  return is_size and tonumber("0" .. digits, 16) or nil
end

-- A body without its chunks. Second, whether some of it is missing, or is no chunk. (The line is found before it is read: one
-- pattern for both would take the cube of its length where it has no end.)
local function dechunk(text, at)
  local parts = {}
  while true do
    local line, from = text:match("^([^\r\n]*)\r\n()", at)
    local size = line and size_in(line)
    if not size then return table.concat(parts), true end
    if size == 0 then return table.concat(parts), false end
    parts[#parts + 1] = text:sub(from, from + size - 1)
    at = from + size
    if text:sub(at, at + 1) ~= "\r\n" then return table.concat(parts), true end
    at = at + 2
  end
end

--- Reads an answer whose sender closes the connection behind it, at once: for HAProxy, where each read costs. A read there ends
-- in silence when its time is over, as if the answer had ended.
-- @tparam table socket with `receive(n)`, which brings what came before the end if that is less
-- @tparam number _ as for `read`
-- @tparam number ends as for `read`
-- @tparam function wait_at_most as for `read`
-- @treturn ?string as `read`
-- @treturn boolean|string as `read`
function M.read_whole(socket, _, ends, wait_at_most)
  local left = ends - core.now()
  if left <= 0 then return nil, "timeout" end
  wait_at_most(socket, left)
  local text, problem = socket:receive(MAX_HEAD + egress.MAX_REPLY)
  local status, size, length, in_chunks, is_cut
  for skipped = 0, text and MAX_INTERIM or -1 do
    status, size, length, _, in_chunks = core.http_head(text)
    if not status or status >= 200 then break end
    if skipped == MAX_INTERIM then return nil, "it answered again and again that an answer will come" end
    text = text:sub(size + 1) -- that was an interim one
  end
  if status and in_chunks then
    local body
    body, is_cut = dechunk(text, size + 1)
    text, length = text:sub(1, size) .. body, nil
  elseif status and length then
    is_cut = #text < size + length
    if #text > size + length then text = text:sub(1, size + length) end
  end
  if (not status or is_cut or not length) and is_over(ends) then return nil, "timeout" end
  if not status then return nil, problem or "what came is no HTTP" end
  if #text - size > egress.MAX_REPLY then return nil, "too_large" end
  return text, is_cut
end

--- What an exchange on a connected socket comes to: sends a request and reads its answer.
-- @tparam table socket
-- @tparam string bytes the request
-- @tparam function read `read` or `read_whole`
-- @tparam number timeout seconds of the attempt
-- @tparam number ends as for `read`
-- @tparam function wait_at_most as for `read`
-- @treturn ?string the answer, head and body
-- @treturn boolean|string whether some of the body is missing; after nil an error's kind
-- @treturn ?boolean|string as `read`; after nil the error's outcome
-- @treturn ?string its message
function M.exchange(socket, bytes, read, timeout, ends, wait_at_most)
  local sent, problem = socket:send(bytes)
  if sent and sent >= 0 then
    local text, how, keeps = read(socket, timeout, ends, wait_at_most)
    if text then return text, how, keeps end
    problem = how
  elseif is_over(ends) then
    problem = "timeout"
  end
  if problem == "timeout" then return nil, "timeout", "unknown", ("no answer within %.3g s"):format(timeout) end
  if problem == "too_large" then return nil, "too_large" end
  return nil, "network", "unknown", "the egress's connection broke before an answer came: " .. tostring(problem)
end

return M
