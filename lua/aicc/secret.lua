--- What an object keeps to itself: key, secret and token.
--
-- Logs, debuggers and pretty-printers go through a table with all that it holds, its metatable too. None of them meets what is
-- kept here: it is in no table that they can reach.
-- @module aicc.secret

local M = {}

local kept = setmetatable({}, { __mode = "k" }) -- object -> its fields

--- The hidden fields of an object, to be read and written.
-- @tparam table object
-- @treturn table
function M.of(object)
  local fields = kept[object]
  if not fields then
    fields = {}
    kept[object] = fields
  end
  return fields
end

--- Hides fields that a table has: they are still read by their names, as before.
-- @tparam table object without a metatable
-- @tparam {string,...} names
-- @treturn table the object
function M.hide(object, names)
  local fields = {}
  for _, name in ipairs(names) do fields[name], object[name] = object[name], nil end
  return setmetatable(object, { __index = function(_, name) return fields[name] end })
end

return M
