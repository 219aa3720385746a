-- One wait for several sessions: who is due, and when. What is missed would only be seen after ten seconds.

local core = require "aicc.curl"
local processes = require "spec.support.processes"
local sandbox = require "aicc.sandbox"

local RELEASE = "release_agent_by_skill"
local ONE = { skillId = 3, userAccounts = { "1001" } }
local SOON = 4 -- seconds: less than the default of connect_timeout, whose timer would wake it too

describe("session:wait", function()
  local server, sessions, token

  local function start(options)
    options = options or {}
    options.base_url, options.app_key = server.base_url, "sandbox-key"
    sessions[#sessions + 1] = assert(core.session(options))
    token = token or assert(sessions[1]:token { app_key = "sandbox-key", app_secret = "sandbox-secret" }).AccessToken
    return sessions[#sessions]
  end

  before_each(function()
    server, sessions, token = assert(sandbox.start { agents = { [3] = { "1001", "1002" } } }), {}, nil
  end)
  after_each(function()
    server:release_held()
    for _, session in ipairs(sessions) do session:close() end
    server:stop()
  end)

  -- Steps whoever is due until one has a result: which one, and its result or error.
  local function first_result()
    local give_up = core.now() + SOON
    repeat
      for _, session in ipairs((sessions[1]:wait(sessions, SOON))) do
        session:step(0)
        local ticket, result, err = session:result()
        if ticket and core.now() < give_up then return session, result, err end
      end
    until core.now() >= give_up
    error "no result"
  end

  it("returns those that have something to do, as soon as there is one", function()
    local one, two = start(), start()
    server:fault { operation = RELEASE, hold = true }
    one:start(RELEASE, token, ONE)
    one:step(0)
    while server:stats().held < 1 do one:step(0.005) end
    two:start(RELEASE, token, ONE)
    two:step(0)
    assert.same({ two, { resultCode = "0", resultMessage = "success" } }, { first_result() })
    server:release_held()
    assert.equal(one, (first_result()))
  end)

  it("puts them into a table that is kept, and tells how many they are", function()
    local into, list = { "old", "kept" }, {}
    for n = 1, 5 do list[n] = start() end
    for n = 1, 5 do
      list[n]:start(RELEASE, token, ONE)
      list[n]:step(0)
    end
    local left, give_up = 5, core.now() + SOON
    while left > 0 and core.now() < give_up do
      local count, interrupted = list[1]:wait(list, SOON, into)
      assert.is_false(interrupted)
      assert.is_true(count >= 1)
      for n = 1, count do
        into[n]:step(0)
        if into[n]:result() then left = left - 1 end
      end
    end
    assert.equal(0, left)
    into = { "old", "kept" }
    assert.same({ 0, false }, { list[1]:wait(list, 0, into) })
    assert.same({ "old", "kept" }, into)
    list[3]:close()
    assert.same({ 1, list[3], "kept" }, { (list[1]:wait(list, SOON, into)), into[1], into[2] })
    assert.has_error(function() list[1]:wait(list, 0, 1) end)
  end)

  it("returns nobody when the time is up, and is not interrupted then", function()
    local one = start()
    server:fault { operation = RELEASE, hold = true }
    one:start(RELEASE, token, ONE)
    while server:stats().held < 1 do one:step(0.005) end
    for _, seconds in ipairs { 0, 0.25 } do
      local began = core.now()
      local due, interrupted = one:wait({ one }, seconds)
      assert.same({ {}, false }, { due, interrupted })
      assert.is_true(core.now() - began >= seconds)
    end
    assert.same({ {}, false }, { one:wait({}, 0) })
  end)

  it("wakes for calls whose deadline passes while they wait for room", function()
    local one, two = start { max_in_flight = 1 }, start()
    server:fault { operation = RELEASE, hold = true, to = 2 }
    two:start(RELEASE, token, ONE)
    one:start(RELEASE, token, ONE)
    while server:stats().held < 2 do one:step(0.005) two:step(0.005) end
    one:start(RELEASE, token, ONE, { deadline = 0.05 })
    one:step(0)
    local session, _, err = first_result()
    assert.same({ one, "deadline", "not_sent" }, { session, err.kind, err.outcome })
  end)

  it("wakes for attempts whose time is up, and for those of a session that was closed", function()
    local one, two = start(), start()
    server:fault { operation = RELEASE, hold = true, to = 2 }
    one:start(RELEASE, token, ONE, { timeout = 0.1 })
    two:start(RELEASE, token, ONE)
    one:step(0)
    two:step(0)
    local session, _, err = first_result()
    assert.same({ one, "timeout" }, { session, err.kind })
    two:close()
    session, _, err = first_result()
    assert.same({ two, "closed" }, { session, err.kind })
  end)

  it("returns those whose results nobody took", function()
    local one = start()
    one:start(RELEASE, token, ONE)
    one:start(RELEASE, token, ONE)
    while one:step(1) > 0 do end
    assert.equal(one, (first_result()))
    assert.same({ one }, (one:wait({ one }, SOON)))
    assert.is_truthy(one:result())
    assert.same({}, (one:wait({ one }, 0)))
  end)

  it("takes nothing but sessions", function()
    local one = start()
    assert.has_error(function() one:wait({ one, {} }, 0) end)
    assert.has_error(function() one:wait(one, 0) end)
    assert.has_error(function() one:wait({ one }, -1) end)
    assert.has_error(function() one:wait { one } end)
  end)

  it("serves sockets that are beyond what select() can watch", function()
    local script = ([[
      local aicc, loop = require "aicc", require "aicc.loop"
      local files = {}
      for n = 1, 1100 do files[n] = assert(io.open("/dev/null")) end
      local done, began = 0, require("aicc.core").now()
      for _ = 1, 3 do
        local client = assert(aicc.new { base_url = "%s", app_key = "sandbox-key", app_secret = "sandbox-secret" })
        loop.spawn(function()
          for _ = 1, 5 do assert(client:query_agents(3)) end
          done = done + 1
        end)
      end
      loop.run()
      print(done, require("aicc.core").now() - began < 5)]]):format(server.base_url)
    local command = ("ulimit -n 4096 || exit 77; exec %s -e %s"):format(processes.LUA, processes.quote(script))
    local process = processes.spawn("sh -c " .. processes.quote(command),
      { LUA_PATH = package.path, LUA_CPATH = package.cpath, LUA_PATH_5_4 = package.path, LUA_CPATH_5_4 = package.cpath })
    local status, output = process:wait()
    if status == 77 then return pending "the limit of open files cannot be raised" end
    assert.same({ 0, "3\ttrue" }, { status, output })
  end)
end)
