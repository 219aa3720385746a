---@meta aicc.store.shdict

---@type aicc.store.shdict
local module

return module
