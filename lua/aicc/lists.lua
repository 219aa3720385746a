--- Lists that callers give: what may be in them.
-- @module aicc.lists

local M = {}

local LARGEST = 2 ^ 53 - 1

-- What was given in place of an integer.
local function shown(value)
  if type(value) == "number" then return ("%.17g"):format(value) end
  return type(value)
end

--- Checks a list of queues' numbers, which has exactly the keys 1..n.
-- @tparam string name what it is called in a message
-- @tparam table list
-- @treturn ?table a copy, each number in it once, in the order in which they came first
-- @treturn ?string what is wrong
function M.integers(name, list)
  local size, copy, seen = 0, {}, {}
  for key in next, list do
    size = size + 1
    if type(key) ~= "number" or key % 1 ~= 0 or key < 1 then
      return nil, ("%s[%s]: expected only the keys 1..n of a list"):format(name, tostring(key))
    end
  end
  for n = 1, size do
    local value = rawget(list, n)
    if type(value) ~= "number" or not (value >= 1 and value <= LARGEST) or value % 1 ~= 0 then
      return nil, ("%s[%d]: expected an integer from 1 to 2^53-1, got %s"):format(name, n, shown(value))
    end
    if not seen[value] then copy[#copy + 1] = value end
    seen[value] = true
  end
  return copy
end

return M
