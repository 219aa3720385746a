-- Calls through an example's egress: how they leave, and what refuses them. In either host the same.

local assert = require "luassert"
local busted = require "busted"
local load = require "spec.support.hosts.load"
local sandbox = require "aicc.sandbox"
local socket = require "socket"

local describe, it, setup, teardown = busted.describe, busted.it, busted.setup, busted.teardown
local before_each, after_each = busted.before_each, busted.after_each

local ALWAYS = math.huge

-- `declare(get)` declares specs of that host's own; `get()` gives the sandbox, the example, a console and `scene.options`.
return function(scene, declare)
  describe("through its egress", function()
    local there
    setup(function()
      scene.start()
      there = scene.console.start()
    end)
    teardown(function()
      there:stop()
      scene.stop()
    end)
    before_each(function() scene.server:reset() end)

    it("one attempt is one request, also on a connection that was kept and dies", function()
      for _, fault in ipairs {
        { close = "request" }, { close = "headers" }, { close = "reset" }, { delay = 0.6 },
      } do
        for _, attempts in ipairs { 1, 3 } do
          local more = ("timeout = 0.3, retry = { attempts = %d, base = 0.01 }"):format(attempts)
          scene.server:reset()
          local code = ("return call(%s, 'query_agents', 3)"):format(scene.options(more))
          assert.is_true(there:run(code).ok) -- leaves a connection behind
          scene.server:clear()
          fault.operation, fault.from, fault.to = "query_agents", 1, ALWAYS
          scene.server:fault(fault)
          local told = there:run(code)
          assert.equal("unknown", told.outcome)
          assert.equal(attempts, told.attempts)
          assert.equal(attempts, scene.count("query_agents"), fault.close or "no answer")
        end
      end
    end)

    it("more time than a host can count is as much as it can", function()
      local told = there:run(("return call(%s, 'query_agents', 3)"):format(
        scene.options "retry = false, store = 'memory', timeout = 1e15, connect_timeout = 1e15, deadline = 1e15"))
      assert.is_true(told.ok)
    end)

    it("a listing has several pages", function()
      local agents = {}
      for i = 1, 250 do agents[i] = { userAccount = ("agent-%04d"):format(i), accountName = ("x"):rep(50) } end
      scene.server:bind(4, agents)
      local n = there:run(([[
        local client = assert(require("aicc").new(%s))
        return #assert(client:query_agents(4))]]):format(scene.options()))
      assert.equal(251, n)
    end)

    it("aicc.ALL goes out on a connection of its own", function()
      local everybody = ("return call(%s, 'release_agent_by_skill', 3, 'ALL')"):format(scene.options())
      for _ = 1, 4 do assert.is_true(there:run(everybody).ok) end
      for _ = 1, 9 do there:run(("return call(%s, 'query_agents', 3)"):format(scene.options())) end
      local on, queries = {}, {}
      for _, request in ipairs(scene.server:requests()) do
        on[request.connection] = (on[request.connection] or 0) + 1
        if request.operation == "query_agents" then queries[request.connection] = true end
      end
      for _, request in ipairs(scene.server:requests()) do
        if request.operation == "release_agent_by_skill" then assert.equal(1, on[request.connection]) end
      end
      local used = 0
      for _ in pairs(queries) do used = used + 1 end
      assert.is_true(used < 9, "no connection was kept")
    end)

    -- What the egress says of a request that curl sends there: status, X-Aicc-Egress; and the paths that the API saw.
    local function ask(path, more)
      scene.server:clear()
      local command = "curl -sS -m 10 --path-as-is -D - -o /dev/null -d '{}' %s --unix-socket %s 'http://localhost%s'"
      local pipe = io.popen(command:format(more or "", scene.example:egress():sub(6), path))
      local head = pipe:read "*a"
      pipe:close()
      local paths = {}
      for n, request in ipairs(scene.server:requests()) do paths[n] = request.path end
      return tonumber(head:match "^HTTP/1%.1 (%d+)"), head:lower():match "x%-aicc%-egress: (%w+)", table.concat(paths, " ")
    end

    local TOKEN, AGENTS = "/apigovernance/api/oauth/tokenByAkSk", "/apiaccess/rest/cc-management/v1/agentAccount/"

    it("nothing leaves but what the API is called for, however it is spelt", function()
      local told = there:run(("return call(%s, 'query_agents', 3)"):format(
        (scene.options("retry = false"):gsub("https://localhost", "https://localhost/elsewhere"))))
      assert.same({ "not_found", "not_sent" }, { told.kind, told.outcome })
      assert.truthy(told.message:find("the egress lets no such path through", 1, true), told.message)
      assert.equal(0, #scene.server:requests())
      for _, path in ipairs {
        "/", AGENTS, AGENTS .. "deleteAgent", AGENTS .. "releaseEverything", AGENTS .. "../deleteAgent", "/x" .. TOKEN,
        TOKEN .. "/x", TOKEN .. "/", TOKEN .. ";x", TOKEN .. "%23x",
        "/x/.." .. TOKEN, "/" .. TOKEN, "/x%2f.." .. TOKEN, "/x/%2e%2e" .. TOKEN,
        TOKEN .. "?x", AGENTS .. "deleteAgent/%2e%2e/queryAgentInfoBySkillId",
      } do
        local _, progress, seen = ask(path)
        assert.is_true(progress == "refused" and seen == "" or seen == TOKEN or seen == AGENTS .. "queryAgentInfoBySkillId",
          ("%s: %s, %s"):format(path, progress, seen))
      end
      assert.same({ "" }, { select(3, ask(TOKEN, "-X DELETE")) })
    end)

    it("what the host says is not taken for the API's answer, and the API has no say in where answers come from", function()
      assert.same({ 400, "answered", TOKEN }, { ask(TOKEN, "-H 'Authorization: Bearer " .. ("x"):rep(20000) .. "'") })
      local status, progress, seen = ask(TOKEN, "-H 'Authorization: Bearer " .. ("x"):rep(70000) .. "'")
      assert.equal("", seen)
      assert.are_not.equal("answered", progress)
      -- HAProxy 3.2 says 431, and may hang up before curl has written all of it and would read that.
      assert.is_true(status == 400 or scene.name == "haproxy" and (status == nil or status == 431), status)
      scene.server:fault { operation = "release_agent_by_skill", apply = true, status = 503, headers = {
        ["X-Accel-Redirect"] = "/elsewhere", ["X-Aicc-Egress"] = "unsent",
      } }
      local told = there:run(("return call(%s, 'release_agent_by_skill', 3, { '1001' })"):format(scene.options "retry = false"))
      assert.same({ "ok", "applied_earlier" }, { told.kind or "ok", told.outcome })
      assert.same({ "1002", "1003" }, scene.server:accounts(3))
    end)

    it("the request has just the headers that libcurl's has", function()
      local function names()
        local requests, list = scene.server:requests(), {}
        for _, header in ipairs(requests[#requests].headers) do list[#list + 1] = header[1]:lower() end
        table.sort(list)
        return table.concat(list, " ")
      end
      there:run(("return call(%s, 'release_agent_by_skill', 3, { '1001' })"):format(scene.options()))
      local in_host = names()
      local client = scene.server:client()
      assert(client:release_agent_by_skill(3, { "1001" }))
      client:close()
      assert.equal(names(), in_host)
    end)

    it("libcurl does not block the host, unless it may", function()
      local direct = ("base_url = %q, ca_file = %q, app_key = %q, app_secret = %q, transport = 'curl'"):format(
        scene.server.base_url, scene.server.ca_file, scene.server.app_key, scene.server.app_secret)
      local told = there:run(("return call({ %s }, 'query_agents', 3)"):format(direct))
      assert.same({ "unsupported", "not_sent" }, { told.kind, told.outcome })
      told = there:run(([[
        local loop, told = require "aicc.loop", nil
        loop.spawn(function() told = call({ %s }, 'query_agents', 3) end)
        loop.run()
        return told]]):format(direct))
      assert.same({ "unsupported", "not_sent" }, { told.kind, told.outcome })
      assert.equal(0, #scene.server:requests())
      assert.is_true(there:run(("return call({ %s, allow_blocking = true }, 'query_agents', 3)"):format(direct)).ok)
    end)

    if declare then declare(function() return scene.server, scene.example, there, scene.options end) end

    it("what the host's configuration decides is refused, with the reason", function()
      for setting, reason in pairs {
        ["max_in_flight = 100"] = "limit_conn", ["ca_file = '/x'"] = "whom to trust", ["ca_path = '/x'"] = "whom to trust",
        ["verify = false"] = "whether to", ["proxy = 'http://p:1'"] = "which way requests go",
      } do
        local told = there:run(("local _, err = require('aicc').new(%s) return { err.kind, err.message }"):format(
          scene.options(setting)))
        assert.equal("config", told[1])
        assert.truthy(told[2]:find("^" .. setting:match "%S+" .. ": it has no effect in "), told[2])
        assert.truthy(told[2]:find(reason, 1, true), told[2])
      end
      local harmless = scene.options "verify = true, proxy = ''"
      assert.is_true(there:run(("return require('aicc').new(%s) ~= nil"):format(harmless)))
    end)

    it("an egress is needed", function()
      local code = [[
        local _, err = require('aicc').new { base_url = 'https://localhost', app_key = 'app-key', app_secret = 'secret', %s }
        return { kind = err.kind, message = err.message }]]
      for setting, expected in pairs {
        [""] = "egress: it is missing", ["egress = '/run/x'"] = "egress: expected", ["egress = 'unix:x'"] = "egress: expected",
      } do
        local told = there:run(code:format(setting))
        assert.equal("config", told.kind)
        assert.truthy(told.message:find(expected, 1, true))
      end
    end)

    it("the wrong build says so", function()
      local command = [[LUA_PATH="lua/?.lua;lua/?/init.lua;;" LUA_CPATH="build/5.4/?.so;;" %s -e "require 'aicc'" 2>&1]]
      local pipe = io.popen(command:format(scene.name == "haproxy" and "lua5.3" or "luajit"))
      local output = pipe:read "*a"
      pipe:close()
      assert.truthy(output:find("build/5.4/aicc/core.so is for Lua 5.4, and this is ", 1, true), output)
    end)
  end)

  it("tokens leave through an egress of their own, where they have an address of their own", function()
    scene.start(nil, nil, 0)
    scene.example:configure(function(text)
      return scene.console.with_token_egress(text, "127.0.0.1:" .. scene.server.token_port)
    end)
    local there = scene.console.start()
    local release = "return call(%s, 'release_agent_by_skill', 3, { '1001' })"
    local refused = there:run(release:format(scene.options()))
    local told = there:run(release:format(scene.options(("token_url = 'https://localhost:28070', token_egress = %q"):format(
      scene.example:egress():gsub("egress%.sock$", "token.sock"), nil))))
    local wrong = there:run([[
      local _, err = require('aicc').new { egress = 'unix:/x', token_egress = '/y', base_url = 'https://a', app_key = 'app-key',
        app_secret = 'secret' }
      return { message = err.message }]])
    there:stop()
    local seen = {}
    for n, request in ipairs(scene.server:requests()) do
      seen[n] = ("%s %s %s"):format(request.operation, request.for_tokens, request.header.host)
    end
    scene.stop()
    assert.equal("not_found", refused.kind)
    assert.equal("applied", told.outcome or told.kind)
    assert.same({ "token false localhost", "token true localhost:28070", "release_agent_by_skill false localhost" }, seen)
    assert.equal('token_egress: expected "unix:/path", got "/y"', wrong.message)
  end)

  describe("without an API behind it,", function()
    after_each(scene.stop)

    local function try(overrides)
      scene.start(overrides)
      local there = scene.console.start()
      local told = there:run(("return call(%s, 'access_token')"):format(scene.options "retry = false"))
      there:stop()
      return { told.kind, told.outcome }
    end

    -- The host's log, once it has a line of that pattern (hosts write it after they have answered); or as it is after 10 s.
    local function log_with(pattern)
      local log
      for _ = 1, 500 do
        log = scene.example:log()
        if log:find(pattern) then break end
        socket.sleep(0.02)
      end
      return log
    end

    -- How often the host tried to connect, by its own log.
    local function connections(log)
      local _, refused = log:gsub("connect%(%) failed", "") -- nginx's word for each
      for retries in log:gmatch " egress %S+ %S+ 503 %d+ %S+ retries=(%d+)" do refused = refused + 1 + retries end -- HAProxy's
      return refused
    end

    it("nothing was sent, and the host tried no more than once", function()
      assert.same({ "network", "not_sent" }, try { API = "127.0.0.1:1" })
      local log = log_with(scene.name == "haproxy" and "api[%w_]*/api%d* .- retries=" or "connect%(%) failed")
      assert.equal(1, connections(log), log)
    end)

    if scene.name == "haproxy" then
      it("a name that nobody knows keeps it from nothing but the API", function()
        assert.same({ "network", "not_sent" }, try { API = "nobody.invalid:443" })
        assert.equal(200, load.send({ port = scene.example.port, path = "/health" }).status)
      end)
    end

    it("a certificate that is not to be trusted gets nothing", function()
      local other = assert(sandbox.start { tls = true })
      local told = try { CA = other.ca_file }
      other:stop()
      assert.same({ scene.console.untrusted, "not_sent" }, told)
      assert.truthy(log_with("certificate verify"):find("certificate verify", 1, true))
      assert.equal(0, #scene.server:requests())
    end)

    it("nor does one of another name", function()
      assert.same({ scene.console.untrusted, "not_sent" }, try { NAME = "other.example" })
      assert.equal(0, #scene.server:requests())
    end)
  end)
end
