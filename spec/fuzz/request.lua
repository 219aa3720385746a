-- request.lua - fuzzes what the sandbox is sent: it answers everything with a status of the API's and JSON, never with an error
-- of its own; nobody is released or bound but by a request that is answered as a success and names them; and everybody is only
-- by an array that is empty in the very bytes. The input: path, method, which headers and which shape; then the body.

local cjson = require "cjson.safe".new()
local fuzzing = require "spec.support.fuzzing"
local operations = require "aicc.sandbox.operations"
local options_of = require "aicc.sandbox.options"
local service_of = require "aicc.sandbox.service"

local check = fuzzing.check

local PATHS = {}
for path in pairs(operations.by_path) do PATHS[#PATHS + 1] = path end
table.sort(PATHS)
PATHS[#PATHS + 1] = "/"

local METHODS = { "POST", "POST", "POST", "GET" }
local STATUSES = { [200] = true, [400] = true, [401] = true, [404] = true, [405] = true, [500] = true }
local AGENTS = { [3] = { "1001", "1002", "1003" }, [4] = { "1001" } }
local SHAPES = {
  {}, { query_form = "both" }, { query_form = "wrapped" }, { wrong_form = "empty" }, { wrong_form = "page" }, { schema = "data" },
  { schema = "all" }, { account_field = "accountCode" }, { numbers = "string" },
}

cjson.decode_invalid_numbers(false) -- as JSON has it: no NaN, which cannot be a key

local services = {}
for at, shape in ipairs(SHAPES) do
  shape.agents, shape.log = AGENTS, false
  services[at] = service_of.new(options_of.start(shape, 1))
end

local function names_of(service, skill)
  local names = {}
  for _, agent in ipairs(service:agents(skill)) do names[agent.userAccount] = true end
  return names
end

-- Whether an empty array is somewhere in the body.
local function says_nobody(body) return body:find "%[%s*%]" ~= nil end

local function check_change(service, request, reply, body, skill, before)
  local after, object = names_of(service, skill), cjson.decode(body)
  local named = {}
  for _, account in ipairs(type(object) == "table" and type(object.userAccounts) == "table" and object.userAccounts or {}) do
    named[account] = true
  end
  for account in pairs(before) do
    if not after[account] then
      check(reply.status == 200 and request.operation == "release_agent_by_skill", "released by what?", reply.status, body)
      check(named[account] or says_nobody(body), "released, but not named", account, body)
      check(object.skillId == skill, "released from another queue", body)
    end
  end
  for account in pairs(after) do
    if not before[account] then
      check(reply.status == 200 and request.operation == "bind_agents" and named[account], "bound by what?", account, body)
    end
  end
end

return function(input)
  local body, where, how, who, shape = fuzzing.take(input, 4)
  local service = services[shape % #services + 1]
  service:reset()
  local token = service:issue_token(service.options.app_key, 0, 600)
  local headers = {
    { "Authorization", "Bearer " .. token }, { "x-app-key", service.options.app_key }, { "X-Token-Expire", "600" },
  }
  for at = 3, 1, -1 do
    if who % 16 == at then table.remove(headers, at) end
  end
  if who % 16 == 5 then headers[3][2] = body:sub(1, 8) end
  local request = { path = PATHS[where % #PATHS + 1], method = METHODS[how % 4 + 1], headers = headers, time = 1 }
  local before = { [3] = names_of(service, 3), [4] = names_of(service, 4) }
  local ticket = check(service:admit(request), "not let in")
  local reply = service:answer(ticket, body)
  check(reply.status ~= 599, "an error of its own", reply.body)
  check(STATUSES[reply.status], "a status of nobody's", reply.status)
  check(type(cjson.decode(reply.body)) == "table", "no JSON", reply.body)
  check(who % 16 ~= 1 or request.operation == "token" or reply.status ~= 200, "let in without a token")
  for skill in pairs(before) do check_change(service, request, reply, body, skill, before[skill]) end
end
