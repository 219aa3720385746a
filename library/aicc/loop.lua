---@meta aicc.loop

---@type aicc.loop
local module

return module
