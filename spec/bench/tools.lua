-- What the benches share: commands and what they print, medians, the machine, the files in build/bench.

local cjson = require "cjson"

local tools = {}

tools.FOLDER = "build/bench/"

--- The middle one.
function tools.median(values)
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  return sorted[(#sorted + 1) // 2]
end

--- What a shell command prints, errors too. Raises if it fails.
function tools.output(command)
  local pipe = assert(io.popen("exec 2>&1; " .. command))
  local output = pipe:read "a"
  local is_well = pipe:close()
  return is_well and output or error(command .. ":\n" .. output, 0)
end

--- The numbers that a command prints.
function tools.numbers(command)
  local output, found = tools.output(command), {}
  for number in output:gmatch "%S+" do found[#found + 1] = tonumber(number) or error(command .. ":\n" .. output, 0) end
  return table.unpack(found)
end

--- Whether there is a program of that name.
function tools.has(program) return (os.execute("command -v " .. program .. " >/dev/null 2>&1")) end

--- What a command begins with so that it stays on one core: with servers and clients that wander, a round is not like the next.
-- The servers have the first core; who waits for each answer shares it, others have the last.
function tools.on_core(is_last)
  if not tools.has "taskset" then return "" end
  tools.cores = tools.cores or tonumber((tools.output "nproc"))
  return ("taskset -c %d "):format(is_last and tools.cores - 1 or 0)
end

--- Keeps a result as JSON, for `make bench-plot` and for whoever asks.
function tools.save(name, value)
  os.execute("mkdir -p " .. tools.FOLDER)
  local file = assert(io.open(tools.FOLDER .. name .. ".json", "w"))
  file:write(cjson.encode(value), "\n")
  file:close()
end

--- A result that was kept, or nil.
function tools.load(name)
  local file = io.open(tools.FOLDER .. name .. ".json")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return cjson.decode(text)
end

local function first_line(command)
  local pipe = io.popen(command .. " 2>/dev/null")
  local line = pipe:read "l"
  pipe:close()
  return line or "?"
end

--- What it was measured on.
function tools.machine()
  return {
    date = os.date "!%Y-%m-%d", cpu = first_line "sed -n 's/^model name.*: //p' /proc/cpuinfo", cores = first_line "nproc",
    kernel = first_line "uname -sr", system = first_line ". /etc/os-release; echo $PRETTY_NAME", lua = _VERSION,
    libcurl = first_line "pkg-config --modversion libcurl", nginx = first_line "nginx -v 2>&1 | sed 's/.*nginx.//; s/ .*//'",
    commit = first_line "git rev-parse --short HEAD", load = first_line "cut -d' ' -f1 /proc/loadavg",
  }
end

--- Runs f with an nginx that answers at once (server.lua), which ends whatever comes.
function tools.with_server(f)
  local nginx = require("spec.bench.server").start()
  local ok, problem = xpcall(f, debug.traceback, nginx)
  nginx:stop()
  if not ok then error(problem, 0) end
end

return tools
