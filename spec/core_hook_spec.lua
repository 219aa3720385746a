-- Which hooks on the main thread a wait takes for Ctrl-C: lua.c's fires at the very next instruction, call and return.

local compile = require "spec.support.compile"
local core = require "aicc.core"

teardown(compile.clean)

describe("a wait in C, with a hook #lua54", function()
  local hook = package.loadlib(compile.shared "hook", "luaopen_hook")()

  -- Whether a sleep takes the hook that is set for Ctrl-C. What comes after finds the hook that was there before.
  local function is_taken()
    local slept = core.sleep(0)
    hook()
    return not slept
  end

  for _, case in ipairs {
    { "as lua.c's before 5.4, is taken for Ctrl-C", "cr", 1, true },
    { "as lua.c's of 5.4, is taken for Ctrl-C", "crl", 1, true },
    { "for every instruction alone is not", "", 1, false },
    { "for every call is not", "c", 1, false },
    { "for every return is not", "r", 1, false },
    { "for calls and returns, and every other instruction, is not", "cr", 2, false },
    { "of a profiler is not", "", 1000, false },
    { "of a debugger is not", "crl", 0, false },
  } do
    it(case[1], function()
      hook(case[2], case[3])
      assert.equal(case[4], is_taken())
    end)
  end

  it("of debug.sethook's is not, whatever it asks for", function()
    debug.sethook(function() end, "crl", 1)
    local slept = core.sleep(0)
    debug.sethook()
    assert.is_true(slept)
  end)

  it("that is not there is none", function() assert.is_false(is_taken()) end)
end)
