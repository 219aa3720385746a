--- Loads the C modules. One that was built for another Lua says so, instead of naming a symbol that the linker misses; and so
-- does what lacks somebody else's module, instead of naming all the folders in which that is not.
-- @module aicc.native

local M = {}

-- The modules of others that this library needs: Debian's package of each, and the rock.
local NEEDED = {
  cjson = { "lua-cjson", "lua-cjson" }, ["cjson.safe"] = { "lua-cjson", "lua-cjson" }, argparse = { "lua-argparse", "argparse" },
  cqueues = { "lua-cqueues", "cqueues" }, luv = { "lua-luv", "luv" }, copas = { "lua-copas", "copas" },
}

--- What is missing, in a line, if that is why something could not be loaded.
-- @param problem what was raised
-- @treturn ?string
function M.missing(problem)
  local name = tostring(problem):match "module '([^']+)' not found"
  local from = name and NEEDED[name]
  if from then
    return ("aicc: the module %s is missing: on Debian, apt-get install %s; elsewhere, luarocks install %s"):format(name, from[1],
      from[2])
  end
end

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
  if not other or other == _VERSION then error(M.missing(module) or module, 0) end
  local this = rawget(_G, "jit") and jit.version .. ", which takes what is for Lua 5.1" or _VERSION
  error(("aicc: %s is for %s, and this is %s: put a build for it first in package.cpath (make ABI=%s)"):format(
    path, other, this, _VERSION:match "%d%.%d"), 0)
end

return M
