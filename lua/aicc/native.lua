--- Loads the C module. One that was built for another Lua says so, instead of naming a symbol that the linker misses.
-- @module aicc.native

-- Every build carries its name in its bytes: see core.c.
local MARK = "aicc%.core for (Lua %d%.%d)"

-- What a file was built for, or nil.
local function built_for(path)
  local file = io.open(path, "rb")
  local bytes = file and file:read "*a"
  if file then file:close() end
  return bytes and bytes:match(MARK)
end

local loaded, core = pcall(require, "aicc.core")
if not loaded then
  local path = tostring(core):match "error loading module 'aicc%.core' from file '([^']+)'"
  local other = path and built_for(path)
  if not other or other == _VERSION then error(core, 0) end
  local this = rawget(_G, "jit") and jit.version .. ", which takes what is for Lua 5.1" or _VERSION
  error(("aicc: %s is for %s, and this is %s: put a build for it first in package.cpath (make ABI=%s)"):format(
    path, other, this, _VERSION:match "%d%.%d"), 0)
end

return core
