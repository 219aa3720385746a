-- A session among processes: a fork, programs that are started, SIGPIPE, the environment. Each spec runs a script in a process of
-- its own against a sandbox in this one.

local processes = require "spec.support.processes"
local compile = require "spec.support.compile"
local sandbox = require "aicc.sandbox"

local server

before_each(function() server = assert(sandbox.start { tls = true, agents = { [3] = { "1001" } } }) end)
after_each(function() server:stop() end)
teardown(compile.clean)

-- Every script begins so: a session with a token and one kept TLS connection.
local PROLOGUE = [[
local PORT = %d
local core = require "aicc.curl"
local ONE = { skillId = 3, userAccounts = { "1001" } }
local function open(options)
  options = options or {}
  options.base_url, options.ca_file, options.app_key = "%s", "%s", "sandbox-key"
  return assert(core.session(options))
end
local session = open()
local token = assert(session:token { app_key = "sandbox-key", app_secret = "sandbox-secret" }).AccessToken
local function call() return assert(session:release_agent_by_skill(token, ONE)).resultMessage end

-- Remembers the inodes of the sockets that are connected to the server now.
local ours = {}
local function find_sockets()
  for line in io.lines "/proc/net/tcp" do
    local remote, inode = line:match "^%%s*%%d+: %%x+:%%x+ %%x+:(%%x+) 01 %%S+ %%S+ %%S+%%s+%%d+%%s+%%d+ (%%d+)"
    if remote and tonumber(remote, 16) == PORT then ours["socket:[" .. inode .. "]"] = true end
  end
end
-- How many of them are in the list of open files that a command prints.
local function count(command)
  local found, pipe = 0, io.popen(command)
  for line in pipe:lines() do if ours[line:match "socket:%%[%%d+%%]"] then found = found + 1 end end
  pipe:close()
  return found
end
]]

local function run(script, environment)
  local process = processes.lua(PROLOGUE:format(server.port, server.base_url, server.ca_file) .. script, environment)
  local status, output = process:wait()
  return status, output
end

local function run_with_fork(script)
  return run(("local fork = package.loadlib(%q, 'luaopen_fork')()\n"):format(compile.shared "fork") .. script)
end

describe("after a fork #lua54", function()
  -- { name, how the child ends }
  for _, case in ipairs {
    { "closing its session", "session:close() os.exit(0)" }, { "closing its Lua state", "os.exit(0, true)" },
    { "collecting the session", "session = nil collectgarbage() os.exit(0, true)" }, { "at once", "fork.leave(0)" },
  } do
    it("child and parent both go on, and the parent's TLS connection is left alone; the child ends " .. case[1], function()
      local status, output = run_with_fork([[
        call()
        find_sockets()
        local pid = fork.fork()
        if pid == 0 then
          for _ = 1, 3 do call() end
          if count "ls -l /proc/$PPID/fd 2>/dev/null" ~= 0 then fork.leave(9) end -- it has let go of the parent's
          ]] .. case[2] .. [[

        end
        print(fork.wait(pid))
        for _ = 1, 3 do print(call()) end
        session:close()]])
      assert.same({ 0, "0\nsuccess\nsuccess\nsuccess" }, { status, output })
      -- The parent's one, and the child's one: had the child said goodbye on the parent's, it would have made a third.
      assert.same({ 2, 8 }, { server:stats().connections, server:stats().requests })
    end)
  end

  it("a process can be forked whose Lua state, with the module in it, is closed: what notices forks stays in memory", function()
    local process = processes.lua(([[
      local fork = package.loadlib(%q, 'luaopen_fork')()
      for _ = 1, 2 do fork.elsewhere 'require("aicc.curl").session { base_url = "http://127.0.0.1:9" }' end
      local pid = fork.fork()
      if pid == 0 then
        fork.elsewhere 'require("aicc.curl").session { base_url = "http://127.0.0.1:9" }'
        fork.leave(7)
      end
      print(fork.wait(pid))]]):format(compile.shared "fork"))
    assert.same({ 0, "7" }, { process:wait() })
  end)

  it("a child that never calls disturbs nobody", function()
    local status, output = run_with_fork [[
      local pid = fork.fork()
      if pid == 0 then os.exit(0, true) end
      print(fork.wait(pid), call())]]
    assert.same({ 0, "0\tsuccess" }, { status, output })
    assert.equal(1, server:stats().connections)
  end)

  it("calls under way belong to the parent: in the child they are aborted and not sent again", function()
    server:fault { operation = "release_agent_by_skill", hold = true, to = 2 }
    local flag = os.tmpname() -- gone once two calls are under way
    local process = processes.lua(PROLOGUE:format(server.port, server.base_url, server.ca_file)
      .. ("local fork = package.loadlib(%q, 'luaopen_fork')()\n"):format(compile.shared "fork") .. [[
      session = open { max_in_flight = 2 }
      for _ = 1, 3 do session:start("release_agent_by_skill", token, ONE) end
      repeat
        session:step(0.01)
        local file = io.open "]] .. flag .. [["
      until not file or not file:close()
      local pid = fork.fork()
      if pid == 0 then
        assert(session:step(0) == 0)
        for _ = 1, 3 do
          local _, result, err = session:result()
          assert(result == nil and err.kind == "aborted" and err.outcome == "unknown" and not err.retryable)
        end
        assert(session:result() == nil)
        call()
        os.exit(0, true)
      end
      print(fork.wait(pid))
      while session:step(1) > 0 do end
      for _ = 1, 3 do print((select(2, session:result())).resultMessage) end]])
    assert.is_true(server:wait_for { held = 2, timeout = 20 })
    os.remove(flag)
    assert.equal("0", process:line())
    server:release_held()
    assert.same({ 0, "success\nsuccess\nsuccess" }, { process:wait() })
    assert.equal(5, server:stats().requests) -- the token's, the parent's three, the child's one
  end)
end)

