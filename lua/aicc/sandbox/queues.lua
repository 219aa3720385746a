--- Who is bound to which queue. The sandbox's whole memory of the contact centre; checks nothing, answers nobody.

local queues = {}
queues.__index = queues

local AUDIO = 4 -- agentType
local FIRST_WORK_NUMBER = 101

--- `initial`: skill -> array of agents.
function queues.new(initial)
  local self = setmetatable({ by_skill = {}, work_numbers = {}, next_work_number = FIRST_WORK_NUMBER }, queues)
  for skill_id, agents in pairs(initial) do self:bind(skill_id, agents) end
  return self
end

-- An account is one agent, whatever the queue: it keeps its number.
function queues:work_number(account)
  local number = self.work_numbers[account]
  if not number then
    number = self.next_work_number
    self.next_work_number = number + 1
    self.work_numbers[account] = number
  end
  return number
end

function queues:queue(skill_id)
  local queue = self.by_skill[skill_id]
  if not queue then
    queue = { bound = {}, sorted = nil }
    self.by_skill[skill_id] = queue
  end
  return queue
end

--- Binds agents; one that is bound already gets the new weights.
function queues:bind(skill_id, agents)
  local queue = self:queue(skill_id)
  for _, agent in ipairs(agents) do
    local account = agent.userAccount
    queue.bound[account] = {
      userAccount = account,
      agentWeight = agent.agentWeight or 1,
      skillWeight = agent.skillWeight or 1,
      workNo = agent.workNo or self:work_number(account),
      agentType = agent.agentType or AUDIO,
      accountName = agent.accountName or account,
      sipAccount = agent.sipAccount or "",
      hidden = agent.hidden or nil,
    }
  end
  queue.sorted = nil
end

function queues:unbind(skill_id, accounts)
  local queue = self:queue(skill_id)
  for _, account in ipairs(accounts) do queue.bound[account] = nil end
  queue.sorted = nil
end

function queues:unbind_all(skill_id)
  self.by_skill[skill_id] = nil
end

function queues:is_bound(skill_id, account)
  return self:queue(skill_id).bound[account] ~= nil
end

--- Every agent of a queue, by account: the same array until something changes.
function queues:list(skill_id)
  local queue = self:queue(skill_id)
  if not queue.sorted then
    local sorted = {}
    for _, agent in pairs(queue.bound) do sorted[#sorted + 1] = agent end
    table.sort(sorted, function(a, b) return a.userAccount < b.userAccount end)
    queue.sorted = sorted
  end
  return queue.sorted
end

--- What the API shows of it: one edition leaves out agents without a business account.
function queues:visible(skill_id)
  local shown = {}
  for _, agent in ipairs(self:list(skill_id)) do
    if not agent.hidden then shown[#shown + 1] = agent end
  end
  return shown
end

return queues
