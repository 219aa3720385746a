-- The soak: calls, faults, jobs, forks and reloads, round after round, with the sandbox in a process of its own. Nothing may
-- grow: memory, descriptors, the registry; nothing may be lost: what was sent is what the sandbox got.
--
--     SOAK=600 lua5.4 spec/soak/run.lua         so many seconds
--     SOAK_ROUNDS=12 lua5.4 spec/soak/run.lua   so many rounds
--
-- (make check-soak, make check-flat.) At least eight rounds are made. Ends with what it found; exit status 1 if that is not flat.

local cjson = require "cjson"
local compile = require "spec.support.compile"
local core = require "aicc.core"
local flat = require "spec.soak.flat"
local proc = require "spec.support.proc"
local processes = require "spec.support.processes"
local hosts = require "spec.soak.hosts"
local remote = require "spec.soak.remote"
local tally = require "spec.soak.tally"
local tree = require "spec.support.tree"
local work = require "spec.soak.work"

io.stdout:setvbuf "line"

local SECONDS, ROUNDS = tonumber(os.getenv "SOAK"), tonumber(os.getenv "SOAK_ROUNDS")
local LEAST = 8

-- What may be more at the end than after the warm-up and still be the same; 0: what is counted.
local MIB = 1024 * 1024
local ALLOWED = {
  ["descriptors"] = 0, ["registry"] = 0, ["sandbox descriptors"] = 0,
  ["malloc"] = 8 * 1024, ["Lua heap"] = 4 * 1024, ["resident"] = MIB, ["sandbox resident"] = 4 * MIB,
}

processes.cpu = 24 * 3600
local memory = package.loadlib(compile.shared "memory", "luaopen_memory")()
local fork = package.loadlib(compile.shared "fork", "luaopen_fork")()

local function registry()
  local n = 0
  for _ in pairs(debug.getregistry()) do n = n + 1 end
  return n
end

local function sample(soak)
  for _ = 1, 3 do collectgarbage() end
  memory.trim()
  local own = core.process()
  local pid = soak.server.process.pid
  return {
    ["descriptors"] = proc.descriptors(own), ["registry"] = registry(), ["malloc"] = memory.used(),
    ["Lua heap"] = collectgarbage "count" * 1024, ["resident"] = proc.resident(own),
    ["sandbox descriptors"] = proc.descriptors(pid), ["sandbox resident"] = proc.resident(pid),
  }
end

local function list(counts)
  local words = {}
  for i, name in ipairs(tree.sorted(counts)) do words[i] = ("%s %.0f"):format(name, counts[name]) end
  return table.concat(words, ", ")
end

local server = remote.start()
local folder = os.tmpname()
os.remove(folder)
assert(os.execute("mkdir -m 700 " .. folder))
local soak = { server = server, tally = tally.new(), fork = fork, folder = folder, round = 0 }
soak.veteran = work.veteran(server, soak.tally)
soak.hosts = hosts.start()

-- Not in a table: that would grow.
local notes = assert(io.open(folder .. "/samples", "w+"))

local began = core.now()
local ok, problem = pcall(function()
  repeat
    soak.round = soak.round + 1
    work.round(soak)
    soak.hosts:round()
    local measures = sample(soak)
    for name, value in pairs(soak.hosts:sample()) do measures[name] = value end
    notes:write(cjson.encode(measures), "\n")
  until soak.round >= math.max(LEAST, ROUNDS or 0) and (not SECONDS or core.now() - began >= SECONDS)
end)
local seconds = core.now() - began
notes:seek "set"
local samples = {}
for line in notes:lines() do samples[#samples + 1] = cjson.decode(line) end
notes:close()
soak.hosts:stop()
soak.veteran:close()
server:stop()
os.execute("rm -rf " .. folder)
compile.clean()

for name, most in pairs(soak.hosts.ALLOWED) do ALLOWED[name] = most end
print(("%d rounds in %.0f s: %d calls of clients, %d attempts: %s"):format(#samples, seconds, soak.tally.calls,
  soak.tally.attempts, list(soak.tally.outcomes)))
print(("the sandbox got what was sent: %s"):format(list(soak.tally.total)))
print(("hosts: %d reloads, %d hooks answered, as many releases"):format(soak.hosts.reloads, soak.hosts.answered))
if not ok then
  print(("round %d: %s"):format(soak.round, tostring(problem)))
  os.exit(1)
end
for _, name in ipairs(tree.sorted(ALLOWED)) do
  local growth, before = flat.growth(samples, name)
  print(("%-32s %12.0f %+10.0f"):format(name, before, growth))
end
local problems = flat.problems(samples, ALLOWED)
for _, line in ipairs(problems) do print("NOT FLAT " .. line) end
os.exit(#problems == 0 and 0 or 1)
