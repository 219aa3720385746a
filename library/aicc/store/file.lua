---@meta aicc.store.file

---@type aicc.store.file
local module

return module
