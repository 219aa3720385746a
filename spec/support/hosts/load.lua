-- Many HTTP requests at once from one process, for specs that load a server: one connection each, and a clock on each. One that
-- takes half a minute has failed.

local socket = require "socket"

local load = {}

local function format(request)
  if request.raw then return request.raw end
  local body = request.body or ""
  local lines = {
    ("%s %s HTTP/1.1"):format(request.method or (request.body and "POST" or "GET"), request.path),
    "Host: localhost", "Connection: close", "Content-Length: " .. #body,
  }
  for name, value in pairs(request.headers or {}) do lines[#lines + 1] = name .. ": " .. value end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
end

-- The body of a reply as it was sent, without chunks.
local function dechunk(body)
  local parts, at = {}, 1
  while true do
    local size, from = body:match("^(%x+)\r\n()", at)
    if not size or tonumber(size, 16) == 0 then return table.concat(parts) end
    at = from + tonumber(size, 16) + 2
    parts[#parts + 1] = body:sub(from, at - 3)
  end
end

local function parse(text)
  local status, head, body = text:match "^HTTP/1%.[01] (%d+)", text:match "^(.-\r\n)\r\n(.*)$"
  if not status then return {} end
  if head:lower():find("\ntransfer-encoding: chunked\r", 1, true) then body = dechunk(body) end
  return { status = tonumber(status), head = head, body = body }
end

local function begin(stream, request)
  local connection = request.connection or socket.tcp()
  connection:settimeout(5)
  local job = { stream = stream, connection = connection, began = socket.gettime(), parts = {} }
  if not request.connection and not connection:connect("127.0.0.1", request.port) then return nil, job end
  connection:send(format(request))
  connection:settimeout(0)
  return job
end

local function finish(job)
  job.connection:close()
  local reply = parse(table.concat(job.parts))
  reply.seconds = socket.gettime() - job.began
  job.stream.replies[#job.stream.replies + 1] = reply
  job.stream.under_way = job.stream.under_way - 1
  if job.stream.on_reply then job.stream.on_reply(reply) end
end

-- Starts what a stream has to start now. Returns whether it will have more.
local function feed(stream, jobs)
  while stream.under_way < (stream.parallel or 1) do
    local request = stream.next(#stream.replies)
    if not request then return end
    stream.under_way = stream.under_way + 1
    local job, failed = begin(stream, request)
    if job then jobs[job.connection] = job else finish(failed) end
  end
end

--- Runs streams of requests side by side until all have ended, and returns each stream's replies: `status` (nil where none came),
-- `head`, `body`, `seconds`. A stream is `{ next = function(count of replies) -> request | nil, parallel = 1, on_reply =
-- function(reply) }`; a request `{ port=, path=, method=, headers=, body= }` or `{ port=, raw= }`, either with `connection=` if
-- it is to go out on one that is there already.
function load.run(...)
  local streams, jobs, all = { ... }, {}, {}
  for i, stream in ipairs(streams) do
    stream.replies, stream.under_way = {}, 0
    all[i] = stream.replies
  end
  while true do
    for _, stream in ipairs(streams) do feed(stream, jobs) end
    local waiting = {}
    for connection in pairs(jobs) do waiting[#waiting + 1] = connection end
    if #waiting == 0 then break end
    for _, connection in ipairs((socket.select(waiting, nil, 1))) do
      local job = jobs[connection]
      local data, problem, part = connection:receive(65536)
      job.parts[#job.parts + 1] = data or part
      job.ended = problem == "closed"
    end
    local now = socket.gettime()
    for connection, job in pairs(jobs) do
      if job.ended or now - job.began > 30 then
        jobs[connection] = nil
        finish(job)
      end
    end
  end
  return (unpack or table.unpack)(all) -- luacheck: ignore 143
end

--- One request.
function load.send(request)
  local sent = false
  return load.run({ next = function()
    if sent then return end
    sent = true
    return request
  end })[1]
end

--- The same request so many times, all at once unless told.
function load.many(count, request, parallel)
  local left = count
  return { parallel = parallel or count, next = function()
    left = left - 1
    return left >= 0 and request or nil
  end }
end

--- A port of 127.0.0.1 that nobody listens on.
function load.free_port()
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  server:close()
  return tonumber(port)
end

return load
