-- Calls through an example's egress: what they come to is what they come to through libcurl. In either host the same.

local aicc = require "aicc"
local assert = require "luassert"
local busted = require "busted"
local sandbox = require "aicc.sandbox"

local describe, it, setup, teardown = busted.describe, busted.it, busted.setup, busted.teardown
local before_each, after_each = busted.before_each, busted.after_each

local ALWAYS = math.huge

-- Faults that a host should make no difference to. For those that take time, attempts are short. (A connection that is dropped
-- before the body is not among them: libcurl may then send a request twice. Through an egress it is sent once: see below.)
local FAULTS = {
  { "nothing" },
  { "302", { status = 302, headers = { Location = "/elsewhere" } } },
  { "400", { status = 400 } }, { "401", { status = 401 } }, { "401 once", { status = 401, to = 1 } },
  { "403, JSON", { status = 403, body = '{"error_code":"403"}' } }, { "403, HTML", { status = 403, body = "<html>no</html>" } },
  { "404", { status = 404 } }, { "405", { status = 405 } }, { "408", { status = 408 } }, { "413", { status = 413 } },
  { "425", { status = 425 } }, { "429", { status = 429 } },
  { "429, Retry-After", { status = 429, headers = { ["Retry-After"] = 61 } } },
  { "500, resultCode 1", { status = 500, body = '{"resultCode":"1","resultMessage":"no"}' } },
  { "500, empty", { status = 500 } }, { "501", { status = 501 } }, { "502", { status = 502 } }, { "503", { status = 503 } },
  { "503, Retry-After", { status = 503, headers = { ["Retry-After"] = 61 } } }, { "504", { status = 504 } },
  { "504 once", { status = 504, to = 1 } },
  { "dropped", { close = "request" } }, { "reset", { close = "reset" } },
  { "body cut", { cut = 5 } },
  { "no answer", { delay = 1 }, short = true },
  { "slow body", { drip = 0.1 }, short = true },
  { "endless body", { endless = "body" } },
  { "empty body", { body = "" } }, { "not JSON", { body = "<html>Welcome</html>" } }, { "another shape", { body = "[1,2]" } },
  { "resultCode missing", { body = '{"resultMessage":"success"}' } },
  { "resultCode 1", { body = '{"resultCode":"1"}' } },
  { "applied, not answered", { close = "request", apply = true } }, { "applied, 504", { status = 504, apply = true } },
  { "applied, not JSON", { body = "<html>Welcome</html>", apply = true } },
}

-- The API's operation, a client's method, the accounts.
local CALLS = {
  { "release_agent_by_skill", "release_agent_by_skill", { "1001", "1002" } },
  { "release_agent_by_skill", "release_agent_by_skill", "ALL" },
  { "bind_agents", "bind_agents", { "1001" } },
  { "query_agents", "query_agents" },
  { "token", "access_token" },
}

-- Accounts as Lua source.
local function literal(accounts)
  if type(accounts) ~= "table" then return ("%q"):format(accounts or "") end
  local quoted = {}
  for i, account in ipairs(accounts) do quoted[i] = ("%q"):format(account) end
  return "{ " .. table.concat(quoted, ", ") .. " }"
end

-- `different`: faults of which a host's own specs tell; `declare(get)` declares specs of that host's, in which `get()` gives the
-- sandbox, the example, a console and `scene.options`.
return function(scene, different, declare)
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

    -- What a call came to in the host, and what it came to through libcurl in this process, as words.
    local function compare(fault, call, more)
      local operation, method, accounts = call[1], call[2], call[3]
      local function play(run)
        scene.server:reset()
        if fault[2] then
          local copy = { operation = operation, to = ALWAYS }
          for field, value in pairs(fault[2]) do copy[field] = value end
          scene.server:fault(copy)
        end
        local told = run()
        return ("%d %s %s"):format(scene.count(operation), told.ok and "ok" or told.kind, tostring(told.outcome))
      end
      local in_host = play(function()
        return there:run(("return call(%s, %q, 3, %s)"):format(scene.options(more), method, literal(accounts)))
      end)
      return in_host, play(function()
        local settings = (loadstring or _G.load)("return {" .. more .. "}")()
        local client = scene.server:client(settings)
        local result, err
        if accounts == "ALL" then accounts = aicc.ALL end
        if method == "access_token" then
          result, err = client:access_token()
        elseif method == "query_agents" then
          result, err = client:query_agents(3)
        else
          result, err = client[method](client, 3, accounts)
        end
        client:close()
        if err then return err end
        return { ok = true, outcome = type(result) == "table" and result.outcome or nil }
      end)
    end

    for _, fault in ipairs(FAULTS) do
      it("it is as through libcurl: " .. fault[1], function()
        if different[fault[1]] then return end
        for _, call in ipairs(CALLS) do
          local more = "retry = { attempts = 2, base = 0.01, throttle_base = 0.01 }"
          if fault.short then more = more .. ", timeout = 0.25" end
          local in_host, through_curl = compare(fault, call, more)
          assert.equal(through_curl, in_host, call[1] .. " " .. tostring(call[3]))
        end
      end)
    end

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
      assert.is_true(there:run(everybody).ok)
      local before = scene.server:stats().connections
      for _ = 1, 3 do assert.is_true(there:run(everybody).ok) end
      assert.equal(before + 3, scene.server:stats().connections)
      for _ = 1, 3 do there:run(("return call(%s, 'query_agents', 3)"):format(scene.options())) end
      assert.is_true(scene.server:stats().connections <= before + 3 + 2)
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
      assert.equal(0, #scene.server:requests())
      assert.is_true(there:run(("return call({ %s, allow_blocking = true }, 'query_agents', 3)"):format(direct)).ok)
    end)

    if declare then declare(function() return scene.server, scene.example, there, scene.options end) end

    it("an egress is needed", function()
      local code = [[
        local _, err = require('aicc').new { base_url = 'https://localhost', app_key = 'k', app_secret = 's', %s }
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

  describe("without an API behind it,", function()
    after_each(scene.stop)

    local function try(overrides)
      scene.start(overrides)
      local there = scene.console.start()
      local told = there:run(("return call(%s, 'access_token')"):format(scene.options "retry = false"))
      there:stop()
      return { told.kind, told.outcome }
    end

    it("nothing was sent", function() assert.same({ "network", "not_sent" }, try { API = "127.0.0.1:1" }) end)

    it("a certificate that is not to be trusted gets nothing", function()
      local other = assert(sandbox.start { tls = true })
      local told = try { CA = other.ca_file }
      other:stop()
      assert.same({ scene.console.untrusted, "not_sent" }, told)
      assert.equal(0, #scene.server:requests())
    end)

    it("nor does one of another name", function()
      assert.same({ scene.console.untrusted, "not_sent" }, try { NAME = "other.example" })
      assert.equal(0, #scene.server:requests())
    end)
  end)
end
