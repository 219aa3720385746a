-- Inside Copas: a call waits as a read of a socket does, and Copas's other threads go on. Here ten agents are unbound at once,
-- beside whatever else the program does. It needs Copas (Debian: lua-copas, 1.1.7 for Lua 5.1; the rock is 4.x, for all).
--
--     eval "$(make ABI=5.1)"; lua5.1 examples/copas.lua

local copas = require "copas"
local sandbox = require "aicc.sandbox"

local queues = {}
for queue = 1, 10 do queues[queue] = { "1001", "1002" } end
local server = assert(sandbox.start { agents = queues })
server:fault { operation = "release_agent_by_skill", delay = 0.1, to = math.huge } -- an API that takes its time

-- For the real one: aicc.new { transport = "copas", ... }
local client = assert(server:client { transport = "copas", max_in_flight = 10 })

local left, steps = #queues, 0

for queue = 1, #queues do
  copas.addthread(function()
    local result, err = client:release_agent_by_skill(queue, { "1001" })
    print(("queue %d: %s"):format(queue, result and result.outcome or tostring(err)))
    left = left - 1
  end)
end

while left > 0 do
  copas.step(0.005) -- or copas.loop(), where Copas is all that runs
  steps = steps + 1
end
print(steps > 10 and "Copas went on meanwhile" or "Copas was held up: " .. steps)

client:close()
server:stop()
