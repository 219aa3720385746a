-- A contact centre that misbehaves at random, as a client's transport, and remembers what is true: who is bound, whom the client
-- released. It loses answers, does late what it was asked, refuses a part after doing another, and shows its queues as they move.

local aicc = require "aicc"
local errors = require "aicc.error"
local scene = require "spec.support.scene"

local centre = {}

local Centre = {}
Centre.__index = Centre

local LISTED = '{"%s":"%s","workNo":%d,"agentWeight":%d,"skillWeight":"%d"}'
local REFUSED = '{"resultCode":"1","resultMessage":"no"}'
local NEVER = math.huge

centre.KILLED = "the process is killed"

function Centre:chance(share) return self.random() < share end

-- ---- what is true ----

function Centre:queue(skill)
  local queue = self.queues[skill] or {
    bound = {}, refused = {}, released = {}, weights = {}, rebound = {}, excused = {}, touched = {}, taken = {}, given = {},
  }
  self.queues[skill] = queue
  return queue
end

--- The queue of a row, and the agent whom the row means: of that name, else of the same name in another spelling; in a job from
-- accounts (`is_exact`) nobody but of that name.
function Centre:meant(skill, account)
  local queue = self:queue(skill)
  if self.is_exact then return queue, account end
  for _, name in ipairs { account, account:lower(), account:upper() } do
    if queue.weights[name] then return queue, name end
  end
  return queue, account:lower()
end

--- Binds so many agents, a0001 and so on, with weights that differ; some of them will be refused.
function Centre:fill(skill, count, refused)
  local queue = self:queue(skill)
  for i = 1, count do
    local name = ("a%04d"):format(i)
    queue.bound[name] = { 1 + i % 3, 1 + i % 2 }
    queue.weights[name] = queue.bound[name]
    queue.refused[name] = self:chance(refused) or nil
    if self:chance(self.doubles or 0) then
      queue.bound[name:upper()] = { 5, 1 + i % 3 }
      queue.weights[name:upper()] = queue.bound[name:upper()]
      if self:chance(0.3) then queue.bound[name], queue.weights[name] = nil, nil end
    end
  end
end

-- `is_late`: nobody can foresee it where an undo has bound them again meanwhile.
local function release(queue, accounts, is_late)
  for _, account in ipairs(accounts) do
    if queue.bound[account] then queue.released[account] = true end
    if is_late and queue.rebound[account] then queue.excused[account] = true end
    queue.bound[account] = nil
  end
end

local function bind(queue, accounts, weights)
  for _, account in ipairs(accounts) do queue.bound[account], queue.rebound[account] = weights, true end
end

--- Does all that it was asked and has not done, and then behaves.
function Centre:calm_down()
  for _, late in ipairs(self.late) do late() end
  self.late, self.faults, self.is_calm = {}, {}, true
  for _, queue in pairs(self.queues) do queue.refused = {} end
end

--- Misbehaves (again).
function Centre:trouble(faults) self.faults, self.is_calm = faults, false end

local function sorted(bound)
  local names = {}
  for name in pairs(bound) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- What others do between two requests: somebody without a row is unbound, and somebody else bound.
