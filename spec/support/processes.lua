--- Processes of a spec's own: each is known by its pid, read line by line, and ended by that pid.
--
--     local hello = processes.lua("print 'hello'")   -- or processes.spawn("a shell command that is one program")
--     hello:line()                                  --> hello
--     hello:wait()                                  --> its exit status; 128 + n if signal n ended it
--
-- Its error messages are among its lines. It may compute for a minute (`processes.cpu`); its waits need an end of their own, lest
-- it outlive a spec that crashed.

local processes = {}

local Child = {}
Child.__index = Child

--- What specs start a Lua with: the interpreter that runs them, with the sanitizer in it if there is one.
processes.LUA = arg and arg[-1] or "lua5.4"

--- Seconds that one may compute.
processes.cpu = 60

--- Whether time and memory are not what they are elsewhere: a sanitizer's run, or valgrind's.
local preloaded = os.getenv "LD_PRELOAD" or ""
processes.is_slow = processes.LUA:find("/.ci/asan/", 1, true) ~= nil or preloaded:find("vgpreload", 1, true) ~= nil

--- The text as one word of the shell's.
function processes.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- A prefix for commands that makes even root heed a file's mode.
function processes.as_nobody_special()
  local pipe = io.popen "id -u"
  local is_root = pipe:read "*l" == "0"
  pipe:close()
  local both = "-dac_override,-dac_read_search"
  return is_root and ("setpriv --bounding-set=%s --inh-caps=%s "):format(both, both) or ""
end

--- Starts a program. `environment`: name -> value.
function processes.spawn(command, environment)
  local settings = ""
  for name, value in pairs(environment or {}) do settings = settings .. " " .. name .. "=" .. processes.quote(value) end
  if settings ~= "" then settings = "env" .. settings .. " " end
  -- It tells its pid itself, before it is what it is to be: else a part of a line of its own may come first.
  local script = ("exec 2>/dev/null; ulimit -t %d; sh -c "):format(processes.cpu) ..
    processes.quote("echo pid $$; exec " .. settings .. command .. " </dev/null 2>&1") .. "; echo exit $?"
  local self = setmetatable({ pipe = assert(io.popen(script)), lines = {} }, Child)
  local line, problem = self.pipe:read "*l"
  self.pid = line and line:match "^pid (%d+)$"
  if not self.pid then error("the child did not start: " .. tostring(line or problem)) end
  return self
end

--- Runs a Lua script in an interpreter of its own, with this one's paths.
function processes.lua(script, environment)
  local all = { LUA_PATH = package.path, LUA_CPATH = package.cpath } -- what would win over these, make has taken away
  for name, value in pairs(environment or {}) do all[name] = value end
  return processes.spawn(processes.LUA .. " -e " .. processes.quote(script), all)
end

--- The next line that it writes; nil when it has ended.
function Child:line()
  if self.lines[1] then return table.remove(self.lines, 1) end
  if self.status then return nil end
  local line = self.pipe:read "*l"
  self.status = line == nil and -1 or tonumber(line:match "^exit (%d+)$")
  if not self.status then return line end
  self.pipe:close()
end

--- Blocks until it has ended: its exit status, and the lines that nobody had read.
function Child:wait()
  local rest = {}
  for line in function() return self:line() end do rest[#rest + 1] = line end
  return self.status, table.concat(rest, "\n")
end

function Child:signal(name)
  os.execute("kill -" .. name .. " " .. self.pid .. " 2>/dev/null")
end

--- Ends it, if it has not ended. May be called again.
function Child:stop()
  if not self.status then
    self:signal "KILL"
    self:wait()
  end
end

return processes
