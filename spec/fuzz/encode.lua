-- encode.lua - fuzzes what is written: whatever a program gives as queue and accounts, a request says just that and nothing
-- else, or there is none and the error says which argument; an empty array only ever comes of aicc.ALL; and the ways in which a
-- request is made agree. The input: which operation; the queue's number, a double; then accounts, each up to a zero.

local cjson = require "cjson.safe"
local core = require "aicc.core"
local fuzzing = require "spec.support.fuzzing"

local check = fuzzing.check

local WHO = { app_key = "app-key", authority = "host", prefix = "", version = "1.0" }

-- What the accounts of an input are, one way or another.
local SHAPES = {
  function(list) return list end,
  function(list) return { list[1], nil, list[2] } end,
  function(list) return { list[1], tonumber(list[2]) or true } end,
  function(list)
    local keyed = {}
    for at, item in ipairs(list) do keyed[item] = at end
    return keyed
  end,
  function(list) return setmetatable(list, { __index = function() return "1001" end, __len = function() return 0 end }) end,
}

local function is_good_account(account)
  if type(account) ~= "string" or #account < 1 or #account > 128 or not utf8.len(account) then return false end
  for _, code in utf8.codes(account) do
    if code < 0x20 or code >= 0x7F and code < 0xA0 then return false end
  end
  return true
end

-- What the list is to become, or nil: strings at 1..n and nothing else, each once.
local function expected(list)
  local items, seen, count = {}, {}, 0
  for _ in next, list do count = count + 1 end
  for at = 1, count do
    local item = rawget(list, at)
    if not is_good_account(item) then return nil end
    if not seen[item] then items[#items + 1] = item end
    seen[item] = true
  end
  return count > 0 and items or nil
end

local function same(a, b)
  if #a ~= #b then return false end
  for at, item in ipairs(a) do if b[at] ~= item then return false end end
  return true
end

-- JSON without what its strings say: an account may well be called "[]".
local function bare(body) return (body:gsub("\\.", ""):gsub('"[^"]*"', '""')) end

local function check_release(body, skill, items)
  check(not bare(body):find("[]", 1, true), "an empty array", body)
  local object = check(cjson.decode(body), "no JSON", body)
  check(body:match '^{"skillId":(%d+),"userAccounts":%[' == ("%.0f"):format(skill), "another queue", body)
  check(same(object.userAccounts, items), "other accounts", body)
end

return function(input)
  local rest, shape = fuzzing.take(input, 1)
  if #rest < 8 then return end
  local skill, list = string.unpack("d", rest), {}
  if shape >= 128 then skill = math.floor(skill) end
  for account in rest:sub(9):gmatch "[^%z]*" do list[#list + 1] = account end
  list = SHAPES[shape % #SHAPES + 1](list)
  local arguments = { skillId = skill, userAccounts = list }
  local request, err = core.encode("release_agent_by_skill", arguments, { token = "t" })
  local items = expected(list)
  local is_good = skill >= 1 and skill < 2 ^ 53 and skill % 1 == 0 and items ~= nil
  check((request ~= nil) == is_good, "taken or refused", err and err.message or request and request.body)
  local checked, refusal = core.check("release_agent_by_skill", arguments)
  local prepared, reason = core.prepare("release_agent_by_skill", 1, skill, list)
  local bytes, problem = core.http_request("release_agent_by_skill", arguments, "t", WHO, "")
  if request then
    check_release(request.body, skill, items)
    check(same(checked.userAccounts, items) and checked.skillId == skill, "core.check")
    check(same(core.arguments(prepared).userAccounts, items) and not prepared.everybody, "core.prepare")
    check(bytes:match "\r\n\r\n(.*)$" == request.body, "core.http_request", bytes)
    check(core.encode("release_agent_by_skill", prepared, { token = "t" }).body == request.body, "of what was prepared")
  else
    for _, other in ipairs { err, refusal, reason, problem } do
      fuzzing.check_error(other, { argument = true, guard = true })
      check(other.kind == err.kind and other.outcome == "not_sent", "another error", other.message, err.message)
    end
    check(checked == nil and prepared == nil and bytes == nil, "refused by one only")
  end
  -- A bind has at most 50, as they are given, and is JSON as well.
  local bind = core.encode("bind_agents", arguments, { token = "t" })
  check((bind ~= nil) == (is_good and rawlen(list) <= 50), "a bind, taken or refused")
  if bind then check(same(cjson.decode(bind.body).userAccounts, items), "others to bind", bind.body) end
  local everybody = core.encode("release_agent_by_skill", { skillId = skill, userAccounts = core.ALL }, { token = "t" })
  if everybody then check(everybody.body == ('{"skillId":%.0f,"userAccounts":[]}'):format(skill), "everybody", everybody.body) end
  -- One text as everything that a text may be.
  local text = list[1]
  if type(text) ~= "string" then return end
  local secret = core.encode("token", { app_key = "app-key", app_secret = text })
  if secret then check(cjson.decode(secret.body).app_secret == text, "another secret", secret.body) end
  check(secret == nil or #text >= 6, "a secret that stands in any word", text)
  local agent = core.encode("query_agent", { userAccount = text }, { token = "t" })
  if agent then check(cjson.decode(agent.body).userAccount == text, "another agent", agent.body) end
  local with_token = core.encode("query_agents", { skillId = 3 }, { token = text, app_key = text, tenant_space_id = text })
  check((with_token ~= nil) == (#text <= 4096 and text:find "^[!-~]+$" ~= nil), "a header", text)
end
