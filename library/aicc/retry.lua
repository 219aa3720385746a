---@meta aicc.retry

---@type aicc.retry
local module

return module
