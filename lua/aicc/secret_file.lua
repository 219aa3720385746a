--- A file with one secret in it, as Docker and Kubernetes mount such: read, or refused with what is wrong in it, of which no
-- byte is told.
-- @module aicc.secret_file

local core = require "aicc.core"

local M = {}

--- Bytes that such a file may have.
M.MOST = 4096

-- What editors, shells and other systems leave in files, and nobody sees.
local FAULTS = {
  { "^\239\187\191", "it begins with a byte-order mark (EF BB BF): save it as UTF-8 without one" },
  { "^\255\254", "it is UTF-16, by its first bytes (FF FE): save it as UTF-8" },
  { "^\254\255", "it is UTF-16, by its first bytes (FE FF): save it as UTF-8" },
  { "\n", "it has more than one line" },
  { "\r", "it has a carriage return (CR) in it" },
  { "^$", "it is empty" },
  { "^[ \t]", "it begins with a blank" },
  { "[ \t]$", "it ends with a blank, before the line's end if there is one" },
  { "^\194\160", "it begins with a no-break space" },
  { "\194\160$", "it ends with a no-break space" },
}

--- What is wrong with the content of such a file, one line end at its end taken off; or nil.
-- @tparam string text
-- @treturn ?string
function M.fault(text)
  for _, row in ipairs(FAULTS) do
    if text:find(row[1]) then return row[2] end
  end
  if text:find("\0", 1, true) then return "it has a NUL byte in it" end
end

--- Reads one. Others may read it, but not write to it.
-- @tparam string path
-- @treturn ?string the secret: the file without one line end at its end
-- @treturn ?string the path, and why not
function M.read(path)
  local text, problem = core.read_file(path, M.MOST, "unshared")
  if not text then return nil, problem end
  text = text:gsub("\r?\n$", "", 1)
  local fault = M.fault(text)
  if fault then return nil, ("%s: %s"):format(path, fault) end
  return text
end

return M
