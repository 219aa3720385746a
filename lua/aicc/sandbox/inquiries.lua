--- The two questions about agents and queues, agentAccount/query and skill/querySkills: as operations.lua, which has the others.
-- @module aicc.sandbox.inquiries

local body = require "aicc.sandbox.body"
local replies = require "aicc.sandbox.replies"

local M = {}

local MAX_LIMIT = 100

-- The parameters, wherever this API looks for them; nil, and a message, where they are not there.
local function parameters(service, fields)
  local form = service.shape.query_form
  if form == "wrapped" or (form == "both" and fields.requestParam) then return body.object(fields, "requestParam") end
  if fields.requestParam then return nil, "requestParam is unknown" end
  return fields
end

-- A number that may be one of digits in a string; `otherwise` where there is none.
local function number(fields, name, otherwise, least)
  local raw = fields[name]
  if not raw then return otherwise end
  local digits = raw:match '^"(%d+)"$' or raw:match "^(%d+)$"
  local value = tonumber(digits)
  if not value or value < least then return nil, name .. " is not a number from " .. least end
  return value
end

-- ---- one agent, or all of them by page ----

local function skills_json(service, agent)
  local skills = {}
  for n, skill in ipairs(agent.skills) do
    skills[n] = body.write {
      { "skillId", replies.number(service, skill.skillId) }, { "agentWeight", replies.number(service, skill.agentWeight) },
      { "skillWeight", replies.number(service, skill.skillWeight) },
    }
  end
  return "[" .. table.concat(skills, ",") .. "]"
end

local function agent_json(service, agent)
  local fields = {
    { "agentType", replies.number(service, agent.agentType) }, { "phone", body.quote(agent.phone) },
    { "ccRoleId", replies.number(service, 2) }, { "userName", body.quote(agent.userName) },
    { "sipAccount", body.quote(agent.sipAccount) }, { "email", body.quote(agent.email) },
    { "workNo", replies.number(service, agent.workNo) },
  }
  if service.shape.skills_field ~= "missing" then table.insert(fields, 1, { "skills", skills_json(service, agent) }) end
  local account = service.shape.account_field
  if account ~= "none" then fields[#fields + 1] = { account, body.quote(agent.userAccount) } end
  return body.write(fields)
end

local function agents_reply(service, agents)
  local shown = {}
  for n, agent in ipairs(agents) do shown[n] = agent_json(service, agent) end
  return replies.data(service, "[" .. table.concat(shown, ",") .. "]")
end

-- What this API answers to an account that nobody has.
local function unknown_agent(service)
  local kind = service.shape.unknown_agent
  if kind == "business" then return replies.business_failure(service, "the agent does not exist") end
  if kind == "missing" then return replies.success(service) end
  if kind == "null" then return replies.data(service, "null") end
  if kind == "other" then return agents_reply(service, service.queues:page(0, 1)) end
  if kind == "page" then return agents_reply(service, service.queues:page(0, MAX_LIMIT)) end
  return replies.data(service, "[]")
end

local function wrong_form(service, why)
  local kind = service.shape.wrong_form
  if kind == "400" then return replies.bad_request(service, why) end
  if kind == "business" then return replies.business_failure(service, why) end
end

local function query_agent(service, request)
  local fields, why = body.read(request.body)
  if not fields then return replies.bad_request(service, why) end
  local given
  given, why = parameters(service, fields)
  if not given then
    return wrong_form(service, why) or
      agents_reply(service, service.shape.wrong_form == "page" and service.queues:page(0, MAX_LIMIT) or {})
  end
  if given.userAccount then
    local account
    account, why = body.string(given, "userAccount")
    if not account then return replies.bad_request(service, why) end
    local agent = service.queues:agent(account)
    if not agent then return unknown_agent(service) end
    return agents_reply(service, { agent })
  end
  local at, size
  at, why = number(given, "pageNum", 0, 0)
  if not at then return replies.bad_request(service, why) end
  size, why = number(given, "pageSize", MAX_LIMIT, 1)
  if not size then return replies.bad_request(service, why) end
  return agents_reply(service, service.queues:page(at * size, size))
end

-- ---- queues ----

local function result(service, status, code, description, ...)
  return replies.answer(service, status, {
    { "returnCode", body.quote(code) }, { "description", body.quote(description) }, ...
  })
end

local function bad_request(service, why) return result(service, 400, "1", why) end

local function queue_json(service, queue)
  return body.write {
    { "skillId", replies.number(service, queue.skillId) }, { "name", body.quote(queue.name) },
    { "description", body.quote(queue.description) }, { "mediaTypeId", replies.number(service, queue.mediaTypeId) },
    { "maxWaitTime", replies.number(service, 60) },
  }
end

local function queues_reply(service, queues, from, count)
  local shown = {}
  for n = from + 1, math.min(#queues, from + count) do shown[#shown + 1] = queue_json(service, queues[n]) end
  return result(service, 200, "0", "success", { "total", replies.number(service, #queues) },
    { "data", "[" .. table.concat(shown, ",") .. "]" })
end

-- The queues' numbers as a set; nil and a message where that is no array of strings of digits.
local function wanted_ids(fields)
  local list, why = body.strings(fields, "skillIds")
  if not list then return nil, why end
  if #list > MAX_LIMIT then return nil, "skillIds has more than " .. MAX_LIMIT .. " elements" end
  local wanted = {}
  for n, digits in ipairs(list) do
    if not digits:find "^%d+$" then return nil, "skillIds[" .. n .. "] is not a number" end
    wanted[tonumber(digits)] = true
  end
  return wanted
end

-- What the parameters select; nil and a message where one of them is wrong.
local function select_queues(service, given)
  local name, ids, why
  if given.name then
    name, why = body.string(given, "name")
    if not name then return nil, why end
    if #name > 100 then return nil, "name is longer than 100 bytes" end
  end
  if given.skillIds then
    ids, why = wanted_ids(given)
    if not ids then return nil, why end
  end
  local media
  media, why = number(given, "mediaTypeId", false, 0)
  if media == nil then return nil, why end
  local selected = {}
  for _, queue in ipairs(service.queues:all()) do
    if (not name or queue.name:find(name, 1, true)) and (not ids or ids[queue.skillId]) and
      (not media or queue.mediaTypeId == media) then
      selected[#selected + 1] = queue
    end
  end
  return selected
end

local function query_skills(service, request)
  local fields, why = body.read(request.body)
  if not fields then return bad_request(service, why) end
  local given
  given, why = parameters(service, fields)
  if not given then
    local kind = service.shape.wrong_form
    if kind == "400" then return bad_request(service, why) end
    if kind == "business" then return result(service, 200, "1", why) end
    return queues_reply(service, kind == "page" and service.queues:all() or {}, 0, 10)
  end
  local limit, offset, selected
  limit, why = number(given, "limit", 10, 1)
  if not limit then return bad_request(service, why) end
  if limit > MAX_LIMIT then return bad_request(service, "limit is more than " .. MAX_LIMIT) end
  offset, why = number(given, "offset", 0, 0)
  if not offset then return bad_request(service, why) end
  selected, why = select_queues(service, given)
  if not selected then return bad_request(service, why) end
  return queues_reply(service, selected, offset, limit)
end

local MANAGEMENT = "/apiaccess/rest/cc-management/v1/"

--- Path -> `name`, and `answer(service, request)`, which returns the reply: for the table of operations.lua.
M.by_path = {
  [MANAGEMENT .. "agentAccount/query"] = { name = "query_agent", answer = query_agent },
  [MANAGEMENT .. "skill/querySkills"] = { name = "query_skills", answer = query_skills },
}

return M
