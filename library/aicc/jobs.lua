---@meta aicc.jobs

---@type aicc.jobs
local module

return module
