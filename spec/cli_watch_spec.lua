-- aicc status --watch: what it shows of a job (as lines), and how it follows one that another process works on.

local cjson = require "cjson"
local dashboard = require "aicc.cli.dashboard"
local jobs = require "aicc.jobs"
local postgresql = require "spec.support.postgresql"
local processes = require "spec.support.processes"
local support = require "spec.support.jobs"
local width = require "aicc.cli.width"

describe("what is shown of a job that is watched", function()
  local now = os.time { year = 2026, month = 11, day = 26, hour = 3 }

  local function queue(id, agents, done, more)
    local it = { skill_id = id, skill_name = "queue " .. id, state = "planned", at_work = false, agents = agents, done = done,
      failed = 0, unknown = 0, requests = 0 }
    for name, value in pairs(more or {}) do it[name] = value end
    it.left = agents - done - it.failed - it.unknown
    return it
  end

  local function told(queues, more)
    local it = { name = "night", state = "running", action = "release", worker = "7 on db1", rate = 5, queues = queues }
    for _, name in ipairs { "agents", "done", "failed", "unknown", "left", "requests" } do
      it[name] = 0
      for _, one in ipairs(queues) do it[name] = it[name] + one[name] end
    end
    for name, value in pairs(more or {}) do it[name] = value end
    return it
  end

  local function lines(it, facts)
    local all = { now = now, command = function(verb) return "aicc " .. verb .. " night" end }
    for name, value in pairs(facts or {}) do all[name] = value end
    return dashboard.lines(it, all)
  end

  it("is its counts, a bar for each queue, and two estimates", function()
    local shown = lines(told {
      queue(3, 1000, 500, { at_work = true, requests = 10 }), queue(4, 200, 199, { failed = 1, state = "done" }),
      queue(5, 300, 0, { requests = 35 }), queue(6, 0, 0, { requests = 1 }),
    }, { speed = { rate = 20, seconds = 30 } })
    assert.same({
      "night: running, worked on by process 7 on db1",
      "[" .. ("#"):rep(33) .. "x" .. ("."):rep(38) .. "]  46%",
      "699 of 1500 agents released, 1 failed, 800 left",
      "at least 46 requests left: 10 s at 5 requests a second, until 03:00:09",
      "as in the last 30 s, 20 agents a second: 40 s, until 03:00:40",
      "",
      "queue  name     agents  done  failed  state",
      "    3  queue 3    1000   500          at work  ##########..........",
      "    4  queue 4     200   199       1  done     ###################x",
      "    5  queue 5     300     0          planned  ....................",
      "    6  queue 6       0     0          planned",
    }, shown)
  end)

  it("never says more than is done, nor less than is left", function()
    for _, case in ipairs {
      { 3, 2, "66%", "#" }, { 1000, 999, "99%", "#" }, { 1000, 1, "0%", "." }, { 1000, 0, "0%", "." }, { 7, 7, "100%", "#" },
    } do
      local bar, percent = lines(told { queue(3, case[1], case[2]) })[2]:match "^%[(.*)%] +(%d+%%)$"
      assert.equal(case[3], percent)
      assert.equal(case[2] == case[1], not bar:find(".", 1, true))
      assert.equal(case[4], bar:sub(1, 1))
      assert.is_true(select(2, bar:gsub("#", "")) <= #bar * case[2] / case[1])
    end
    -- One of 100,000 that failed is seen.
    assert.matches("x", lines(told { queue(3, 100000, 99999, { failed = 1 }) })[2])
  end)

  it("tells where nobody works on it, of pauses, and of queues that are left alone", function()
    local open = { queue(3, 10, 5, { requests = 1 }), queue(4, 10, 0, { state = "stopped", requests = 2 }) }
    local function has(text, more, facts)
      local all = table.concat(lines(told(open, more), facts), "\n")
      assert.is_truthy(all:find(text, 1, true), all)
    end
    local nobody = told(open)
    nobody.worker = nil
    local all = table.concat(lines(nobody, { speed = { rate = 9, seconds = 9 } }), "\n")
    assert.matches("nobody works on it: aicc resume night", all)
    assert.is_nil(all:find "until %d")
    nobody.state = "planned"
    assert.matches("nobody has begun: aicc apply night", table.concat(lines(nobody), "\n"))
    nobody.state, nobody.action = "undoing", "bind"
    assert.matches("nobody works on it: aicc undo night", table.concat(lines(nobody), "\n"))
    assert.matches("5 of 20 agents bound again", table.concat(lines(nobody), "\n"))
    has("all wait for 12 s, since the API asked for fewer requests; then 2.5 a second", { pause = 12, slowed = 2.5 })
    has("at least 1 request left: 1 s at 5 requests a second, until 03:00:12", { pause = 12, slowed = 2.5 })
    has "1 queue left alone until the next run"
    has("nothing was done in the last 40 s", nil, { speed = { rate = 0, seconds = 40 } })
    has("at least 1 request left, without a limit to their rate", { rate = 0 })
    has("at 5 requests a second", { rate = nil })
    has("job store: gone: trying again", nil, { problem = "job store: gone: trying again" })
    has("until 2026-11-27 02:53", { rate = 0.001, requests = 88 }) -- without the two of the queue that is left alone
  end)

  it("fits a terminal of any size, with those at work in sight", function()
    local queues = {}
    for i = 1, 40 do
      queues[i] = queue(i, 100, i <= 20 and 100 or 0, { state = i <= 20 and "done" or "planned", requests = i <= 20 and 0 or 3,
        skill_name = ("技术支持"):rep(6), at_work = i == 21 or i == 39 })
    end
    queues[5].failed, queues[5].done = 50, 50
    for _, columns in ipairs { 20, 35, 59, 60, 80, 130 } do
      for _, rows in ipairs { 2, 3, 5, 8, 11, 14, 24, 43, 60 } do
        local shown = lines(told(queues), { width = columns, height = rows, speed = { rate = 20, seconds = 30 } })
        assert.is_true(#shown <= rows, ("%d lines of %d"):format(#shown, rows))
        for _, line in ipairs(shown) do assert.is_true(width.of(line) <= columns, line) end
        local all = table.concat(shown, "\n")
        if rows >= 11 and columns >= 60 then
          assert.equal(2, select(2, all:gsub("at work", "")))
          local hidden = tonumber(all:match "and (%d+) more: ") or 0
          assert.equal(40, select(2, all:gsub("\n *%d+  技", "")) + hidden)
        end
      end
    end
  end)
end)

describe("aicc status --watch #lua54", function()
  local folder, server

  before_each(function()
    folder = support.folder()
    server = support.sandbox { agents = { [3] = support.agents(200), [4] = support.agents(60) } }
    support.csv(folder .. "/night.csv", support.range(3, 1, 80, support.range(4, 1, 20)))
    assert.equal(0, (support.run(folder, server, ("plan --rate 0 --chunk 10 %s/night.csv"):format(folder))))
    server:clear()
  end)
  after_each(support.clean)

  local function run(arguments) return support.run(folder, server, arguments) end

  local function spawn(arguments) return processes.spawn(support.command(folder, server, arguments)) end

  -- Reads a watcher's lines until one has a pattern; returns it.
  local function await(child, pattern)
    for line in function() return child:line() end do
      if line:find(pattern) then return line end
    end
    error("never said: " .. pattern)
  end

  it("follows a job that another process works on, to its end, and exits 0", function()
    local watcher = spawn "status night --watch 0.2 --json"
    local planned = cjson.decode(await(watcher, '"event":"watch"'))
    -- Two pages and one, eight chunks and two.
    assert.same({ "planned", 100, 0, 13 }, { planned.state, planned.agents, planned.done, planned.requests_at_least })
    server:fault { operation = "release_agent_by_skill", from = 4, to = 4, hold = true }
    local worker = spawn "apply night --rate 400 --concurrency 1" -- so the held one is not its last
    assert(server:wait_for { held = 1 })
    local held
    repeat held = cjson.decode(await(watcher, '"event":"watch"')) until held.worker and held.done >= 30
    assert.same({ "running", 400 }, { held.state, held.rate })
    assert.is_true(held.worker:find(worker.pid .. " on ", 1, true) == 1)
    assert.is_true(held.requests_at_least > 0 and held.left > 0)
    server:release_held()
    assert.equal(0, (worker:wait()))
    local status, rest = watcher:wait()
    assert.equal(0, status)
    local last = cjson.decode(rest:match '[^\n]*"event":"watch"[^\n]*$')
    assert.same({ "finished", 100, 0, 0 }, { last.state, last.done, last.left, last.requests_at_least })
    -- It reads only: nothing was sent but by the run.
    assert.equal(13, #server:requests())
    local over, out = run "status night --watch"
    assert.equal(0, over)
    assert.matches("^night: finished\n%[#+%] 100%%\n100 of 100 agents released\n\nqueue .*done +#+\n", out)
  end)

  it("ends by Ctrl-C with 130, by SIGTERM with 143, and says whether the job goes on", function()
    for signal, status in pairs { INT = 130, TERM = 143 } do
      local watcher = spawn "status night --watch 60" -- a signal does not wait for the next look
      await(watcher, "planned  ")
      watcher:signal(signal)
      local ended, said = watcher:wait()
      assert.equal(status, ended)
      assert.matches("aicc: interrupted; nobody works on the job$", said)
    end
    server:fault { operation = "release_agent_by_skill", hold = true }
    local worker = spawn "apply night --rate 0"
    assert(server:wait_for { held = 1 })
    local watcher = spawn "status night --watch 60"
    await(watcher, "at work")
    watcher:signal "INT"
    assert.matches("aicc: interrupted; the job goes on$", select(2, watcher:wait()))
    server:release_held()
    assert.equal(0, (worker:wait()))
  end)

  it("prints block after block where there is no terminal, and nothing if it is to be quiet", function()
    local watcher = spawn "status night --watch 0.1"
    for _ = 1, 3 do
      assert.equal("night: planned", await(watcher, "^night"))
      await(watcher, "^$")
      assert.matches("^queue ", watcher:line())
      await(watcher, "^$")
    end
    local quiet = spawn "status night --watch 0.1 --quiet"
    assert.equal(0, (run "apply night --rate 0"))
    assert.same({ 0, "" }, { quiet:wait() })
    assert.equal(0, (watcher:wait()))
  end)

  it("takes the job before and behind it, and tells what is wrong with its seconds", function()
    assert.equal(0, (run "apply night --rate 0"))
    for _, arguments in ipairs {
      "status night --watch", "status --watch night", "status --watch 2 night", "status night --watch 2",
    } do
      local status, out = run(arguments)
      assert.equal(0, status, arguments)
      assert.matches("^night: finished\n", out)
    end
    for arguments, problem in pairs {
      ["status night --watch 0"] = "%-%-watch: expected seconds from 0.1 to 3600, got '0'",
      ["status night --watch 3601"] = "%-%-watch: expected seconds from 0.1 to 3600, got '3601'",
      ["status night --watch often"] = "%-%-watch: expected seconds from 0.1 to 3600, got 'often'",
      ["status --watch 5"] = "missing argument 'job'", ["status"] = "missing argument 'job'",
      ["status --watch day"] = "there is no job 'day'",
    } do
      local status, out, err = run(arguments)
      assert.same({ 2, "" }, { status, out }, arguments)
      assert.matches("^aicc: " .. problem, err)
    end
  end)

  it("keeps no writer waiting, and tells of a job that somebody forgets", function()
    local watcher = spawn "status night --watch 0.1 --json"
    await(watcher, '"event":"watch"')
    -- A transaction of another process: the watcher goes on, and whoever writes next does not wait for it.
    local store = assert(jobs.open("sqlite:" .. folder .. "/aicc/jobs.db"))
    store.db:transaction(function()
      store.db:run "UPDATE jobs SET state = state"
      for _ = 1, 3 do await(watcher, '"event":"watch"') end
    end)
    for _ = 1, 50 do store.db:transaction(store.db.run, store.db, "UPDATE jobs SET state = state") end
    store:close()
    assert.equal(0, (run "forget night"))
    local status, said = watcher:wait()
    assert.equal(2, status)
    assert.matches('"event":"error".*there is no job \'night\'', said)
  end)

  it("looks anew at a store that can only be read, and goes on after it could not be read for a while", function()
    local store = folder .. "/aicc"
    local function sh(command) assert(os.execute((command:gsub("STORE", store)))) end
    local command = support.command(folder, server, "status night --watch 0.1 --json")
    sh "chmod 500 STORE; chmod 400 STORE/jobs.db"
    local watcher = processes.spawn((command:gsub("[^ ]+ bin/aicc ", processes.as_nobody_special() .. "%0")))
    for _ = 1, 3 do await(watcher, '"state":"planned"') end
    -- Something that was written last and cannot be read there.
    sh "chmod 700 STORE; echo more >STORE/jobs.db-wal; chmod 500 STORE"
    local said = await(watcher, "trying again")
    assert.matches('"message":"job store: [^"]*jobs.db%-wal[^"]*: trying again".*"state":"planned"', said)
    sh "chmod 700 STORE; rm STORE/jobs.db-wal; chmod 600 STORE/jobs.db"
    assert.equal(0, (run "apply night --rate 0"))
    local status, rest = watcher:wait()
    assert.equal(0, status)
    assert.matches('"state":"finished"[^\n]*$', rest)
  end)

  it("keeps nobody waiting in PostgreSQL, and finds a lost connection again #postgresql", function()
    local database = postgresql.start()
    finally(database.stop)
    local at = " --store '" .. database.url .. "'"
    assert.equal(0, (run(("plan --rate 0 --chunk 10 %s/night.csv"):format(folder) .. at)))
    local watcher = spawn("status night --watch 0.1 --json" .. at)
    await(watcher, '"state":"planned"')
    local store = assert(jobs.open(database.url))
    store.db:transaction(function()
      store.db:run "UPDATE jobs SET state = state"
      store.db:run "UPDATE queues SET state = state"
      for _ = 1, 3 do await(watcher, '"state":"planned"') end
    end)
    -- Another transaction may take the tables for itself while it looks.
    store.db:transaction(store.db.run, store.db, "LOCK TABLE jobs, queues, chunks, snapshot IN EXCLUSIVE MODE NOWAIT")
    assert.equal(1, #store.db:rows [[SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE pid <> pg_backend_pid() AND backend_type = 'client backend']])
    await(watcher, '"message":"job store: [^"]*: trying again"')
    await(watcher, '"state":"planned"')
    store:close()
    assert.equal(0, (run("apply night --rate 0" .. at)))
    local status, rest = watcher:wait()
    assert.equal(0, status)
    assert.matches('"state":"finished"[^\n]*$', rest)
  end)
end)
