---@meta aicc.metrics

---@type aicc.metrics
local module

return module
