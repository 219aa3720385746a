--- The operations: a request's body and headers in, a reply out. Tokens and queues are the state they work on.
--
-- Each is a function (service, request) -> reply, called once path, method and (but for `token`) token are good. In which of the
-- documented shapes requests are read, `service.shape` says.
-- @module aicc.sandbox.operations

local body = require "aicc.sandbox.body"
local inquiries = require "aicc.sandbox.inquiries"
local replies = require "aicc.sandbox.replies"

local M = {}

local MAX_BIND = 50
local MAX_PAGE = 100
local MAX_TOKEN_LIFETIME = 3600

-- The queue, or the first of these accounts, that a release or bind may not name, as a message.
local function refused(service, skill_id, accounts)
  if service.options.refuse_queues[skill_id] then return "skill queue " .. body.digits(skill_id) .. " is refused" end
  for _, account in ipairs(accounts) do
    if service.options.refuse_accounts[account] then return "agent account " .. account .. " is refused" end
  end
end

local function token(service, request)
  local fields, why = body.read(request.body)
  if not fields then return replies.bad_request(service, why) end
  local app_key, app_secret, lifetime
  app_key, why = body.string(fields, "app_key")
  if not app_key then return replies.bad_request(service, why) end
  app_secret, why = body.string(fields, "app_secret")
  if not app_secret then return replies.bad_request(service, why) end
  local asked = request.header["x-token-expire"]
  if asked and not asked:find "^[1-9]%d*$" then
    return replies.bad_request(service, "X-Token-Expire is not a number of seconds")
  end
  if app_key ~= service.options.app_key or app_secret ~= service.options.app_secret then
    return replies.refusal(401, "app_key or app_secret is wrong")
  end
  lifetime = math.min(service.options.token_lifetime, MAX_TOKEN_LIFETIME, tonumber(asked) or math.huge)
  return replies.answer(service, 200, {
    { "AccessToken", body.quote(service:issue_token(app_key, request.time, lifetime)) },
    { "ApplyType", body.quote("Bearer") },
    { "CreateTime", body.quote(body.digits(os.time())) },
    { "Expires", body.quote(body.digits(lifetime)) },
    { "Scope", body.quote("sandbox") },
    { "AppKey", body.quote(app_key) },
    { "UserID", body.quote("Anonymous") },
  })
end

local function release_agent_by_skill(service, request)
  local fields, why = body.read(request.body)
  if not fields then return replies.bad_request(service, why) end
  local skill_id, accounts
  skill_id, why = body.integer(fields, "skillId", 1)
  if not skill_id then return replies.bad_request(service, why) end
  accounts, why = body.strings(fields, "userAccounts")
  if not accounts then return replies.bad_request(service, why) end
  why = refused(service, skill_id, accounts)
  if why then return replies.business_failure(service, why) end
  if service.options.unknown_accounts == "refuse" then
    for _, account in ipairs(accounts) do
      if not service.queues:is_bound(skill_id, account) then
        return replies.business_failure(service, "agent account " .. account .. " is not bound to the skill queue")
      end
    end
  end
  if #accounts == 0 then service.queues:unbind_all(skill_id) else service.queues:unbind(skill_id, accounts) end
  return replies.success(service)
end

local function bind_agents(service, request)
  local fields, why = body.read(request.body)
  if not fields then return replies.bad_request(service, why) end
  local numbers = {}
  for _, name in ipairs { "skillId", "agentWeight", "skillWeight" } do
    numbers[name], why = body.integer(fields, name, 1)
    if not numbers[name] then return replies.bad_request(service, why) end
  end
  local accounts
  accounts, why = body.strings(fields, "userAccounts")
  if not accounts then return replies.bad_request(service, why) end
  if #accounts == 0 then return replies.bad_request(service, "userAccounts is empty") end
  if #accounts > MAX_BIND then return replies.bad_request(service, "userAccounts has more than " .. MAX_BIND .. " elements") end
  why = refused(service, numbers.skillId, accounts)
  if why then return replies.business_failure(service, why) end
  local agents = {}
  for n, account in ipairs(accounts) do
    agents[n] = { userAccount = account, agentWeight = numbers.agentWeight, skillWeight = numbers.skillWeight }
  end
  service.queues:bind(numbers.skillId, agents)
  return replies.success(service)
end

local AGENT = '{"workNo":%s,"agentType":%s,"agentWeight":%s,"skillWeight":%s,"accountName":%s,"sipAccount":%s%s}'

local function agent_json(service, agent)
  local account, field = "", service.shape.account_field
  if field ~= "none" then account = (",%s:%s"):format(body.quote(field), body.quote(agent.userAccount)) end
  local function number(name) return replies.number(service, agent[name]) end
  return AGENT:format(number "workNo", number "agentType", number "agentWeight", number "skillWeight",
    body.quote(agent.accountName), body.quote(agent.sipAccount), account)
end

local function listing(service, page, count)
  local fields = {
    { service.shape.count_field, replies.number(service, count) }, { "data", "[" .. table.concat(page, ",") .. "]" },
  }
  if service.shape.schema == "data" then return replies.success(service, { "schema", body.write(fields) }) end
  return replies.success(service, fields[1], fields[2])
end

-- The parameters of a listing, wherever this API looks for them; nil, and a message, where there are none.
local function parameters(service, fields)
  local form = service.shape.query_form
  if form == "wrapped" or (form == "both" and fields.requestParam) then
    local inner, why = body.object(fields, "requestParam")
    if not inner then return nil, why end
    fields = inner
  end
  if not fields.skillId then return nil, "skillId is missing" end
  return fields
end

-- What is answered to parameters in a form that is not taken: a strict API refuses it, a lenient one sees no parameters and
-- finds nobody.
local function wrong_form(service, why)
  local kind = service.shape.wrong_form
  if kind == "empty" or kind == "page" then return listing(service, {}, 0) end
  return kind == "business" and replies.business_failure(service, why) or replies.bad_request(service, why)
end

local function query_agents(service, request)
  local fields, why = body.read(request.body)
  if not fields then return replies.bad_request(service, why) end
  fields, why = parameters(service, fields)
  if not fields then return wrong_form(service, why) end
  local skill_id, size, at
  skill_id, why = body.integer(fields, "skillId", 1)
  if not skill_id then return replies.bad_request(service, why) end
  size, why = body.integer(fields, "pageSize", 1)
  if not size then return replies.bad_request(service, why) end
  if size > MAX_PAGE then return replies.bad_request(service, "pageSize is more than " .. MAX_PAGE) end
  at, why = body.integer(fields, "pageNum", 0)
  if not at then return replies.bad_request(service, why) end
  local agents, page = service.queues:visible(skill_id), {}
  for n = at * size + 1, math.min(#agents, (at + 1) * size) do page[#page + 1] = agent_json(service, agents[n]) end
  return listing(service, page, #agents)
end

--- Path -> `name`, and `answer(service, request)`, which returns the reply.
M.by_path = {
  ["/apigovernance/api/oauth/tokenByAkSk"] = { name = "token", answer = token },
}

for path, operation in pairs {
  releaseAgentBySkillId = { name = "release_agent_by_skill", answer = release_agent_by_skill },
  addSkillsToAgent = { name = "bind_agents", answer = bind_agents },
  queryAgentInfoBySkillId = { name = "query_agents", answer = query_agents },
} do
  M.by_path["/apiaccess/rest/cc-management/v1/agentAccount/" .. path] = operation
end

for path, operation in pairs(inquiries.by_path) do M.by_path[path] = operation end

return M
