---@meta aicc.sandbox

---@type aicc.sandbox
local module

return module
