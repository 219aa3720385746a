-- Proxies: what one is told, what it is not, and when none is used.

local aicc = require "aicc"
local core = require "aicc.curl"
local peer = require "spec.support.peer"
local processes = require "spec.support.processes"
local sandbox = require "aicc.sandbox"
local socket = require "socket"

local RELEASE = "release_agent_by_skill"
local ONE = { skillId = 3, userAccounts = { "1001" } }

local server, proxy, session

after_each(function()
  if session then session:close() end
  if server then server:stop() end
  if proxy then proxy:stop() end
  session, server, proxy = nil, nil, nil
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
    for _, status in ipairs { "403 No", "502 Bad" } do
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

-- A proxy in a process of its own, one connection after the other: prints its port, then a line for each connection.
local function spawn(serve)
  local process = processes.lua([[
    local socket = require "socket"
    io.stdout:setvbuf "line"
    local listener = assert(socket.bind("127.0.0.1", 0))
    print((select(2, listener:getsockname())))
    while true do
      local near = assert(listener:accept())
      near:settimeout(20)
      ]] .. serve .. [[
      near:close()
    end]])
  return process, process:line()
end

-- Ends it: what it printed.
local function told(process)
  process:signal "TERM"
  return (select(2, process:wait()))
end

describe("a proxy that takes another user name and password", function()
  for scheme, serve in pairs {
    http = [[
      local line = near:receive "*l"
      repeat local more = near:receive "*l" until not more or more == ""
      print(line)
      near:send "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n" ]],
    socks5h = [[
      local methods = near:receive(2)
      near:receive(methods:byte(2))
      near:send "\5\2"
      local head = near:receive(2)
      near:receive(head:byte(2))
      near:receive(near:receive(1):byte())
      print "CONNECT"
      near:send "\1\1" ]],
  } do
    it("is asked once, by " .. scheme .. ": to repeat a wrong password locks accounts", function()
      local process, port = spawn(serve)
      local client = assert(aicc.new {
        base_url = "https://api.example", app_key = "key-0815", app_secret = "secret-0816",
        proxy = ("%s://user:wrong-0817@127.0.0.1:%d"):format(scheme, port),
      })
      client:release_agent_by_skill(3, { "1001" })
      local result, err = client:release_agent_by_skill(3, { "1001" }) -- within 10 s nobody is asked again
      client:close()
      assert.same({ nil, "auth", "not_sent", false }, { result, err.kind, err.outcome, err.retryable })
      assert.truthy(err.message:find("the proxy asks for another user name and password", 1, true), err.message)
      assert.is_nil(tostring(err):find("0817", 1, true))
      local asked = told(process)
      assert.equal("CONNECT", asked:match "^%u+")
      assert.is_nil(asked:find("\n", 1, true))
    end)
  end
end)

describe("a SOCKS proxy that took another user name and password", function()
  it("is not said to do so again once it is gone", function()
    local process, port = spawn [[
      near:receive(near:receive(2):byte(2))
      near:send "\5\255" ]]
    session = assert(core.session { base_url = "https://api.example", proxy = "socks5h://u:wrong-0817@127.0.0.1:" .. port })
    local _, refused = session:release_agent_by_skill("t", ONE)
    told(process)
    local _, gone = session:release_agent_by_skill("t", ONE)
    assert.same({ "auth", 97, false }, { refused.kind, refused.curl_code, refused.retryable })
    assert.same({ "network", 7, true, "not_sent" }, { gone.kind, gone.curl_code, gone.retryable, gone.outcome })
  end)
end)

describe("a proxy behind TLS", function()
  -- Writes a certificate for it; returns the paths of the certificate and its key.
  local function identity()
    local made = require("aicc.sandbox.core").certificate {
      names = { "localhost" }, addresses = {}, days = 1, self_signed = true,
    }
    local paths = { os.tmpname(), os.tmpname() }
    for n, text in ipairs { made.cert, made.key } do
      local file = assert(io.open(paths[n], "w"))
      assert(file:write(text))
      file:close()
    end
    return paths[1], paths[2]
  end

  it("is trusted by ca_file, and by nothing else", function()
    server = assert(sandbox.start { tls = true }) -- no proxy, but who asks it for a tunnel has trusted it
    local other = assert(sandbox.start { tls = true })
    local asked = 0
    for _, case in ipairs { { other.ca_file, "tls" }, { server.ca_file, "network" }, { other.ca_file, "tls" } } do
      session = assert(core.session {
        base_url = "https://api.example", ca_file = case[1], proxy = "https://localhost:" .. server.port, timeout = 20,
      })
      local _, err = session:release_agent_by_skill("t", ONE)
      assert.same({ case[2], "not_sent" }, { err.kind, err.outcome }, tostring(err))
      session:close()
      if case[2] == "network" then asked = asked + 1 end
      assert.equal(asked, server:stats().requests)
    end
    other:stop()
  end)

  it("before 1.2 is refused, whatever OpenSSL's own settings allow", function()
    local cert, key = identity()
    local settings = os.tmpname()
    local file = assert(io.open(settings, "w"))
    assert(file:write(table.concat({ "openssl_conf = a", "[a]", "ssl_conf = b", "[b]", "system_default = c", "[c]",
      "MinProtocol = TLSv1", "CipherString = DEFAULT:@SECLEVEL=0", "" }, "\n")))
    file:close()
    for version, refused in pairs { tls1_1 = true, tls1_2 = false } do -- that server answers in no HTTP
      local process = processes.spawn(("openssl s_server -rev -accept 127.0.0.1:0 -naccept 1 -cert %s -key %s"
        .. " -cipher DEFAULT:@SECLEVEL=0 -%s"):format(cert, key, version))
      local port
      repeat port = assert(process:line(), "openssl did not start"):match "^ACCEPT .*:(%d+)$" until port
      local caller = processes.lua(([[
        local core = require "aicc.curl"
        local session = assert(core.session {
          base_url = "https://api.example", ca_file = %q, proxy = "https://localhost:%d", timeout = 1, connect_timeout = 1,
        })
        local _, err = session:release_agent_by_skill("t", { skillId = 3, userAccounts = { "1001" } })
        print(err.kind == "tls", err.outcome)]]):format(cert, port), { OPENSSL_CONF = settings })
      assert.same({ 0, tostring(refused) .. "\tnot_sent" }, { caller:wait() }, version)
      process:stop()
    end
    for _, path in ipairs { cert, key, settings } do os.remove(path) end
  end)
end)
