-- A generator of random numbers that is the same in every Lua: what was drawn can be drawn again from the seed.

local seeded = {}

--- One; it returns numbers from 0, below 1.
function seeded.new(seed)
  local state = seed % 2147483646 + 1
  local function random()
    state = state * 16807 % 2147483647
    return state / 2147483647
  end
  for _ = 1, 5 do random() end
  return random
end

return seeded
