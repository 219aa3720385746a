-- A session's descriptor, for event loops of others: when it is readable, and when there is none. Waits are LuaSocket's select of
-- the session itself, as of a socket.

local core = require "aicc.curl"
local compile = require "spec.support.compile"
local processes = require "spec.support.processes"
local sandbox = require "aicc.sandbox"
local socket = require "socket"

local RELEASE = "release_agent_by_skill"
local ONE = { skillId = 3, userAccounts = { "1001" } }
local LONG = 20 -- seconds, for what is to come at once

local server, session, token

local function start(options)
  options = options or {}
  options.base_url, options.app_key = server.base_url, "sandbox-key"
  session = assert(core.session(options))
  token = assert(session:token { app_key = "sandbox-key", app_secret = "sandbox-secret" }).AccessToken
end

before_each(function() server = assert(sandbox.start { agents = { [3] = { "1001", "1002" } } }) end)

after_each(function()
  if session then session:close() end
  server:stop()
  session = nil
end)

teardown(compile.clean)

local function is_readable(seconds) return #socket.select({ session }, nil, seconds) == 1 end

-- Takes turns, whenever the descriptor is readable, until `enough(ended)`; returns what has ended, and how many turns it took.
local function turn_until(enough)
  local ended, into, turns = {}, {}, 0
  local give_up = core.now() + LONG
  while not enough(ended) do
    assert(is_readable(LONG), "not readable")
    assert(core.now() < give_up, "it does not end")
    for at = 1, session:turn(0, into) * 4, 4 do
      ended[#ended + 1] = { ticket = into[at], result = into[at + 1], err = into[at + 2] }
    end
    turns = turns + 1
  end
  return ended, turns
end

local function count(n) return function(ended) return #ended == n end end

-- How many of this process's descriptors are those of polling: "eventpoll timerfd". What other specs have left is collected.
local function descriptors()
  local found = { eventpoll = 0, timerfd = 0 }
  for _ = 1, 3 do collectgarbage() end
  local pipe = io.popen "ls -l /proc/$PPID/fd 2>/dev/null"
  for line in pipe:lines() do
    local kind = line:match "anon_inode:%[(%a+)%]"
    if found[kind] then found[kind] = found[kind] + 1 end
  end
  pipe:close()
  return found.eventpoll .. " " .. found.timerfd
end

-- Takes turns until something is so that the descriptor does not tell of.
local function turn_while_not(is_so)
  local give_up = core.now() + LONG
  while not is_so() do
    if is_readable(0.005) then assert.equal(0, (session:turn(0, {}))) end
    assert(core.now() < give_up, "it never comes to that")
  end
end

local function is_held(n) return function() return server:stats().held == n end end

describe("the descriptor", function()
  it("is made for who asks, closed at the end of an exec, and goes with the session", function()
    local before = descriptors()
    start()
    assert.equal(before, descriptors())
    local fd = session:pollfd()
    assert.same({ fd, fd, "r", false }, { session:pollfd(), session:getfd(), session:events(), session:dirty() })
    assert.not_equal(before, descriptors())
    for line in io.lines("/proc/self/fdinfo/" .. fd) do
      local flags = line:match "^flags:%s+(%d+)"
      if flags then assert.equal(1, math.floor(tonumber(flags, 8) / 0x80000) % 2, flags) end -- O_CLOEXEC
    end
    session:close()
    assert.equal(before, descriptors())
    local none, err = session:pollfd()
    assert.same({ nil, "closed", "r", nil }, { none, err.kind, session:events(), session:timeout() })
    start()
    session:pollfd()
    session = nil
    assert.equal(before, descriptors())
  end)

  it("is readable when there is something to do, and not while an answer is waited for", function()
    start()
    assert.is_false(is_readable(0))
    assert.is_nil(session:timeout())
    server:fault { operation = RELEASE, hold = true }
    local ticket = session:start(RELEASE, token, ONE)
    assert.is_true(is_readable(0))
    assert.equal(0, session:timeout())
    turn_while_not(is_held(1))
    while is_readable(0) do session:turn(0, {}) end -- what else libcurl has to do at once
    local _, turns = nil, 0
    local till = core.now() + 0.3
    while core.now() < till do
      if is_readable(till - core.now() > 0 and till - core.now() or 0) then
        session:turn(0, {})
        turns = turns + 1
      end
    end
    assert.is_true(turns <= 5, turns .. " turns while nothing happened")
    server:release_held()
    local ended = turn_until(count(1))
    assert.same({ ticket, "0" }, { ended[1].ticket, ended[1].result.resultCode })
    assert.is_false(is_readable(0))
  end)

  it("wakes for a timeout, in a call's time, with nothing else to wait by", function()
    start { timeout = 0.2 }
    server:fault { operation = RELEASE, hold = true }
    local began = core.now()
    session:start(RELEASE, token, ONE)
    local ended, turns = turn_until(count(1))
    assert.equal("timeout", ended[1].err.kind)
    assert.is_true(core.now() - began >= 0.2)
    assert.is_true(turns < 30, turns .. " turns")
    assert.is_nil(session:timeout())
    server:release_held()
  end)

  it("wakes for calls that wait for room in the window: when there is some, and when their time is up", function()
    start { max_in_flight = 2 }
    server:fault { operation = RELEASE, hold = true, to = 2 }
    for _ = 1, 2 do session:start(RELEASE, token, ONE) end
    turn_while_not(is_held(2))
    session:start(RELEASE, token, ONE, { deadline = 0.2 })
    session:start(RELEASE, token, ONE)
    local ended = turn_until(count(1))
    assert.same({ "deadline", "not_sent" }, { ended[1].err.kind, ended[1].err.outcome })
    server:release_held()
    for _, call in ipairs(turn_until(count(3))) do assert.equal("0", call.result.resultCode) end
  end)

  it("tells of results that a call of another kind has waited for in passing", function()
    start()
    session:pollfd()
    local ticket = session:start(RELEASE, token, ONE)
    for _ = 1, 20 do session:token { app_key = "sandbox-key", app_secret = "sandbox-secret" } end
    assert.equal(0, session:timeout())
    assert.equal(ticket, turn_until(count(1))[1].ticket)
    assert.is_false(is_readable(0))
  end)

  it("may be asked for when calls are under way already", function()
    start()
    server:fault { operation = RELEASE, hold = true }
    session:start(RELEASE, token, ONE)
    local give_up = core.now() + LONG
    while server:stats().held == 0 and core.now() < give_up do session:step(0.005) end
    session:pollfd()
    server:release_held()
    assert.equal("0", turn_until(count(1))[1].result.resultCode)
    assert.is_nil(session:timeout())
    session:start(RELEASE, token, ONE)
    turn_until(count(1))
    assert.is_false(is_readable(0))
  end)

  it("is readable once its alarm is due, once, and by the last alarm alone", function()
    start()
    session:pollfd()
    session:alarm(0.001)
    session:alarm(0.05)
    local began = core.now()
    assert.is_true(session:timeout() > 0.02)
    turn_while_not(function() return session:timeout() == nil end)
    assert.is_true(core.now() - began >= 0.05)
    assert.is_false(is_readable(0))
    assert.has_error(function() session:alarm(-1) end)
  end)

  it("an alarm that is farther away than the system's clock can tell never comes, and takes the place of one that has", function()
    start()
    session:pollfd()
    for _, seconds in ipairs { 1e15, 1e300, math.huge } do
      session:alarm(0)
      assert.is_true(is_readable(5))
      session:alarm(seconds)
      assert.is_false(is_readable(0))
    end
  end)

  it("whose alarm has come stays when the session is closed, until who waits by it has heard, and closes it again", function()
    local before = descriptors()
    start()
    local fd = session:pollfd()
    session:alarm(0)
    session:close()
    assert.equal(fd, session:pollfd())
    assert.equal(0, session:timeout())
    assert.is_true(is_readable(5))
    session:alarm(30)
    assert.is_true(session:timeout() > 20)
    session:close()
    assert.is_nil((session:pollfd()))
    assert.is_nil(session:timeout())
    assert.equal(before, descriptors())
  end)

  it("many calls at once: each turn takes what there is", function()
    start { max_in_flight = 100 }
    session:pollfd()
    for _ = 1, 300 do session:start(RELEASE, token, ONE) end
    local ended, turns = turn_until(count(300))
    for _, call in ipairs(ended) do assert.is_table(call.result) end
    assert.is_true(turns < 3000, turns .. " turns")
  end)

  it("of a session that is closed stays for who waits, until he has taken his results", function()
    local before = descriptors()
    start()
    server:fault { operation = RELEASE, hold = true }
    session:start(RELEASE, token, ONE)
    local fd = session:pollfd()
    turn_while_not(is_held(1))
    session:close()
    assert.equal(fd, session:pollfd())
    local ended = turn_until(count(1))
    assert.same({ "closed", "unknown" }, { ended[1].err.kind, ended[1].err.outcome })
    session:close()
    assert.equal(before, descriptors())
    server:release_held()
  end)

  it("and those of two sessions are two", function()
    start()
    local other = assert(core.session { base_url = server.base_url, app_key = "sandbox-key" })
    other:start(RELEASE, token, ONE)
    assert.is_false(is_readable(0))
    assert.same({ other }, { socket.select({ session, other }, nil, LONG)[1] })
    other:close()
  end)
end)

-- ---- among processes ----

local PROLOGUE = [[
local core, socket = require "aicc.curl", require "socket"
local fork = package.loadlib(%q, "luaopen_fork")()
local function open() return assert(core.session { base_url = %q, app_key = "sandbox-key" }) end
local session = open()
local token = assert(session:token { app_key = "sandbox-key", app_secret = "sandbox-secret" }).AccessToken
local function start(who) return who:start("release_agent_by_skill", token, { skillId = 3, userAccounts = { "1001" } }) end
local function finish(who)
  local into = {}
  while #socket.select({ who }, nil, 20) == 1 do
    if who:turn(0, into) > 0 then return into[2] and "success" or into[3].kind end
  end
  return "nothing to read"
end
local function count()
  local pipe = io.popen "ls -l /proc/$PPID/fd 2>/dev/null"
  local _, found = pipe:read "*a":gsub("anon_inode:.eventpoll", "")
  pipe:close()
  return found
end
]]

local function run(script)
  return processes.lua(PROLOGUE:format(compile.shared "fork", server.base_url) .. script):wait()
end

describe("after a fork #lua54", function()
  it("the child has one of its own, and the parent's goes on as it was", function()
    server:fault { operation = RELEASE, hold = true, to = 1 }
    local status, output = run [[
      local fd = session:pollfd()
      start(session)
      while session:step(0.05) > 0 and #socket.select({ session }, nil, 0.2) == 1 do end -- the answer is held
      local pid = fork.fork()
      if pid == 0 then
        if finish(session) ~= "aborted" then fork.leave(8) end -- it was the parent's
        if count() ~= 1 then fork.leave(9) end -- the parent's is gone
        start(session)
        if finish(session) ~= "success" or count() ~= 1 then fork.leave(10) end
        session:close()
        os.exit(count(), true)
      end
      print(fork.wait(pid), session:pollfd() == fd, count())
      start(session)
      print(finish(session))]]
    assert.same({ 0, "0\ttrue\t1\nsuccess" }, { status, output })
    server:release_held()
  end)

  it("a child that has closed the parent's, and opened others in their place, keeps those", function()
    local status, output = run [[
      local fd = session:pollfd()
      start(session)
      print(finish(session))
      local pid = fork.fork()
      if pid == 0 then
        local other = open()
        fork.close(fd)
        fork.close(fd - 1)
        if other:pollfd() ~= fd then fork.leave(8) end -- or nothing would be shown
        start(session)
        if finish(session) ~= "success" or session:pollfd() == fd then fork.leave(9) end
        start(other)
        os.exit(finish(other) == "success" and 0 or 10, true)
      end
      print(fork.wait(pid))
      start(session)
      print(finish(session))]]
    assert.same({ 0, "success\n0\nsuccess" }, { status, output })
  end)
end)

it("is told to be missing where a process has no descriptors left, and is there once it has", function()
  local script = [[
    local core = require "aicc.curl"
    local session = assert(core.session { base_url = "http://127.0.0.1:1", app_key = "sandbox-key" })
    local files, file = {}, nil
    repeat
      file = io.open "/dev/null"
      files[#files + 1] = file
    until not file
    for _ = 1, 3 do -- none, one for the timer but none for epoll, both
      local fd, err = session:pollfd()
      print(fd and "there" or tostring(err))
      table.remove(files):close()
    end
    for _, each in ipairs(files) do each:close() end]]
  local command = ("ulimit -n 64; exec %s -e %s"):format(processes.LUA, processes.quote(script))
  local process = processes.spawn("sh -c " .. processes.quote(command), { LUA_PATH = package.path, LUA_CPATH = package.cpath })
  local none = "aicc: the session has no descriptor to wait for: Too many open files [network, not_sent]"
  assert.same({ 0, ("%s\n%s\nthere"):format(none, none) }, { process:wait() })
end)
