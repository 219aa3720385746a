--- Small C helpers of the specs, compiled when they are needed, into a folder that goes when the process ends well.

local processes = require "spec.support.processes"

local compile = {}

local made = {}

--- The path of a shared object made from spec/support/NAME.c: a Lua module, or something to preload. `libraries`: a linker's
-- options.
function compile.shared(name, libraries)
  if made[name] then return made[name] end
  local file = os.tmpname()
  os.remove(file)
  made[name] = file .. ".so"
  local command = ("cc -shared -fPIC -O1 -Wall -Werror $(pkg-config --cflags lua5.4) -o %s spec/support/%s.c -ldl %s")
    :format(made[name], name, libraries or "")
  local process = processes.spawn("sh -c " .. processes.quote(command))
  local status, output = process:wait()
  assert(status == 0, output)
  return made[name]
end

--- Removes what was made.
function compile.clean()
  for _, path in pairs(made) do os.remove(path) end
  made = {}
end

return compile
