--- Lua scripts in processes of their own.
--
-- They run with the interpreter and the paths of the spec. `make check-asan` names an interpreter that has the sanitizer in it;
-- valgrind does not follow.

local processes = require "spec.support.processes"

local child = {}

local quote = processes.quote

-- What would win over LUA_PATH and LUA_CPATH.
local UNSET = ""
for minor = 2, 5 do UNSET = ("%s -u LUA_PATH_5_%d -u LUA_CPATH_5_%d"):format(UNSET, minor, minor) end

--- A shell command that runs the script, with package paths as here and `environment` (name -> value) added.
function child.command(script, environment)
  local words = { "env", UNSET, "LUA_PATH=" .. quote(package.path), "LUA_CPATH=" .. quote(package.cpath) }
  for name, value in pairs(environment or {}) do words[#words + 1] = name .. "=" .. quote(value) end
  words[#words + 1] = processes.LUA .. " -e " .. quote(script)
  return table.concat(words, " ")
end

--- Runs a script; returns what it wrote, both streams.
function child.run(script, environment)
  local pipe = assert(io.popen(child.command(script, environment) .. " 2>&1"))
  local output = pipe:read "*a"
  pipe:close()
  return output
end

--- Starts scripts at once; returns what each wrote, when all have ended.
function child.run_all(count, script, environment)
  local pipes, outputs = {}, {}
  for n = 1, count do pipes[n] = assert(io.popen(child.command(script, environment) .. " 2>&1")) end
  for n, pipe in ipairs(pipes) do
    outputs[n] = pipe:read "*a"
    pipe:close()
  end
  return outputs
end

--- Starts a script; returns its process id and the pipe of what it writes.
function child.start(script, environment)
  local pipe = assert(io.popen("echo $$; exec " .. child.command(script, environment) .. " 2>&1"))
  return tonumber(pipe:read "*l"), pipe
end

--- The first line that a shell command writes.
function child.shell(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read "*l"
  pipe:close()
  return line
end

--- An empty directory, and a function that removes it.
function child.directory()
  local path = child.shell "mktemp -d"
  return path, function() os.execute("rm -rf " .. quote(path)) end
end

child.quote = quote

return child
