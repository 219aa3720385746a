-- The command as people and scripts meet it: as a process, with its exit statuses, one by one.

local aicc = require "aicc"
local cjson = require "cjson"
local support = require "spec.support.jobs"

describe("the command aicc #lua54", function()
  local folder, server

  before_each(function() folder = support.folder() end)
  after_each(support.clean)

  local function start(options)
    server = support.sandbox(options)
    return server
  end

  -- Writes rows to a file; returns its path.
  local function file(list)
    support.csv(folder .. "/night.csv", list)
    return folder .. "/night.csv"
  end

  local function run(arguments, input) return support.run(folder, server, arguments, input) end

  local function plan(list) assert.equal(0, (run("plan --rate 0 " .. file(list)))) end

  local function requests(operation) return #support.bodies(server, operation) end

  -- ---- exit statuses ----

  it("exits 0 where all is released, not bound or planned", function()
    start { agents = { [3] = support.agents(100) } }
    local status, out, err = run("plan " .. file { { 3, "a1" }, { 3, "nobody" }, { 3, "a1" } })
    assert.same({ 0, "" }, { status, err })
    assert.matches("apply night", out)
    status, out = run "apply night"
    assert.equal(0, status)
    assert.matches("3 rows: 2 released, 1 not bound", out)
    assert.equal(0, (run "resume night"))
    assert.equal(0, (run "undo night"))
    assert.equal(0, (run "status night"))
    assert.equal(100, #server:accounts(3))
  end)

  it("exits 1 where some rows failed", function()
    start { agents = { [3] = support.agents(100) }, refuse_accounts = { a2 = true } }
    plan { { 3, "a1" }, { 3, "a2" } }
    assert.equal(1, (run "apply night"))
    local _, out = run "report night --failed"
    assert.matches("\n3,queue 3,a2,failed,1,agent account a2 is refused,", out)
  end)

  it("exits 2 on wrong usage and wrong input, and tells every bad line", function()
    start { agents = {} }
    for _, arguments in ipairs {
      "", "nonsense", "plan", "plan x.csv", "apply", "release 1001", "release --skill 3.5 1001", "plan - --chunk 0",
      "apply night",
      "plan - --rate fast", "apply night --store postgresql://user:secret@host/db", "report night --format xml",
    } do
      local status, out = run(arguments)
      assert.same({ 2, "" }, { status, out }, arguments)
    end
    local path = folder .. "/bad.csv"
    local bad = assert(io.open(path, "w"))
    bad:write "skill_id,user_account\n3,1E+10\nx,a\n3,fine\n"
    bad:close()
    local status, _, err = run("plan " .. path)
    assert.equal(2, status)
    assert.matches("bad.csv:2: .*spreadsheet.*bad.csv:3: ", err)
    assert.equal(0, #server:requests())
  end)

  it("exits 3 without a configuration", function()
    server = nil
    assert.equal(0, (run "config")) -- which shows that there is none
    assert.equal(3, (run "token --check"))
    assert.equal(3, (run "release --skill 3 1001"))
  end)

  it("exits 4 where it is not authorized or blocked", function()
    start { agents = { [3] = support.agents(100) } }
    plan(support.range(3, 1, 10))
    server:fault { operation = "release_agent_by_skill", to = math.huge, status = 403, body = "<html>" }
    local status, out, err = run "apply night"
    assert.equal(4, status)
    assert.matches("10 pending", out)
    assert.matches("to go on: aicc resume night", err)
    server:clear()
    server:fault { operation = "release_agent_by_skill", to = math.huge, status = 401 }
    assert.equal(4, (run "release --skill 3 a1"))
  end)

  it("exits 5 where every row sent was refused, and on a refused call", function()
    start { agents = { [3] = support.agents(100) }, refuse_accounts = { a1 = true, a2 = true } }
    plan { { 3, "a1" }, { 3, "a2" }, { 3, "nobody" } }
    assert.equal(5, (run "apply night"))
    assert.equal(5, (run "release --skill 3 a1"))
  end)

  it("exits 6 where the network or the server fails", function()
    start { agents = { [3] = support.agents(100) } }
    plan(support.range(3, 1, 10))
    server:stop()
    local status, _, err = run "release --skill 3 a1"
    assert.equal(6, status)
    assert.matches("^aicc: ", err)
    status = run "apply night --rate 0"
    assert.equal(6, status)
  end)

  it("exits 7 where it is throttled", function()
    start { agents = { [3] = support.agents(100) } }
    plan(support.range(3, 1, 10))
    server:fault { operation = "release_agent_by_skill", to = math.huge, status = 429, headers = { ["Retry-After"] = "90" } }
    assert.equal(7, (run "release --skill 3 a1"))
  end)

  it("exits 8 at each guard, and sends nothing", function()
    start { agents = { [3] = support.agents(10), [4] = support.agents(2000) } }
    plan(support.range(3, 1, 6))
    for _, arguments in ipairs {
      "apply night", "resume night", "apply night --force", "resume night --force", "release --skill 3",
      "release --skill 3 --all",
    } do
      local status, _, err = run(arguments)
      assert.equal(8, status, arguments)
      assert.matches("%-%-%l+", err) -- the command's way, if that is meant
      assert.is_nil(err:find("aicc.", 1, true))
    end
    support.csv(folder .. "/large.csv", support.range(4, 1, 501))
    assert.equal(0, (run("plan --rate 0 " .. folder .. "/large.csv")))
    assert.equal(8, (run "apply large --yes"))
    support.csv(folder .. "/empty.csv", {})
    assert.equal(8, (run("plan " .. folder .. "/empty.csv")))
    assert.equal(0, requests "release_agent_by_skill")
    assert.equal(0, (run "apply night --force --yes --rate 0"))
    assert.equal(8, (run "undo night"))
    assert.equal(8, (run "undo night --force"))
    assert.equal(0, requests "bind_agents")
    assert.equal(0, (run "undo night --force --yes"))
    assert.equal(0, (run "release --skill 3 --all --yes"))
    assert.equal(0, #server:accounts(3))
  end)

  it("exits 9 where the store fails, or another process has the job", function()
    start { agents = { [3] = support.agents(100) } }
    plan(support.range(3, 1, 10))
    assert.equal(9, (run "jobs --store sqlite:/nowhere/jobs.db"))
    server:clear()
    server:fault { operation = "query_agents", hold = true }
    local first = io.popen(support.command(folder, server, "apply night -q; echo $?"))
    assert(server:wait_for { held = 1 })
    local status, _, err = run "apply night"
    assert.equal(9, status)
    assert.matches("process %d+ on .+ is working on the job night", err)
    server:release_held()
    assert.equal("0", first:read "l")
    first:close()
  end)

  it("exits 9 where there is no PostgreSQL server #nosan", function() -- LuaDBI leaks the connection that was not made
    server = nil
    assert.equal(9, (run "jobs --store 'postgresql:///aicc?host=/nowhere'"))
  end)

  for signal, expected in pairs { INT = 130, TERM = 143, HUP = 129 } do
    it(("exits %d on SIG%s: what was in flight is finished, and the job goes on later"):format(expected, signal), function()
      start { agents = { [3] = support.agents(400) } }
      plan(support.range(3, 1, 200))
      server:clear()
      server:fault { operation = "release_agent_by_skill", hold = true }
      local pid_file = folder .. "/pid"
      -- What is ignored stays so, and under nohup SIGHUP is.
      local first = io.popen(([[perl -e '$SIG{%s} = "DEFAULT"; exec "sh", "-c", @ARGV' 'echo $$ >%s; exec %s' 2>%s/err
        echo status $?]]):format(signal, pid_file, support.command(folder, server, "apply night --rate 0"):gsub("'", [['\'']]),
        folder))
      assert(server:wait_for { held = 1 })
      -- A signal that is sent before an answer is also noticed before it.
      assert(os.execute(("kill -%s $(cat %s)"):format(signal, pid_file)))
      server:release_held()
      assert.matches("50 released, 150 pending.*status " .. expected, first:read "a")
      first:close()
      local err = io.open(folder .. "/err"):read "a"
      assert.matches("to go on: aicc resume night", err)
      assert.equal(1, requests "release_agent_by_skill")
      assert.equal(0, (run "resume night --rate 0"))
      assert.equal(200, #server:accounts(3))
    end)
  end

  it("exits 143 on SIGTERM as process 1, too, as `docker stop` ends a container #nosan", function()
    if not os.execute "unshare --pid --fork true 2>/dev/null" then return pending "needs root" end
    start { agents = { [3] = support.agents(400) } }
    plan(support.range(3, 1, 200))
    server:fault { operation = "release_agent_by_skill", hold = true }
    local first = io.popen(("sh -c 'echo $$ >%s/pid; exec unshare --pid --fork %s' 2>%s/err; echo status $?"):format(folder,
      (support.command(folder, server, "apply night --rate 0"):gsub("'", [['\'']])), folder))
    assert(server:wait_for { held = 1 })
    assert(os.execute(("pid=$(cat %s/pid); kill -TERM $(cat /proc/$pid/task/$pid/children)"):format(folder)))
    server:release_held()
    assert.matches("50 released, 150 pending.*status 143", first:read "a")
    first:close()
    assert.matches("to go on: aicc resume night", io.open(folder .. "/err"):read "a")
  end)

  it("goes on at Ctrl-C where whoever started it ignores that, as a script does in the background #nosan", function()
    start { agents = { [3] = support.agents(400) } }
    plan(support.range(3, 1, 200))
    server:fault { operation = "release_agent_by_skill", hold = true }
    -- As it is installed: the file itself, which a shell reads first, since lua takes the signal for itself.
    local command = support.command(folder, server, "apply night --rate 0"):gsub("%S+ bin/aicc", "bin/aicc")
    local first = io.popen(("sh -c 'trap \"\" INT; echo $$ >%s/pid; exec %s' 2>/dev/null; echo status $?"):format(folder,
      command:gsub("'", [['\'']])))
    assert(server:wait_for { held = 1 })
    assert(os.execute(("kill -INT $(cat %s/pid)"):format(folder)))
    server:clear()
    server:release_held()
    assert.matches("200 released.*status 0\n$", first:read "a")
    first:close()
  end)

  it("goes on when its terminal goes, under nohup", function()
    start { agents = { [3] = support.agents(400) } }
    plan(support.range(3, 1, 200))
    server:fault { operation = "release_agent_by_skill", hold = true }
    local pid_file = folder .. "/pid"
    local first = io.popen(("sh -c 'trap \"\" HUP; echo $$ >%s; exec %s' 2>/dev/null; echo status $?"):format(pid_file,
      support.command(folder, server, "apply night --rate 0"):gsub("'", [['\'']])))
    assert(server:wait_for { held = 1 })
    assert(os.execute(("kill -HUP $(cat %s)"):format(pid_file)))
    server:release_held()
    assert.matches("200 released.*status 0", first:read "a")
    first:close()
  end)

  it("is killed by a second interrupt, and even then goes on later", function()
    start { agents = { [3] = support.agents(400) } }
    plan(support.range(3, 1, 200))
    server:clear()
    server:fault { operation = "release_agent_by_skill", hold = true }
    local pid_file = folder .. "/pid"
    local first = io.popen(("sh -c 'echo $$ >%s; exec %s' 2>/dev/null; echo status $?"):format(pid_file,
      support.command(folder, server, "apply night --rate 0"):gsub("'", [['\'']])))
    assert(server:wait_for { held = 1 })
    -- The second one follows when the first is pending no more: two at once would be one.
    assert(os.execute(("pid=$(cat %s); kill -INT $pid; while grep -q 'ShdPnd:.*[2367abef]$' /proc/$pid/status; do :; done; " ..
      "kill -INT $pid"):format(pid_file)))
    assert.matches("status 130", first:read "a") -- the shell's word for SIGINT
    first:close()
    server:release_held()
    assert.equal(0, (run "resume night --rate 0"))
    assert.equal(200, #server:accounts(3))
  end)

  -- ---- the rest ----

  it("makes single calls", function()
    start { agents = { [3] = { "a1", "a2", "a3" } } }
    assert.equal(0, (run "release --skill 3 a1 a2"))
    assert.same({ "a3" }, server:accounts(3))
    assert.equal(0, (run "bind --skill 3 a1 --agent-weight 5 --skill-weight 2"))
    assert.equal("5/2", support.weights(server, 3).a1)
    local _, out = run "agents --skill 3"
    assert.matches("a1 +agent weight 5, skill weight 2", out)
    server:fault { operation = "query_agents", body = '{"count":1,"data":[{"accountCode":"a9","agentWeight":"7"}]}' }
    local status
    status, out = run "agents --skill 3"
    assert.equal(0, status)
    assert.matches("a9 +agent weight 7, skill weight %?", out)
    server:fault { operation = "query_agents", -- names that a terminal would act on
      body = '{"resultCode":"0","count":1,"data":[{"userAccount":"a\\u001b[2J\\u009b2Jb"}]}' }
    status, out = run "agents --skill 3"
    assert.same({ 0, nil }, { status, out:find("[\27\155]") })
    assert.equal(0, (run "token --check"))
    _, out = run "config"
    assert.matches("app_secret +%*%*%* ", out)
    assert.is_nil(out:find(server.app_secret, 1, true))
  end)

  it("speaks JSON, one object a line, numbers in full", function()
    start { agents = { [math.tointeger(2 ^ 53 - 1)] = support.agents(100) } }
    local status, out = run("plan --json " .. file(support.range(2 ^ 53 - 1, 1, 3)))
    assert.equal(0, status)
    assert.matches('"skill_id":9007199254740991[,}]', out)
    for line in out:gmatch "[^\n]+" do assert.is_string(cjson.decode(line).event) end
    out = select(2, run "apply night --json")
    local last
    for line in out:gmatch "[^\n]+" do last = cjson.decode(line) end
    assert.same({ "summary", 3, "finished" }, { last.event, last.counts.released, last.state })
    out = select(2, run "report night --format jsonl")
    assert.same({ 9007199254740991, "a1", "released" }, { cjson.decode(out:match "[^\n]+").skill_id,
      cjson.decode(out:match "[^\n]+").user_account, cjson.decode(out:match "[^\n]+").status })
    assert.matches('"skill_id":9007199254740991,', out)
  end)

  it("says nothing with --quiet", function()
    start { agents = { [3] = support.agents(100) } }
    plan(support.range(3, 1, 10))
    assert.same({ 0, "", "" }, { run "apply night -q" })
  end)

  it("prints a line for every tenth on a pipe", function()
    start { agents = { [3] = support.agents(400) } }
    assert.equal(0, (run("plan --rate 0 --chunk 10 " .. file(support.range(3, 1, 200)))))
    local _, _, err = run "apply night --rate 0"
    local lines = select(2, err:gsub("\n", ""))
    assert.equal(10, lines, err)
    assert.matches("night 100%% 200/200", err)
  end)

  it("reads standard input, and names a job by its file, with a number where that job is over", function()
    start { agents = { [3] = support.agents(100) } }
    local path = file(support.range(3, 1, 3))
    assert.equal(0, (run("plan - --job piped", path)))
    assert.equal(0, (run("plan " .. path)))
    assert.equal(2, (run("plan " .. path)))
    assert.equal(0, (run "apply night --rate 0"))
    assert.equal(0, (run("plan " .. path)))
    local _, out = run "jobs"
    assert.matches("piped .*night .*night%-2 ", out)
    assert.equal(0, (run "forget night"))
    assert.equal(2, (run "status night"))
  end)

  it("keeps its database to itself", function()
    start { agents = { [3] = support.agents(100) } }
    plan(support.range(3, 1, 3))
    local pipe = io.popen("stat -c '%a' " .. folder .. "/aicc/jobs.db*")
    for mode in pipe:lines() do assert.equal("600", mode) end
    pipe:close()
  end)

  it("quotes what a spreadsheet would take for a formula", function()
    start { agents = {} }
    plan { { 3, "=1+1" }, { 3, "@x" }, { 3, "-1" }, { 3, "+1" }, { 3, 'a"b' } }
    local _, out = run "report night"
    for _, cell in ipairs { [["'=1+1"]], [["'@x"]], [["'-1"]], [["'+1"]] } do
      assert.is_truthy(out:find("3,," .. cell, 1, true), out)
    end
  end)

  it("tells its version, and those of what it runs with", function()
    local status, out, err = run "--version"
    assert.same({ 0, "" }, { status, err })
    local version = aicc.VERSION:gsub("%p", "%%%0")
    assert.matches("^aicc " .. version .. " %(" .. _VERSION .. ", libcurl/%d+%.[%d.]+ %a+/[%w.]+%)\n$", out)
  end)

  it("has help with examples for each command", function()
    local _, out = run "--help"
    for name in out:match("Commands:(.-)\n\n"):gmatch "\n   (%l+) " do
      local status, help = run(name .. " --help")
      assert.equal(0, status)
      assert.matches("Examples:\n +aicc " .. name, help)
      for line in help:gmatch "[^\n]+" do assert.is_true(#line <= 80, line) end
    end
    for line in out:gmatch "[^\n]+" do assert.is_true(#line <= 80, line) end
  end)
end)
