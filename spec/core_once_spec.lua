-- One attempt is one request, whatever becomes of the connection that it went out on, on every libcurl: a kept connection is
-- ended at each moment of a call, the requests are counted at the other end, and what follows must be as if nothing had been.

local core = require "aicc.curl"
local processes = require "spec.support.processes"
local sandbox = require "aicc.sandbox"
local socket = require "socket"

local RELEASE = "release_agent_by_skill"
local SUCCESS = { resultCode = "0", resultMessage = "success" }

local function accounts(count)
  local list = {}
  for n = 1, count do list[n] = "agent" .. n end
  return { skillId = 3, userAccounts = list }
end

local ONE, MANY = accounts(1), accounts(60000)

---- between the session and the sandbox: what one says is passed to the other, until a link is cut

local server, session, token, listener, links, by

local function cut(link)
  link.is_cut = true
  link.near:close()
  link.far:close()
end

local function accept()
  local near = listener:accept()
  if not near then return end
  local far = assert(socket.connect("127.0.0.1", server.port))
  near:settimeout(0)
  far:settimeout(0)
  if by == "reset" then near:setoption("linger", { on = true, timeout = 0 }) end
  links[#links + 1] = { near = near, far = far, up = 0, down = 0 }
end

local function receive(from, most)
  local whole, why, part = from:receive(most)
  return whole or part or "", why == "closed"
end

local function send(to, text)
  local at = 1
  while at <= #text do
    local sent, why, part = to:send(text, at)
    if not sent and why ~= "timeout" then return end
    at = (sent or part) + 1
  end
end

-- Passes on what has come on a link; at `moment`, { up = bytes } or { down = bytes } counted from `from`, the link is cut.
local function pass(link, moment, from)
  local request, no_more = receive(link.near, 4096)
  if moment and moment.up and request ~= "" and link.up - from.up + #request >= moment.up then
    send(link.far, request:sub(1, moment.up - (link.up - from.up)))
    return cut(link)
  end
  link.up = link.up + #request
  send(link.far, request)
  local answer, ended = receive(link.far, 4096)
  if moment and moment.down and answer ~= "" and link.down - from.down + #answer > moment.down then
    send(link.near, answer:sub(1, moment.down - (link.down - from.down)))
    return cut(link)
  end
  link.down = link.down + #answer
  send(link.near, answer)
  if no_more or ended then cut(link) end
end

-- Steps the session and passes on until the call has its result; the link that was there first is cut at the moment.
local function pump(ticket, moment)
  local kept = links[#links]
  local from = moment and { up = kept.up, down = kept.down }
  local give_up = socket.gettime() + 20
  repeat
    session:step(0.002)
    accept()
    for _, link in ipairs(links) do
      if not link.is_cut then pass(link, link == kept and moment or nil, from) end
    end
    local which, result, err = session:result()
    if which then
      assert.equal(ticket, which)
      return result, err
    end
  until socket.gettime() > give_up
  error "the call did not end in 20 s"
end

local function call(arguments, moment)
  return pump(assert(session:start(RELEASE, token, arguments)), moment)
end

local function start(tls, how)
  server = assert(sandbox.start { tls = tls })
  listener = assert(socket.bind("127.0.0.1", 0))
  listener:settimeout(0)
  links, by = {}, how
  session = assert(core.session {
    base_url = ("%s://localhost:%d"):format(tls and "https" or "http", select(2, listener:getsockname())),
    ca_file = server.ca_file, app_key = "sandbox-key", timeout = 20,
  })
  local arguments = { app_key = "sandbox-key", app_secret = "sandbox-secret" }
  token = assert(pump(assert(session:start("token", nil, arguments)))).AccessToken
end

local function stop()
  if not session then return end
  session:close()
  for _, link in ipairs(links) do if not link.is_cut then cut(link) end end
  listener:close()
  server:stop()
  session = nil
end

after_each(stop)

-- Those whose head has arrived.
local function requests(least)
  local give_up = socket.gettime() + 20
  while server:stats().requests < (least or 0) and socket.gettime() < give_up do core.sleep(0.005) end
  return server:stats().requests
end

local function call_well(count)
  for _ = 1, count do
    local before = requests()
    local result, err = call(ONE)
    assert.same(SUCCESS, result, tostring(err))
    assert.equal(1, requests() - before)
  end
end

local function cut_all()
  for _, link in ipairs(links) do if not link.is_cut then cut(link) end end
end

---- the moments; a request of one account has some 250 bytes, its answer some 150, more over TLS

-- { name, arguments, when, requests whose head arrives, kinds }
local moments = {
  { "in its head", ONE, { up = 10 }, 0, "network" },
  { "in its body", MANY, { up = 20000 }, 1, "network" },
  { "at the end of its body", ONE, { up = 240 }, 0, "network" },
  { "before the answer", ONE, { down = 0 }, 1, "network" },
  { "in the answer's head", ONE, { down = 20 }, 1, "network protocol" },
}

for _, tls in ipairs { false, true } do
  describe("a kept connection" .. (tls and ", over TLS," or ""), function()
    for _, how in ipairs { "closed", "reset" } do
      for _, moment in ipairs(moments) do
        it(("that is %s %s fails that one call, which was one request, and no later one"):format(how, moment[1]), function()
          start(tls, how)
          local before, opened = requests(), #links
          local result, err = call(moment[2], moment[3])
          assert.same({ nil, "unknown", true }, { result, err.outcome, err.retryable }, tostring(err))
          assert.truthy(moment[5]:find(err.kind, 1, true), tostring(err))
          assert.equal(moment[4], requests(before + moment[4]) - before)
          if not tls and links[opened + 1] then assert.equal(0, links[opened + 1].up) end
          call_well(10)
        end)
      end

      it(("that was %s while idle is replaced"):format(how), function()
        start(tls, how)
        for _ = 1, 20 do
          call_well(2)
          cut_all()
          call_well(1)
        end
        call_well(10)
      end)
    end
  end)
end

it("a kept connection that was ended and then left alone, for 1 or 3 s, is replaced #slow", function()
  local scenes = {}
  for _, tls in ipairs { false, true } do
    for _, how in ipairs { "closed", "reset" } do
      for _, seconds in ipairs { 1, 3 } do
        start(tls, how)
        call_well(2)
        cut_all()
        scenes[#scenes + 1] = { seconds, server, session, token, listener, links, by }
      end
    end
  end
  table.sort(scenes, function(a, b) return a[1] < b[1] end)
  local slept = 0
  for _, scene in ipairs(scenes) do
    core.sleep(scene[1] - slept)
    slept = scene[1]
    server, session, token, listener, links, by = table.unpack(scene, 2)
    call_well(11)
    stop()
  end
end)

-- Answers one request on each connection, then says goodbye and closes.
local POLITE = [[
  local socket, ssl = require "socket", require "ssl"
  local listener = assert(socket.bind("127.0.0.1", 0))
  io.stdout:setvbuf "line"
  print((select(2, listener:getsockname())))
  while true do
    local raw = assert(listener:accept())
    raw:settimeout(20)
    local connection = assert(ssl.wrap(raw, { mode = "server", protocol = "any", certificate = "%s", key = "%s" }))
    assert(connection:dohandshake())
    local size
    repeat
      local line = assert(connection:receive "*l")
      size = line:match "^Content%%-Length: (%%d+)" or size
    until line == ""
    assert(connection:receive(tonumber(size)))
    local body = '{"resultCode":"0","resultMessage":"success"}'
    assert(connection:send("HTTP/1.1 200 OK\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body))
    connection:close()
    print "goodbye"
  end]]

it("a kept connection that was ended by a TLS goodbye is replaced #nosan", function()
  local made = require("aicc.sandbox.core").certificate { names = { "localhost" }, addresses = {}, days = 1, self_signed = true }
  local cert, key = os.tmpname(), os.tmpname()
  for path, text in pairs { [cert] = made.cert, [key] = made.key } do
    local file = assert(io.open(path, "w"))
    assert(file:write(text))
    file:close()
  end
  local polite = processes.lua(POLITE:format(cert, key))
  local polled = assert(core.session { base_url = "https://localhost:" .. polite:line(), ca_file = cert, timeout = 20 })
  for _ = 1, 10 do
    local result, err = polled:release_agent_by_skill("t", ONE)
    assert.same(SUCCESS, result, tostring(err))
    assert.equal("goodbye", polite:line())
  end
  polled:close()
  polite:stop()
  os.remove(cert)
  os.remove(key)
end)
