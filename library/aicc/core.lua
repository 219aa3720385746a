---@meta aicc.core

---@type aicc.core
local module

return module
