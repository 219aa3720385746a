-- What Linux tells of a process in /proc.

local lfs = require "lfs"

local proc = {}

--- How many descriptors it has open. Of one's own process it is one more, for looking.
function proc.descriptors(pid)
  local n = 0
  for name in lfs.dir(("/proc/%s/fd"):format(pid)) do
    if name:find "^%d" then n = n + 1 end
  end
  return n
end

--- Bytes of its memory that are in memory.
function proc.resident(pid)
  local file = assert(io.open(("/proc/%s/statm"):format(pid)))
  local pages = file:read("*a"):match "^%d+ (%d+)"
  file:close()
  return tonumber(pages) * 4096
end

return proc
