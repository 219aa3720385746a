-- For specs of jobs and of the command: a sandbox with queues, a store in a folder of its own, the command as a process.

local cjson = require "cjson"
local lfs = require "lfs"
local aicc_jobs = require "aicc.jobs"
local sandbox = require "aicc.sandbox"

local support = {}

local LUA = arg and arg[-1] or "lua5.4"

--- A folder that is empty and private; `support.clean` removes it. `under`: where it is to be, with a slash behind.
function support.folder(under)
  local path = os.tmpname()
  os.remove(path)
  if under then path = under .. path:match "[^/]+$" end
  assert(lfs.mkdir(path))
  assert(os.execute("chmod 700 " .. path))
  support.folders[#support.folders + 1] = path
  return path
end

support.folders, support.servers = {}, {}

function support.clean()
  for _, server in ipairs(support.servers) do server:stop() end
  for _, path in ipairs(support.folders) do os.execute("rm -rf " .. path) end
  support.folders, support.servers = {}, {}
end

--- A sandbox; what is not given is as in `sandbox.start`.
function support.sandbox(options)
  local server = assert(sandbox.start(options))
  support.servers[#support.servers + 1] = server
  return server
end

--- Accounts a1 to an, with weights that differ.
function support.agents(count, prefix)
  local agents = {}
  for i = 1, count do
    agents[i] = { userAccount = (prefix or "a") .. i, agentWeight = 1 + i % 3, skillWeight = 1 + i % 2 }
  end
  return agents
end

--- A store in a folder of its own.
function support.store()
  local path = support.folder() .. "/jobs.db"
  return assert(aicc_jobs.open("sqlite:" .. path)), path
end

--- A reader of {{skill, account}, ...}.
function support.rows(list)
  local at = 0
  return aicc_jobs.rows(function()
    at = at + 1
    if list[at] then return list[at][1], list[at][2] end
  end)
end

--- Rows skill, a<from> to a<to>.
function support.range(skill, from, to, list)
  list = list or {}
  for i = from, to do list[#list + 1] = { skill, "a" .. i } end
  return list
end

--- A planned job.
function support.plan(store, client, list, options)
  local all = { client = client, rate = 0, name = "night" }
  for name, value in pairs(options or {}) do all[name] = value end
  return assert(store:plan(support.rows(list), all))
end

--- A job of 140 rows of queue 3 that is stopped by a refusal with 600 bytes of Chinese.
function support.refused(server, store, client)
  local job = support.plan(store, client, support.range(3, 1, 140), { chunk = 20 })
  local body = ('{"resultCode":"1","resultMessage":"%s"}'):format(("座席不存在"):rep(40))
  server:fault { operation = "release_agent_by_skill", to = math.huge, status = 403, body = body }
  assert(job:apply { client = client, rate = 0 })
  return job
end

--- The report as a table: "skill account" -> status, and the lines in order.
function support.statuses(job)
  local statuses, lines = {}, {}
  for row in assert(job:report()) do
    statuses[("%.0f %s"):format(row.skill_id, row.user_account)] = row.status
    lines[#lines + 1] = row
  end
  return statuses, lines
end

--- The accounts and weights of a queue: account -> "agent/skill".
function support.weights(server, skill)
  local weights = {}
  for _, agent in ipairs(server:agents(skill)) do
    weights[agent.userAccount] = ("%.0f/%.0f"):format(agent.agentWeight, agent.skillWeight)
  end
  return weights
end

--- The bodies of a server's requests of an operation, decoded; without those that broke off before theirs.
function support.bodies(server, operation)
  local bodies = {}
  for _, request in ipairs(server:requests()) do
    if request.operation == operation and request.body ~= "" then bodies[#bodies + 1] = cjson.decode(request.body) end
  end
  return bodies
end

--- The client through a transport that calls `before(request)` right before each request.
function support.hooked(client, before)
  return client:through(function(transport)
    local function attempt(_, request, ...)
      before(request)
      return transport:attempt(request, ...)
    end
    return setmetatable({ attempt = attempt }, { __index = function(_, name)
      return function(_, ...) return transport[name](transport, ...) end
    end })
  end)
end

--- Lets a server show only these agents of its queues, out of so many that it counts.
function support.show_only(server, accounts, count)
  local data = {}
  for i, account in ipairs(accounts) do
    data[i] = ('{"userAccount":"%s","workNo":%d,"agentWeight":1,"skillWeight":1}'):format(account, i)
  end
  server:fault { operation = "query_agents", to = math.huge, status = 200,
    body = ('{"resultCode":"0","count":%d,"pageSize":100,"pageNum":0,"data":[%s]}'):format(count, table.concat(data, ",")) }
end

--- Writes rows as CSV.
function support.csv(path, list)
  local file = assert(io.open(path, "w"))
  file:write "skill_id,user_account\n"
  for _, row in ipairs(list) do file:write(("%.0f,%s\n"):format(row[1], row[2])) end
  file:close()
end

local function quote(text) return "'" .. text:gsub("'", [['\'']]) .. "'" end

--- The command, as a process of the shell: its environment is that of `server` and a home in `folder`.
function support.command(folder, server, arguments)
  local home = ("HOME=%s XDG_STATE_HOME=%s XDG_RUNTIME_DIR=%s XDG_CONFIG_HOME=%s"):format(folder, folder, folder, folder)
  local api = server and ("AICC_BASE_URL=%s AICC_APP_KEY=%s AICC_APP_SECRET=%s"):format(server.base_url, server.app_key,
    server.app_secret) or ""
  return ("env -u AICC_STORE -u AICC_LOG %s %s %s bin/aicc %s"):format(home, api, quote(LUA), arguments)
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

--- Runs the command: its exit status, its standard output and its standard error.
function support.run(folder, server, arguments, input)
  local out, err = folder .. "/stdout", folder .. "/stderr"
  local command = support.command(folder, server, arguments)
  local _, _, status = os.execute(("%s >%s 2>%s <%s"):format(command, out, err, input or "/dev/null"))
  return status, read(out), read(err)
end

--- Runs it and kills it after so many seconds: whether it lived that long.
function support.kill(folder, server, arguments, seconds)
  local command = support.command(folder, server, arguments)
  local _, _, status = os.execute(([[exec %s >/dev/null 2>&1 </dev/null & pid=$!; sleep %.3f
    kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null]]):format(command, seconds))
  return status == 137
end

return support
