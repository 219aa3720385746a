---@meta aicc.shared

---@type aicc.shared
local module

return module