function Centre:move()
  if self:chance(self.faults.moves or 0) then
    local queue = self.queues[1 + math.floor(self.random() * #self.queues)]
    for _, name in ipairs(sorted(queue.bound)) do
      if not queue.has_row[name] then
        queue.bound[name] = nil
        break
      end
    end
    self.newcomers = self.newcomers + 1
    if self:chance(0.8) then queue.bound[("z%05d"):format(self.newcomers)] = { 1, 1 } end
  end
  -- Somebody with a row is unbound, or bound; but nobody with a namesake, who might then be taken for the other one.
  if (self.doubles == 0 or self.is_exact) and self:chance(self.faults.meddles or 0) then
    local queue = self.queues[1 + math.floor(self.random() * #self.queues)]
    local names = sorted(queue.weights)
    local name = names[1 + math.floor(self.random() * #names)]
    if name and queue.bound[name] then
      queue.bound[name], queue.touched[name], queue.taken[name] = nil, true, true
    elseif name then
      queue.bound[name], queue.touched[name], queue.given[name] = { 9, 9 }, true, true
    end
  end
  for i = #self.late, 1, -1 do
    if self:chance(0.15) then table.remove(self.late, i)() end
  end
end

--- Whether somebody of exactly that name was ever bound.
function Centre:is_known(account)
  for _, queue in ipairs(self.queues) do
    if queue.weights[account] then return true end
  end
  return false
end

-- ---- answers ----

-- What is answered to a request in a form that is not taken, or to a listing's without a queue; nil to one that is understood.
local function misunderstood(shape, form, operation)
  local is_nowhere = form:find "_nowhere" ~= nil
  local is_known = shape.form == "both" or form:find("^" .. shape.form) ~= nil
  if is_known and not is_nowhere then return end
  if is_known or shape.wrong == "400" then return scene.reply(operation, 400, REFUSED) end
  if shape.wrong == "business" then return scene.reply(operation, operation == "query_skills" and 200 or 500, REFUSED) end
  return scene.reply(operation, 200, '{"resultCode":"0","count":0,"data":[]}')
end

local SCHEMAS = {
  none = '{"resultCode":"0",%s}', data = '{"resultCode":"0","schema":{%s}}', all = '{"schema":{"resultCode":"0",%s}}',
}

function Centre:show(arguments)
  local faults, shape = self.faults, self.shape
  local other, problem = misunderstood(shape, arguments.form, "query_agents")
  if other or problem then return other, problem end
  local bound, shown, data = self:queue(arguments.skillId).bound, {}, {}
  local names = sorted(bound)
  for i, name in ipairs(names) do
    if not faults.hides or i % 7 ~= 0 then shown[#shown + 1] = name end
  end
  local size = faults.page or arguments.pageSize
  local from = faults.first_page_only and 0 or arguments.pageNum * size
  for i = from + 1, math.min(from + size, #shown) do
    data[#data + 1] = LISTED:format(shape.field, shown[i], i, bound[shown[i]][1], bound[shown[i]][2])
  end
  if faults.nameless and from == 0 then data[#data + 1] = '{"workNo":99999,"agentWeight":1,"skillWeight":1}' end
  local count = faults.counts_page and #data or #names + (faults.nameless and 1 or 0)
  local text = shape.is_text and '"%s":"%d","data":[%s]' or '"%s":%d,"data":[%s]'
  text = text:format(shape.count, count, table.concat(data, ","))
  return scene.reply("query_agents", 200, SCHEMAS[shape.schema]:format(text))
end

-- The queues of an agent as the API names them: some it always leaves out, and some it names though the agent has left.
function Centre:skills_of(account)
  local skills = {}
  for skill, queue in ipairs(self.queues) do
    local key = account .. " " .. skill
    local bound = queue.bound[account]
    if self.omitted[key] == nil then self.omitted[key] = self:chance(self.faults.omits or 0) end
    local is_named = bound and not self.omitted[key] or queue.weights[account] and self:chance(self.faults.names_in_vain or 0)
    bound = bound or queue.weights[account]
    if is_named then
      skills[#skills + 1] = ('{"skillId":%d,"agentWeight":%d,"skillWeight":%d}'):format(skill, bound[1], bound[2])
      if queue.bound[account] then self.named[key] = true end
    end
  end
  return "[" .. table.concat(skills, ",") .. "]"
end

-- What agentAccount/query answers: about an account, or with anybody.
function Centre:tell(arguments)
  local shape = self.shape
  local other, problem = misunderstood(shape, arguments.form, "query_agent")
  if other or problem then return other, problem end
  local account = arguments.userAccount or "a0001"
  local data = ""
  if self:is_known(account) or not arguments.userAccount then
    local skills = self.faults.untold and "" or ',"skills":' .. self:skills_of(account)
    data = ('{"userName":"x","%s":"%s"%s}'):format(shape.field, account, skills)
  elseif shape.refuses_unknown then
    return scene.reply("query_agent", 500, REFUSED)
  elseif self:is_known(account:lower()) and shape.is_blind then -- names are the same to it whatever their case
    data = ('{"%s":"%s","skills":%s}'):format(shape.field, account:lower(), self:skills_of(account:lower()))
  end
  return scene.reply("query_agent", 200, SCHEMAS[shape.schema]:format('"data":[' .. data .. "]"))
end

-- What skill/querySkills answers: every queue, without names.
function Centre:list(arguments)
  local other, problem = misunderstood(self.shape, arguments.form, "query_skills")
  if other or problem then return other, problem end
  local from, data = tonumber(arguments.offset), {}
  for skill = from + 1, math.min(from + tonumber(arguments.limit), #self.queues) do
    data[#data + 1] = ('{"skillId":%d}'):format(skill)
  end
  return scene.reply("query_skills", 200, ('{"returnCode":"0","total":%d,"data":[%s]}'):format(#self.queues,
    table.concat(data, ",")))
end

-- A part of the accounts, of those alone that are not refused.
function Centre:some(accounts, queue)
  local some = {}
  for _, account in ipairs(accounts) do
    if not queue.refused[account] and self:chance(0.5) then some[#some + 1] = account end
  end
  return some
end

function Centre:change(operation, arguments)
  local faults, queue, accounts = self.faults, self:queue(arguments.skillId), {}
  assert(arguments.userAccounts ~= aicc.ALL and #arguments.userAccounts > 0, "everybody would have been released")
  for i, account in ipairs(arguments.userAccounts) do accounts[i] = account end
  local function perform(list, is_late)
    if operation == "bind_agents" then return bind(queue, list, { arguments.agentWeight, arguments.skillWeight }) end
    release(queue, list, is_late)
  end
  if self:chance(faults.busy or 0) then
    return scene.reply(operation, 503, "", self:chance(0.5) and { ["retry-after"] = "1" } or {})
  end
  if self:chance(faults.codeless or 0) then
    perform(accounts)
    return scene.reply(operation, 200, '{"resultMessage":"success"}')
  end
  if self:chance(faults.blocks or 0) then return scene.reply(operation, 403, "<html>") end
  if #accounts > (faults.most or NEVER) then return scene.reply(operation, 413, "") end
  if self:chance(faults.unsent or 0) then
    return nil, errors.new {
      kind = "network", operation = operation, message = "no route", outcome = "not_sent", retryable = true, curl_code = 7,
    }
  end
  if self:chance(faults.loses or 0) then
    if self:chance(0.3) then
      perform(accounts)
    elseif faults.is_slow and self:chance(0.5) then
      self.late[#self.late + 1] = function() perform(accounts, true) end
    end
    return nil, scene.lost(operation)
  end
  if self:chance(faults.breaks or 0) then
    perform(self:some(accounts, queue))
    return scene.reply(operation, 500, "<html>")
  end
  for _, account in ipairs(accounts) do
    if queue.refused[account] then
      if faults.does_part then perform(self:some(accounts, queue)) end
      return scene.reply(operation, 500, REFUSED)
    end
  end
  perform(accounts)
  return scene.reply(operation, 200, scene.SUCCESS)
end

function Centre:answer(request)
  self.requests = self.requests + 1
  if request.operation == "query_skills" and not self.is_exact then
    return scene.reply("query_skills", 403, '{"error_code":"403"}')
  end
  if not self.is_calm then self:move() end
  if request.operation == "query_agent" or request.operation == "query_skills" then
    if self:chance(self.faults.unlisted or 0) then return scene.reply(request.operation, 502, "") end
    return self[request.operation == "query_agent" and "tell" or "list"](self, request.arguments)
  end
  if request.operation ~= "query_agents" then return self:change(request.operation, request.arguments) end
  if self:chance(self.faults.unlisted or 0) then return scene.reply("query_agents", 502, "") end
  return self:show(request.arguments)
end

--- An attempt. `killed`: the process dies before it hears the answer; `aborts`: somebody interrupts it.
function Centre:attempt(request)
  local reply, err = self:answer(request)
  if self:chance(self.faults.killed or 0) then error(centre.KILLED, 0) end
  if err and err.outcome ~= "rejected" and self:chance(self.faults.aborts or 0) then
    err = errors.new { kind = "aborted", operation = request.operation, message = "interrupted", outcome = err.outcome }
  end
  return reply, err
end

function Centre:sleep() return true end -- luacheck: ignore self
function Centre:yields() return false end -- luacheck: ignore self
function Centre:is_alive() return true end -- luacheck: ignore self
function Centre:close() end -- luacheck: ignore self

--- A client of it, that waits for nothing.
function Centre:client(attempts)
  return assert(aicc.new {
    base_url = "https://api.example", app_key = "app-key", app_secret = "secret", transport = self, store = scene.with_token(),
     retry = { attempts = attempts, base = 1e-6, throttle_base = 1e-6, cap = 1e-6 },
    sleep = function() return true end,
  })
end

--- One; `random` as math.random without arguments. `is_exact`: for a job from accounts.
function centre.new(random, is_exact)
  local fields = {
    random = random, queues = {}, late = {}, faults = {}, requests = 0, newcomers = 0, is_calm = true, is_exact = is_exact,
    omitted = {}, named = {},
  }
  local function pick(...) return (select(1 + math.floor(random() * select("#", ...)), ...)) end
  fields.shape = {
    form = pick("both", "flat", "wrapped"), wrong = pick("400", "business", "empty"), field = pick("userAccount", "accountCode"),
    count = pick("count", "total"), is_text = pick(true, false), schema = pick("none", "data", "all"),
  }
  if is_exact then fields.shape.refuses_unknown, fields.shape.is_blind = random() < 0.3, random() < 0.3 end
  fields.doubles = random() < 0.3 and 0.2 or 0 -- of the agents have a namesake in capitals, with whom nothing is shared
  return setmetatable(fields, Centre)
end

return centre
