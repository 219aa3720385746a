-- An agent leaves the company: who is it, in which queues; out of all of them but those that are excepted; and back again.
--
--     offboard.lua release ACCOUNT FILE [QUEUE...]      out of all queues but these; FILE gets what it takes to undo it
--     offboard.lua restore FILE                         back into them, with the weights of then
--
-- The API's address, key and secret come from AICC_BASE_URL, AICC_APP_KEY and AICC_APP_SECRET. (`aicc release --agent` does the
-- same and more, for many agents at once.) Exit status: 0 all is done, 1 not all, 2 nothing was sent, and why.

local aicc = require "aicc"
local cjson = require "cjson"

local function fail(problem)
  io.stderr:write(tostring(problem), "\n")
  os.exit(2, true)
end

local USAGE = "usage: offboard.lua release ACCOUNT FILE [QUEUE...]\n       offboard.lua restore FILE"

-- The file store keeps the token for the next run, too.
local client <close>, unset = aicc.new { store = "file" }
if not client then fail(unset) end

-- ---- the way back, in a file ----

local function save(path, result)
  local kept = { userAccount = result.userAccount, queues = {} }
  for n, queue in ipairs(result.queues) do
    kept.queues[n] = {
      skillId = ("%.0f"):format(queue.skillId), -- as digits: cjson would cut a large number
      agentWeight = queue.agentWeight, skillWeight = queue.skillWeight, outcome = queue.outcome,
    }
  end
  local file <close> = assert(io.open(path .. ".new", "w"))
  assert(file:write(cjson.encode(kept), "\n"))
  assert(file:flush())
  assert(os.rename(path .. ".new", path))
end

local function load_from(path)
  local file <close> = io.open(path) or fail("offboard: cannot read " .. path)
  local ok, kept = pcall(cjson.decode, file:read "a")
  return ok and kept or fail("offboard: " .. path .. " is not what `release` wrote")
end

-- ---- what people see ----

-- The queues' names, by number; none where this app may not ask for them.
local function names_of(queues)
  local ids, names = {}, {}
  for n, queue in ipairs(queues) do ids[n] = queue.skillId end
  for _, queue in ipairs(#ids > 0 and client:query_skills { ids = ids } or {}) do names[queue.skillId] = queue.name end
  return names
end

local function show(result, names)
  for _, queue in ipairs(result.queues) do
    print(("  queue %.0f %s: %s%s"):format(queue.skillId, names[queue.skillId] or "(name unknown)", queue.outcome,
      queue.err and ", " .. queue.err.message or ""))
  end
end

-- ---- there and back ----

local commands = {}

function commands.release(account, path, ...)
  if not account or not path then fail(USAGE) end
  local except = {}
  for n, word in ipairs { ... } do except[n] = math.tointeger(tonumber(word)) or fail(USAGE) end
  local taken = io.open(path)
  if taken then fail("offboard: " .. path .. " is there already: the way back of somebody else?") end
  local agent, err = client:query_agent(account)
  if not agent then return nil, err end
  print(agent)
  local names = names_of(agent.skills or {})
  local result
  result, err = client:release_agent(account, { except = except, before = function(known) save(path, known) end })
  if result then
    save(path, result)
    show(result, names)
  end
  return result, err
end

function commands.restore(path)
  if not path then fail(USAGE) end
  local result, err = client:restore_agent(load_from(path))
  if result then
    save(path, result)
    show(result, names_of(result.queues))
  end
  return result, err
end

local command = commands[arg[1]] or fail(USAGE)
local result, problem = command(table.unpack(arg, 2))
if not result then fail(problem) end
os.exit(result.complete, true)
