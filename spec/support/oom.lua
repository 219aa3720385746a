-- Runs a scenario of spec/oom in a process of its own, where memory runs out. `make check-oom` has OOM_STRIDE say at which
-- allocations: at each of them, if 1.

local assert = require "luassert"
local compile = require "spec.support.compile"
local processes = require "spec.support.processes"
local support = require "spec.support.jobs"

local oom = {}

local stride = tonumber(os.getenv "AICC_OOM_STRIDE" or "")

-- Where files cost no time.
local FOLDER = os.execute "test -w /dev/shm" and "/dev/shm/" or nil

--- `mode`: "once", "twice" or "forever". `step`: how many allocations lie between two that fail, if nobody says otherwise.
-- `base_url`: a sandbox's; then it looks for leaks. `store`: a PostgreSQL server's URL.
function oom.exhaust(scenario, mode, step, base_url, store)
  local helper, folder = compile.shared "nomem", support.folder(FOLDER)
  if stride then processes.cpu = 3600 end
  local words = { processes.LUA, "spec/oom/exhaust.lua", processes.quote(scenario), mode, 1, stride or step, base_url or "" }
  local process = processes.spawn(table.concat(words, " "), {
    LUA_PATH = package.path, LUA_CPATH = package.cpath, LD_PRELOAD = helper, AICC_OOM_FOLDER = folder,
    AICC_OOM_POSTGRESQL = store or "",
  })
  local status, output = process:wait()
  assert.equal(0, status, output)
  local rounds = tonumber(output:match "^(%d+) rounds")
  if stride then print(("%s, %s%s: %s"):format(scenario, mode, base_url and ", leaks" or "", output)) end
  assert.is_true(rounds >= 5, output)
end

return oom
