-- Runs in nginx and HAProxy: the Lua code that a spec sends, with a client at hand. What it returns becomes JSON.

local aicc = require "aicc"
local cjson = require "cjson"

-- A result and an error as a spec wants to see them.
local function show(result, err)
  if not err then return { ok = true, outcome = type(result) == "table" and result.outcome or nil } end
  return { kind = err.kind, outcome = err.outcome, status = err.status, attempts = err.attempts, message = err.message }
end

-- Calls a method of a new client, and tells what came of it. The account list "ALL" means aicc.ALL.
local function call(options, method, skill_id, accounts, limits)
  if accounts == "ALL" then accounts = aicc.ALL end
  local made, problem = aicc.new(options)
  assert(made, tostring(problem))
  if method == "access_token" then return show(made:access_token()) end
  if method == "query_agents" then return show(made:query_agents(skill_id, limits)) end
  if method == "query_agent" then return show(made:query_agent(accounts, limits)) end
  if method == "query_skills" then return show(made:query_skills(nil, limits)) end
  return show(made[method](made, skill_id, accounts, limits))
end

return {
  call = call,
  run = function(code)
    local f = assert((loadstring or load)(code))
    return cjson.encode { f(call) }
  end,
}
