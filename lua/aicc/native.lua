--- Loads the C modules. One that was built for another Lua says so, instead of naming a symbol that the linker misses.
-- @module aicc.native

local M = {}

-- What a file was built for: every build carries its name in its bytes (core.c, curl.c). Nil if that cannot be told.
local function built_for(path, name)
  local file = io.open(path, "rb")
  local bytes = file and file:read "*a"
  if file then file:close() end
  return bytes and bytes:match(name:gsub("%.", "%%.") .. " for (Lua %d%.%d)")
end

--- Loads one; raises what is wrong as a string.
-- @tparam string name "aicc.core"; "aicc.curl": the same, and sessions, which need libcurl; "aicc.sandbox.core"
-- @treturn table
function M.load(name)
  local loaded, module = pcall(require, name)
  if loaded then return module end
  local path = tostring(module):match("error loading module '" .. name:gsub("%.", "%%.") .. "' from file '([^']+)'")
  local other = path and built_for(path, name)
  if not other or other == _VERSION then error(module, 0) end
  local this = rawget(_G, "jit") and jit.version .. ", which takes what is for Lua 5.1" or _VERSION
  error(("aicc: %s is for %s, and this is %s: put a build for it first in package.cpath (make ABI=%s)"):format(
    path, other, this, _VERSION:match "%d%.%d"), 0)
end

return M
