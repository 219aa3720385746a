---@meta aicc.error

---@type aicc.error
local module

return module
