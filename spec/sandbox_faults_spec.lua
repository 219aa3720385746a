-- What the sandbox breaks on purpose, seen from a socket.
-- Nothing here sleeps: order comes from `wait_for`, from held answers, and from blocking reads.

local http = require "spec.support.http"
local sandbox = require "aicc.sandbox"
local socket = require "socket"

local RELEASE, SUCCESS = http.RELEASE, http.SUCCESS

local server

local function start(options)
  server = assert(sandbox.start(options or { agents = { [3] = { "1001", "1002", "1003" } } }))
end

local function accounts(skill_id)
  return table.concat(server:accounts(skill_id), " ")
end

after_each(function()
  if server then server:stop() end
  server = nil
end)

describe("a fault", function()
  local headers
  local ONE = '{"skillId":3,"userAccounts":["1001"]}'

  local function release() return http.send(server, RELEASE, ONE, headers) end

  local function with(fault)
    start()
    headers = http.authorized(server)
    server:fault(fault)
  end

  it("meets the n-th to m-th request of its operation, the first fault set first", function()
    with { operation = "release_agent_by_skill", from = 2, to = 3, status = 503 }
    server:fault { from = 2, to = math.huge, status = 504 }
    assert.equal(200, http.login(server).status)
    assert.equal(504, http.login(server).status)
    assert.equal(504, release().status)
    assert.equal(503, release().status)
    assert.equal(503, release().status)
    assert.equal(504, release().status)
    server:clear()
    assert.equal(200, release().status)
  end)

  it("answers in the server's place, and applies nothing unless told to", function()
    with { status = 429, body = "slow down", headers = { ["Retry-After"] = 7, ["Content-Type"] = "text/plain" } }
    local answer = release()
    assert.same({ 429, "slow down", "7", "text/plain" },
      { answer.status, answer.body, answer.headers["retry-after"], answer.headers["content-type"] })
    assert.equal("1001 1002 1003", accounts(3))
    server:fault { status = 500, apply = true }
    assert.equal(500, release().status)
    assert.equal("1002 1003", accounts(3))
    server:fault { headers = { ["X-Extra"] = "1", Date = "Tue, 01 Jan 2030 00:00:00 GMT" } }
    answer = release()
    assert.same({ 200, SUCCESS, "1", "Tue, 01 Jan 2030 00:00:00 GMT" },
      { answer.status, answer.body, answer.headers["x-extra"], answer.headers.date })
  end)

  it("closes without an answer: nothing applied, or applied but not answered", function()
    with { close = "request" }
    assert.is_nil(release())
    assert.equal("1001 1002 1003", accounts(3))
    server:fault { close = "request", apply = true }
    assert.is_nil(release())
    assert.equal("1002 1003", accounts(3))
    local log = server:requests()
    assert.same({ ONE, nil }, { log[#log].body, log[#log].status })
  end)

  it("closes after the head, before the body is read", function()
    with { close = "headers" }
    local connection = http.dial(server)
    assert(connection:send("POST " .. RELEASE .. " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"))
    assert.is_nil(http.read(connection))
    connection:close()
    assert.is_true(server:wait_for { requests = 2 })
    local log = server:requests()
    assert.same({ "release_agent_by_skill", "" }, { log[2].operation, log[2].body })
    assert.equal(0, server:stats().in_flight)
  end)

  it("resets the connection", function()
    with { close = "reset" }
    assert.equal(56, http.curl("-d '{}' " .. server.base_url .. RELEASE))
  end)

  it("cuts a body short", function()
    with { cut = 5 }
    local answer = release()
    assert.same({ 200, SUCCESS:sub(1, 5), true, tostring(#SUCCESS) },
      { answer.status, answer.body, answer.cut, answer.headers["content-length"] })
    assert.equal("1002 1003", accounts(3))
    server:fault { cut = 0 }
    answer = release()
    assert.same({ 200, "", true }, { answer.status, answer.body, answer.cut })
  end)

  it("drips a body byte by byte", function()
    with { drip = 0.0001 }
    assert.equal(SUCCESS, release().body)
    assert.equal(0, server:stats().in_flight)
  end)

  it("writes raw bytes", function()
    with { raw = "HTTP/1.1 2" }
    local connection = http.dial(server)
    http.write(connection, RELEASE, ONE, headers)
    assert.equal("HTTP/1.1 2", connection:receive("*a"))
    connection:close()
    server:fault { raw = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab" }
    local answer = release()
    assert.same({ 200, "ab", true }, { answer.status, answer.body, answer.cut })
  end)

  it("keeps no stop waiting, where the client reads nothing of what it writes", function()
    local own = assert(sandbox.start())
    local authorized = http.authorized(own)
    own:fault { raw = ("x"):rep(32 * 1024 * 1024) } -- more than sockets hold
    local connection = http.dial(own)
    http.write(connection, RELEASE, ONE, authorized)
    assert.equal("x", connection:receive(1)) -- it is being written
    local began = socket.gettime()
    own:stop()
    assert.is_true(socket.gettime() - began < 5)
    connection:close()
  end)

  it("goes on for ever, until the client has had enough", function()
    with { endless = "body" }
    local connection = http.dial(server)
    http.write(connection, RELEASE, ONE, headers)
    assert.equal(200000, #assert(connection:receive(200000)))
    connection:close()
    server:fault { endless = "headers" }
    connection = http.dial(server)
    http.write(connection, RELEASE, ONE, headers)
    assert.equal(200000, #assert(connection:receive(200000)))
    connection:close()
    assert.equal("1001 1002 1003", accounts(3))
  end)

  it("delays an answer that is already applied", function()
    with { delay = 1000 }
    local connection = http.dial(server)
    http.write(connection, RELEASE, ONE, headers)
    assert.is_true(server:wait_for { requests = 2 })
    assert.equal("1002 1003", accounts(3))
    assert.equal(1, server:stats().in_flight)
    server:stop() -- and wakes it
    assert.is_nil(http.read(connection))
    connection:close()
  end)

  it("holds answers until they are released, one after the other or together", function()
    with { hold = true, to = math.huge }
    local first, second = http.dial(server), http.dial(server)
    http.write(first, RELEASE, ONE, headers)
    http.write(second, RELEASE, ONE, headers)
    assert.is_true(server:wait_for { held = 2, requests = 3 })
    assert.same({ 2, 2 }, { server:stats().in_flight, server:stats().max_in_flight })
    assert.equal("1002 1003", accounts(3))
    first:settimeout(0)
    assert.equal("timeout", (select(2, first:receive(1))))
    first:settimeout(20)
    server:release_held()
    assert.same({ 200, 200 }, { http.read(first).status, http.read(second).status })
    http.write(first, RELEASE, ONE, headers)
    assert.is_true(server:wait_for { held = 1 })
    server:stop()
    assert.is_nil(http.read(first))
    first:close()
    second:close()
  end)

  it("kills every token handed out so far", function()
    with { expire_tokens = true }
    assert.equal(401, release().status)
    assert.equal(401, release().status)
    headers = http.authorized(server)
    assert.equal(200, release().status)
  end)
end)