describe("a program that is started", function()
  it("inherits no connection", function()
    local status, output = run [[
      call()
      find_sockets()
      print(count "ls -l /proc/$PPID/fd", count "ls -l /proc/self/fd")]]
    assert.same({ 0, "1\t0" }, { status, output })
  end)
end)

describe("SIGPIPE #lua54 #nosan", function()
  for _, scheme in ipairs { "http", "https" } do
    it("does not end a script whose connection breaks while it writes, and is not disturbed; over " .. scheme, function()
      local plain = scheme == "http" and assert(sandbox.start()) or nil
      local peer, helper = plain or server, compile.shared "sends"
      local process = processes.lua(([[
        local sends = package.loadlib(%q, "luaopen_sends")()
        local core = require "aicc.curl"
        local session = assert(core.session { base_url = %q, ca_file = %s, app_key = "sandbox-key" })
        local function signals()
          local lines = {}
          for line in io.lines "/proc/self/status" do
            if line:find "^S[ih][gd]%%a%%a%%a:" then lines[#lines + 1] = line end
          end
          return table.concat(lines, " ")
        end
        local before, accounts = signals(), {}
        for n = 1, 100000 do accounts[n] = ("%%08d"):format(n):rep(10) end
        local all = { skillId = 3, userAccounts = accounts }
        sends(true)
        local _, err = session:release_agent_by_skill("t", all)
        assert(err.kind == "network" and err.outcome == "unknown", err)
        local broken = select(2, sends(true))
        session:start("release_agent_by_skill", "t", all)
        repeat session:step(1) local ticket, _, why = session:result() until ticket and assert(why.kind == "network")
        broken = broken + select(2, sends())
        session:close()
        print(signals() == before, broken)]]):format(helper, peer.base_url,
          plain and "nil" or ("%q"):format(peer.ca_file)), { LD_PRELOAD = helper })
      local status, output = process:wait()
      if plain then plain:stop() end
      assert.same({ 0, "true\t2" }, { status, output })
    end)
  end
end)

describe("the environment", function()
  it("does not choose a proxy, a user or a certificate for the core", function()
    local proxy = "http://127.0.0.1:9"
    local status, output = run("print(call())", {
      http_proxy = proxy, https_proxy = proxy, HTTPS_PROXY = proxy, all_proxy = proxy, ALL_PROXY = proxy, no_proxy = "",
      SSL_CERT_FILE = "/nowhere", SSL_CERT_DIR = "/nowhere", CURL_CA_BUNDLE = "/nowhere", HOME = "/nowhere",
    })
    assert.same({ 0, "success" }, { status, output })
  end)
end)
