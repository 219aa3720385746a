-- reply.lua - fuzzes what a reply means, status by type by body: nothing but a success of the API's own is a result, nothing but
-- what says so is a refusal, and no secret is told. The input: operation, status, flags, then Retry-After and Date in a line
-- each, then the body.

local cjson = require "cjson.safe"
local core = require "aicc.core"
local fuzzing = require "spec.support.fuzzing"
local retry = require "aicc.retry"

local check = fuzzing.check

local STATUSES = {
  [0] = 200, 200, 200, 500, 500, 100, 201, 204, 206, 301, 307, 400, 401, 403, 404, 407, 408, 409, 413, 418, 425, 429, 501, 502,
  503, 504, 505, 599, 600, 999,
}

local CHANGES = { release_agent_by_skill = true, bind_agents = true }

-- Statuses that refuse, whatever stands in the body. (503 does with a Retry-After, 200 and 500 with a code.)
local function refuses(status)
  return status >= 300 and status < 500 and status ~= 408 and status ~= 425 or status == 501
end

-- All that a body says by these names, beside `schema` and in it.
local function said(object, ...)
  local values = {}
  for _, name in ipairs { ... } do
    for _, place in ipairs { object, object.schema } do
      if type(place) == "table" and place[name] ~= nil and place[name] ~= cjson.null then
        values[#values + 1] = tostring(place[name]):gsub("^(%-?0)%.0$", "%1")
      end
    end
  end
  return values
end

local function check_result(operation, status, is_cut, body, result)
  check(status == 200 and not is_cut, "done without a 200", status, body)
  local object = cjson.decode((body:gsub("^\239\187\191", "")))
  check(type(object) == "table" and not body:find "%z", "done without JSON", body) -- for this decoder a NUL ends the text, too
  local names = operation == "query_skills" and { "resultCode", "returnCode" } or { "resultCode" }
  local codes = said(object, table.unpack(names))
  for _, code in ipairs(codes) do check(code == "0" or code == "-0" or code:find "^table", "done with a code", code, body) end
  check(#codes > 0 or not CHANGES[operation], "done without a code", body)
  if operation == "token" then
    check(result.AccessToken:find "^[!-~]+$" and #result.AccessToken <= 4096, "a token that is no header", result.AccessToken)
  elseif operation == "query_agents" then
    check(math.type(result.count) == "integer" and result.count >= 0, "a count", result.count)
    for at, agent in pairs(result.data) do
      check(math.type(at) == "integer" and at >= 1 and at <= #result.data, "no array", body)
      check(agent.userAccount == nil or type(agent.userAccount) == "string" and agent.userAccount ~= "", "an account", body)
    end
    check(#codes > 0 or #result.data > 0, "nobody, and no code", body)
  end
end

local function check_failure(status, is_cut, headers, body, err)
  fuzzing.check_error(err)
  check(err.status == status and (err.truncated or false) == is_cut, "another status", err.status)
  if err.outcome == "rejected" then
    local object = cjson.decode((body:gsub("^\239\187\191", "")))
    local by_code = not is_cut and (status == 200 or status == 500) and type(object) == "table"
      and #said(object, "resultCode", "returnCode") > 0
    check(refuses(status) or by_code or status == 503 and headers["Retry-After"], "refused by whom?", status, body)
  else
    check(err.outcome == "unknown", "a reply, and not sent", err.kind)
  end
  check(not err.body or #err.body <= 512, "a long body", err.body)
  -- Whatever was asked for, no wait is negative, or longer than what is still waited for.
  local action, wait = retry.decide(err, { attempts = 1, retries = 0 }, {
    attempts = 4, base = 0.2, throttle_base = 1, cap = 20, max_retry_after = 60, budget = 100, remaining = 45,
    random = function() return 0.999 end, with_token = true,
  })
  if action == "retry" then
    check(wait >= 0 and wait < 45 and (wait <= 20 or wait <= err.retry_after), "a wait", wait)
    check(wait >= (err.retry_after or 0), "too early", wait)
  end
end

return function(input)
  local rest, which, number, flags = fuzzing.take(input, 3)
  local operation = core.operations[which % #core.operations + 1]
  local status, is_cut = STATUSES[number % (#STATUSES + 1)], flags % 4 == 3
  local after, date, body = rest:match "^([^\n]*)\n([^\n]*)\n(.*)$"
  if not body then return end
  local headers = {}
  if after ~= "" then headers["Retry-After"] = after end
  if date ~= "" then headers.date = date end
  local result, err = core.decode(operation, { status = status, headers = headers, body = body, truncated = is_cut },
    fuzzing.SECRETS)
  if result then
    check_result(operation, status, is_cut, body, result)
    local exempt = { userAccount = true, data = operation == "query_agents" or nil }
    if operation ~= "token" then fuzzing.check_secrecy(result, exempt) end
  else
    check_failure(status, is_cut, headers, body, err)
    fuzzing.check_secrecy(err)
  end
  -- The same as the bytes of an answer: what a host reads means what libcurl's reply does.
  if (after .. date):find "[\r%z]" or status < 200 or status == 204 then return end
  local lines = { ("HTTP/1.1 %d X"):format(status) }
  for name, value in pairs(headers) do lines[#lines + 1] = name .. ": " .. value end
  local text = table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
  local other, problem = core.http_result(operation, text, is_cut, fuzzing.SECRETS.token, fuzzing.SECRETS)
  check((other ~= nil) == (result ~= nil), "a host sees it otherwise", text)
  if err then
    for _, name in ipairs { "kind", "outcome", "message", "retryable", "result_code" } do
      check(err[name] == problem[name], "a host's error differs", name, text)
    end
    check(math.abs((err.retry_after or -1) - (problem.retry_after or -1)) < 5, "another Retry-After", text)
  end
end
