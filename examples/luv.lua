-- Inside luv (libuv): a call waits by yielding, and luv's callbacks go on. Here ten agents are unbound at once, beside a timer.
-- It needs luv (Debian: lua-luv).
--
--     eval "$(make)"; lua5.4 examples/luv.lua

local sandbox = require "aicc.sandbox"
local uv = require "luv"

local queues = {}
for queue = 1, 10 do queues[queue] = { "1001", "1002" } end
local server = assert(sandbox.start { agents = queues })
server:fault { operation = "release_agent_by_skill", delay = 0.1, to = math.huge } -- an API that takes its time

-- For the real one: aicc.new { transport = "luv", ... }. A call is then made in a coroutine, any coroutine that luv's callbacks
-- resume. (Without `transport`, begin it with require("aicc.transport.luv").spawn.)
local client = assert(server:client { transport = "luv", max_in_flight = 10 })

local left, ticks = #queues, 0

for queue = 1, #queues do
  coroutine.wrap(function()
    local result, err = client:release_agent_by_skill(queue, { "1001" })
    print(("queue %d: %s"):format(queue, result and result.outcome or tostring(err)))
    left = left - 1
  end)()
end

local timer = uv.new_timer() -- whatever else the program does
timer:start(5, 5, function()
  ticks = ticks + 1
  if left == 0 then timer:close() end
end)

uv.run()
print(ticks > 10 and "the timer ticked on meanwhile" or "the timer was held up: " .. ticks)

client:close()
server:stop()
