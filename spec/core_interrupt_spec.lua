-- Ctrl-C, as a shell sends it, during each kind of wait against a server that never answers. The script must end within 0.3 s, a
-- bound of the issue's own; a sanitizer's last look for leaks, or valgrind, takes longer.

local processes = require "spec.support.processes"
local core = require "aicc.curl"
local socket = require "socket"

local BOUND = processes.is_slow and 5 or 0.3

local listener, port, process

before_each(function()
  listener = assert(socket.bind("127.0.0.1", 0))
  listener:settimeout(20)
  port = select(2, listener:getsockname())
end)

after_each(function()
  if process then process:stop() end
  listener:close()
  process = nil
end)

local function run(script)
  process = processes.lua(("local URL = 'http://127.0.0.1:%d'\n"):format(port) .. [[
    local core = require "aicc.curl"
    local ONE = { skillId = 3, userAccounts = { "1001" } }
    local session = core.session { base_url = URL, timeout = 60, app_key = "app-key" }
  ]] .. script)
end

-- Waits until the script's request is here: then the script waits for its answer.
local function await_request()
  local connection = assert(listener:accept())
  connection:settimeout(20)
  assert(connection:receive "*l")
  return connection
end

-- Presses Ctrl-C; returns the exit status, and what the script wrote on it.
local function interrupt()
  local began = core.now()
  process:signal "INT"
  local status, output = process:wait()
  local took = core.now() - began
  assert.is_true(took < BOUND, ("it took %.3f s"):format(took))
  return status, output
end

describe("Ctrl-C", function()
  -- { name, script }
  for _, case in ipairs {
    { "a call", [[session:release_agent_by_skill("t", ONE)]] },
    { "a call for a token", [[session:token { app_key = "app-key", app_secret = "secret" }]] },
    { "a call in a coroutine", [[coroutine.wrap(function() session:release_agent_by_skill("t", ONE) end)()]] },
    { "a call in a coroutine of a coroutine", [[
      coroutine.wrap(function() coroutine.wrap(function() session:release_agent_by_skill("t", ONE) end)() end)()]] },
    { "call after call in a coroutine", [[
      coroutine.wrap(function()
        for _ = 1, 5 do assert(select(2, session:release_agent_by_skill("t", ONE)).kind == "aborted") end
      end)()]] },
    { "a step", [[session:start("release_agent_by_skill", "t", ONE) session:step(60)]] },
    { "step after step", [[
      session:start("release_agent_by_skill", "t", ONE)
      while session:step(60) > 0 do end]] },
    { "a client's call", [[
      local client = assert(require("aicc").new { base_url = URL, app_key = "app-key", app_secret = "secret", timeout = 60 })
      client:release_agent_by_skill(3, { "1001" })]] },
    { "a client's call in a coroutine", [[
      local client = assert(require("aicc").new { base_url = URL, app_key = "app-key", app_secret = "secret", timeout = 60 })
      local _, err = coroutine.wrap(function() return client:release_agent_by_skill(3, { "1001" }) end)()
      assert(err.kind == "aborted")]] },
    { "the loop", [[
      local loop = require "aicc.loop"
      local client = assert(require("aicc").new { base_url = URL, app_key = "app-key", app_secret = "secret", timeout = 60 })
      for n = 1, 20 do loop.spawn(function() client:release_agent_by_skill(n, { "1001" }) end) end
      loop.run()]] },
    { "the loop with several clients, in a coroutine", [[
      local aicc, loop = require "aicc", require "aicc.loop"
      for n = 1, 3 do
        local client = assert(aicc.new { base_url = URL, app_key = "app-key", app_secret = "secret", timeout = 60 })
        loop.spawn(function() client:release_agent_by_skill(n, { "1001" }) end)
      end
      coroutine.wrap(loop.run)()]] },
    { "the loop in a coroutine", [[
      local loop = require "aicc.loop"
      local client = assert(require("aicc").new { base_url = URL, app_key = "app-key", app_secret = "secret", timeout = 60 })
      for n = 1, 20 do loop.spawn(function() client:release_agent_by_skill(n, { "1001" }) end) end
      coroutine.wrap(loop.run)()]] },
  } do
    it("ends a script in " .. case[1], function()
      run(case[2])
      local connection = await_request()
      local status, output = interrupt()
      connection:close()
      assert.equal(1, status)
      assert.truthy(output:find("interrupted!", 1, true), output)
    end)
  end

  for name, script in pairs {
    ["core.sleep"] = "print 'sleeping' core.sleep(60)",
    ["core.sleep in a coroutine"] = "print 'sleeping' coroutine.wrap(function() core.sleep(60) end)()",
    ["a sleep of the loop"] = [[
      local loop = require "aicc.loop"
      loop.spawn(function() print 'sleeping' loop.sleep(60) end)
      loop.run()]],
  } do
    it("ends a script in " .. name, function()
      run("io.stdout:setvbuf 'no' " .. script)
      assert.equal("sleeping", process:line())
      local status, output = interrupt()
      assert.equal(1, status)
      assert.truthy(output:find("interrupted!", 1, true), output)
    end)
  end

  it("is seen by a script that catches it: the session goes on, the call was given up", function()
    run [[
      local good, message = pcall(session.release_agent_by_skill, session, "t", ONE)
      print(good, message)
      print(session:result())
      local _, err = session:release_agent_by_skill("t", ONE, { timeout = 0.05 })
      print(err.kind)]]
    local connection = await_request()
    local status, output = interrupt()
    connection:close()
    assert.equal(0, status)
    assert.truthy(output:find "^false\t.*interrupted!\n\ntimeout$", output)
  end)

  it("is seen by a script that catches the loop's: what waited for its turn is never sent", function()
    run [[
      local loop = require "aicc.loop"
      local narrow = core.session { base_url = URL, timeout = 60, app_key = "app-key", max_in_flight = 1 }
      local resumed = 0
      for _ = 1, 3 do
        loop.spawn(function()
          loop.await(narrow, narrow:start("release_agent_by_skill", "t", ONE))
          resumed = resumed + 1
        end)
      end
      print(pcall(loop.run))
      print(narrow:step(0), narrow:result(), resumed)]]
    local connection = await_request()
    local status, output = interrupt()
    connection:close()
    assert.equal(0, status)
    assert.truthy(output:find "^false\t.*interrupted!\n0\tnil\t0$", output)
  end)

  it("in a coroutine gives an error that says what the server may have done", function()
    if jit then return end -- there a hook is for all coroutines, and interrupts this one before it can print
    run [[
      io.stdout:setvbuf "no"
      coroutine.wrap(function()
        local result, err = session:release_agent_by_skill("t", ONE)
        print(result, err.kind, err.outcome, err.retryable, err.curl_code)
        session:start("release_agent_by_skill", "t", ONE)
        print((select(2, session:step(60))))
      end)()]]
    local connection = await_request()
    local status, output = interrupt()
    connection:close()
    assert.equal(1, status)
    assert.equal("nil\taborted\tunknown\tfalse\tnil\ntrue\n", output:match "^[^\n]*\n[^\n]*\n")
  end)
end)
