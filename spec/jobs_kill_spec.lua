-- kill -9 at any moment of a job: resuming always converges, and nothing is sent again that has its result.
-- 20 kills here; AICC_KILLS=200 for the long variant.

local core = require "aicc.core"
local jobs = require "aicc.jobs"
local support = require "spec.support.jobs"

local KILLS = tonumber(os.getenv "AICC_KILLS") or 20
local QUEUES, ROWS = 40, 125 -- 5,000 rows

describe("a job that is killed #slow #nosan #lua54", function()
  after_each(support.clean)

  -- The rows of the plan, with unbound ones and twins; the accounts that are refused; who is bound.
  local function scene()
    local agents, list, refused = {}, {}, {}
    for q = 1, QUEUES do
      agents[q] = support.agents(150, ("q%d-"):format(q))
      for i = 1, ROWS do
        local name = i <= 120 and ("q%d-%d"):format(q, i) or i <= 123 and ("gone%d"):format(i) or ("q%d-%d"):format(q, i - 120)
        list[#list + 1] = { q, name }
      end
    end
    for q = 7, QUEUES, 13 do refused[("q%d-33"):format(q)] = true end
    return agents, list, refused
  end

  local function committed(store)
    local done = {}
    for row in store:job("night"):report() do
      if row.status == "released" or row.status == "failed" then done[row.skill_id .. " " .. row.user_account] = true end
    end
    return done
  end

  -- What arrived since the log was cleared: only the plan's rows, and none that had its result before.
  local function check_requests(server, planned, done)
    for _, body in ipairs(support.bodies(server, "release_agent_by_skill")) do
      assert.is_true(#body.userAccounts > 0)
      for _, account in ipairs(body.userAccounts) do
        local key = ("%d %s"):format(body.skillId, account)
        assert.is_true(planned[key], key .. " was not planned")
        assert.is_nil(done[key], key .. " was sent again")
      end
    end
    server:clear()
  end

  local function check_end(server, agents, list, refused, job)
    local statuses, lines = support.statuses(job)
    assert.equal(#list, #lines)
    local asked = {}
    for i, row in ipairs(list) do
      assert.equal(row[2], lines[i].user_account)
      asked[row[1] .. " " .. row[2]] = true
    end
    for q = 1, QUEUES do
      local bound = support.weights(server, q)
      for _, agent in ipairs(agents[q]) do
        local key = q .. " " .. agent.userAccount
        if asked[key] and not refused[agent.userAccount] then
          assert.is_nil(bound[agent.userAccount], key)
          assert.equal("released", statuses[key], key)
        else
          assert.is_string(bound[agent.userAccount], key)
          assert.equal(asked[key] and "failed" or nil, statuses[key], key)
        end
      end
      for i = 121, 123 do assert.equal("not_bound", statuses[("%d gone%d"):format(q, i)]) end
    end
  end

  -- An undo that is killed twice brings everybody back as they were.
  local function check_undo(server, folder, span)
    for _ = 1, 2 do support.kill(folder, server, "undo night --force --yes --rate 0", span * (0.1 + math.random() * 0.8)) end
    assert.equal(0, support.run(folder, server, "undo night --force --yes --rate 0"))
    for q = 1, QUEUES do
      local bound = support.weights(server, q)
      for _, agent in ipairs(support.agents(150, ("q%d-"):format(q))) do
        assert.equal(("%d/%d"):format(agent.agentWeight, agent.skillWeight), bound[agent.userAccount], agent.userAccount)
      end
    end
  end

  it("ends as planned, each row's status true, nothing sent twice", function()
    local agents, list, refused = scene()
    local planned = {}
    for _, row in ipairs(list) do planned[row[1] .. " " .. row[2]] = true end
    local server = support.sandbox { agents = agents, refuse_accounts = refused, unknown_accounts = "refuse" }
    local folder = support.folder()
    support.csv(folder .. "/night.csv", list)
    local kills, flying, rounds, span = 0, 0, 0, nil
    while kills < KILLS do
      rounds = rounds + 1
      server:reset()
      assert.equal(0, support.run(folder, server, ("plan %s/night.csv --rate 0 -q"):format(folder)))
      local store = assert(jobs.open("sqlite:" .. folder .. "/aicc/jobs.db"))
      server:clear()
      local done = {}
      -- The first round is not killed: it tells how long a run takes. Later ones are, six times at most, anywhere in that time.
      local before = kills
      for _ = 1, span and 6 or 0 do
        if kills == KILLS then break end
        local seconds = span * (0.1 + math.random() * 0.8)
        if support.kill(folder, server, "resume night --force --yes --rate 0", seconds) then kills = kills + 1 end
        if store.db:row("SELECT COUNT(*) AS n FROM chunks WHERE state = 'sent'").n > 0 then flying = flying + 1 end
        check_requests(server, planned, done)
        done = committed(store)
      end
      if span and kills == before then span = span * 0.7 end -- the machine was busy while it was measured
      -- Ten minutes pass, in which a slow server might have done what a killed run had asked for.
      store.db:run("UPDATE chunks SET sent_at = ?", os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() - 601))
      local began = core.now()
      local status, out = support.run(folder, server, "resume night --force --yes --rate 0")
      span = span or core.now() - began
      assert.equal(1, status, out)
      check_requests(server, planned, done)
      check_end(server, agents, list, refused, store:job "night")
      assert.equal("finished", store:job("night"):status().state)
      check_undo(server, folder, span)
      store:close()
      assert.equal(0, support.run(folder, server, "forget night"))
    end
    assert.is_true(flying > 0, "no kill met a request under way")
    print(("%d kills in %d rounds of %d rows; %d met requests under way"):format(kills, rounds, #list, flying))
  end)
end)
