-- The command, from an account to all of its queues: agent, queues, release --agent, plan --agents; queues by name everywhere.

local cjson = require "cjson"
local support = require "spec.support.jobs"

describe("the command aicc about agents #lua54", function()
  local folder, server

  local NAMES = { [3] = "Support", [4] = "Sales", [5] = "Night", [6] = "Night", [7] = "技术支持" }

  local function start(more)
    local options = {
      agents = { [3] = { { userAccount = "1001", agentWeight = 5, skillWeight = 2 }, "1002", "1003" }, [4] = { "1001" },
        [5] = { "1002" }, [6] = {}, [7] = { "1001", "1003" } },
      queues = NAMES, people = { ["1001"] = "Li Lei", idle = "Idle" },
    }
    for name, value in pairs(more or {}) do options[name] = value end
    server = support.sandbox(options)
  end

  before_each(function() folder = support.folder() end)
  after_each(function()
    for _, request in ipairs(server:requests()) do assert.is_nil(request.body:find('"userAccounts":[]', 1, true)) end
    support.clean()
  end)

  local function run(arguments, input) return support.run(folder, server, arguments, input) end

  local function objects(out)
    local list = {}
    for line in out:gmatch "[^\n]+" do list[#list + 1] = cjson.decode(line) end
    return list
  end

  local function write(name, text)
    local file = assert(io.open(folder .. "/" .. name, "w"))
    file:write(text)
    file:close()
    return folder .. "/" .. name
  end

  local function sent(operation) return #support.bodies(server, operation) end

  -- ---- agent, queues ----

  it("shows who an agent is, and in which queues", function()
    start()
    local status, out, err = run "agent 1001"
    assert.same({ 0, "" }, { status, err })
    assert.equal("1001  Li Lei (work number N, audio)\nqueue  name      agent weight  skill weight\n" ..
      "    3  Support              5             2\n    4  Sales                1             1\n" ..
      "    7  技术支持             1             1\n", (out:gsub("number %d+", "number N")))
    local list = objects(select(2, run "agent 1001 --json"))
    assert.same({ "agent", "1001", "Li Lei", 3 }, { list[1].event, list[1].user_account, list[1].user_name, list[1].queues })
    assert.same({ 3, "Support", 5, 2 }, { list[2].skill_id, list[2].skill_name, list[2].agent_weight, list[2].skill_weight })
    status, out = run "agent idle"
    assert.equal(0, status)
    assert.matches("The API names no queue", out)
    status, out, err = run "agent nobody"
    assert.same({ 5, "" }, { status, out })
    assert.matches("knows no agent", err)
    assert.equal(2, (run "agent 1E+10"))
    assert.matches('"kind":"unknown_agent"', select(2, run "agent nobody --json"))
  end)

  it("lists queues, some of them, and how many agents they have", function()
    start()
    local status, out, err = run "queues --count"
    assert.same({ 0, "" }, { status, err })
    assert.matches("queue  name +media +agents\n    3  Support +audio, video +3\n", out)
    assert.matches("\n    6  Night +audio, video +0\n", out)
    local list = objects(select(2, run "queues --name Night --json"))
    assert.same({ 2, 5, 6, "Night" }, { #list, list[1].skill_id, list[2].skill_id, list[1].skill_name })
    status, out, err = run "queues --ids 4,3 --ids 99"
    assert.equal(2, status)
    assert.matches("3  Support.*4  Sales", out)
    assert.matches("there is no queue 99", err)
    for _, wrong in ipairs { "queues --ids 3,x", "queues --ids ''", "queues --rate fast" } do
      assert.equal(2, (run(wrong)), wrong)
    end
  end)

  it("counts on after a pause, and says which queue cannot be counted", function()
    start()
    server:fault { operation = "query_agents", status = 429, headers = { ["Retry-After"] = "1" } }
    server:fault { operation = "query_agents", from = 3, status = 200, body = '{"resultCode":"7","resultMessage":"locked"}' }
    local status, out, err = run("queues --count --ids 3,4,5 --log " .. folder .. "/log")
    assert.equal(0, status)
    assert.matches("    3  Support +audio, video +3\n    4  Sales +audio, video +%?\n    5  Night +audio, video +1\n", out)
    assert.matches("throttled: waiting for 1 s\n", err)
    assert.matches("queue 4: its agents cannot be counted: [^\n]*locked", err)
    assert.matches('"event":"pause"', io.open(folder .. "/log"):read "a", 1, true)
  end)

  it("does with numbers where the API tells no names, and says so once", function()
    for _, refusal in ipairs { 403, 404 } do
      start()
      server:fault { operation = "query_skills", to = math.huge, status = refusal, body = '{"error_code":"x"}' }
      local status, out, err = run "agent 1001"
      assert.equal(0, status)
      assert.matches("^1001 .*\nqueue  agent weight  skill weight\n    3 ", out)
      assert.equal(1, select(2, err:gsub("numbers only", "")))
      local path = write("leavers.csv", "user_account\n1001\n1002\n")
      status, out, err = run("plan --rate 0 --agents " .. path)
      assert.equal(0, status)
      assert.matches("\nqueue  agents  release", out)
      assert.equal(1, select(2, err:gsub("numbers only", "")))
      assert.equal(0, (run "apply leavers --rate 0 --force --yes"))
      assert.matches("\n3,,1001,released,", select(2, run "report leavers"))
      assert.equal(0, (run "undo leavers --rate 0 --force --yes"))
      status, _, err = run "agents --skill Support"
      assert.equal(refusal == 403 and 4 or 6, status)
      assert.matches("cannot be looked up, give its number", err)
      assert.equal(0, (run "forget leavers"))
    end
  end)

  -- ---- queues by name ----

  it("takes a queue's name for its number, if only one has it", function()
    start()
    assert.equal(0, (run "release --skill Support 1002"))
    assert.same({ "1001", "1003" }, server:accounts(3))
    assert.equal(0, (run "bind --skill 技术支持 1002"))
    assert.equal(3, #server:accounts(7))
    assert.matches("1001 .*1002 .*1003", select(2, run "agents --skill 技术支持"))
    server:clear()
    local status, _, err = run "release --skill Night 1002"
    assert.equal(2, status)
    assert.matches("2 queues are called 'Night', give a number: 5 Night, 6 Night", err)
    status, _, err = run "release --skill sale 1002"
    assert.equal(2, status)
    assert.matches("no queue is called 'sale', but there are: 4 Sales", err)
    status, _, err = run "release --skill Nowhere --all --yes"
    assert.equal(2, status)
    assert.matches("no queue is called 'Nowhere': `aicc queues` lists them", err)
    for _, arguments in ipairs { "release --skill 003 1001", "release --agent 1001 --except 003 --yes" } do
      status, _, err = run(arguments)
      assert.equal(2, status)
      assert.matches("'003' may be a queue's number or a name like one", err)
    end
    assert.equal(8, (run "release --skill Support")) -- nobody: the guard, before anything is sent
    assert.equal(0, sent "release_agent_by_skill")
    assert.equal(0, (run "release --skill Support --all --yes"))
    assert.same({}, server:accounts(3))
    server:clear() -- this one did mean everybody
  end)

  it("plans rows with names, and tells each of which it is not certain", function()
    start()
    local status, out, err = run("plan --rate 0 " .. write("n.csv", "skill_name,user_account\nSupport,1001\n技术支持,1003\n"))
    assert.same({ 0, "" }, { status, err })
    assert.matches("    3  Support  .*    7  技术支持", out)
    assert.matches("3,Support,1001,planned", select(2, run "report n"))
    -- A report is a plan's input: number and name are the same queue.
    assert.equal(0, (run("plan --rate 0 " .. write("again.csv", (select(2, run "report n"))))))
    status, out, err = run("plan --rate 0 " .. write("bad.csv",
      "skill_id,skill_name,user_account\n,Night,1002\n4,Support,1001\n,Suppo,1001\n99,x,1001\n5,Night,1002\n"))
    assert.equal(2, status)
    assert.equal("", out)
    assert.matches("bad.csv:2: skill_name: 2 queues are called 'Night', give a number: 5 Night, 6 Night", err)
    assert.matches("bad.csv:3: skill_id 4 and skill_name 'Support' are not the same queue: it is called 'Sales'", err)
    assert.matches("bad.csv:4: skill_name: no queue is called 'Suppo', but there are: 3 Support", err)
    assert.matches("bad.csv:5: .*there is none of that number", err)
    assert.is_nil(err:find("bad.csv:6", 1, true))
    server:fault { operation = "query_skills", to = math.huge, status = 403, body = '{"error_code":"403"}' }
    assert.equal(4, (run("plan --rate 0 " .. folder .. "/n.csv --job m")))
    assert.equal(0, (run("plan --rate 0 " .. folder .. "/again.csv --job m"))) -- which has numbers too
  end)

  -- ---- release --agent ----

  it("releases agents from all of their queues, but those excepted, and says how to go back", function()
    start { refuse_queues = { [4] = true } }
    local status, _, err = run "release --agent 1001"
    assert.equal(8, status)
    assert.matches("without a terminal it needs %-%-yes", err)
    assert.equal(0, sent "release_agent_by_skill")
    local out
    status, out = run "release --agent 1001 --agent 1002 --agent 1001 --except 技术支持 --yes"
    assert.equal(1, status) -- one of them was refused
    assert.matches("1001 +3  Support +5/2 +1\n", out)
    assert.matches("1001 +4  Sales +1/1 +0  would be empty\n1001 +7  技术支持 +1/1 +stays\n", out)
    assert.matches("1001: queue 3 Support released\n1001: queue 4 Sales refused: ", out)
    assert.matches("1002: queue 5 Night released\n", out)
    assert.same({ "1003" }, server:accounts(3))
    assert.same({ "1001" }, server:accounts(4))
    assert.same({ "1001", "1003" }, server:accounts(7))
    local ways = {}
    for line in out:match "To bind them again as before:\n(.*)$":gmatch "  aicc ([^\n]+)" do ways[#ways + 1] = line end
    assert.same({ 3, "bind --skill 3 1001 --agent-weight 5 --skill-weight 2" }, { #ways, ways[1] })
    for _, way in ipairs(ways) do assert.equal(0, (run(way))) end
    assert.equal("5/2", support.weights(server, 3)["1001"])
    assert.equal(3, #server:accounts(3))
  end)

  it("releases nobody where one of them is not certain", function()
    start()
    for arguments, expected in pairs {
      ["--agent 1001 --agent nobody"] = "nobody: the API knows no agent of that account; nobody was released",
      ["--agent 1001 --except Night"] = "2 queues are called 'Night'", ["--agent 1001 --skill 3"] = "either %-%-agent",
      ["--agent 1001 1002"] = "either %-%-agent", ["--agent 1001 --all"] = "either %-%-agent",
      ["--except 3 --skill 3 1001"] = "only with %-%-agent", [""] = "expected %-%-skill", ["--agent '1001 '"] = "blank",
    } do
      local status, _, err = run(("release %s --yes"):format(arguments))
      assert.equal(arguments:find "nobody" and 5 or 2, status, arguments)
      assert.matches(expected, err)
    end
    assert.equal(0, sent "release_agent_by_skill")
    assert.equal(0, (run "release --agent idle --yes"))
    assert.equal(0, sent "release_agent_by_skill")
    server:fault { operation = "release_agent_by_skill", to = math.huge, status = 403, body = '{"error_code":"403"}' }
    local status, out = run "release --agent 1001 --agent 1002 --yes"
    assert.equal(4, status)
    assert.matches("1001: queue 4 Sales not released: not sent.*1002: nothing was sent\n", out)
  end)

  it("counts who is left by a queue's own listing, and says of whom nothing was sent once something ends it", function()
    start()
    server:fault { operation = "query_agents", from = 1, to = 1, status = 200, -- queue 3 does not show 1001, whom the API names
      body = '{"resultCode":"0","count":1,"data":[{"userAccount":"1002","agentWeight":1,"skillWeight":1,"workNo":1}]}' }
    server:fault { operation = "query_agent", from = 4, to = math.huge, status = 403, body = '{"error_code":"403"}' }
    local status, out, err = run "release --agent 1001 --agent 1002 --yes"
    assert.equal(4, status)
    assert.matches("1001 +3  Support +5/2 +0  not on its list\n", out)
    assert.matches("1002 +3  Support +1/1 +0  would be empty\n", out)
    assert.matches("1001: queue 7 技术支持 released\n1002: nothing was sent\nTo bind", out)
    assert.matches("1002: nothing was released: HTTP 403", err)
  end)

  -- ---- plan --agents ----

  it("plans, applies, reports and undoes from a file of accounts, and tells of each what is known", function()
    start { omit_skills = { ["1003"] = { 7 } } }
    local before = { support.weights(server, 3), support.weights(server, 7) }
    local path = write("leavers.csv", "user_account\n1001\nnobody\nidle\n1001\n1003\n")
    local status, out, err = run("plan --rate 0 --agents -", path)
    assert.equal(0, status)
    assert.matches("1003: queue 7's listing shows it, and the API does not name that queue", err)
    assert.matches("^5 accounts: 3 in queues, 1 unknown to the API, 1 in no queue that is known of\n", out)
    assert.matches("nobody: the API knows no agent of that account\nidle: the API names no queue for it\n", out)
    assert.matches("queue  name +agents  release  not bound  left\n    3  Support +3 +2 +0 +1\n", out)
    assert.matches("3 queues, 5 agents to release, 0 not bound %(%d+ requests so far%)\n", out)
    local job = out:match "Apply it: aicc apply ([%w-]+) .*%-%-force\n"
    status, out, err = run(("apply %s --force --yes --rate 0"):format(job))
    assert.equal(1, status, err) -- one of them is unknown
    assert.matches("10 rows: 8 released, 1 unknown to the API, 1 in no queue that is known of", out)
    status, out = run("report " .. job)
    assert.equal(0, status)
    local lines = {}
    for line in out:gmatch "[^\n]+" do lines[#lines + 1] = line:gsub(",%d%d%d%d%-.*$", "") end
    assert.same({
      "skill_id,skill_name,user_account,status,code,message,attempts,finished_at",
      "3,Support,1001,released,0,success,1", "4,Sales,1001,released,0,success,1", "7,技术支持,1001,released,0,success,1",
      ",,nobody,no_agent,,the API knows no agent of that account,", ",,idle,no_queue,,the API names no queue for it,",
      "3,Support,1001,released,0,success,1", "4,Sales,1001,released,0,success,1", "7,技术支持,1001,released,0,success,1",
      "3,Support,1003,released,0,success,1", "7,技术支持,1003,released,0,success,1",
    }, lines)
    assert.matches("^[^\n]*\n,,nobody,no_agent,[^\n]*\n$", select(2, run("report --failed " .. job)))
    out = select(2, run("status " .. job))
    assert.matches("queue  name +accounts  state\n    3  Support +2  done\n", out)
    assert.equal(0, (run(("undo %s --force --yes --rate 0"):format(job))))
    assert.same(before, { support.weights(server, 3), support.weights(server, 7) })
  end)

  it("tells machines the same", function()
    start()
    local path = write("leavers.csv", "user_account\n1001\nnobody\n")
    local list, by = objects(select(2, run(("plan --rate 0 --json --agents %s"):format(path)))), {}
    for _, event in ipairs(list) do by[event.event] = event end
    assert.same({ "nobody", "no_agent", 3 }, { by.account.user_account, by.account.status, by.account.line })
    assert.same({ 1, 1, 2 }, { by.plan.agents.found, by.plan.agents.no_agent, by.plan.agents.lines })
    assert.equal(#server:requests(), by.plan.requests)
    local names = {}
    for _, event in ipairs(list) do
      if event.event == "queue" then names[#names + 1] = event.skill_name end
    end
    assert.same({ "Support", "Sales", "技术支持" }, names)
    list = objects(select(2, run "status leavers --json"))
    assert.same({ "status", "queue", "Support" }, { list[1].event, list[2].event, list[2].skill_name })
    list = objects(select(2, run "report leavers --json"))
    assert.same({ "Support", "no_agent" }, { list[1].skill_name, list[4].status })
  end)

  it("sweeps on demand, and says where the two ways differ", function()
    start { omit_skills = { ["1002"] = { 5 } } }
    local path = write("leavers.csv", "user_account\n1002\n")
    local out = select(2, run("plan --rate 0 --agents " .. path))
    assert.matches("1 queue, 1 agent to release", out) -- nobody named queue 5, and nobody had to list it
    out = select(2, run(("plan --rate 0 --agents %s --sweep --job swept"):format(path)))
    assert.matches("2 queues, 2 agents to release", out)
    local _, _, err = run(("plan --rate 0 --agents %s --sweep --ask --job both"):format(path))
    assert.matches("1002: queue 5's listing shows it, and the API does not name that queue", err)
    for _, wrong in ipairs { "plan", "plan x.csv --agents y.csv", "plan x.csv --sweep", "plan --ask" } do
      assert.equal(2, (run(wrong)), wrong)
    end
    local status
    status, _, err = run(("plan --rate 0 --agents %s --sweep --job swept"):format(path))
    assert.equal(2, status)
    assert.matches("aicc plan .*%-%-agents [^\n]*%-%-sweep", err)
    status, _, err = run("plan --rate 0 --agents " .. write("rows.csv", "skill_id,user_account\n3,1001\n"))
    assert.equal(2, status)
    assert.matches("these are rows, not agents", err)
  end)
end)
