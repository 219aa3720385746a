-- aicc.shared: what the Lua states of a process share. (That threads do: haproxy_spec.)

local core = require "aicc.core"
local shared = require "aicc.shared"

local dict

before_each(function()
  dict = shared.new "spec"
  for _, key in ipairs(dict:get_keys()) do dict:delete(key) end
end)

it("keeps strings and numbers, by part and key", function()
  assert.is_nil(dict:get "a")
  assert.is_true(dict:set("a", "x\0y"))
  assert.is_true(dict:set("n", 2.5))
  assert.equal("x\0y", dict:get "a")
  assert.equal(2.5, dict:get "n")
  assert.is_nil(shared.new("other"):get "a")
  assert.equal("x\0y", shared.new("spec"):get "a")
  local keys = dict:get_keys()
  table.sort(keys)
  assert.same({ "a", "n" }, keys)
  dict:delete "a"
  assert.is_nil(dict:get "a")
  assert.same({ "n" }, dict:get_keys())
end)

it("takes keys of up to 256 bytes, the part's name and what parts it from them included", function()
  local longest = ("k"):rep(256 - #"spec" - 1)
  assert.is_true(dict:set(longest, 1))
  assert.equal(3, dict:incr(longest, 2))
  assert.equal(3, dict:get(longest))
  for _, wrong in ipairs { longest .. "k", "a\0b", ("k"):rep(5000) } do
    assert.error_matches(function() dict:get(wrong) end, "expected a key of 1 to 256 bytes without NUL")
    assert.error_matches(function() dict:set(wrong, 1) end, "expected a key of 1 to 256 bytes without NUL")
  end
  assert.error_matches(function() dict:incr({}, 1) end, "string expected")
  dict:delete(longest)
  assert.is_nil(dict:get(longest))
end)

it("adds, and writes only where there is nothing, as nginx's does", function()
  assert.same({ nil, "not found" }, { dict:incr("n", 1) })
  assert.equal(6, dict:incr("n", 1, 5))
  assert.equal(8, dict:incr("n", 2, 5))
  assert.same({ nil, "exists" }, { dict:add("n", 1) })
  assert.is_true(dict:add("t", "text"))
  assert.same({ nil, "not a number" }, { dict:incr("t", 1) })
  assert.is_true(dict:set("t", 1))
  assert.equal(2, dict:incr("t", 1))
end)

it("what has an end is gone then", function()
  dict:set("short", "s", 0.05)
  dict:incr("count", 1, 0, 0.05)
  dict:add("long", "l", 600)
  assert.equal("s", dict:get "short")
  assert.equal(2, dict:incr("count", 1, 0, 600)) -- the end stays
  local ends = core.now() + 0.06
  while core.now() < ends do core.sleep(0.01) end
  assert.is_nil(dict:get "short")
  assert.equal(1, dict:incr("count", 1, 0, 0.05))
  assert.equal("l", dict:get "long")
  assert.is_true(dict:add("short", "again"))
end)

it("has 4 MiB: what has an end makes room, oldest first; what has none is never forgotten", function()
  local big = ("x"):rep(65536)
  dict:set("for ever", "kept")
  for i = 1, 100 do assert.is_true(dict:set(("%03d"):format(i), big, 600)) end
  assert.equal("kept", dict:get "for ever")
  assert.is_nil(dict:get "001")
  assert.equal(big, dict:get "100")
  local why
  for i = 1, 100 do why = select(2, dict:set(("k%03d"):format(i), big)) end
  assert.equal("no memory", why)
  assert.is_nil(dict:get "100")
  assert.equal("kept", dict:get "for ever")
end)

it("refuses what is no key, value or end", function()
  for _, case in ipairs {
    { "", "v" }, { ("k"):rep(256), "v" }, { "a\0b", "v" }, { "k", ("v"):rep(65537) }, { "k", "v", -1 }, { "k", {} },
    { "k", "v", 0 / 0 },
  } do
    assert.is_false(pcall(dict.set, case[1] == "" and setmetatable({ prefix = "" }, getmetatable(dict)) or dict, case[1], case[2],
      case[3]))
  end
end)
