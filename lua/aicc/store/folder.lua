--- Where files of tokens are, unless somebody says otherwise.
-- @module aicc.store.folder

local M = {}

--- The folder.
-- @treturn ?string nil where no variable names one
function M.path()
  for _, name in ipairs { "XDG_RUNTIME_DIR", "XDG_CACHE_HOME" } do
    local base = os.getenv(name)
    if base and base:sub(1, 1) == "/" then return base .. "/aicc" end
  end
  local home = os.getenv "HOME"
  return home and home:sub(1, 1) == "/" and home .. "/.cache/aicc" or nil
end

return M
