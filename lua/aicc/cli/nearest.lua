--- What somebody may have meant who typed a word that is none of those there are.
-- @module aicc.cli.nearest

local M = {}

--- How many letters have to be put in, taken out, replaced, or swapped with their neighbour to make one word of another.
-- @tparam string a
-- @tparam string b
-- @treturn integer
function M.distance(a, b)
  local rows = { [0] = {} }
  for j = 0, #b do rows[0][j] = j end
  for i = 1, #a do
    local row, above = { [0] = i }, rows[i - 1]
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      row[j] = math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], rows[i - 2][j - 2] + 1)
      end
    end
    rows[i] = row
  end
  return rows[#a][#b]
end

-- How far a name may be from what was typed to be what was meant: a third of its letters, one at least.
local function within(name) return math.max(1, math.floor(#name / 3)) end

--- The names that come nearest, or that begin with what was typed.
-- @tparam string word
-- @tparam {string,...} names
-- @treturn {string,...} sorted; empty if none is near
function M.of(word, names)
  if #word > 64 then return {} end -- no name is as long, and the distance takes the product of the lengths
  local best, found = math.huge, {}
  local bare = word:gsub("^%-+", "")
  for _, name in ipairs(names) do
    local distance = M.distance(word:lower(), name)
    if #bare >= 2 and name:gsub("^%-+", ""):sub(1, #bare) == bare then distance = math.min(distance, 1) end
    if distance <= within(name) and distance <= best then
      if distance < best then best, found = distance, {} end
      found[#found + 1] = name
    end
  end
  table.sort(found)
  return found
end

return M
