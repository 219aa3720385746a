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

--- Seconds of CPU that it has used, and those that its children had used who have ended; 0, 0 if it is gone.
function proc.cpu(pid)
  local file = io.open(("/proc/%s/stat"):format(pid))
  if not file then return 0, 0 end
  local fields = {}
  for field in file:read("*a"):match "%) (.*)$":gmatch "%S+" do fields[#fields + 1] = field end
  file:close()
  return (fields[12] + fields[13]) / 100, (fields[14] + fields[15]) / 100
end

return proc
