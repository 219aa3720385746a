-- What happens to connections: kept, broken, refused. The other end is the sandbox, or `peer`, whose every byte the spec sends
-- itself. `core_process_spec` has what other processes make of them.

local processes = require "spec.support.processes"
local compile = require "spec.support.compile"
local core = require "aicc.curl"
local peer = require "spec.support.peer"
local sandbox = require "aicc.sandbox"

local RELEASE = "release_agent_by_skill"
local ONE = { skillId = 3, userAccounts = { "1001" } }
local SUCCESS = { resultCode = "0", resultMessage = "success" }

local server, other, session

local function start(options)
  server = assert(sandbox.start(options or {}))
  session = assert(core.session { base_url = server.base_url, ca_file = server.ca_file, app_key = "sandbox-key" })
  return session:token({ app_key = "sandbox-key", app_secret = "sandbox-secret" }).AccessToken
end

local function face_peer(options)
  options = options or {}
  other = peer.listen()
  options.base_url = "http://127.0.0.1:" .. other.port
  session = assert(core.session(options))
end

after_each(function()
  if session then session:close() end
  if server then server:stop() end
  if other then other:stop() end
  server, other, session = nil, nil, nil
end)

teardown(compile.clean)

-- Kilobytes of this process in memory.
local function resident()
  local file = assert(io.open "/proc/self/statm")
  local pages = tonumber(file:read "*l":match "^%d+ (%d+)")
  file:close()
  return pages * 4
end

describe("a kept connection", function()
  local function call_often(count, token)
    for _ = 1, count do assert(session:release_agent_by_skill(token, ONE)) end
  end

  it("serves call after call", function()
    local token = start { log = false }
    call_often(200, token)
    assert.same({ 1, 201 }, { server:stats().connections, server:stats().requests })
  end)

  it("serves ten thousand calls with flat memory #nosan", function()
    local token = start { log = false }
    call_often(2000, token)
    collectgarbage()
    local lua, before = collectgarbage "count", resident()
    call_often(10000, token)
    collectgarbage()
    assert.same({ 1, 12001 }, { server:stats().connections, server:stats().requests })
    assert.is_true(collectgarbage "count" - lua < 64, "Lua's memory grew")
    assert.is_true(resident() - before < 1024, "memory grew by " .. resident() - before .. " kB")
  end)

  it("serves over TLS too", function()
    local token = start { tls = true }
    call_often(50, token)
    assert.equal(1, server:stats().connections)
  end)

  -- Each is how a kept connection ends once the second request has come, and what libcurl says of it.
  for name, case in pairs {
    ["closed"] = { function(connection) connection:close() end, { [52] = true } },
    ["reset"] = { function(connection) other:reset(connection) end, { [52] = true, [56] = true } },
  } do
    it("that is " .. name .. " without an answer fails the call: one request per attempt, outcome unknown", function()
      face_peer()
      session:start(RELEASE, "t", ONE)
      local connection = other:accept(session)
      local first = other:read(session, connection)
      connection:send(peer.reply(peer.SUCCESS))
      assert.same(SUCCESS, (select(2, peer.result(session))))
      session:start(RELEASE, "t", ONE)
      assert.equal(first, other:read(session, connection))
      case[1](connection)
      local _, result, err = peer.result(session)
      assert.same({ nil, "network", "unknown", true }, { result, err.kind, err.outcome, err.retryable })
      assert.is_true(case[2][err.curl_code], "curl " .. err.curl_code)
      if other:is_called() then -- libcurl connects for a second try, and then finds that it may not send again
        local second = assert(other.listener:accept())
        second:settimeout(20)
        assert.same({ nil, "closed", "" }, { second:receive "*a" })
      end
      session:start(RELEASE, "t", ONE)
      connection = other:accept(session)
      assert.equal(first, other:read(session, connection))
      connection:send(peer.reply(peer.SUCCESS))
      assert.same(SUCCESS, (select(2, peer.result(session))))
    end)
  end

  it("that was closed while nobody used it is replaced, and nothing fails", function()
    face_peer()
    for _ = 1, 3 do
      session:start(RELEASE, "t", ONE)
      local connection = other:accept(session)
      other:read(session, connection)
      connection:send(peer.reply(peer.SUCCESS))
      assert.same(SUCCESS, (select(2, peer.result(session))))
      connection:close()
    end
  end)

  it("goes with its session", function()
    face_peer()
    session:start(RELEASE, "t", ONE)
    local connection = other:accept(session)
    other:read(session, connection)
    session:close()
    connection:settimeout(20)
    assert.same({ nil, "closed", "" }, { connection:receive "*a" })
  end)
end)

