---@meta aicc.store.memory

---@type aicc.store.memory
local module

return module
