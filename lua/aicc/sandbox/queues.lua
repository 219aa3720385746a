--- Who is bound to which queue, and what queues and agents are called. The sandbox's whole memory of the contact centre; checks
-- nothing, answers nobody.
-- @module aicc.sandbox.queues

local Queues = {}
Queues.__index = Queues

local M = {}

local AUDIO = 4 -- agentType
local AUDIO_VIDEO = 5 -- mediaTypeId
local FIRST_WORK_NUMBER = 101

--- An agent's number. An account is one agent, whatever the queue: it keeps its number.
-- @tparam string account
-- @treturn integer
function Queues:work_number(account)
  local number = self.work_numbers[account]
  if not number then
    number = self.next_work_number
    self.next_work_number = number + 1
    self.work_numbers[account] = number
  end
  return number
end

-- A queue, which is there from now on.
local function queue_of(self, skill_id)
  local queue = self.by_skill[skill_id]
  if not queue then
    queue = { bound = {}, sorted = nil }
    self.by_skill[skill_id] = queue
  end
  return queue
end

--- Binds agents; one that is bound already gets the new weights.
-- @tparam integer skill_id
-- @tparam {table,...} agents
function Queues:bind(skill_id, agents)
  local queue = queue_of(self, skill_id)
  self.exists[skill_id] = true
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
  queue.sorted, queue.shown = nil, nil
end

--- Unbinds accounts.
-- @tparam integer skill_id
-- @tparam {string,...} accounts
function Queues:unbind(skill_id, accounts)
  local queue = queue_of(self, skill_id)
  for _, account in ipairs(accounts) do queue.bound[account] = nil end
  queue.sorted, queue.shown = nil, nil
end

--- Unbinds everybody.
-- @tparam integer skill_id
function Queues:unbind_all(skill_id) self.by_skill[skill_id] = nil end

--- Whether an account is bound to a queue.
-- @tparam integer skill_id
-- @tparam string account
-- @treturn boolean
function Queues:is_bound(skill_id, account) return queue_of(self, skill_id).bound[account] ~= nil end

--- Every agent of a queue, by account: the same array until something changes.
-- @tparam integer skill_id
-- @treturn {table,...}
function Queues:list(skill_id)
  local queue = queue_of(self, skill_id)
  if not queue.sorted then
    local sorted = {}
    for _, agent in pairs(queue.bound) do sorted[#sorted + 1] = agent end
    table.sort(sorted, function(a, b) return a.userAccount < b.userAccount end)
    queue.sorted = sorted
  end
  return queue.sorted
end

--- What the API shows of it: one edition leaves out agents without a business account. The same array, too, for all its pages.
-- @tparam integer skill_id
-- @treturn {table,...}
function Queues:visible(skill_id)
  local queue = queue_of(self, skill_id)
  if not queue.shown then
    local shown = {}
    for _, agent in ipairs(self:list(skill_id)) do
      if not agent.hidden then shown[#shown + 1] = agent end
    end
    queue.shown = shown
  end
  return queue.shown
end

-- ---- agents and queues by themselves ----

local function sorted_keys(set)
  local keys = {}
  for key in pairs(set) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

--- The queues that there are, by number, with their names.
-- @treturn {table,...} `skillId`, `name`, `description`, `mediaTypeId`
function Queues:all()
  local all = {}
  for n, skill_id in ipairs(sorted_keys(self.exists)) do
    local named = self.named[skill_id] or {}
    all[n] = {
      skillId = skill_id, name = named.name or ("queue %.0f"):format(skill_id), description = named.description or "",
      mediaTypeId = named.mediaTypeId or AUDIO_VIDEO,
    }
  end
  return all
end

--- An agent's queues with their weights, by number.
-- @tparam string account
-- @treturn {table,...} `skillId`, `agentWeight`, `skillWeight`
function Queues:skills_of(account)
  local skills = {}
  for _, skill_id in ipairs(sorted_keys(self.by_skill)) do
    local agent = self.by_skill[skill_id].bound[account]
    if agent then
      skills[#skills + 1] = { skillId = skill_id, agentWeight = agent.agentWeight, skillWeight = agent.skillWeight }
    end
  end
  return skills
end

--- What the API tells of an agent; nil for an account that was never heard of.
-- @tparam string account
-- @treturn ?table
function Queues:agent(account)
  local work_number = self.work_numbers[account]
  if not work_number then return nil end
  local person, omitted, skills = self.people[account] or {}, {}, {}
  for _, skill_id in ipairs(self.omitted[account] or {}) do omitted[skill_id] = true end
  for _, skill in ipairs(self:skills_of(account)) do
    if not omitted[skill.skillId] then skills[#skills + 1] = skill end
  end
  return {
    userAccount = account, userName = person.userName or account, workNo = work_number, skills = skills,
    agentType = person.agentType or AUDIO, phone = person.phone or "+49 30 901820", sipAccount = "88880551",
    email = person.email or account .. "@people.example",
  }
end

--- So many of all agents, by account, after the first `from`.
-- @tparam integer from
-- @tparam integer count
-- @treturn {table,...}
function Queues:page(from, count)
  local accounts, page = sorted_keys(self.work_numbers), {}
  for n = from + 1, math.min(#accounts, from + count) do page[#page + 1] = self:agent(accounts[n]) end
  return page
end

--- What there is at the start.
-- @tparam table initial queue -> array of agents
-- @tparam table known `queues` (queue -> name and the like), `people` (account -> name and the like), `omit_skills` (account ->
--   array of queues): all as `options.start` has checked them
-- @treturn table
function M.new(initial, known)
  local self = setmetatable({
    by_skill = {}, work_numbers = {}, next_work_number = FIRST_WORK_NUMBER,
    exists = {}, named = known.queues, people = known.people, omitted = known.omit_skills,
  }, Queues)
  for skill_id in pairs(self.named) do self.exists[skill_id] = true end
  for account in pairs(self.people) do self:work_number(account) end
  for skill_id, agents in pairs(initial) do self:bind(skill_id, agents) end
  return self
end

return M
