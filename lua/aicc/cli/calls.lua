--- The commands that make one call: release, bind, agents, token, config.
-- @module aicc.cli.calls

local aicc = require "aicc"
local client_of = require "aicc.cli.client"
local errors = require "aicc.error"
local output = require "aicc.cli.output"
local row = require "aicc.jobs.input.row"
local terminal = require "aicc.cli.terminal"
local text = require "aicc.jobs.text"

local M = {}

local function guard(message) return nil, errors.new { kind = "guard", message = message } end

-- Accounts as they were typed or put in by a script: what is refused in a file of rows is refused here too.
local function check(accounts)
  local problem = row.problem_among(accounts)
  if problem then return nil, errors.new { kind = "argument", message = problem } end
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
local function may_empty(arguments)
  if arguments.yes then return true end
  if not terminal.is_there() then return guard "--all: without a terminal it needs --yes" end
  local typed, err = terminal.ask(("Unbind everybody from queue %.0f? Type the queue's number: "):format(arguments.skill))
  if not typed then return nil, err end
  if typed == ("%.0f"):format(arguments.skill) then return true end
  return guard "--all: that is not the queue's number; nothing was sent"
end

--- `aicc release`
function M.release(arguments, out)
  local accounts = arguments.accounts
  if arguments.all then
    if #accounts > 0 then return nil, errors.new { kind = "argument", message = "either accounts or --all" } end
    local may, err = may_empty(arguments)
    if not may then return nil, err end
    accounts = aicc.ALL
  else
    local good, err = check(accounts)
    if not good then return nil, err end
  end
  local client, err = client_of.new()
  if not client then return nil, err end
  local result
  result, err = client:release_agent_by_skill(arguments.skill, accounts)
  client:close()
  if not result then return nil, err end
  answer(out, "released", arguments.skill, not arguments.all and #accounts or nil, result)
end

--- `aicc bind`
function M.bind(arguments, out)
  local good, client, err
  good, err = check(arguments.accounts)
  if not good then return nil, err end
  client, err = client_of.new()
  if not client then return nil, err end
  local result
  result, err = client:bind_agents(arguments.skill, arguments.accounts, {
    agent_weight = arguments.agent_weight, skill_weight = arguments.skill_weight,
  })
  client:close()
  if not result then return nil, err end
  answer(out, "bound", arguments.skill, #arguments.accounts, result)
end

-- A weight for people. The API's documents make it optional.
local function weight(value) return type(value) == "number" and ("%.0f"):format(value) or "?" end

--- `aicc agents`
function M.agents(arguments, out)
  local client, err = client_of.new()
  if not client then return nil, err end
  local agents
  agents, err = client:query_agents(arguments.skill)
  client:close()
  if not agents then return nil, err end
  for _, agent in ipairs(agents) do
    out:result({
      skill_id = arguments.skill, user_account = agent.userAccount, agent_weight = agent.agentWeight,
      skill_weight = agent.skillWeight, work_no = agent.workNo,
    }, function()
      local name = text.line(agent.userAccount) or "(no account)" -- nothing that a terminal would do
      out:line("%-40s agent weight %s, skill weight %s", name, weight(agent.agentWeight), weight(agent.skillWeight))
    end)
  end
end

--- `aicc token --check`
function M.token(_, out)
  local client, err = client_of.new()
  if not client then return nil, err end
  local token
  token, err = client:access_token()
  client:close()
  if not token then return nil, err end
  out:result({ event = "token", ok = true }, function() out:line "The API gives a token." end)
end

--- `aicc config`
function M.config(_, out)
  local client, err = client_of.new()
  if not client then return nil, err end
  for _, setting in ipairs(client:explain()) do
    local value = tostring(setting.value)
    out:result({ name = setting.name, value = setting.value, source = setting.source }, function()
      out:line("%-16s %-32s %s", setting.name, value, setting.source)
    end)
  end
  client:close()
end

return M
