-- What the soak calls flat: see spec/soak/flat.lua.

local flat = require "spec.soak.flat"

-- Samples of one measure.
local function samples(f, count)
  local list = {}
  for n = 1, count or 16 do list[n] = { memory = f(n) } end
  return list
end

describe("what is measured again and again", function()
  it("is flat where it only rises at first, or for a moment", function()
    local rises = samples(function(n) return math.min(n, 4) * 1000 end)
    assert.same({}, flat.problems(rises, { memory = 0 }))
    local busy = samples(function(n) return n % 8 == 0 and 90000 or 1000 + n % 3 end)
    assert.same({}, flat.problems(busy, { memory = 10 }))
  end)

  it("is not flat where it rises by a little each time", function()
    local leak = samples(function(n) return 1000 + 10 * n end)
    assert.same({ "memory: 80 more than 1060, allowed are 79" }, flat.problems(leak, { memory = 79 }))
    assert.same({}, flat.problems(leak, { memory = 80 }))
  end)

  it("is not the same where what is counted differs once after the warm-up", function()
    local once = samples(function(n) return n == 11 and 16 or 15 end)
    assert.same({ "memory: 16 in round 11, and 15 before" }, flat.problems(once, { memory = 0 }))
  end)
end)
