---@meta aicc.curl

---@type aicc.curl
local module

return module
