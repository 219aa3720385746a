-- Memory runs out in calls, in the loop and in jobs, at one allocation, at two, or for good from there on:
-- nothing crashes or leaks, no request is half, what is told is true, and everything works again (spec/oom). Here at some
-- allocations of each; `make check-oom` takes all of them. A preloaded malloc does it, in a process of its own: so not under a
-- sanitizer.

local compile = require "spec.support.compile"
local processes = require "spec.support.processes"
local sandbox = require "aicc.sandbox"
local support = require "spec.support.jobs"

local WHOLE = os.getenv "AICC_OOM" == "all"

-- Where files cost no time.
local FOLDER = os.execute "test -w /dev/shm" and "/dev/shm/" or nil

local server

setup(function()
  server = assert(sandbox.start { agents = { [3] = { "a1", "a2", "a3", "b1" }, [4] = { "1001", "1002" } }, log = false })
end)
teardown(function()
  server:stop()
  compile.clean()
  support.clean()
end)

-- Runs a scenario in a process of its own; with a URL it looks for leaks. Returns how many rounds it took.
local function exhaust(scenario, mode, step, url)
  local helper, folder = compile.shared "nomem", support.folder(FOLDER)
  if WHOLE then processes.cpu = 3600 end
  local words = { processes.LUA, "spec/oom/exhaust.lua", processes.quote(scenario), mode, 1, WHOLE and 1 or step, url or "" }
  local process = processes.spawn(table.concat(words, " "), {
    LUA_PATH = package.path, LUA_CPATH = package.cpath, LD_PRELOAD = helper, AICC_OOM_FOLDER = folder,
  })
  local status, output = process:wait()
  assert.equal(0, status, output)
  local rounds = tonumber(output:match "^(%d+) rounds")
  if WHOLE then print(("%s, %s%s: %s"):format(scenario, mode, url and ", leaks" or "", output)) end
  assert.is_true(rounds >= 8, output)
end

-- With how many allocations lie between two that fail, where not all do.
local SCENARIOS = {
  { "release", 5 }, { "first release", 7 }, { "whole release", 19 }, { "token", 7 }, { "listing", 61 }, { "everybody", 5 },
  { "offboard", 13 }, { "batch", 13 }, { "waiters", 13 }, { "plan", 149 }, { "apply", 199 },
}

for _, row in ipairs(SCENARIOS) do
  for _, mode in ipairs { "once", "twice", "forever" } do
    it(("out of memory in: %s, %s #lua54 #nosan"):format(row[1], mode), function()
      exhaust(row[1], mode, row[2])
    end)
  end
end

for _, row in ipairs { { "whole release", 23 }, { "batch", 23 }, { "plan", 397 }, { "apply", 797 } } do
  it(("nothing leaks where memory runs out in: %s #lua54 #nosan"):format(row[1]), function()
    exhaust(row[1], "once", row[2], server.base_url)
  end)
end
