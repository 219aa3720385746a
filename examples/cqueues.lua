-- Inside cqueues: a call waits by yielding to the controller, and whatever else that runs goes on. Here ten agents are unbound at
-- once, beside a timer. It needs cqueues (Debian: lua-cqueues).
--
--     eval "$(make)"; lua5.4 examples/cqueues.lua

local cqueues = require "cqueues"
local sandbox = require "aicc.sandbox"

local queues = {}
for queue = 1, 10 do queues[queue] = { "1001", "1002" } end
local server = assert(sandbox.start { agents = queues })
server:fault { operation = "release_agent_by_skill", delay = 0.1, to = math.huge } -- an API that takes its time

-- For the real one: aicc.new { transport = "cqueues", ... }. Without `transport` cqueues is found by itself.
local client = assert(server:client { transport = "cqueues", max_in_flight = 10 })

local controller, left, ticks = cqueues.new(), #queues, 0

for queue = 1, #queues do
  controller:wrap(function()
    local result, err = client:release_agent_by_skill(queue, { "1001" })
    print(("queue %d: %s"):format(queue, result and result.outcome or tostring(err)))
    left = left - 1
  end)
end

controller:wrap(function() -- whatever else the program does
  while left > 0 do
    cqueues.sleep(0.005)
    ticks = ticks + 1
  end
end)

assert(controller:loop())
print(ticks > 10 and "the timer ticked on meanwhile" or "the timer was held up: " .. ticks)

client:close()
server:stop()
