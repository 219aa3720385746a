--- Queues' names: what number a name means, and what a number is called.
--
-- A name is taken for a number only if exactly one queue of the tenant has it, letter by letter. What it matches beyond that is
-- the API's business, and only ever listed, never chosen from. Names that are shown are decoration: where the API does not tell
-- them, there are numbers.
-- @module aicc.jobs.names

local errors = require "aicc.error"
local text = require "aicc.jobs.db.text"

local Names = {}
Names.__index = Names

local M = {}

local LISTED = 10 -- queues that a message lists

-- "3 Support, 9 Support"
local function listed(queues)
  local words = {}
  for i = 1, math.min(#queues, LISTED) do words[i] = ("%.0f %s"):format(queues[i].skillId, text.line(queues[i].name) or "?") end
  if #queues > LISTED then words[#words + 1] = ("and %d more"):format(#queues - LISTED) end
  return table.concat(words, ", ")
end

-- Those whose names hold a text, whatever the case.
local function similar(queues, name)
  local wanted, found = name:lower(), {}
  for _, queue in ipairs(queues) do
    if (queue.name or ""):lower():find(wanted, 1, true) then found[#found + 1] = queue end
  end
  return found
end

-- The one of these queues that has a name; nil and what is wrong.
local function choose(queues, name)
  local found = {}
  for _, queue in ipairs(queues) do
    if queue.name == name then found[#found + 1] = queue end
  end
  if #found == 1 then return found[1].skillId end
  local shown = text.line(name)
  if #found > 1 then return nil, ("%d queues are called '%s', give a number: %s"):format(#found, shown, listed(found)) end
  local near = similar(queues, name)
  if #near > 0 then return nil, ("no queue is called '%s', but there are: %s"):format(shown, listed(near)) end
  return nil, ("no queue is called '%s'"):format(shown)
end

-- The error of names that are needed and cannot be had.
local function unavailable(err)
  return errors.copy(err, { message = "a queue's name cannot be looked up, give its number: " .. err.message })
end

-- Every queue of the tenant, by number too: asked for once. Nil and an error where the API does not tell.
local function every(self)
  if not self.all and not self.err then
    self.all, self.err = self.client:query_skills(nil, self.limits)
    for _, queue in ipairs(self.all or {}) do self.by_id[queue.skillId] = text.line(queue.name) end
  end
  return self.all, self.err
end

--- Every queue of the tenant.
-- @treturn ?{table,...} as from `client:query_skills`
-- @treturn ?table the error
function Names:every() return every(self) end

--- The number that a name means. All queues are asked for at the first name, and kept.
-- @tparam string name
-- @treturn ?integer nil if no queue has it, or several have
-- @treturn ?string what is wrong then; raised is the error (`aicc.error`) where the API does not tell names
function Names:number(name)
  local queues, err = every(self)
  if not queues then error(unavailable(err), 0) end
  return choose(queues, name)
end

--- Learns the names of these queues.
-- @tparam {integer,...} ids
-- @treturn ?table the error, where the API does not tell them
function Names:learn(ids)
  local missing = {}
  for _, id in ipairs(ids) do
    if self.by_id[id] == nil then missing[#missing + 1] = id end
  end
  if #missing == 0 or self.all then return end
  if self.err then return self.err end
  local queues, err = self.client:query_skills({ ids = missing }, self.limits)
  for _, queue in ipairs(queues or {}) do self.by_id[queue.skillId] = text.line(queue.name) end
  return err
end

--- What a queue is called, if that was learnt.
-- @tparam integer id
-- @treturn ?string
function Names:of(id) return self.by_id[id] end

-- What is wrong with a row that has a number and a name, or nil. Where the API does not tell names, the number counts.
local function contradiction(self, skill, name)
  local queues = every(self)
  local called = self.by_id[skill]
  if not queues or called == text.line(name) then return end
  return ("skill_id %.0f and skill_name '%s' are not the same queue: %s"):format(skill, text.line(name),
    called and ("it is called '%s'"):format(called) or "there is none of that number")
end

--- A reader whose rows all have numbers: names are looked up, and compared where there are both.
-- @tparam function reader see `aicc.jobs.input`
-- @treturn function a reader; what its rows' names come to is a bad line where it is not certain
function Names:reader(reader)
  local known = {} -- name -> number, or what is wrong with it
  return function()
    local line, skill, account, name = reader()
    if not skill or not name then return line, skill, account end
    if type(skill) == "number" then
      local problem = contradiction(self, skill, name)
      if problem then return line, nil, problem end
      return line, skill, account
    end
    if known[name] == nil then
      local id, problem = self:number(name)
      known[name] = id or problem
    end
    local id = known[name]
    if type(id) == "string" then return line, nil, "skill_name: " .. id end
    return line, id, account
  end
end

--- Looks one queue up that was given by number or by name.
-- @tparam table client
-- @tparam integer|string queue
-- @tparam ?table limits options of the call
-- @treturn ?integer
-- @treturn ?table the error: kind "argument" where the name is nobody's, or not only one's
function M.resolve(client, queue, limits)
  if type(queue) == "number" then return queue end
  local queues, err = client:query_skills({ name = queue }, limits)
  if not queues then return nil, unavailable(err) end
  local id, problem = choose(queues, queue)
  if not id and #queues == 0 then -- the filter is the API's, and may have let none through: look at them all
    queues, err = client:query_skills(nil, limits)
    if not queues then return nil, unavailable(err) end
    id, problem = choose(queues, queue)
  end
  if id then return id end
  return nil, errors.new { kind = "argument", message = problem }
end

--- Makes one. Nothing is asked for yet.
-- @tparam table client
-- @tparam ?table limits options of its calls
-- @treturn table
function M.new(client, limits) return setmetatable({ client = client, limits = limits, by_id = {} }, Names) end

return M
