-- Memory runs out in calls, in loops and in jobs, at one allocation, at two, or for good from there on: nothing crashes or leaks,
-- no request is half, what is told is true, and everything works again (spec/oom). Here at some allocations of each; `make
-- check-oom` takes all of them. A preloaded malloc does it, in a process of its own: so not under a sanitizer.

local compile = require "spec.support.compile"
local oom = require "spec.support.oom"
local sandbox = require "aicc.sandbox"
local support = require "spec.support.jobs"

local server

setup(function()
  server = assert(sandbox.start { agents = { [3] = { "a1", "a2", "a3", "b1" }, [4] = { "1001", "1002" } }, log = false })
end)
teardown(function()
  server:stop()
  compile.clean()
  support.clean()
end)

-- With how many allocations lie between two that fail, where not all do.
local SCENARIOS = {
  { "release", 5 }, { "first release", 7 }, { "whole release", 19 }, { "token", 7 }, { "listing", 61 }, { "everybody", 5 },
  { "offboard", 13 }, { "batch", 13 }, { "waiters", 13 }, { "plan", 149 }, { "apply", 199 },
}

for _, row in ipairs(SCENARIOS) do
  for _, mode in ipairs { "once", "twice", "forever" } do
    it(("out of memory in: %s, %s #lua54 #nosan"):format(row[1], mode), function()
      oom.exhaust(row[1], mode, row[2])
    end)
  end
end

-- "twice", too: else what fails in Lua's own memory succeeds when Lua asks again, and errors that go through C are not seen.
for _, row in ipairs {
  { "whole release", "once", 23 }, { "batch", "once", 23 }, { "plan", "once", 397 }, { "apply", "once", 797 },
  { "whole release", "twice", 23 }, { "batch", "twice", 23 }, { "waiters", "once", 23 }, { "waiters", "twice", 3 },
} do
  it(("nothing leaks where memory runs out in: %s, %s #lua54 #nosan"):format(row[1], row[2]), function()
    oom.exhaust(row[1], row[2], row[3], server.base_url)
  end)
end