describe("an attempt without a reply", function()
  local token
  before_each(function() token = start() end)

  -- { name, fault, kind, outcome, curl's codes, retryable, limits }
  for _, case in ipairs {
    { "closed after the request", { close = "request" }, "network", "unknown", "52", true },
    { "closed after the head", { close = "headers" }, "network", "unknown", "52 55 56", true },
    { "reset", { close = "reset" }, "network", "unknown", "52 56", true },
    { "cut in the body", { cut = 5 }, "protocol", "unknown", "18", true },
    { "cut before the body", { cut = 0 }, "protocol", "unknown", "18", true },
    { "not HTTP", { raw = "SSH-2.0-OpenSSH_9.2\r\n" }, "protocol", "unknown", "1 8", false },
    { "no answer", { hold = true }, "timeout", "unknown", "28", true, { timeout = 0.2 } },
    { "half an answer", { drip = 0.2 }, "timeout", "unknown", "28", true, { timeout = 0.3 } },
  } do
    it("is told by kind and outcome: " .. case[1], function()
      local fault = case[2]
      fault.operation, fault.to = RELEASE, math.huge
      server:fault(fault)
      for _, fresh in ipairs { false, true } do
        local before = server:stats().requests
        local limits = { fresh_connection = fresh, timeout = case[7] and case[7].timeout }
        local result, err = session:release_agent_by_skill(token, ONE, limits)
        assert.same({ nil, case[3], case[4], case[6] }, { result, err.kind, err.outcome, err.retryable })
        assert.truthy((" " .. case[5] .. " "):find(" " .. err.curl_code .. " ", 1, true), "curl " .. err.curl_code)
        assert.is_true(server:stats().requests - before == 1)
      end
    end)
  end

  it("is not sent where nobody listens", function()
    local port = server.port
    server:stop()
    local result, err = session:release_agent_by_skill(token, ONE)
    assert.same({ nil, "network", "not_sent", 7, true }, { result, err.kind, err.outcome, err.curl_code, err.retryable })
    assert.truthy(err.message:find(tostring(port), 1, true))
  end)
end)

it("what was sent on a kept connection may have arrived, also where no other can be had", function()
  for _, tls in ipairs { false, true } do
    local far = assert(peer.listen())
    local own = tls and assert(sandbox.start { tls = true, agents = { [3] = { "1001" } } })
    local url = own and own.base_url or "http://127.0.0.1:" .. far.port
    local kept = assert(core.session { base_url = url, ca_file = own and own.ca_file or nil, app_key = "sandbox-key" })
    local result, err
    if own then
      local token = assert(kept:token { app_key = "sandbox-key", app_secret = "sandbox-secret" }).AccessToken
      own:fault { operation = "release_agent_by_skill", delay = 20, close = "request" }
      local ticket = assert(kept:start("release_agent_by_skill", token, ONE))
      assert.equal(ticket, peer.pump(kept, function() return #own:requests() == 2 and ticket or nil end))
      own:stop() -- and nobody listens there any more
      result, err = select(2, peer.result(kept))
    else
      assert(kept:start("release_agent_by_skill", "t", ONE))
      local connection = far:accept(kept)
      far:read(kept, connection)
      connection:send(peer.reply(peer.SUCCESS))
      peer.result(kept)
      assert(kept:start("release_agent_by_skill", "t", ONE))
      far:read(kept, connection)
      far:stop()
      result, err = select(2, peer.result(kept))
    end
    assert.same({ nil, "network", "unknown", true }, { result, err.kind, err.outcome, err.retryable }, tostring(err))
    kept:close()
    far:stop()
  end
end)

describe("a resolver", function()
  local function call(host, environment)
    local began = core.now()
    local process = processes.lua(([[
      local session = require("aicc.curl").session { base_url = "https://%s", timeout = 0.5, connect_timeout = 0.5 }
      local _, err = session:release_agent_by_skill("t", { skillId = 3, userAccounts = { "a" } })
      print(err.kind, err.outcome, err.curl_code, err.retryable)
      session:close()]]):format(host), environment)
    local status, output = process:wait()
    return status, output, core.now() - began
  end

  it("that is slow does not outlive the timeout, nor the session #nosan", function()
    local status, output, seconds = call("slow.example", { LD_PRELOAD = compile.shared "resolver" })
    assert.same({ 0, "timeout\tnot_sent\t28\ttrue" }, { status, output })
    assert.is_true(seconds < 10, seconds .. " s")
  end)

  it("that knows no such host is told #nosan", function()
    local status, output = call("none.example", { LD_PRELOAD = compile.shared "resolver" })
    assert.same({ 0, "network\tnot_sent\t6\ttrue" }, { status, output })
  end)
end)

it("a kept connection that breaks before the body has left is one request all the same, over TLS too", function()
  for _, tls in ipairs { false, true } do
    for _, close in ipairs { "headers", "request", "reset" } do
      local own = assert(sandbox.start { tls = tls, agents = { [3] = { "1001" } } })
      local kept = assert(core.session { base_url = own.base_url, ca_file = own.ca_file, app_key = "sandbox-key" })
      local token = assert(kept:token { app_key = "sandbox-key", app_secret = "sandbox-secret" }).AccessToken
      local arguments = { skillId = 3, userAccounts = { "1001" } }
      assert(kept:release_agent_by_skill(token, arguments)) -- the connection is kept now
      own:clear()
      own:fault { close = close, to = math.huge }
      local _, err = kept:release_agent_by_skill(token, arguments)
      assert.same({ 1, "network", "unknown", true }, { #own:requests(), err.kind, err.outcome, err.retryable }, close)
      kept:close()
      own:stop()
    end
  end
end)
