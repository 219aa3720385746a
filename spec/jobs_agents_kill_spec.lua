-- kill -9 at any moment of a job from accounts, its plan too: it converges, and nothing is sent again that has its result.
-- 8 kills here; AICC_KILLS=200 for the long variant.

local jobs = require "aicc.jobs"
local processes = require "spec.support.processes"
local support = require "spec.support.jobs"

local KILLS = math.max(8, math.floor((tonumber(os.getenv "AICC_KILLS") or 0) / 5))
local QUEUES, AGENTS, LEAVERS = 40, 1200, 800
local APPLY, UNDO = "resume leavers --force --yes --rate 0", "undo leavers --force --yes --rate 0"

describe("a job from accounts that is killed #slow #nosan #lua54", function()
  after_each(support.clean)

  -- Each agent is in three queues; one of four leavers is in a queue that the API does not name.
  local function tenant()
    local agents, omitted = {}, {}
    for q = 1, QUEUES do agents[q] = {} end
    for i = 1, AGENTS do
      for k = 0, 2 do
        local q = (i * 7 + k * 13) % QUEUES + 1
        table.insert(agents[q], { userAccount = "p" .. i, agentWeight = 1 + i % 5, skillWeight = 1 + k })
        if k == 2 and i % 4 == 0 then omitted["p" .. i] = { q } end
      end
    end
    return agents, omitted
  end

  local function bound(server)
    local all = {}
    for q = 1, QUEUES do all[q] = support.weights(server, q) end
    return all
  end

  -- Kills a command as soon as the server has had so many requests more, anywhere in what it answers to them. It ends by itself
  -- if it does not send so many.
  local function kill(server, folder, command, requests)
    server:clear() -- and counts anew
    local child = processes.spawn(support.command(folder, server, command))
    server:wait_for { requests = requests, timeout = 2 }
    child:signal "KILL"
    return child:wait() == 137
  end

  -- Kills it so many times; returns how many kills met it at work.
  local function kill_often(server, folder, command, most, kills, check)
    local met = 0
    for _ = 1, kills do
      if kill(server, folder, command, math.random(1, most)) then met = met + 1 end
      check()
    end
    return met
  end

  it("ends with all of them out of all of their queues, and back", function()
    local agents, omitted = tenant()
    local server = support.sandbox { agents = agents, omit_skills = omitted, people = { idle = "Idle" },
      unknown_accounts = "refuse" }
    local folder, before, file = support.folder(), bound(server), { "user_account", "idle", "nobody", "p1" }
    for i = 1, LEAVERS do file[#file + 1] = "p" .. i end
    local path = folder .. "/leavers.csv"
    local out = assert(io.open(path, "w"))
    out:write(table.concat(file, "\n"), "\n")
    out:close()
    local plan = ("plan --rate 0 -q --agents %s"):format(path)
    assert.equal(0, (support.run(folder, server, plan)))
    local store = assert(jobs.open("sqlite:" .. folder .. "/aicc/jobs.db"))
    local done, met = {}, 0

    -- A plan that was killed is no job to apply; forgotten, it can be planned again. Nothing was changed by it.
    assert.is_true(store:forget "leavers")
    server:clear()
    met = met + kill_often(server, folder, plan, LEAVERS, math.ceil(KILLS / 4), function()
      local job = store:list()[1]
      if job and job.state == "planning" then assert.equal(2, (support.run(folder, server, APPLY))) end
      if job then assert.is_true(store:forget "leavers") end
      assert.same({}, support.bodies(server, "release_agent_by_skill"))
    end)
    assert.equal(0, (support.run(folder, server, plan)))
    server:clear()

    -- What arrived since the last look: nothing that had its result before.
    local function check()
      for _, body in ipairs(support.bodies(server, "release_agent_by_skill")) do
        assert.is_true(#body.userAccounts > 0)
        for _, account in ipairs(body.userAccounts) do
          local key = ("%d %s"):format(body.skillId, account)
          assert.is_nil(done[key], key .. " was sent again")
          assert.is_true(account == "p1" or tonumber(account:match "%d+") <= LEAVERS, account .. " was not planned")
        end
      end
      server:clear()
      for row in store:job("leavers"):report() do
        if row.status == "released" then done[("%d %s"):format(row.skill_id, row.user_account)] = true end
      end
    end
    met = met + kill_often(server, folder, APPLY, QUEUES, math.ceil(KILLS / 2), check)
    assert.equal(1, (support.run(folder, server, APPLY))) -- one account is unknown
    check()
    local job = store:job "leavers"
    local state = job:status()
    assert.same({ "finished", LEAVERS * 3 + 3, 1, 1, 0 }, { state.state, state.counts.released, state.counts.no_agent,
      state.counts.no_queue, state.counts.failed + state.counts.unknown + state.counts.pending + state.counts.not_bound })
    for q = 1, QUEUES do
      for account in pairs(support.weights(server, q)) do assert.is_true(tonumber(account:match "%d+") > LEAVERS, account) end
    end
    -- Ten minutes pass, in which a slow server might have done what a killed run had asked for.
    store.db:run("UPDATE chunks SET sent_at = ?", os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() - 601))
    met = met + kill_often(server, folder, UNDO, QUEUES, math.ceil(KILLS / 4), function() end)
    assert.equal(0, (support.run(folder, server, UNDO)))
    assert.same(before, bound(server))
    for _, request in ipairs(server:requests()) do assert.is_nil(request.body:find('"userAccounts":[]', 1, true)) end
    store:close()
    print(("%d of %d kills met a plan, a run or an undo of %d accounts at work"):format(met, KILLS, LEAVERS + 3))
    assert.is_true(met > 0)
  end)
end)
