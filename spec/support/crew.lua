-- Several workers of a job in PostgreSQL, each a process, on queues of a sandbox; and what they sent, as the sandbox has it.

local cjson = require "cjson"
local socket = require "socket"
local support = require "spec.support.jobs"

local crew = {}

local LUA = arg and arg[-1] or "lua5.4"

--- A worker (worker.lua) of the job "night": `finish()` waits for its end, and returns whether that was a good one and what it
-- printed; `signal(name)`.
function crew.worker(url, base_url, name, rate)
  -- The alarm outlives exec: a worker that hangs fails its spec.
  local pipe = io.popen(("echo $$; exec perl -e 'alarm 120; exec @ARGV' '%s' spec/support/worker.lua '%s' %s %s %g 2>&1")
    :format(LUA, url, base_url, name, rate))
  local pid = pipe:read "l"
  return {
    pid = pid,
    finish = function()
      local output = pipe:read "a"
      return pipe:close(), output
    end,
    signal = function(signal) assert(os.execute(("kill -%s %s"):format(signal, pid))) end,
  }
end

--- Queues 1 to `queues` of `size` agents, and a planned job of the first `rows` of each, ten in a request.
function crew.scene(store, queues, rows, size)
  local agents, list = {}, {}
  for q = 1, queues do
    agents[q] = support.agents(size)
    support.range(q, 1, rows, list)
  end
  local server = support.sandbox { agents = agents }
  local client = assert(server:client())
  local job = support.plan(store, client, list, { chunk = 10 })
  server:clear()
  return job, server, client
end

-- The releases that have come, whole ones.
local function releases(server)
  local found = {}
  for _, request in ipairs(server:requests()) do
    if request.operation == "release_agent_by_skill" and request.body ~= "" then found[#found + 1] = request end
  end
  return found
end

--- Waits until a worker has sent so many releases.
function crew.wait_for(server, name, count)
  local until_then = socket.gettime() + 60
  repeat
    local sent = 0
    for _, request in ipairs(releases(server)) do
      if request.header["user-agent"] == name then sent = sent + 1 end
    end
    if sent >= count then return end
    socket.sleep(0.02)
  until socket.gettime() > until_then
  error(name .. " has sent nothing")
end

--- How many releases have come.
function crew.sent(server) return #releases(server) end

--- Of how many rows of the job a release was sent, and the most releases that were sent of one.
function crew.count(server)
  local times, rows, most = {}, 0, 0
  for _, request in ipairs(releases(server)) do
    local body = cjson.decode(request.body)
    for _, account in ipairs(body.userAccounts) do
      local row = ("%.0f %s"):format(body.skillId, account)
      if not times[row] then rows = rows + 1 end
      times[row] = (times[row] or 0) + 1
      most = math.max(most, times[row])
    end
  end
  return rows, most
end

return crew
