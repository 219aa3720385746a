-- The command's log (--log, AICC_LOG): a line for each request that leaves, compared with what the sandbox received.

local cjson = require "cjson"
local lfs = require "lfs"
local processes = require "spec.support.processes"
local support = require "spec.support.jobs"

describe("the command's log #lua54", function()
  local folder, server, path

  before_each(function()
    folder = support.folder()
    path = folder .. "/night.log"
  end)
  after_each(support.clean)

  local function start(options) server = support.sandbox(options) end

  local function run(arguments) return support.run(folder, server, arguments .. " --log " .. path) end

  local function csv(list) support.csv(folder .. "/night.csv", list) end

  local function plan(list, chunk)
    csv(list)
    assert.equal(0, (support.run(folder, server, ("plan --rate 0 --chunk %d %s/night.csv"):format(chunk or 50, folder))))
    server:clear()
  end

  local function read()
    local file = assert(io.open(path))
    local text = file:read "a"
    file:close()
    return text
  end

  -- The lines, each of which must be JSON, and whole.
  local function lines()
    local list, text = {}, read()
    assert.equal("\n", text:sub(-1))
    for line in text:gmatch "[^\n]*\n" do
      local event = cjson.decode(line)
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", event.time)
      assert.equal(8, #event.run)
      list[#list + 1] = event
    end
    return list
  end

  local function of(list, name)
    local found = {}
    for _, event in ipairs(list) do
      if event.event == name then found[#found + 1] = event end
    end
    return found
  end

  -- A number without a fraction, since cjson makes floats of all.
  local function plain(value) return type(value) == "number" and ("%.0f"):format(value) or value or "-" end

  -- What a request is about, in words, of a line and of what the server got.
  local function key_of_line(line)
    return ("%s queue %s page %s, %s"):format(line.operation, plain(line.skill_id), plain(line.page),
      line.everybody and "all" or plain(line.accounts))
  end

  local function key_of_request(request)
    local body = request.body ~= "" and cjson.decode(request.body) or {}
    if request.operation == "token" then body = {} end
    body = body.request or body
    local skill, accounts = body.skillId or body.skills and body.skills[1].skillId, body.userAccounts
    if request.operation == "query_agent" then accounts = { body.userAccount } end
    return ("%s queue %s page %s, %s"):format(request.operation, plain(skill),
      plain(request.operation == "query_agents" and body.pageNum), accounts and (#accounts > 0 and #accounts or "all") or "-")
  end

  -- key -> how many, of the lines whose request may have arrived, and of the requests.
  local function count(list, key, counts)
    counts = counts or {}
    for _, item in ipairs(list) do
      if item.outcome ~= "not_sent" then counts[key(item)] = (counts[key(item)] or 0) + 1 end
    end
    return counts
  end

  -- Compares the log with what arrived; returns the lines.
  local function check()
    local list = lines()
    local requests = of(list, "request")
    assert.same(count(server:requests(), key_of_request), count(requests, key_of_line))
    local sent = 0
    for _, line in ipairs(of(list, "end")) do sent = sent + line.requests end
    assert.equal(#server:requests(), sent)
    return list, requests
  end

  -- ---- what is in it ----

  it("has a line for each request that the server got, of every command that sends", function()
    start { agents = { [3] = support.agents(250), [4] = support.agents(20) } }
    csv(support.range(3, 1, 120, { { 4, "nobody" } }))
    assert.equal(0, (run("plan --rate 0 " .. folder .. "/night.csv")))
    assert.equal(0, (run "apply night --rate 0"))
    assert.equal(0, (run "resume night"))
    assert.equal(0, (run "undo night --rate 0"))
    assert.equal(0, (run "release --skill 4 a1 a2 a3"))
    assert.equal(0, (run "release --agent a4 --yes"))
    assert.equal(0, (run "release --skill 4 --all --yes"))
    assert.equal(0, (run "bind --skill 4 a1 a2"))
    assert.equal(0, (run "agents --skill 3"))
    assert.equal(0, (run "agent a1"))
    assert.equal(0, (run "queues --count --rate 0"))
    assert.equal(0, (run "token --check"))
    csv(support.range(3, 1, 5))
    local list, requests = check()
    local starts, ends = of(list, "start"), of(list, "end")
    assert.same({ 12, 12 }, { #starts, #ends })
    for i, begun in ipairs(starts) do
      assert.equal(begun.run, ends[i].run)
      assert.equal(0, ends[i].exit_status)
      assert.is_true(begun.pid > 1)
    end
    assert.same({ "plan", "night", 0, 4 }, { starts[1].command, starts[1].job, starts[1].rate, starts[1].concurrency })
    assert.same({ "queues", 0 }, { starts[11].command, starts[11].rate })
    assert.same({ "resume", 5 }, { starts[3].command, starts[3].rate })
    assert.is_nil(starts[5].rate)
    for _, line in ipairs(requests) do
      assert.same({ "answered", 200 }, { line.outcome, line.status }, line.operation)
      assert.is_true(line.elapsed_ms >= 0 and line.elapsed_ms < 60000)
    end
    assert.equal("rw-------", lfs.attributes(path, "permissions"))
  end)

  it("tells of tries, lost answers, refusals, pauses and what was never sent", function()
    start { agents = { [3] = support.agents(300) }, refuse_accounts = { a7 = true } }
    plan(support.range(3, 1, 150))
    server:fault { operation = "query_agents", from = 1, to = 1, status = 503 }
    server:fault { operation = "release_agent_by_skill", from = 2, to = 2, close = "request", apply = true }
    server:fault { operation = "release_agent_by_skill", from = 4, to = 4, status = 429, headers = { ["Retry-After"] = "1" } }
    assert.equal(1, (run "apply night --rate 200"))
    local list, requests = check()
    local seen = {}
    for _, line in ipairs(requests) do
      seen[line.outcome] = (seen[line.outcome] or 0) + 1
      if line.outcome == "answered" then assert.is_nil(line.kind) else assert.is_string(line.kind) end
      if line.status == 503 then assert.equal("server", line.kind) end
      if line.kind == "network" then assert.is_nil(line.status) end
      if line.kind == "business" then assert.same({ "1", "agent account a7 is refused" }, { line.code, line.message }) end
      assert.equal("night", line.job)
    end
    assert.is_true(seen.unknown >= 1 and seen.rejected >= 7) -- halving finds the one that is refused
    local again = 0
    for _, line in ipairs(requests) do
      if line.attempt == 2 then again = again + 1 end
    end
    assert.equal(3, again) -- the listing, the lost one, the one that was too many
    local pauses = of(list, "pause")
    assert.same({ 1, 1, 100 }, { #pauses, pauses[1].seconds, pauses[1].rate })
    assert.equal(3, #of(list, "wait"))
    assert.equal(1, of(list, "end")[1].exit_status)
    server:stop()
    assert.equal(6, (run "agents --skill 3"))
    requests = of(lines(), "request")
    assert.same({ "not_sent", "network" }, { requests[#requests].outcome, requests[#requests].kind })
    assert.equal(6, of(lines(), "end")[2].exit_status)
    assert.equal(0, of(lines(), "end")[2].requests)
  end)

  it("has no secret in it, and no account but those of which the API speaks", function()
    start { agents = { [3] = support.agents(120) } }
    local body = ('{"resultCode":"7","resultMessage":"%s %s"}'):format(server.app_secret, server.app_key)
    plan(support.range(3, 1, 60))
    server:fault { operation = "release_agent_by_skill", status = 200, body = body }
    server:fault { operation = "token", status = 401, body = body }
    run "apply night --rate 0"
    run "release --skill 3 a1 a2"
    run "release --agent a70 --yes"
    local proxied = support.command(folder, server, "token --check --log " .. path)
    proxied = proxied:gsub("AICC_BASE_URL=%S+", "AICC_BASE_URL=https://api.example AICC_PROXY=http://us:pass-word@127.0.0.1:1")
    os.execute(proxied .. " >/dev/null 2>&1")
    local text = read()
    assert.matches('"kind":"network"', text)
    for _, request in ipairs(server:requests()) do
      local token = request.header.authorization
      if token then assert.is_nil(text:find(token:match "%S+$", 1, true)) end
    end
    for _, secret in ipairs { server.app_secret, server.app_key, "pass-word", '"a1"', "a70" } do
      assert.is_nil(text:find(secret, 1, true), secret)
    end
  end)

  -- ---- whoever else writes, and whatever ends it ----

  it("is shared by runs at the same time: no line is torn", function()
    start { agents = { [3] = support.agents(400), [4] = support.agents(400, "b") } }
    local list = {}
    for q = 3, 4 do
      list[q] = {}
      for i = 1, 150 do list[q][i] = { q, (q == 3 and "a" or "b") .. i } end
      support.csv(("%s/q%d.csv"):format(folder, q), list[q])
      assert.equal(0, (support.run(folder, server, ("plan --rate 0 --chunk 1 %s/q%d.csv"):format(folder, q))))
    end
    server:clear()
    local children = {}
    for q = 3, 4 do
      children[q] = processes.spawn(support.command(folder, server, ("apply q%d --rate 0 --log %s"):format(q, path)))
    end
    for q = 3, 4 do assert.equal(0, (children[q]:wait())) end
    local _, requests = check()
    assert.is_true(#requests >= 300)
    local runs, changes = {}, 0
    for i, line in ipairs(requests) do
      runs[line.run] = (runs[line.run] or 0) + 1
      if i > 1 and line.run ~= requests[i - 1].run then changes = changes + 1 end
    end
    assert.is_true(changes >= 2, "the runs did not overlap")
    for _, ended in ipairs(of(lines(), "end")) do assert.equal(runs[ended.run], ended.requests) end
  end)

  it("tells of Ctrl-C, after the last answer", function()
    start { agents = { [3] = support.agents(400) } }
    plan(support.range(3, 1, 150))
    server:fault { operation = "release_agent_by_skill", from = 2, to = 2, hold = true }
    local child = processes.spawn(support.command(folder, server, "apply night --rate 0 --log " .. path))
    assert(server:wait_for { held = 1 })
    child:signal "INT"
    server:release_held()
    assert.equal(130, (child:wait()))
    local list = check()
    assert.equal(130, list[#list].exit_status)
  end)

  it("is whole after kill -9 at any moment: what is missing was under way #slow #nosan", function()
    start { agents = { [3] = support.agents(400), [4] = support.agents(400), [5] = support.agents(400) } }
    local rows = {}
    for q = 3, 5 do support.range(q, 1, 150, rows) end
    plan(rows, 1)
    local killed = 0
    for round = 1, 10 do
      local before = #server:requests()
      local child = processes.spawn(support.command(folder, server, "apply night --rate 0 --log " .. path))
      server:wait_for { requests = before + 7 + 3 * round }
      child:signal "KILL"
      if child:wait() == 137 then killed = killed + 1 end
      local of_run, list = {}, lines() -- each of them is whole
      for _, line in ipairs(of(list, "request")) do
        if line.run == of(list, "start")[round].run then of_run[#of_run + 1] = line end
      end
      local got = count(server:requests(), key_of_request)
      for key, n in pairs(count(of(list, "request"), key_of_line)) do assert.is_true(n <= (got[key] or 0), key) end
      local missing = #server:requests() - before - #of_run
      assert.is_true(missing >= 0 and missing <= 4, missing .. " missing")
    end
    assert.equal(10, killed)
  end)

  -- ---- the file ----

  it("is refused before anything is sent where it cannot be one", function()
    start { agents = { [3] = support.agents(10) } }
    plan(support.range(3, 1, 3))
    csv(support.range(3, 1, 3))
    local function make(name, command) assert(os.execute(("cd %s && %s"):format(folder, command:format(name)))) end
    make("link", "touch %s-target && ln -s link-target link")
    make("pipe", "mkfifo %s")
    make("open", "touch %s && chmod 666 open")
    make("deep", "mkdir -p %s")
    local before = io.open(folder .. "/night.csv"):read "a"
    for name, problem in pairs {
      link = "it is a symbolic link: name the file that it leads to", pipe = "it is not a regular file",
      open = "everybody may write to it: chmod o%-w", deep = "cannot open: Is a directory",
      ["nowhere/log"] = "cannot open: No such file or directory", ["night.csv"] = "there is something else in it",
    } do
      for _, arguments in ipairs { "apply night", "release --skill 3 a1", "plan " .. folder .. "/night.csv --job other" } do
        local status, out, err = support.run(folder, server, ("%s --log %s/%s"):format(arguments, folder, name))
        assert.same({ 3, "" }, { status, out }, err)
        assert.matches(("^aicc: log %s/%s: %s; nothing was sent\n$"):format(folder:gsub("%p", "%%%0"), name:gsub("%p", "%%%0"),
          problem), err)
      end
    end
    assert.equal(before, io.open(folder .. "/night.csv"):read "a")
    assert.equal(0, lfs.attributes(folder .. "/link-target", "size"))
    assert.equal(0, #server:requests())
    assert.equal(2, (support.run(folder, server, "token --check --log -")))
  end)

  it("is none of the files that the command keeps for itself, whatever name leads to it; nor is a report", function()
    start { agents = { [3] = support.agents(10) } }
    plan({ { 3, "a1" } })
    assert(os.execute(("cd %s && mkdir cache && ln -s aicc link && : >plain && ln plain other"):format(folder)))
    local names = { "aicc/jobs.db-wal", "aicc/jobs.db-shm", "aicc/jobs.db-journal", "aicc/jobs.db", "aicc/jobs.db.7.lock",
      "link/jobs.db-wal", "aicc/../link/./jobs.db-shm", "aicc/0123456789abcdef.json", "link/0123456789abcdef.lock" }
    for _, name in ipairs(names) do
      path = folder .. "/" .. name
      local there = lfs.attributes(path, "size")
      local owner = name:find "jobs" and "job store" or "token cache"
      local status, _, err = run "apply night --rate 0"
      assert.equal(3, status, name)
      assert.matches(("log %s: it belongs to the %s; nothing was sent"):format(path, owner), (err:gsub("\n *", " ")), 1, true)
      status, _, err = support.run(folder, server, ("report night -o %s"):format(path))
      assert.equal(9, status, name)
      assert.matches(("%s: it belongs to the %s, which would be replaced"):format(path, owner), (err:gsub("\n *", " ")), 1, true)
      assert.equal(there, lfs.attributes(path, "size"), name)
    end
    -- A store that is named, though it is not there yet, and one that a link leads to.
    path = folder .. "/new.db-wal"
    local status, _, err = run(("plan %s/night.csv --store sqlite:%s/new.db"):format(folder, folder))
    assert.equal(3, status, err)
    assert(os.execute(("ln -s aicc/jobs.db %s/far.db"):format(folder)))
    path = folder .. "/aicc/jobs.db-wal"
    assert.equal(3, (run(("apply night --store sqlite:%s/far.db"):format(folder))))
    path = folder .. "/other"
    status, _, err = run "apply night --rate 0"
    assert.equal(3, status, err)
    assert.matches("it has another name, too %(a hard link%)", (err:gsub("\n *", " ")))
    assert.equal(0, #server:requests())
    path = folder .. "/aicc/jobs.db.log" -- beside it there is room for it
    assert.equal(0, (run "apply night --rate 0"))
  end)

  it("keeps the rights of a file that is there, and makes a new one 0600 whatever the umask", function()
    start { agents = { [3] = support.agents(10) } }
    assert(os.execute(("touch %s && chmod 640 %s"):format(path, path)))
    assert.equal(0, (run "token --check"))
    assert.equal("rw-r-----", lfs.attributes(path, "permissions"))
    os.remove(path)
    local command = support.command(folder, server, "token --check --log " .. path)
    assert(os.execute(("umask 0; %s >/dev/null"):format(command)))
    assert.equal("rw-------", lfs.attributes(path, "permissions"))
  end)

  it("begins a new line where an earlier one has no end", function()
    start { agents = { [3] = support.agents(10) } }
    assert.equal(0, (run "token --check"))
    local whole = read()
    local file = assert(io.open(path, "a"))
    file:write(whole:sub(1, 40))
    file:close()
    assert.equal(0, (run "agents --skill 3"))
    local text = read()
    assert.equal(whole .. whole:sub(1, 40) .. "\n", text:sub(1, #whole + 41))
    for line in text:sub(#whole + 42):gmatch "[^\n]+" do cjson.decode(line) end
  end)

  it("that is full in the middle is told of once, and the job goes on", function()
    start { agents = { [3] = support.agents(400) } }
    plan(support.range(3, 1, 180), 10)
    -- No file may become larger than this, and the log comes near it: the job's store is far from it.
    local limit, filler = 4 * 1024 * 1024, '{"time":"2026-11-26T00:00:00.000Z","run":"12345678"}\n'
    local file = assert(io.open(path, "w"))
    file:write(filler:rep(math.floor((limit - 700) / #filler)))
    file:close()
    local command = support.command(folder, server, "apply night --rate 0 --log " .. path)
    local _, _, status = os.execute(("trap '' XFSZ; ulimit -f %d; exec %s >%s/out 2>%s/err </dev/null"):format(
      math.floor(limit / 512), command, folder, folder))
    local err = io.open(folder .. "/err"):read "a"
    assert.equal(0, status, err)
    assert.equal(400 - 180, #server:accounts(3))
    assert.equal(1, select(2, err:gsub("lines are missing in it from here on; the command goes on", "")))
    assert.matches("log %S+: only a part could be written: is the disk full%?: lines", err)
    assert.matches("log %S+: %d+ lines are missing in it\n$", err)
    assert.equal(limit, lfs.attributes(path, "size"))
    assert.equal(0, (run "token --check"))
    local parsed, broken = 0, 0
    for line in read():gmatch "[^\n]+" do
      if pcall(cjson.decode, line) then parsed = parsed + 1 else broken = broken + 1 end
    end
    assert.is_true(broken <= 1 and parsed > 3, broken .. " broken")
  end)

  -- ---- where it is set ----

  it("is set by AICC_LOG too, for what sends, and config shows it", function()
    start { agents = { [3] = support.agents(10) } }
    plan(support.range(3, 1, 3))
    local function with(variable, arguments)
      local command = support.command(folder, server, arguments):gsub(" %-u AICC_LOG", "")
      local pipe = io.popen(("AICC_LOG=%s %s 2>&1"):format(variable, command))
      local text = pipe:read "a"
      pipe:close()
      return text
    end
    with(path, "status night")
    with(path, "jobs")
    with("", "token --check")
    assert.matches("log of requests +" .. path:gsub("%p", "%%%0") .. ": environment AICC_LOG\n", with(path, "config"))
    assert.is_nil(lfs.attributes(path))
    assert.matches("log of requests +%(none%): neither %-%-log nor AICC_LOG names a file\n", with("", "config"))
    with(path, "apply night")
    assert.equal("apply", lines()[1].command)
    local other = folder .. "/other.log"
    with(path, "token --check --log " .. other)
    assert.equal(1, #of(lines(), "start"))
    assert.is_number(lfs.attributes(other, "size"))
  end)
end)
