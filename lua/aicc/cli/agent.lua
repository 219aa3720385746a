--- `aicc agent`: who somebody is, and in which queues.
-- @module aicc.cli.agent

local client_of = require "aicc.cli.client"
local errors = require "aicc.error"
local grid = require "aicc.cli.grid"
local queues = require "aicc.cli.queues"
local row = require "aicc.jobs.input.row"
local width = require "aicc.cli.width"

local M = {}

-- What the API calls the kind of an agent (agentType).
local TYPES = { [4] = "audio", [5] = "multimedia", [11] = "video", [99] = "versatile", [255] = "idle" }

--- A weight for people. The API's documents make it optional.
-- @param value
-- @treturn string
function M.weight(value) return type(value) == "number" and ("%.0f"):format(value) or "?" end

-- "1001  Li Lei (work number 107, audio)"
local function who(agent)
  local facts = {}
  if agent.workNo then facts[1] = ("work number %.0f"):format(agent.workNo) end
  if TYPES[agent.agentType] then facts[#facts + 1] = TYPES[agent.agentType] end
  local name = agent.userName and "  " .. width.harmless(agent.userName) or ""
  local more = #facts > 0 and (" (%s)"):format(table.concat(facts, ", ")) or ""
  return width.harmless(agent.userAccount) .. name .. more
end

local function show(out, agent, name_of)
  out:result({
    event = "agent", user_account = agent.userAccount, user_name = agent.userName, agent_type = agent.agentType,
    work_no = agent.workNo, queues = agent.skills and #agent.skills or nil,
  }, function() out:line("%s", who(agent)) end)
  if not agent.skills then return out:line "The API does not say in which queues." end
  if #agent.skills == 0 then return out:line "The API names no queue." end
  local rows = {}
  for i, skill in ipairs(agent.skills) do
    out:result({
      event = "queue", user_account = agent.userAccount, skill_id = skill.skillId, skill_name = name_of(skill.skillId),
      agent_weight = skill.agentWeight, skill_weight = skill.skillWeight,
    }, function()
      rows[i] = { ("%.0f"):format(skill.skillId), name_of(skill.skillId), M.weight(skill.agentWeight),
        M.weight(skill.skillWeight) }
    end)
  end
  if out.json then return end
  grid.print(out, {
    { title = "queue", is_number = true }, { title = "name", is_name = true }, { title = "agent weight", is_number = true },
    { title = "skill weight", is_number = true },
  }, rows)
end

--- The numbers of an agent's queues.
-- @tparam table agent as from `client:query_agent`
-- @treturn {integer,...}
function M.ids(agent)
  local ids = {}
  for i, skill in ipairs(agent.skills or {}) do ids[i] = skill.skillId end
  return ids
end

--- `aicc agent`
function M.agent(arguments, out)
  local problem = row.problem(1, arguments.account)
  if problem then return nil, errors.new { kind = "argument", message = problem } end
  local client, err = client_of.new(arguments)
  if not client then return nil, err end
  local agent
  agent, err = client:query_agent(arguments.account)
  if agent then show(out, agent, queues.names(client, M.ids(agent), out)) end
  client:close()
  if not agent then return nil, err end
end

return M
