-- A C module that was built for another Lua: whatever is required first says so, in words that help.

local child = require "spec.support.child"

local OTHER = _VERSION == "Lua 5.4" and "Lua 5.1" or "Lua 5.4"

describe("a build for another Lua", function()
  local directory, remove

  -- Files that cannot be loaded, and have in them what every build has.
  before_each(function()
    directory, remove = child.directory()
    assert(os.execute(("mkdir -p %s/aicc/sandbox"):format(directory)))
    for name, path in pairs { ["aicc.core"] = "aicc/core.so", ["aicc.sandbox.core"] = "aicc/sandbox/core.so" } do
      local file = assert(io.open(directory .. "/" .. path, "w"))
      file:write("\127ELF\0\0", name, " for ", OTHER, "\0")
      file:close()
    end
  end)
  after_each(function() remove() end)

  local function run(script)
    return child.run(('package.cpath = "%s/?.so;" .. package.cpath '):format(directory) .. script)
  end

  for _, name in ipairs {
    "aicc", "aicc.loop", "aicc.jobs", "aicc.error", "aicc.store.file", "aicc.store.shdict", "aicc.cli", "aicc.sandbox",
  } do
    it("is told by " .. name, function()
      local output = run(("local ok, problem = pcall(require, '%s') print(ok, problem)"):format(name))
      local file = name == "aicc.sandbox" and "sandbox/core.so" or "core.so"
      assert.truthy(output:find(("aicc: %s/aicc/%s is for %s, and this is "):format(directory, file, OTHER), 1, true), output)
      assert.matches("^false.*put a build for it first in package.cpath", output)
    end)
  end

  it("is told by the command, with exit status 3", function()
    local output = run [[arg = { [0] = "aicc", "jobs" } dofile "bin/aicc"]]
    assert.matches("^aicc: .*/aicc/core.so is for " .. OTHER .. ", and this is [^\n]*\n$", output)
    local script = ('package.cpath = "%s/?.so;" .. package.cpath arg = { "jobs" } dofile "bin/aicc"'):format(directory)
    assert.equal("3", child.shell(child.command(script) .. " 2>/dev/null; echo $?"))
  end)
end)
