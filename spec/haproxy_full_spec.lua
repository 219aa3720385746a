-- HAProxy with all its connections taken: one attempt is one request at most, and nobody is told what is not so.
--
-- A process of its own whose callers and whose egress share one small maxconn, without the limits that the example sets.

local assert = require "luassert"
local cjson = require "cjson"
local console = require "spec.support.hosts.haproxy"
local load = require "spec.support.hosts.load"
local sandbox = require "aicc.sandbox"
local socket = require "socket"

local function content(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

-- The console's configuration, with the example's egress in the same process, without TLS.
local function with_egress(maxconn)
  local egress = assert(content("examples/haproxy/haproxy.cfg"):match "\n(frontend egress\n.*)$")
  egress = egress:gsub("%${HOOK_FOLDER%-/run/haproxy}", "@WORK@"):gsub(' user "%${HOOK_USER%-haproxy}"', "")
  local cfg = console.CFG:gsub("^global\n", "global\n  maxconn " .. maxconn .. "\n"):gsub("daemon notice", "daemon info")
  cfg = cfg:gsub("bind 127.0.0.1:@PORT@", "%0 backlog 1000")
  return console.without_tls(cfg .. egress)
end

describe("in a full HAProxy #hosts", function()
  local server, there
  before_each(function() server = assert(sandbox.start { agents = { [3] = {} } }) end)
  after_each(function()
    if there then there:stop() end
    server:stop()
    there = nil
  end)

  local function start(maxconn)
    there = console.start(function() return with_egress(maxconn) end, { API = "127.0.0.1:" .. server.port })
  end

  -- A request of Lua code that calls once, for at most a second. It tells how long its longest attempt took: a release whose
  -- answer is lost goes on with a listing.
  local function ask(method, accounts)
    local code = ([[local call = ...
      local shared, clock = package.loaded.shared or { took = {} }, require("aicc.core").now
      if not shared.client then
        shared.client = assert(require("aicc").new {
          egress = "unix:%s/egress.sock", base_url = "http://localhost", app_key = %q, app_secret = %q, timeout = 1,
          retry = false,
        })
        local attempt = shared.client.transport.attempt
        shared.client.transport.attempt = function(...)
          local began, me = clock(), coroutine.running()
          local reply, err = attempt(...)
          shared.took[me] = math.max(shared.took[me] or 0, clock() - began)
          return reply, err
        end
        package.loaded.shared = shared
      end
      local result, err = shared.client[%q](shared.client, 3, %s)
      local told = result or err
      return { accounts = %q, kind = err and err.kind, outcome = told.outcome, attempts = told.attempts,
        took = shared.took[coroutine.running()] }]]):format(
        there.work, server.app_key, server.app_secret, method, accounts, accounts)
    return { port = there.port, path = "/lua", body = code }
  end

  local function told_of(reply) return cjson.decode(reply.body)[1] end

  -- The accounts of each release that the API has seen, as JSON.
  local function releases()
    local found = {}
    for _, request in ipairs(server:requests()) do
      if request.operation == "release_agent_by_skill" then found[#found + 1] = request.body:match '"userAccounts":(%b[])' end
    end
    return found
  end

  -- Callers that keep their connections.
  local function take(count)
    local taken = {}
    for i = 1, count do
      taken[i] = assert(socket.connect("127.0.0.1", there.port))
      taken[i]:settimeout(20)
      taken[i]:send "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
      assert.truthy((taken[i]:receive "*l"):find " 200 ")
      repeat until taken[i]:receive "*l" == ""
    end
    return taken
  end

  it("a release of everybody that finds no connection is sent once at most, and is unknown when its time is over", function()
    start(10)
    assert.is_nil(told_of(load.send(ask("query_agents", "nil"))).kind) -- there is a token
    local taken = take(9)
    local reply = load.send(ask("release_agent_by_skill", "require('aicc').ALL"))
    for _, connection in ipairs(taken) do connection:close() end
    assert.equal(200, reply.status)
    local told = told_of(reply)
    assert.same({ "timeout", "unknown", 1 }, { told.kind, told.outcome, told.attempts })
    print(("\n    nine of ten connections taken: an attempt of 1 s took %.2f s"):format(told.took))
    assert.is_true(told.took > 0.9 and told.took < 1.5, told.took)
    -- What waited in the egress's socket is done with, once it is in the log.
    local log = there:wait_for_log 'egress [^\n]+ "POST [^\n]+releaseAgentBySkillId'
    assert.equal(1, select(2, log:gsub('egress [^\n]+ "POST [^\n]+releaseAgentBySkillId', "")))
    assert.is_true(#releases() <= 1)
    assert.is_nil(told_of(load.send(ask("query_agents", "nil"))).kind)
  end)

  it("an egress that hangs up at once, or is not there, is an error like others", function()
    there = console.start(function()
      return with_egress(100):gsub("mode 600", "mode 600\n  tcp-request connection reject", 1)
    end, { API = "127.0.0.1:" .. server.port })
    for _ = 1, 20 do
      local told = told_of(load.send(ask("query_agents", "nil")))
      assert.same({ "network", "unknown" }, { told.kind, told.outcome == "not_sent" and "unknown" or told.outcome })
    end
    os.remove(there.work .. "/egress.sock")
    local told = told_of(load.send(ask("query_agents", "nil")))
    assert.same({ "network", "not_sent" }, { told.kind, told.outcome })
  end)

  it("a 503 of somebody who is no egress is unknown: the request may have been passed on", function()
    there = console.start(function()
      return with_egress(100):gsub("mode 600", "mode 600\n  http-request return status 503", 1):gsub("\n  http%-after[^\n]+", "")
    end, { API = "127.0.0.1:" .. server.port })
    local told = told_of(load.send(ask("access_token", "nil")))
    assert.same({ "network", "unknown" }, { told.kind, told.outcome })
  end)

  it("of 150 callers at 100 connections, nobody is told not_sent whose release was sent, nor is any sent twice", function()
    start(100)
    local accounts = {}
    for i = 1, 150 do accounts[i] = ("%04d"):format(i) end
    server:bind(3, accounts)
    assert.is_nil(told_of(load.send(ask("query_agents", "nil"))).kind)
    server:fault { operation = "release_agent_by_skill", delay = 0.2, to = math.huge }
    local taken, n = take(100), 0
    local replies = load.run { parallel = 150, next = function()
      n = n + 1
      if not accounts[n] then return end
      local request = ask("release_agent_by_skill", ("{ %q }"):format(accounts[n]))
      request.connection = taken[n]
      return request
    end }
    local longest, counts, sent = 0, {}, {}
    for _, body in ipairs(releases()) do
      assert.is_nil(sent[body], body)
      sent[body] = true
    end
    for _, reply in ipairs(replies) do
      -- HAProxy closes without an answer what comes when it has no descriptor left.
      assert.is_true(reply.status == nil or reply.status == 200, tostring(reply.status) .. there:log())
      local told = reply.status == 200 and told_of(reply) or { outcome = "no answer" }
      counts[told.outcome] = (counts[told.outcome] or 0) + 1
      longest = math.max(longest, told.took or 0)
      local was_sent = told.accounts and sent[("[%s]"):format(told.accounts:match '"%d+"')]
      if told.outcome == "not_sent" then assert.is_nil(was_sent, told.accounts) end
      if told.outcome == "applied" then assert.is_true(was_sent, told.accounts) end
    end
    print(("\n    150 callers at 100 connections: %s; the longest attempt of 1 s took %.2f s"):format(
      cjson.encode(counts), longest))
    assert.equal(150, #replies)
    assert.is_true((counts.applied or 0) > 0)
    assert.is_true(longest < 5, longest)
  end)
end)
