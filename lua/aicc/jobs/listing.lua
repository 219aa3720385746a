--- A queue's listing, to look accounts up in.
-- @module aicc.jobs.listing

local settle = require "aicc.settle"

local M = {}

local function is_whole(value) return type(value) == "number" and value % 1 == 0 end

-- What an agent lacks of what binds it again as it was, as a field's name; or nil.
local function lacking(agent)
  return not is_whole(agent.agentWeight) and "agentWeight" or not is_whole(agent.skillWeight) and "skillWeight" or nil
end

-- The first agent of each spelling, for all that are the same but for case.
local function fold_all(agents)
  local folded = {}
  for _, agent in ipairs(agents) do
    local key = agent.userAccount and settle.fold(agent.userAccount)
    if key then folded[key] = folded[key] or agent end
  end
  return folded
end

--- A listing, to look accounts up in. Agents without weights are in it too: who is bound shows without them.
--
-- Nobody has said whether case counts in account names. So somebody is said to be gone only if no spelling is there; but an
-- agent of another spelling is taken for the one that is meant only where it is certain that nobody has exactly that name, or if
-- another row has exactly the agent's; and never in a job that is made from accounts.
-- @tparam {table,...} agents as from `client:query_agents`
-- @tparam integer skill whose they are
-- @tparam ?table known what is known of the listing (see `client:query_agents`)
-- @treturn table `size`; `skill`; `is_proof`; `agreed`; `is_lacking`: whether any agent has no weights; `lacking(agent)`: which
--   field an agent lacks of what binds it again as it was, or nil; `exact`: account -> agent; `find(account)`: the agent of that
--   name, else of the same name in another spelling, or nil
function M.index(agents, skill, known)
  local exact, is_lacking, folded = {}, false, nil -- folded: made for the first name that is not there exactly
  for _, agent in ipairs(agents) do
    local name = agent.userAccount
    if name then
      is_lacking = is_lacking or lacking(agent) ~= nil
      exact[name] = agent
    end
  end
  local function find(account)
    local agent = exact[account]
    if agent then return agent end
    folded = folded or fold_all(agents)
    return folded[settle.fold(account)]
  end
  return {
    size = #agents, skill = skill, is_lacking = is_lacking, exact = exact,
    is_proof = known and known.is_proof or false, agreed = known and known.agreed or false,
    lacking = lacking, find = find,
  }
end

return M
