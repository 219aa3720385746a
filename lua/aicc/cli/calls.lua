--- The commands that make one call: release, bind, agents, token.
-- @module aicc.cli.calls

local agent_of = require "aicc.cli.agent"
local aicc = require "aicc"
local client_of = require "aicc.cli.client"
local errors = require "aicc.error"
local output = require "aicc.cli.output"
local queues = require "aicc.cli.queues"
local row = require "aicc.jobs.input.row"
local terminal = require "aicc.cli.terminal"
local width = require "aicc.cli.width"

local M = {}

local function guard(message) return nil, errors.new { kind = "guard", message = message } end
local function misuse(message) return nil, errors.new { kind = "argument", message = message } end

-- Accounts as they were typed or put in by a script: what is refused in a file of rows is refused here too. That there are none
-- is told before anything is sent, be it a question for a queue's name.
local function check(accounts)
  local problem = row.problem_among(accounts)
  if problem then return misuse(problem) end
  if #accounts == 0 then
    return guard "no accounts: nothing was sent (the API would take an empty list for everybody; --all is for everybody)"
  end
  return true
end

-- What the API answered, for people and machines.
local function answer(out, verb, skill_id, count, result)
  out:result({
    event = verb, skill_id = skill_id, accounts = count, outcome = result.outcome, attempts = result.attempts,
    result_code = result.resultCode, result_message = result.resultMessage,
  }, function()
    out:line("%s %s, queue %.0f%s", verb, count and output.count(count, "account") or "everybody", skill_id,
      result.outcome == "applied_earlier" and " (by an attempt whose answer was lost)" or "")
  end)
end

-- Whether everybody in a queue may be released: on a terminal its number is asked for, elsewhere it takes --yes.
local function may_empty(arguments, skill)
  if arguments.yes then return true end
  if not terminal.is_there() then return guard "--all: without a terminal it needs --yes" end
  local name = skill ~= arguments.skill and (" (%s)"):format(width.harmless(arguments.skill)) or ""
  local typed, err = terminal.ask(("Unbind everybody from queue %.0f%s? Type the queue's number: "):format(skill, name))
  if not typed then return nil, err end
  if typed == ("%.0f"):format(skill) then return true end
  return guard "--all: that is not the queue's number; nothing was sent"
end

-- The client, and the number of the queue that was given; or nil and an error.
local function client_and_queue(arguments)
  local client, err = client_of.new(arguments)
  if not client then return nil, err end
  local skill
  skill, err = queues.resolve(client, arguments.skill)
  if skill then return client, skill end
  client:close()
  return nil, err
end

--- `aicc release`
function M.release(arguments, out)
  local accounts = arguments.accounts
  if #arguments.agent > 0 then return require("aicc.cli.offboard").release(arguments, out) end
  if #arguments.except > 0 then return misuse "--except: only with --agent" end
  if not arguments.skill then return misuse "expected --skill with accounts or --all, or --agent" end
  if arguments.all then
    if #accounts > 0 then return misuse "either accounts or --all" end
    if not arguments.yes and not terminal.is_there() then return may_empty(arguments, arguments.skill) end
  else
    local good, err = check(accounts)
    if not good then return nil, err end
  end
  local client, skill = client_and_queue(arguments)
  if not client then return nil, skill end
  local result, err
  if arguments.all then
    local may, refusal = may_empty(arguments, skill)
    if not may then
      client:close()
      return nil, refusal
    end
    accounts = aicc.ALL
  end
  result, err = client:release_agent_by_skill(skill, accounts)
  client:close()
  if not result then return nil, err end
  answer(out, "released", skill, not arguments.all and #accounts or nil, result)
end

--- `aicc bind`
function M.bind(arguments, out)
  local good, err = check(arguments.accounts)
  if not good then return nil, err end
  local client, skill = client_and_queue(arguments)
  if not client then return nil, skill end
  local result
  result, err = client:bind_agents(skill, arguments.accounts, {
    agent_weight = arguments.agent_weight, skill_weight = arguments.skill_weight,
  })
  client:close()
  if not result then return nil, err end
  answer(out, "bound", skill, #arguments.accounts, result)
end

--- `aicc agents`
function M.agents(arguments, out)
  local client, skill = client_and_queue(arguments)
  if not client then return nil, skill end
  local agents, err = client:query_agents(skill)
  client:close()
  if not agents then return nil, err end
  for _, agent in ipairs(agents) do
    out:result({
      skill_id = skill, user_account = agent.userAccount, agent_weight = agent.agentWeight,
      skill_weight = agent.skillWeight, work_no = agent.workNo,
    }, function()
      local name = width.harmless(agent.userAccount) or "(no account)" -- nothing that a terminal would do
      out:line("%s agent weight %s, skill weight %s", name .. (" "):rep(40 - width.of(name)), agent_of.weight(agent.agentWeight),
        agent_of.weight(agent.skillWeight))
    end)
  end
end

--- `aicc token --check`
function M.token(arguments, out)
  local client, err = client_of.new(arguments)
  if not client then return nil, err end
  local token
  token, err = client:access_token()
  client:close()
  if not token then return nil, err end
  out:result({ event = "token", ok = true }, function() out:line "The API gives a token." end)
end

return M
