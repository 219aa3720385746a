-- A sandbox in a process of its own, for benches whose server keeps state or takes its time. It ends when its standard input
-- does, and so when the bench does.

local core = require "aicc.core"

local sandbox = {}

-- What that process runs: it makes a queue's agents itself, since there may be many.
local SCRIPT = [[
local queues = {}
for skill, names in pairs { %s } do queues[skill] = names end
for q = 1, %d do
  queues[q] = {}
  for i = 1, %d do queues[q][i] = "a" .. i end
end
local server = assert(require("aicc.sandbox").start { agents = queues, log = false })
if %g > 0 then server:fault { to = math.huge, delay = %g } end
local file = assert(io.open("%s", "w"))
file:write(server.base_url, "\n", require("aicc.core").process(), "\n")
file:close()
io.read "a"
server:stop()]]

--- Starts one. `agents`: skill -> names; or `queues` and `each`: so many queues with the agents a1, a2, …; `delay`: seconds
-- before each answer. Returns `url`, `pid` and `stop()`.
function sandbox.start(options)
  local named, path, delay = {}, os.tmpname(), options.delay or 0
  for skill, names in pairs(options.agents or {}) do
    named[#named + 1] = ("[%d] = { \"%s\" }"):format(skill, table.concat(names, '", "'))
  end
  local script = SCRIPT:format(table.concat(named, ", "), options.queues or 0, options.each or 0, delay, delay, path)
  local process = assert(io.popen(("exec lua5.4 -e '%s'"):format(script), "w"))
  local url, pid
  repeat
    core.sleep(0.02)
    local file = io.open(path)
    if file then
      url, pid = file:read("l", "n")
      file:close()
    end
  until pid
  os.remove(path)
  return { url = url, pid = pid, stop = function() process:close() end }
end

return sandbox
