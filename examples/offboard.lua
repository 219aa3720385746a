-- An agent leaves the company: unbind one account from many queues, all at once, and say of each what came of it.
--
--     AICC_BASE_URL=… AICC_APP_KEY=… AICC_APP_SECRET=… lua5.4 examples/offboard.lua ACCOUNT QUEUE...
--
-- Exit status: 0 done everywhere, 1 not everywhere, 2 usage or settings.

local aicc = require "aicc"
local loop = require "aicc.loop"

local function usage()
  io.stderr:write "usage: offboard.lua ACCOUNT QUEUE...\n"
  os.exit(2)
end

local account, queues = arg[1], {}
for n = 2, #arg do queues[#queues + 1] = math.tointeger(arg[n]) or usage() end
if #queues == 0 then usage() end

-- The file store keeps the token for the next run, too.
local client <close>, problem = aicc.new { store = "file" }
if not client then
  io.stderr:write(tostring(problem), "\n")
  os.exit(2)
end

local told, all_done = {}, true
for n, queue in ipairs(queues) do
  loop.spawn(function()
    local result, err = client:release_agent_by_skill(queue, { account })
    told[n] = ("queue %d: %s"):format(queue, result and result.outcome or tostring(err))
    all_done = all_done and result ~= nil
  end)
end
loop.run()
for _, line in ipairs(told) do print(line) end
os.exit(all_done, true)
