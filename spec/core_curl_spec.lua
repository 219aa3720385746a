-- What libcurl says, and what it fails to do: its codes, a multi handle that fails, connections that have been idle.

local compile = require "spec.support.compile"
local processes = require "spec.support.processes"
local sandbox = require "aicc.sandbox"

teardown(compile.clean)

describe("libcurl's code #lua54", function()
  local judge = package.loadlib(compile.shared("judge", "-lcurl"), "luaopen_judge")()

  it("of TLS is TLS's, and not tried again", function()
    for _, code in ipairs { 58, 59, 60, 64, 77, 80, 82, 83, 90, 91, 98 } do
      assert.same({ code, "tls", "not_sent", false }, { code, judge(code, false) })
      assert.same({ code, "tls", "unknown", false }, { code, judge(code, true) })
    end
    assert.same({ "tls", "not_sent", true }, { judge(35, false) })
  end)

  it("for a reply that is too large is that", function()
    assert.same({ "too_large", "unknown", false }, { judge(100, true) })
  end)

  it("says sent only where a request was begun, whatever it is", function()
    for code = 1, 101 do
      assert.equal("not_sent", (select(2, judge(code, false))), code)
      assert.equal("unknown", (select(2, judge(code, true))), code)
    end
  end)
end)

describe("a multi handle #lua54", function()
  local server
  setup(function() server = assert(sandbox.start()) end)
  teardown(function() server:stop() end)

  local function run(script)
    local helper = compile.shared("stuck", "-Wl,--no-as-needed -lcurl")
    local process = processes.lua(([[
      local stuck = package.loadlib(%q, "luaopen_stuck")()
      local core = require "aicc.curl"
      local session = assert(core.session { base_url = %q, timeout = 20 })
      local ONE = { skillId = 3, userAccounts = { "1001" } }
      local function call()
        local began = core.now()
        local _, err = session:release_agent_by_skill("t", ONE)
        print(err.kind, err.outcome, err.status, core.now() - began < 10)
      end
    ]]):format(helper, server.base_url) .. script, { LD_PRELOAD = helper })
    return { process:wait() }
  end

  it("that fails now and then is asked again #nosan", function()
    assert.same({ 0, "auth\trejected\t401\ttrue\nauth\trejected\t401\ttrue\n0" }, run [[
      stuck.fail("perform", 3)
      call()
      stuck.fail("poll", 1)
      call()
      print(stuck.fail("perform", 0))]])
  end)

  it("that fails for good ends what runs, without spinning, and gives way to another #nosan", function()
    local before = server:stats().requests
    local result = run [[
      local clock = os.clock()
      stuck.fail("perform", 1000000)
      call()
      print(1000000 - stuck.fail("perform", 0) < 50, os.clock() - clock < 0.15)
      call()]]
    assert.same({ 0, "network\tnot_sent\tnil\ttrue\ntrue\ttrue\nauth\trejected\t401\ttrue" }, result)
    assert.equal(1, server:stats().requests - before)
  end)

  it("that cannot wait does not spin #nosan", function()
    local listener = assert(require("socket").bind("127.0.0.1", 0)) -- where nobody answers
    local result = run(([[
      session = assert(core.session { base_url = "http://127.0.0.1:%d", timeout = 0.5 })
      stuck.fail("poll", 1000000)
      call()
      print(1000000 - stuck.fail("poll", 0) < 100)]]):format(select(2, listener:getsockname())))
    listener:close()
    assert.same({ 0, "timeout\tunknown\tnil\ttrue\ntrue" }, result)
  end)
end)

describe("a libcurl that is older at run time than what this was built for #lua54", function()
  it("is refused by its number, and nothing is read of what it does not have #nosan", function()
    local process = processes.lua([[print(pcall(require, "aicc.curl"))]], { LD_PRELOAD = compile.shared "oldcurl" })
    local status, output = process:wait()
    assert.same({ 0, "false\tlibcurl 7.79.1 is too old: 7.80 or later is needed" }, { status, output })
  end)
end)

describe("a connection #lua54", function()
  it("that was idle for 45 s is not used again #nosan", function()
    local server = assert(sandbox.start())
    local helper = compile.shared "later"
    local process = processes.lua(([[
      local later = package.loadlib(%q, "luaopen_later")()
      local core = require "aicc.curl"
      local session = assert(core.session { base_url = %q, facts = true })
      local ONE = { skillId = 3, userAccounts = { "1001" } }
      for _, seconds in ipairs { 0, 40, 40, 50 } do
        later(seconds)
        local _, _, facts = session:release_agent_by_skill("t", ONE)
        print(facts.reused)
      end]]):format(helper, server.base_url), { LD_PRELOAD = helper })
    local status, output = process:wait()
    assert.same({ 0, "false\ntrue\ntrue\nfalse", 2 }, { status, output, server:stats().connections })
    server:stop()
  end)
end)

describe("a request #lua54", function()
  it("leaves with its body in one piece, over TLS too #nosan", function()
    local helper = compile.shared "sends"
    for _, tls in ipairs { false, true } do
      local server = assert(sandbox.start { tls = tls })
      local process = processes.lua(([[
        local sends = package.loadlib(%q, "luaopen_sends")()
        local core = require "aicc.curl"
        local session = assert(core.session { base_url = %q, ca_file = %s })
        local accounts = {}
        for n = 1, 100 do accounts[n] = "agent" .. n end
        for n = 1, 4 do
          session:release_agent_by_skill("t", { skillId = 3, userAccounts = accounts })
          local count = sends()
          if n > 1 then print(count) end
        end]]):format(helper, server.base_url, tls and ("%q"):format(server.ca_file) or "nil"), { LD_PRELOAD = helper })
      assert.same({ 0, "1\n1\n1" }, { process:wait() })
      server:stop()
    end
  end)
end)
