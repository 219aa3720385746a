--- What calls return, as people see it: a prompt and `print` show a line, not an address.
--
--     > client:release_agent_by_skill(3, { "1001", "1002" })
--     applied: 2 agents from queue 3
--     > client:query_agents(3)
--     1 agent: 1003
--
-- The values are plain tables all the same: `pairs`, `next`, `#` and JSON see their fields and nothing else. One metatable serves
-- all values of a kind, so that none costs more than to set it.
-- @module aicc.result

local core = require "aicc.core"

local setmetatable = setmetatable -- each result needs it

local MOST_SHOWN = 10 -- items of a list

local M = {}

-- "1 agent", "2 agents"
local function count(n, what) return ("%d %s%s"):format(n, what, n == 1 and "" or "s") end

-- A list as a line: how many, then the first of them.
local function line_of(list, what, show)
  if #list == 0 then return count(0, what) end
  local items = {}
  for i = 1, math.min(#list, MOST_SHOWN) do items[i] = show(list[i]) end
  local more = #list > MOST_SHOWN and (" and %d more"):format(#list - MOST_SHOWN) or ""
  return ("%s: %s%s"):format(count(#list, what), table.concat(items, ", "), more)
end

-- Text of the server's as part of a line.
local function clean(text) return core.printable(tostring(text), 128) end

-- ---- what release_agent_by_skill and bind_agents return ----

local WHERE = { release_agent_by_skill = "from", bind_agents = "to" }

-- Read as `result.result_code`: errors have those names too.
local ALIASES = { result_code = "resultCode", result_message = "resultMessage" }

local Change = { __name = "aicc.result" }

function Change.__index(result, name)
  local field = ALIASES[name]
  return field and rawget(result, field)
end

function Change.__tostring(result)
  local whom = result.accounts and count(result.accounts, "agent") or "everybody"
  return ("%s: %s %s queue %.0f"):format(tostring(result.outcome), whom, WHERE[result.operation] or "of", result.skill_id)
end

--- A result of a call that changed something.
-- @tparam table result with `outcome`, `operation`, `skill_id` and, but for `aicc.ALL`, `accounts` (how many)
-- @treturn table the same
function M.change(result) return setmetatable(result, Change) end

-- ---- listings ----

local Agent, Agents = { __name = "aicc.agent" }, { __name = "aicc.agents" }

local function account_of(agent)
  if agent.userAccount then return clean(agent.userAccount) end
  return ("(no account, workNo %s)"):format(clean(agent.workNo))
end

function Agent.__tostring(agent)
  return ("%s (agent_weight %s, skill_weight %s)"):format(account_of(agent), tostring(agent.agentWeight or "-"),
    tostring(agent.skillWeight or "-"))
end

function Agents.__tostring(list) return line_of(list, "agent", account_of) end

--- One agent of a listing.
-- @tparam table agent
-- @treturn table the same
function M.agent(agent) return setmetatable(agent, Agent) end

--- A listing.
-- @tparam {table,...} list
-- @treturn {table,...} the same
function M.agents(list)
  for i = 1, #list do setmetatable(list[i], Agent) end
  return setmetatable(list, Agents)
end

local Known = { __name = "aicc.listing" }

function Known.__tostring(known)
  return known.is_proof and "a proof: who is not on the list is not bound" or "no proof: who is not on the list may be bound"
end

--- What is known of a listing.
-- @tparam table known `is_proof`, `agreed`
-- @treturn table the same
function M.known(known) return setmetatable(known, Known) end

-- ---- one agent, and queues by name ----

local Told, Queue, Queues = { __name = "aicc.agent" }, { __name = "aicc.queue" }, { __name = "aicc.queues" }

local function skill_of(skill)
  return ("%.0f (%s, %s)"):format(skill.skillId, tostring(skill.agentWeight or "-"), tostring(skill.skillWeight or "-"))
end

-- "1001 (Ada): 2 queues: 3 (1, 1), 4 (2, 1)", with the weights of the agent and the queue.
function Told.__tostring(agent)
  local where = agent.skills and line_of(agent.skills, "queue", skill_of) or "queues not told"
  return ("%s (%s): %s"):format(clean(agent.userAccount), clean(agent.userName or "-"), where)
end

local as_skills -- below

--- One agent with its queues.
-- @tparam table agent
-- @treturn table the same
function M.told(agent)
  if agent.skills then as_skills(agent.skills) end
  return setmetatable(agent, Told)
end

local function name_of(queue) return ("%.0f %s"):format(queue.skillId, clean(queue.name or "")) end

Queue.__tostring = name_of

function Queues.__tostring(list) return line_of(list, "queue", name_of) end

--- A queue with its name.
-- @tparam table queue
-- @treturn table the same
function M.queue(queue) return setmetatable(queue, Queue) end

--- A list of them.
-- @tparam {table,...} list
-- @treturn {table,...} the same
function M.queues(list)
  for i = 1, #list do setmetatable(list[i], Queue) end
  return setmetatable(list, Queues)
end

-- ---- what release_agent and restore_agent return ----

local Offboarding = { __name = "aicc.offboarding" }

-- "1001: released 3 4, kept 7, failed 9"
function Offboarding.__tostring(result)
  local order, by_outcome = {}, {}
  for _, queue in ipairs(result.queues) do
    local queues = by_outcome[queue.outcome]
    if not queues then
      queues = { tostring(queue.outcome) }
      by_outcome[queue.outcome] = queues
      order[#order + 1] = queues
    end
    queues[#queues + 1] = ("%.0f"):format(queue.skillId)
  end
  for i, queues in ipairs(order) do order[i] = table.concat(queues, " ", 1, math.min(#queues, MOST_SHOWN + 1)) end
  return ("%s: %s"):format(clean(result.userAccount), #order > 0 and table.concat(order, ", ") or "in no queue")
end

-- ---- other lists ----

local Lines, Line = { __name = "aicc.settings" }, { __name = "aicc.setting" }

function Line.__tostring(line) return ("%-16s %s (%s)"):format(line.name, clean(line.value), line.source) end

-- One line for each setting.
function Lines.__tostring(lines)
  local shown = {}
  for i, line in ipairs(lines) do shown[i] = tostring(line) end
  return table.concat(shown, "\n")
end

--- What `client:explain` returns.
-- @tparam {table,...} lines
-- @treturn {table,...} the same
function M.settings(lines)
  for i = 1, #lines do setmetatable(lines[i], Line) end
  return setmetatable(lines, Lines)
end

--- Makes what lists of something else, and what is in them, print as.
-- @tparam string name of the kind: what error messages of Lua's own call it
-- @tparam string what one of them is called
-- @tparam function show takes an item, returns text
-- @treturn function takes a list, returns it
function M.list_of(name, what, show)
  local list_meta = { __name = name, __tostring = function(list) return line_of(list, what, show) end }
  local item_meta = { __name = name .. "." .. what, __tostring = show }
  return function(list)
    for i = 1, #list do setmetatable(list[i], item_meta) end
    return setmetatable(list, list_meta)
  end
end

as_skills = M.list_of("aicc.skills", "queue", skill_of)

local as_offboarded = M.list_of("aicc.offboarded", "queue", function(queue)
  return ("%.0f %s"):format(queue.skillId, tostring(queue.outcome))
end)

--- What came of one agent's queues.
-- @tparam table result
-- @treturn table the same
function M.offboarding(result)
  as_offboarded(result.queues)
  return setmetatable(result, Offboarding)
end

--- Makes what a table of numbers prints as: "connections 1, held 0".
-- @tparam string name of the kind
-- @treturn function takes a table, returns it
function M.numbers(name)
  local meta = { __name = name }
  function meta.__tostring(numbers)
    local shown = {}
    for key, value in pairs(numbers) do shown[#shown + 1] = ("%s %.0f"):format(key, value) end
    table.sort(shown)
    return table.concat(shown, ", ")
  end
  return function(numbers) return setmetatable(numbers, meta) end
end

return M
