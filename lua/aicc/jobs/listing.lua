--- A queue's listing, to look accounts up in.
-- @module aicc.jobs.listing

local settle = require "aicc.settle"

local M = {}

local function is_whole(value) return type(value) == "number" and value % 1 == 0 end

-- What weights lack of what binds an agent again as it was, as a field's name; or nil.
local function lacking(weights)
  return not is_whole(weights.agentWeight) and "agentWeight" or not is_whole(weights.skillWeight) and "skillWeight" or nil
end

local function any_lacking(exact)
  local last
  for _, weights in pairs(exact) do
    if weights ~= last and lacking(weights) then return true end -- many share theirs
    last = weights
  end
  return false
end

-- The name of an agent of each spelling, for all that are the same but for case.
local function fold_all(exact)
  local folded = {}
  for name in pairs(exact) do
    local key = settle.fold(name)
    local other = folded[key]
    if not other or name < other then folded[key] = name end
  end
  return folded
end

--- The agents of an array by their names.
-- @tparam {table,...} agents as from `client:query_agents`
-- @treturn table account -> agent
function M.by_name(agents)
  local exact = {}
  for _, agent in ipairs(agents) do
    if agent.userAccount then exact[agent.userAccount] = agent end
  end
  return exact
end

--- A listing, to look accounts up in. Agents without weights are in it too: who is bound shows without them.
--
-- Nobody has said whether case counts in account names. So somebody is said to be gone only if no spelling is there; but an
-- agent of another spelling is taken for the one that is meant only where it is certain that nobody has exactly that name, or if
-- another row has exactly the agent's; and never in a job that is made from accounts.
-- @tparam table exact account -> its `agentWeight` and `skillWeight`: as from `client:query_agents` with `weights`, or `by_name`
-- @tparam integer skill whose they are
-- @tparam table known what is known of the listing: `size`, `is_proof`, `agreed` (see `client:query_agents`)
-- @treturn table `size`; `skill`; `is_proof`; `agreed`; `lacking(weights)`: which field they lack of what binds an agent again as
--   it was, or nil; `is_lacking()`: whether those of any agent do; `exact`: account -> weights; `find(account)`: the name and the
--   weights of the agent of that name, else of the same name in another spelling, or nil
function M.index(exact, skill, known)
  local folded -- made for the first name that is not there exactly
  local function find(account)
    local weights = exact[account]
    if weights then return account, weights end
    folded = folded or fold_all(exact)
    local name = folded[settle.fold(account)]
    if name then return name, exact[name] end
  end
  return {
    size = known.size, skill = skill, exact = exact, is_proof = known.is_proof or false, agreed = known.agreed or false,
    lacking = lacking, is_lacking = function() return any_lacking(exact) end, find = find,
  }
end

--- Lists a queue.
-- @tparam table client
-- @tparam integer skill
-- @tparam number deadline seconds for all pages
-- @tparam function needs_proof takes a listing that is no proof; returns whether one is needed
-- @treturn ?table a listing
-- @treturn ?table the error
function M.read(client, skill, deadline, needs_proof)
  local exact, err, known = client:query_agents(skill, {
    deadline = deadline, weights = true,
    as_proof = function(shown, agreed, size) return needs_proof(M.index(shown, skill, { agreed = agreed, size = size })) end,
  })
  if not exact then return nil, err end
  return M.index(exact, skill, known)
end

return M
