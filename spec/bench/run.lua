-- `make bench`: each of the benches in a process of its own, one after the other, and the machine that they ran on. What they
-- find is printed, and kept as JSON in build/bench; `make bench-plot` makes the README's part and picture of that. Read the
-- ratios: they are of one run, in interleaved rounds, and hold where absolute times do not.
--     run.lua [bench ...]     else all

local core = require "aicc.core"
local processes = require "spec.support.processes"
local tools = require "spec.bench.tools"

local ALL = { "encode", "calls", "first", "costs", "many", "jobs", "requests", "hosts", "instructions" }

local chosen, failed = arg[1] and arg or ALL, {}
local machine, began = tools.machine(), core.now()
print(("%s, %s cores, %s, %s, libcurl %s, nginx %s; load %s; %s"):format(machine.cpu, machine.cores, machine.system,
  machine.kernel, machine.libcurl, machine.nginx, machine.load, machine.date))
if tonumber(machine.load) > 0.5 then print "(this machine is busy with something else: read the ratios, and those with care)" end
for _, name in ipairs(chosen) do
  io.stdout:flush()
  local start = core.now()
  if not os.execute(("%s spec/bench/%s.lua"):format(processes.LUA, name)) then failed[#failed + 1] = name end
  io.stderr:write(("(%s: %.0f s)\n"):format(name, core.now() - start))
end
machine.seconds = math.floor(core.now() - began + 0.5)
if not arg[1] then tools.save("machine", machine) end
if failed[1] then print("\nfailed, or above a limit: " .. table.concat(failed, ", ")) end
os.exit(#failed == 0, true)
