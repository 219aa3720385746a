--- What a call came to whose answer was lost: told from what the server shows, never guessed (doc/semantics.md, section 3).
--
-- Functions of listings (`aicc.pages`). Who lists, and what is sent again, is `aicc.engine`'s business.
-- @module aicc.settle

local M = {}

--- Lower case for ASCII only: nobody has said whether account names are case-sensitive, so absent means in no spelling.
-- @tparam string account
-- @treturn string what is the same for all spellings
function M.fold(account)
  return (account:gsub("%u", string.lower))
end

-- Their accounts; of one without a business account, its number.
local function names_of(agents)
  local names = {}
  for i, agent in ipairs(agents) do names[i] = agent.userAccount or tostring(agent.workNo) end
  return names
end

-- Which of the accounts are still bound.
local function still_bound(accounts, agents)
  local bound, left = {}, {}
  for _, name in ipairs(names_of(agents)) do bound[M.fold(name)] = true end
  for _, account in ipairs(accounts) do
    if bound[M.fold(account)] then left[#left + 1] = account end
  end
  return left
end

-- Which of the accounts are not bound as asked: exactly that name, with those weights.
local function not_as_asked(arguments, agents)
  local found, left = {}, {}
  for _, agent in ipairs(agents) do
    local as_asked = agent.agentWeight == arguments.agentWeight and agent.skillWeight == arguments.skillWeight
    local account = as_asked and agent.userAccount
    if account then found[account] = true end
  end
  for _, account in ipairs(arguments.userAccounts) do
    if not found[account] then left[#left + 1] = account end
  end
  return left
end

--- Whether a listing is to be believed only once a second one shows the same: that everybody is gone may be a moment in somebody
-- else's work.
-- @tparam table request `everybody`
-- @tparam {table,...} agents the first listing
-- @treturn boolean
function M.is_to_be_seen_twice(request, agents) return request.everybody and #agents == 0 end

--- For whom a call that may have been applied has not been.
-- @tparam table request `operation`, `arguments`, `everybody`
-- @tparam {table,...} agents the queue's, as a proof
-- @treturn {string,...} their accounts; empty if it has been applied to all
function M.left_over(request, agents)
  if request.everybody then return names_of(agents) end
  if request.operation == "bind_agents" then return not_as_asked(request.arguments, agents) end
  return still_bound(request.arguments.userAccounts, agents)
end

return M
