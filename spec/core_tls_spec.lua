-- TLS: who is trusted, who is not, and that nothing was sent to whoever is not.

local compile = require "spec.support.compile"
local core = require "aicc.curl"
local openssl = require "spec.support.openssl"
local processes = require "spec.support.processes"
local sandbox = require "aicc.sandbox"

local ONE = { skillId = 3, userAccounts = { "1001" } }

local server, session

after_each(function()
  if session then session:close() end
  if server then server:stop() end
  server, session = nil, nil
end)

local function start(certificate)
  server = assert(sandbox.start { tls = true, certificate = certificate })
end

-- One call with these options; by default to the server's URL, trusting the server's CA.
local function call(options)
  options = options or {}
  options.base_url = options.base_url or server.base_url
  if not options.ca_path and options.ca_file == nil then options.ca_file = server.ca_file end
  options.ca_file = options.ca_file or nil
  session = assert(core.session(options))
  local result, err = session:release_agent_by_skill("token-0815", ONE)
  session:close()
  return result, err
end

-- The sandbox's own answer to an unknown token: it was reached.
local function assert_reached(options)
  local _, err = call(options)
  assert.same({ "auth", 401 }, { err.kind, err.status }, tostring(err))
end

local function assert_refused(curl_code, options)
  local before = server:stats().requests
  local result, err = call(options)
  assert.same({ nil, "tls", "not_sent", curl_code, curl_code == 35 },
    { result, err.kind, err.outcome, err.curl_code, err.retryable }, tostring(err))
  assert.equal(before, server:stats().requests)
  return err
end

local function shell(command)
  local process = processes.spawn("sh -c " .. processes.quote(command))
  local status, output = process:wait()
  assert(status == 0, output)
  return output
end

describe("a server is trusted", function()
  it("whose certificate names it and comes from ca_file", function()
    start()
    assert_reached()
    assert_reached { base_url = "https://127.0.0.1:" .. server.port }
  end)

  it("whose certificate is signed by itself and is in ca_file", function()
    local made = require("aicc.sandbox.core").certificate {
      names = { "localhost" }, addresses = {}, days = 1, self_signed = true,
    }
    server = assert(sandbox.start { tls = true, cert = made.cert, key = made.key, ca = made.cert })
    assert_reached()
  end)

  it("whose CA is in ca_path, a hashed directory, and in none that is not hashed", function()
    start()
    local directory = shell "mktemp -d"
    shell(("cp %s %s/ca.pem"):format(server.ca_file, directory))
    local err = assert_refused(60, { ca_path = directory })
    assert.truthy(err.message:find("certificate", 1, true))
    shell("openssl rehash " .. directory)
    assert_reached { ca_path = directory }
    shell("rm -r " .. directory)
  end)

  it("unseen with verify = false, which is for this machine alone", function()
    for _, certificate in ipairs { {}, { names = { "elsewhere" } }, { days = -1 }, { self_signed = true } } do
      start(certificate)
      assert_reached { ca_file = false, verify = false }
      server:stop()
    end
    local _, err = core.session { base_url = "https://service.besclouds.com", verify = false }
    assert.equal("config", err.kind)
  end)
end)

describe("a server is not trusted, and is sent nothing", function()
  it("whose certificate names another", function()
    start { names = { "elsewhere" }, addresses = {} }
    assert_refused(60)
    assert_refused(60, { base_url = "https://127.0.0.1:" .. server.port })
  end)

  it("whose certificate names it, but not by its address", function()
    start { addresses = {} }
    assert_reached()
    assert_refused(60, { base_url = "https://127.0.0.1:" .. server.port })
  end)

  -- The clock is named first: a host without one is the more frequent cause.
  it("whose certificate has expired, or is not valid yet, by this host's clock", function()
    start { days = -1 }
    local said = ("is this host's clock right? It says %s"):format(os.date "!%Y-%m-%d %H:")
    assert.matches(said, assert_refused(60).message, 1, true)
    assert.matches("%d%d:%d%d UTC%. By it, .*certificate has expired$", assert_refused(60).message)
    server:stop()
    local future = openssl.dated("20400101000000Z", "20410101000000Z")
    server = assert(sandbox.start { tls = true, cert = future.cert, key = future.key, ca = future.cert })
    assert.matches("is this host's clock right%? It says 20.* UTC%. By it, .*certificate is not yet valid$",
      assert_refused(60).message)
  end)

  it("whose certificate is signed by itself or by a CA that nobody told us of", function()
    for _, certificate in ipairs { {}, { self_signed = true } } do
      start(certificate)
      assert.truthy(assert_refused(60, { ca_file = false }).message:find("is ca_file right?", 1, true))
      local another = assert(sandbox.start { tls = true })
      assert_refused(60, { ca_file = another.ca_file })
      another:stop()
      server:stop()
    end
  end)

  it("where ca_file holds no certificate", function()
    start()
    assert_refused(77, { ca_file = "Makefile" })
  end)

  it("that speaks no TLS", function()
    server = assert(sandbox.start())
    assert_refused(35, { base_url = "https://127.0.0.1:" .. server.port, ca_file = "/etc/ssl/certs/ca-certificates.crt" })
  end)
end)

describe("TLS before 1.2", function()
  local peer

  after_each(function() if peer then peer.stop() end end)

  it("is refused, even where the server knows nothing else", function()
    for version, refused in pairs { tls1 = true, tls1_1 = true, tls1_2 = false, tls1_3 = false } do
      peer = openssl.serve(version)
      local _, err = call { base_url = peer.base_url, ca_file = peer.ca_file, timeout = 0.5 } -- that server answers in no HTTP
      assert.equal(refused and "not_sent" or "unknown", err.outcome, version .. ": " .. tostring(err))
      assert.equal(refused, err.kind == "tls", version .. ": " .. tostring(err))
      peer.stop()
      peer = nil
    end
  end)
end)

it("without ca_file and ca_path the hashed directory alone is asked, where there is one #nosan", function()
  start()
  local function opened(options)
    local process = processes.lua(([[
      local session = assert(require("aicc.curl").session { base_url = %q %s })
      print(select(2, session:release_agent_by_skill("token", { skillId = 3, userAccounts = { "1" } })).curl_code)
      session:close()]]):format(server.base_url, options), { LD_PRELOAD = compile.shared "opened" })
    local _, output = process:wait()
    assert.matches("60", output)
    return output:find("ca-certificates.crt", 1, true) ~= nil
  end
  assert.is_true(opened ', ca_file = "/etc/ssl/certs/ca-certificates.crt"') -- else nothing would be seen
  if shell "ls /etc/ssl/certs":find "%x%x%x%x%x%x%x%x%.0" then assert.is_false(opened "") end
end)
