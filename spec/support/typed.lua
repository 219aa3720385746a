-- What the types must let through: `.ci/check-types` has lua-language-server look. Never run.
local aicc = require "aicc"
local jobs = require "aicc.jobs"
local loop = require "aicc.loop"
local metrics = require "aicc.metrics"
local sandbox = require "aicc.sandbox"

local counted = metrics.new { counters = { { name = "x_total", help = "X.", label = "y", values = { "1" } } } }
local server = assert(sandbox.start { tls = true, agents = { [3] = { "1", { userAccount = "2", agentWeight = 2 } } } })
local client = assert(server:client { retry = false, store = "memory", on_event = counted:listener(function(event)
  if event.type == "attempt" and event.kind == "timeout" then print(event.curl_code, event.timing and event.timing.tls) end
  if event.type == "call" then print(event.outcome, event.attempts) end
end) })

loop.spawn(function(queue)
  local result, err = client:release_agent_by_skill(queue, aicc.ALL, { deadline = 5, retry = { attempts = 2 } })
  print(result and result.result_code, err and err.kind == "guard" and err.still_bound)
end, 3)
loop.run()

for agent, err in client:each_agent(3) do
  if not agent then error(err) end
  print(agent.userAccount, agent.agentWeight + 1)
end
local agents, err, known = client:query_agents(3, { as_proof = true })
print(agents and #agents, err and tostring(err), known and known.is_proof)
local away = client:release_agent("1", { except = { 4 } })
if away and not away.complete then client:restore_agent(away) end
print(aicc.is_error(err, "timeout"), aicc.assert(aicc.new()):access_token())

local job = assert(assert(jobs.open "sqlite:x"):plan(jobs.rows(function() return 3, "1" end), { client = client }))
local summary = assert(job:apply { client = client, force = true })
print(summary.counts.released, summary.stopped and summary.stopped.kind)
for row in assert(job:report { failed = true }) do print(row.line, row.status) end
server:fault { operation = "token", status = 500, from = 2, to = math.huge }
print(server:requests()[1].header.authorization, server:wait_for { requests = 1 }, counted:text())
