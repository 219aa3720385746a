--- JSON lines for reports and events: integers in full (cjson writes 2^53-1 as 9.007e+15), keys in a fixed order.
-- @module aicc.json

local cjson = require("cjson.safe").new() -- the shared one may have been set up otherwise

local M = {}

local function is_integral(number) return number % 1 == 0 and number >= -2 ^ 53 and number <= 2 ^ 53 end

--- An object.
-- @tparam table fields name -> string, number, boolean or such a table
-- @tparam ?{string,...} names the order; by name, if not given
-- @treturn string
function M.object(fields, names)
  if not names then
    names = {}
    for name in pairs(fields) do names[#names + 1] = name end
    table.sort(names)
  end
  local parts = {}
  for _, name in ipairs(names) do
    local value = fields[name]
    if value ~= nil then parts[#parts + 1] = cjson.encode(name) .. ":" .. M.value(value) end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

--- Any value that an object may hold.
-- @param value
-- @treturn string
function M.value(value)
  if type(value) == "table" then return M.object(value) end
  if type(value) == "number" and is_integral(value) then return ("%.0f"):format(value) end
  return (cjson.encode(value))
end

return M
