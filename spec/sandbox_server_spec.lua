-- The sandbox's server: certificates, and the end, however it comes.

local cjson = require "cjson"
local socket = require "socket"
local http = require "spec.support.http"
local processes = require "spec.support.processes"
local sandbox = require "aicc.sandbox"

local server

local function start(options)
  server = assert(sandbox.start(options or { agents = { [3] = { "1001", "1002", "1003" } } }))
end

after_each(function()
  if server then server:stop() end
  server = nil
end)

describe("HTTPS", function()
  local function verify(url)
    return http.curl("--cacert " .. server.ca_file .. " " .. (url or server.base_url))
  end

  it("serves a throwaway certificate that its own CA vouches for", function()
    start { tls = true, agents = { [3] = { "1001" } } }
    assert.equal(0, verify())
    assert.equal(0, verify("https://127.0.0.1:" .. server.port))
    local body = '{"skillId":3,"userAccounts":["1001"]}'
    assert.equal(http.SUCCESS, http.send(server, http.RELEASE, body, http.authorized(server)).body)
    local file = assert(io.open(server.ca_file))
    assert.equal(server.ca_pem, file:read("*a"))
    file:close()
    local pipe = io.popen("stat -c %a " .. server.ca_file)
    assert.equal("600", pipe:read("*l"))
    pipe:close()
    server:stop()
    assert.is_nil(io.open(server.ca_file))
  end)

  it("has no certificate without a folder for its file, and says so", function()
    local process = processes.lua('print(require("aicc.sandbox").start { tls = true })', { TMPDIR = "/nonexistent" })
    assert.same({ 0, "nil\taicc: sandbox: cannot start: No such file or directory [network, not_sent]" }, { process:wait() })
  end)

  it("serves certificates with a wrong name, out of date, or self-signed", function()
    for _, certificate in ipairs { { names = { "elsewhere" } }, { days = -1 }, { self_signed = true } } do
      start { tls = true, certificate = certificate }
      assert.equal(60, verify())
      server:stop()
    end
  end)

  it("serves a certificate that it is given", function()
    local made = require("aicc.sandbox.core").certificate { names = { "localhost" }, addresses = {}, days = 1 }
    start { tls = true, cert = made.cert, key = made.key, ca = made.ca }
    assert.equal(0, verify())
  end)

  it("cuts, drips, resets and closes as HTTP does", function()
    start { tls = true }
    server:fault { operation = "token", cut = 5 }
    local answer = http.login(server)
    assert.same({ 5, true }, { #answer.body, answer.cut })
    server:fault { operation = "token", drip = 0.0001 }
    assert.truthy(cjson.decode(http.login(server).body).AccessToken)
    server:fault { operation = "token", close = "request" }
    assert.is_nil(http.login(server))
    server:fault { operation = "token", close = "reset" }
    assert.is_nil(http.login(server))
    assert.has_error(function() server:fault { raw = "x" } end)
  end)
end)

describe("the end", function()
  it("comes once, however often it is asked for", function()
    start()
    local connection = http.dial(server)
    server:stop()
    server:stop()
    assert.is_nil(http.read(connection))
    connection:close()
    assert.is_nil(socket.connect("127.0.0.1", server.port))
  end)

  it("comes with the garbage collector", function()
    start { tls = true }
    local port, ca_file = server.port, server.ca_file
    server = nil
    collectgarbage()
    collectgarbage()
    assert.is_nil(socket.connect("127.0.0.1", port))
    assert.is_nil(io.open(ca_file))
  end)

  it("comes with <close>, where Lua has it", function()
    local chunk = (loadstring or load)([[
      local sandbox = ...
      local server <close> = assert(sandbox.start())
      return server.port
    ]])
    if chunk then assert.is_nil(socket.connect("127.0.0.1", chunk(sandbox))) end
  end)

  it("comes with the process, held answers or not", function()
    local interpreter, n = arg[0], 0
    while arg[n] do interpreter, n = arg[n], n - 1 end
    local script = [[
      local server = assert(require("aicc.sandbox").start { tls = true })
      server:fault { hold = true }
      os.execute(curl .. "-k -d x https://127.0.0.1:" .. server.port .. "/ >/dev/null 2>&1 &")
      assert(server:wait_for { held = 1, timeout = 20 })
      io.write(server.ca_file)
      io.flush()
      if how == "exit" then os.exit(0, true) elseif how == "error" then error("on purpose") end]]
    for _, how in ipairs { "return", "exit", "error" } do
      local name = os.tmpname()
      local file = assert(io.open(name, "w"))
      file:write(("package.path, package.cpath = %q, %q\nlocal how, curl = %q, %q\n%s"):format(
        package.path, package.cpath, how, http.CURL, script))
      file:close()
      local pipe = io.popen(interpreter .. " " .. name .. " 2>/dev/null")
      local ca_file = pipe:read("*a")
      pipe:close()
      os.remove(name)
      assert.truthy(ca_file:find("aicc-sandbox-ca-", 1, true), how)
      -- Lua 5.1 closes nothing in os.exit.
      if how ~= "exit" or _VERSION ~= "Lua 5.1" then assert.is_nil(io.open(ca_file), how) else os.remove(ca_file) end
    end
  end)
end)
