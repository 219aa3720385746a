-- The fault matrix through the transports of other event loops: what fault_matrix_spec says of calls that wait by themselves
-- holds, cell by cell, for the tasks of cqueues, luv and Copas.

local inside = require "spec.support.inside"
local loops = require "spec.support.loops"

-- The spec's file, which finds busted's functions where this one does.
local function chunk()
  local path, environment = "spec/fault_matrix_spec.lua", getfenv and getfenv(1) or _ENV
  local loaded = assert(loadfile(path, "t", environment))
  return setfenv and setfenv(loaded, environment) or loaded
end

for _, loop in ipairs(loops) do
  describe("in " .. loop.name .. " #loops", function()
    setup(function() inside.use(loop) end)
    teardown(function() inside.use(nil) end)
    chunk()()
  end)
end
