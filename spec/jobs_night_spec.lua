-- examples/night.lua, run as it stands; it checks by itself what it says.

describe("the night of work #lua54", function()
  it("ends with everybody bound as before #slow", function()
    local pipe = io.popen(("'%s' examples/night.lua 2>&1"):format(arg and arg[-1] or "lua5.4"))
    local output = pipe:read "a"
    assert.is_true(pipe:close(), output)
    assert.matches("planned: 5000 rows, 40 queues", output)
    assert.matches("checked: membership and weights are as before", output)
  end)
end)
