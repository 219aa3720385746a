-- A night of work, end to end, on a sandbox of its own: 5,000 rows over 40 queues, with agents that are not bound, lines that
-- come twice, accounts that the API refuses, an answer that is lost and a server out of breath. Then everything is undone.
--
--     eval "$(make)"; lua5.4 examples/night.lua

local jobs = require "aicc.jobs"
local sandbox = require "aicc.sandbox"

local QUEUES, AGENTS = 40, 300

-- Who is bound tonight, each with weights of their own.
local agents, before = {}, {}
for queue = 1, QUEUES do
  agents[queue], before[queue] = {}, {}
  for i = 1, AGENTS do
    local name = ("q%d-%d"):format(queue, i)
    agents[queue][i] = { userAccount = name, agentWeight = 1 + (queue + i) % 4, skillWeight = 1 + i % 2 }
    before[queue][name] = agents[queue][i]
  end
end

-- What is to be unbound: 125 rows for each queue, of which four are not bound and one comes twice.
local rows = {}
for queue = 1, QUEUES do
  for i = 1, 120 do rows[#rows + 1] = { queue, ("q%d-%d"):format(queue, i) } end
  for i = 1, 4 do rows[#rows + 1] = { queue, ("left-the-company-%d"):format(i) } end
  rows[#rows + 1] = { queue, ("q%d-1"):format(queue) }
end

local server <close> = assert(sandbox.start {
  agents = agents, unknown_accounts = "refuse", refuse_accounts = { ["q7-33"] = true, ["q7-34"] = true, ["q21-120"] = true },
})
local client <close> = assert(server:client())
local folder = os.tmpname()
os.remove(folder)
local store <close> = assert(jobs.open("sqlite:" .. folder))

-- Plan: reads only.
local at = 0
local job = assert(store:plan(jobs.rows(function()
  at = at + 1
  if rows[at] then return rows[at][1], rows[at][2] end
end), { name = "night", client = client, rate = 0 }))
local queues, beyond = job:queues()
print(("planned: %d rows, %d queues"):format(#rows, #queues))
print("guard:   " .. beyond.message)

-- Apply, while an answer is lost and the server throttles once. Whichever of the four queues worked at once is ahead, the fifth
-- request is of one in which no account is refused: each takes three requests. So a listing proves what came of it. (Of a refused
-- account it would not: a slow server may still do what got no answer, and for ten minutes its row would be "unknown".)
server:fault { operation = "release_agent_by_skill", from = 5, close = "request", apply = true }
server:fault { operation = "release_agent_by_skill", from = 60, status = 429, headers = { ["Retry-After"] = "1" } }
local summary = assert(job:apply { client = client, force = true, rate = 0 })
local counts = summary.counts
print(("applied: %d released, %d not bound, %d failed, with %d requests"):format(counts.released, counts.not_bound, counts.failed,
  summary.requests))
assert(summary.state == "finished" and counts.released == 40 * 121 - 3 and counts.not_bound == 160 and counts.failed == 3)

for row in job:report { failed = true } do
  print(("         line %d: queue %d, %s: %s"):format(row.line, row.skill_id, row.user_account, row.message))
end

-- Undo, and look: everybody is bound as before, with the weights they had.
summary = assert(job:undo { client = client, force = true, rate = 0 })
print(("undone:  %d restored"):format(summary.undo.restored))
for queue = 1, QUEUES do
  local found = server:agents(queue)
  assert(#found == AGENTS)
  for _, agent in ipairs(found) do
    local was = before[queue][agent.userAccount]
    assert(agent.agentWeight == was.agentWeight and agent.skillWeight == was.skillWeight, agent.userAccount)
  end
end
print "checked: membership and weights are as before"

assert(store:forget "night")
for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(folder .. suffix) end
