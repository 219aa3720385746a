--- What the specs of release_agent and restore_agent share: a server with an agent in four queues, and what became of them.

local assert = require "luassert"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"

local offboarding = {}

offboarding.BIG = 2 ^ 53 - 1

--- Where 1001 is bound, with weights, as `bound` tells it.
offboarding.BEFORE = "3:2/5 4:7/1 5:1/1 9007199254740991:1/1"

--- An agent as the sandbox takes it.
function offboarding.agent(account, agent_weight, skill_weight)
  return { userAccount = account, agentWeight = agent_weight, skillWeight = skill_weight }
end

--- Starts a sandbox; returns it, a client and its time.
function offboarding.start(options, more)
  local agent, time = offboarding.agent, scene.skipping()
  options = options or {}
  options.agents = options.agents or {
    [3] = { "1002", agent("1001", 2, 5) }, [4] = { agent("1001", 7, 1), "1002" }, [5] = { "1001" },
    [offboarding.BIG] = { "1001" },
  }
  local server = assert(sandbox.start(options))
  return server, assert(server:client(scene.options(time, more))), time
end

--- No request ever has an empty list of accounts: in the bytes that the server got.
function offboarding.assert_never_everybody(server)
  for _, request in ipairs(server:requests()) do
    assert.falsy(request.body:find('"userAccounts":%s*%[%s*%]'), "everybody was said")
    if request.body:find "userAccounts" then assert.truthy(request.body:find '"userAccounts":%["[^"]+"%]', request.body) end
  end
end

--- How many requests of an operation there were.
function offboarding.count(server, operation)
  local n = 0
  for _, request in ipairs(server:requests()) do if request.operation == operation then n = n + 1 end end
  return n
end

--- "3 released applied, 4 kept"
function offboarding.told(result)
  local words = {}
  for n, queue in ipairs(result.queues) do
    words[n] = ("%.0f %s"):format(queue.skillId, queue.outcome) .. (queue.how and " " .. queue.how or "") ..
      (queue.err and " " .. queue.err.kind or "")
  end
  return table.concat(words, ", ")
end

--- "3:2/5 4:7/1": where an account is bound, with its weights.
function offboarding.bound(server, account)
  local words = {}
  for n, skill in ipairs(server:queues_of(account)) do
    words[n] = ("%.0f:%.0f/%.0f"):format(skill.skillId, skill.agentWeight, skill.skillWeight)
  end
  return table.concat(words, " ")
end

return offboarding
