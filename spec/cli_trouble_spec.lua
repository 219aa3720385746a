-- The command where things are not as they should be: each ends with a status of the table and says what to do next.

local aicc_jobs = require "aicc.jobs"
local later = require "aicc.cli.later"
local socket = require "socket"
local status = require "aicc.cli.status"
local support = require "spec.support.jobs"

-- Waits until the process whose number is in that file sleeps in a read of a pipe: for half a minute at most.
local function await_reading(pid_file)
  for _ = 1, 600 do
    local file = io.open(pid_file)
    local pid = file and file:read "n"
    local state = pid and io.open(("/proc/%d/wchan"):format(pid))
    if state and state:read "a":find "pipe_read" then return end
    socket.sleep(0.05)
  end
end

describe("the command in trouble #lua54", function()
  local folder, server

  before_each(function() folder, server = support.folder(), nil end)
  after_each(support.clean)

  local function start(options)
    server = support.sandbox(options)
    return server
  end

  local function run(arguments, input) return support.run(folder, server, arguments, input) end

  local function plan(list, options)
    support.csv(folder .. "/night.csv", list)
    assert.equal(0, (run(("plan --rate 0 %s %s/night.csv"):format(options or "", folder))))
  end

  -- Runs it with Lua code before it.
  local function run_after(code, arguments)
    local command = support.command(folder, server, arguments):gsub(" bin/aicc ", function()
      return (" -e '%s' bin/aicc "):format(code)
    end)
    local _, _, ended = os.execute(("%s >%s/out 2>%s/err </dev/null"):format(command, folder, folder))
    return ended, io.open(folder .. "/err"):read "a"
  end

  it("refuses what is no file with 2", function()
    start { agents = {} }
    local ended, out, err = run("plan " .. folder)
    assert.same({ 2, "" }, { ended, out })
    assert.matches("^aicc: .*Is a directory\n$", err)
  end)

  it("ends with 130 when it is interrupted while it waits for rows, before and after the first", function()
    start { agents = { [3] = support.agents(100) } }
    for i, text in ipairs { "", "skill_id,user_account\n3,a1\n" } do
      local command = support.command(folder, server, "plan - --job waiting" .. i)
      local fifo = folder .. "/fifo" .. i
      local pipe = io.popen(([[mkfifo %s; (printf '%s'; exec sleep 20) >%s &
        feeder=$!; sh -c 'echo $$ >%s/pid; exec %s' <%s 2>&1; echo status $?; kill $feeder]]):format(fifo,
        text:gsub("\n", "\\n"), fifo, folder, command:gsub("'", [['\'']]), fifo))
      await_reading(folder .. "/pid")
      os.execute(("kill -INT $(cat %s/pid); rm %s/pid"):format(folder, folder))
      assert.matches("interrupted.*status 130", pipe:read "a")
      pipe:close()
    end
    assert.equal("No jobs.\n", select(2, run "jobs"))
  end)

  it("without the sandbox's module ends with 3, and says what is missing", function()
    local ended, err = run_after([[package.preload["aicc.sandbox"] = function() error("module aicc.sandbox.core not found") end]],
      "sandbox")
    assert.equal(3, ended)
    assert.matches("^aicc: the sandbox is not installed", err)
    assert.is_nil(err:find("traceback", 1, true))
  end)

  it("without what others have written ends with 3, and says in a line how to get it", function()
    for name, package in pairs { argparse = "lua-argparse", ["cjson.safe"] = "lua-cjson" } do
      local ended, err = run_after(([[table.insert(package.searchers, 1, function(name)
        if name == "%s" then error("module \39" .. name .. "\39 not found:\n\tno file", 0) end end)]]):format(name), "jobs")
      assert.equal(3, ended, err)
      assert.equal(("aicc: the module %s is missing: on Debian, apt-get install %s; elsewhere, luarocks install %s\n")
        :format(name, package, name == "argparse" and name or package), err)
    end
  end)

  it("calls a bug a bug: 3, with a traceback", function()
    for _, code in ipairs {
      [[package.preload["aicc.cli.jobs"] = function() return { jobs = function() error("boom") end } end]],
      [[package.preload["aicc.cli.jobs"] = function() error("boom") end]],
      [[package.preload.argparse = function() error("boom") end]],
    } do
      local ended, err = run_after(code, "jobs")
      assert.equal(3, ended)
      assert.matches("^aicc: a bug in aicc: .*boom.*traceback", err)
    end
  end)

  it("never says a password again, and takes none", function()
    for _, url in ipairs {
      "postgresql://u:pa/ss@h/db", "postgresql://u:pass@h/db", "postgres://u:p@ss@h", "postgresql:///db?password=pass",
      "postgresql:///db?user=u&sslpassword=pass", "postgresql:///db?PassWord=pass", "postgresql:///db?p%61ssword=pass",
      "mysql://u:pass@h/db", "u:pass@h/db", "pass",
    } do
      local ended, out, err = run(("jobs --store '%s'"):format(url))
      assert.same({ 2, "" }, { ended, out }, url)
      assert.is_nil(err:gsub("no password here.*", ""):find("pa/?ss"), err)
    end
  end)

  it("does not open a database that others may read", function()
    start { agents = { [3] = support.agents(100) } }
    plan(support.range(3, 1, 3))
    assert(os.execute("chmod 644 " .. folder .. "/aicc/jobs.db"))
    local ended, _, err = run "jobs"
    assert.equal(9, ended)
    assert.matches("jobs.db: its group or others have rights to it: chmod 600\n$", err)
    assert(os.execute("chmod 600 " .. folder .. "/aicc/jobs.db"))
    assert.equal(0, (run "jobs"))
  end)

  it("says how to go on where another process keeps the store busy #slow", function()
    start { agents = { [3] = support.agents(100) } }
    plan(support.range(3, 1, 3))
    local store = assert(aicc_jobs.open("sqlite:" .. folder .. "/aicc/jobs.db"))
    store.db:run "BEGIN IMMEDIATE"
    local ended, _, err = run "apply night --rate 7.5 --concurrency 2"
    store.db:run "ROLLBACK"
    store:close()
    assert.equal(9, ended)
    assert.matches("locked\naicc: to go on: aicc resume night %-%-rate 7.5 %-%-concurrency 2\n$", err)
  end)

  it("is throttled with 7, keeps the rows, and goes on with the same pace", function()
    start { agents = { [3] = support.agents(100) } }
    plan(support.range(3, 1, 10))
    server:fault { operation = "release_agent_by_skill", to = math.huge, status = 429, headers = { ["Retry-After"] = "70" } }
    local ended, out, err = run "apply night --rate 20 --concurrency 12"
    assert.equal(7, ended)
    assert.matches("10 pending", out)
    assert.matches("to go on: aicc resume night %-%-rate 20 %-%-concurrency 12\n$", err)
    server:clear()
    server:fault { operation = "release_agent_by_skill", status = 429, headers = { ["Retry-After"] = "1" } }
    ended, out, err = run "resume night --rate 20"
    assert.equal(0, ended)
    assert.matches("10 released", out)
    assert.matches("throttled: all wait for 1 s, then go on at 10 requests a second", err)
  end)

  it("says when to come back, where the API asks to be left alone for long", function()
    start { agents = { [3] = support.agents(100) } }
    plan(support.range(3, 1, 10))
    server:fault { operation = "release_agent_by_skill", to = math.huge, status = 429, headers = { ["Retry-After"] = "3600" } }
    for arguments, after in pairs {
      ["apply night --rate 0"] = "aicc: to go on: aicc resume night", ["release --skill 3 a1"] = "",
    } do
      local before = os.time()
      local ended, _, err = run(arguments)
      assert.equal(7, ended)
      local told = err:match("left alone for 60 min: come back at ([%d :-]+)\n" .. after)
      assert.is_string(told, err)
      local hour, minute, second = told:match "(%d+):(%d+):(%d+)$"
      local at = os.date("*t", before + 3600)
      local past = (hour * 3600 + minute * 60 + second - (at.hour * 3600 + at.min * 60 + at.sec)) % 86400
      assert.is_true(past <= os.time() - before, told)
    end
    local out = select(2, run "release --skill 3 a1 --json")
    assert.matches('"retry_after":3600', out)
    assert.matches('"retry_at":"%d+%-%d%d%-%d%dT%d%d:%d%d:%d%dZ"', out)
    assert.matches('"retry_after":3600', select(2, run "apply night --rate 0 --json"):match '[^\n]*"summary"[^\n]*')
  end)

  it("says when to come back with the day if it is another, and nothing where nothing was asked", function()
    local noon = os.time { year = 2026, month = 11, day = 26, hour = 12 }
    assert.equal("the API asks to be left alone for 90 s: come back at 12:01:30", later.text({ retry_after = 90 }, noon))
    assert.equal("the API asks to be left alone for 13 h: come back at 2026-11-27 01:00:00",
      later.text({ retry_after = 46800 }, noon))
    assert.equal("the API asks to be left alone for 1000 days", later.text({ retry_after = 86400000 }, noon))
    assert.equal("2026-11-26T12:00:01Z", later.at({ retry_after = 0.5 }, 1795694400))
    assert.same({}, { later.text {}, (later.at { retry_after = 1e300 }) })
  end)

  it("gives the reason that counts, whatever else happened", function()
    local counts = { released = 1, failed = 1, unknown = 0, pending = 1, not_bound = 0, planned = 0 }
    local function of(stopped, ...)
      local troubles = {}
      for i, kind in ipairs { ... } do troubles[i] = { kind = kind } end
      return status.of_summary { stopped = stopped and { kind = stopped }, troubles = troubles, counts = counts,
        undo = { failed = 0, unknown = 0 } }
    end
    for _, case in ipairs {
      { 1 }, { 1, nil, "business" }, { 6, nil, "network" }, { 7, nil, "deadline", "network" }, { 7, "throttled", "server" },
      { 3, "config", "throttled" }, { 4, "blocked", "deadline" }, { 8, "guard", "auth" }, { 9, "store", "guard" },
      { 130, "aborted", "store" },
    } do
      assert.equal(case[1], of(case[2], table.unpack(case, 3, 5)), table.concat({ case[1], case[2] or "-" }, " "))
    end
  end)
end)
