-- Proxies: what one is told, what it is not, and when none is used.

local core = require "aicc.curl"
local peer = require "spec.support.peer"
local sandbox = require "aicc.sandbox"
local socket = require "socket"

local RELEASE = "release_agent_by_skill"
local ONE = { skillId = 3, userAccounts = { "1001" } }

local server, proxy, session

after_each(function()
  if session then session:close() end
  server:stop()
  proxy:stop()
end)

local function start(tls, address)
  server = assert(sandbox.start { tls = tls })
  proxy = peer.listen()
  session = assert(core.session {
    base_url = server.base_url, ca_file = server.ca_file, app_key = "secret-key", timeout = 20,
    proxy = address and address:format(proxy.port),
  })
end

-- The head that the proxy gets first.
local function first_head(connection)
  local head = ""
  return peer.pump(session, function()
    local whole, _, part = connection:receive(4096)
    head = head .. (whole or part)
    return head:match "^.-\r\n\r\n"
  end)
end

describe("a proxy", function()
  it("is asked for a tunnel, sees none of our headers, and carries TLS to the server it does not see into", function()
    start(true, "http://127.0.0.1:%d")
    local ticket = session:start(RELEASE, "secret-token", ONE)
    local near = proxy:accept(session)
    assert.equal(("CONNECT localhost:%d HTTP/1.1\r\nHost: localhost:%d\r\nProxy-Connection: Keep-Alive\r\n\r\n")
      :format(server.port, server.port), first_head(near))
    local far = assert(socket.connect("127.0.0.1", server.port))
    far:settimeout(0)
    near:send "HTTP/1.1 200 Connection established\r\n\r\n"
    local passed = ""
    local function pass(from, to)
      local whole, _, part = from:receive(4096)
      to:send(whole or part)
      passed = passed .. (whole or part)
    end
    local _, result, err = peer.pump(session, function()
      pass(near, far)
      pass(far, near)
      return session:result()
    end)
    far:close()
    assert.same({ nil, "auth", 401 }, { result, err.kind, err.status }) -- the sandbox's own answer to that token
    assert.is_nil(passed:find("secret", 1, true))
    assert.equal("Bearer secret-token", server:requests()[1].header.authorization)
    assert.equal(1, ticket)
  end)

  it("that refuses is an error, and nothing was sent", function()
    start(true, "http://127.0.0.1:%d")
    for _, status in ipairs { "403 No", "407 Proxy Authentication Required", "502 Bad" } do
      session:start(RELEASE, "secret-token", ONE)
      local near = proxy:accept(session)
      first_head(near)
      near:send(peer.reply("secret-token", status, "Connection: close\r\n"))
      local _, result, err = peer.result(session)
      near:close()
      assert.same({ nil, "network", "not_sent" }, { result, err.kind, err.outcome })
      assert.is_nil(tostring(err):find("secret", 1, true))
    end
    assert.equal(0, server:stats().connections)
  end)

  it("that is not there is an error, and nothing was sent", function()
    start(true, "http://127.0.0.1:%d")
    proxy:stop()
    local _, err = session:release_agent_by_skill("t", ONE)
    assert.same({ "network", "not_sent", true }, { err.kind, err.outcome, err.retryable })
  end)

  it("is not used where the session has none, or for plain HTTP, which stays on this machine", function()
    for _, case in ipairs { { true, "" }, { true }, { false, "http://127.0.0.1:%d" }, { false } } do
      start(case[1], case[2])
      local _, err = session:release_agent_by_skill("t", ONE)
      assert.same({ "auth", 401 }, { err.kind, err.status })
      assert.is_false(proxy:is_called())
      session:close()
      server:stop()
      proxy:stop()
    end
  end)
end)
