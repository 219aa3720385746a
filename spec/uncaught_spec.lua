-- Errors of ours that nobody catches: the interpreter prints their line, whichever Lua it is.

local child = require "spec.support.child"

local LINE = "aicc: base_url: expected a URL such as https://service.besclouds.com [config, not_sent]"

-- What an interpreter writes that runs this, with an error in `err`.
local function output(script)
  return child.run(('local aicc = require "aicc" local options = { base_url = "x", ' ..
    'app_key = "app-key", app_secret = "secret" } ' ..
    "local _, err = aicc.new(options) %s"):format(script))
end

describe("an error that nobody catches is printed as its line", function()
  for _, script in ipairs {
    "error(err)", "error(err, 0)", "assert(nil, err)", "assert(aicc.new(options))", "aicc.assert(aicc.new(options))",
    "local function f() return error(err) end f()",
    "local loop = require 'aicc.loop' loop.spawn(function() error(err) end) loop.run()",
  } do
    it("by " .. script, function()
      local text = output(script)
      assert.truthy(text:find(": " .. LINE, 1, true), text)
      assert.is_nil(text:find("not a string", 1, true) or text:find("bad argument", 1, true), text)
    end)
  end
end)

describe("an error that somebody catches stays the table that it is", function()
  it("raised by error or assert, in a pcall, an xpcall or a coroutine", function()
    local text = output [[
      local function same(ok, got) io.write(tostring(ok), " ", tostring(rawequal(got, err)), "\n") end
      for _, f in ipairs { function() error(err) end, function() assert(nil, err) end } do
        same(pcall(f))
        same(xpcall(f, function(problem) return problem end))
        same(coroutine.resume(coroutine.create(f)))
        same(pcall(coroutine.wrap(f)))
      end]]
    assert.equal(("false true\n"):rep(8), text)
  end)

  it("and what is not ours is raised as ever, with its position", function()
    local script = [[
      local values = { "text", 5, {}, setmetatable({}, { __tostring = function() return "other" end }) }
      for _, f in ipairs { error, assert } do for level = 0, 2 do
        for i = 0, #values do
          local value = values[i]
          local _, got = pcall(function() if f == assert then f(false, value) else f(value, level) end end)
          io.write(type(got), " ", type(got) == "table" and "" or tostring(got), "\n")
        end
        local _, got = pcall(function() return f() end)
        io.write(tostring(got), "\n")
      end end
      io.write(tostring(select("#", assert(1, nil, 3))))]]
    local plain, with = child.run(script), child.run("require 'aicc' " .. script:gsub("^%s+", ""))
    assert.truthy(#plain > 100)
    assert.equal(plain:gsub("0x%x+", "0x"), (with:gsub("0x%x+", "0x")))
  end)
end)
