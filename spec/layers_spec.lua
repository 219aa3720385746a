-- What checks the layers: what it reads as a require or an include, and what it finds wrong with a graph. (make check-layers
-- also sees that the picture in CONTRIBUTING.md is today's.)

local layers = require "spec.support.layers"

local function required(source) return table.concat((layers.required(source)), " ") end

describe("the check of layers #lua54", function()
  it("finds nothing in the tree", function() assert.same({}, layers.problems_in_tree()) end)

  it("reads every require of Lua, also within a function, and nothing in comments and strings", function()
    assert.equal("a b c d e.", required [==[
      -- require "no"
      --[[ require "no" ]] local a = require "a"
      local b = require("b").new(), pcall(require, 'c')
      local text = "require 'no'", 'require "no"', [[require "no"]], "\"", require "d"
      function f(name) return require("e." .. name) end
    ]==])
    assert.equal(2, (select(2, layers.required "require(name) pcall(require, name)")))
    assert.equal(1, (select(2, layers.required 'require("x" .. name)')), "what is not a folder cannot be read")
    assert.equal(0, (select(2, layers.required 'load(name) load "aicc.core"')))
  end)

  it("takes what is found at run time for all that is in the folder, and for no more", function()
    local graph, problems = layers.lua_graph {
      client = 'require("aicc.store." .. name)', ["store.file"] = "", ["store.memory"] = "", ["store.of.others"] = "",
      host = "require(name)",
    }
    assert.same({ ["store.file"] = true, ["store.memory"] = true }, graph.client)
    assert.same({ "host: requires what nobody can read here: write the name, or the folder and a dot" }, problems)
  end)

  it("takes a .c and its .h for one, and finds what a header includes", function()
    assert.same({ a = { b = true }, b = {}, ["in/a"] = { ["in/c"] = true, b = true }, ["in/c"] = {} }, layers.c_graph {
      ["a.c"] = '\n#include "a.h"\n#include <stdio.h>\n', ["a.h"] = '\n#include "b.h"\n', ["b.h"] = "\n",
      ["in/a.c"] = '\n#include "c.h"\n#include "b.h"\n', ["in/c.h"] = "\n",
    })
  end)

  it("fails on an arrow upward, a circle, a module without a layer, a layer without its module", function()
    local two = { { "up", "a b.*" }, { "down", "c b.low" } }
    assert.same({}, layers.problems({ a = { c = true, ["b.x"] = true }, ["b.x"] = {}, ["b.low"] = {}, c = {} }, two))
    assert.same({
      "an arrow upward: b.low (down) -> b.x (up)", "an arrow upward: c (down) -> a (up)",
      "d: in no layer of spec/support/layers.lua", "a circle: a -> c -> a",
    }, layers.problems({ a = { c = true }, ["b.low"] = { ["b.x"] = true }, ["b.x"] = {}, c = { a = true }, d = {} }, two))
    assert.same({ "a: asks e, which is not there", "c: in a layer, and not there", "b.low: in a layer, and not there" },
      layers.problems({ a = { e = true } }, two))
    assert.same({ "a circle: b.x -> b.y -> b.z -> b.x" }, layers.problems({
      a = {}, ["b.low"] = {}, c = {}, ["b.x"] = { ["b.y"] = true }, ["b.y"] = { ["b.z"] = true }, ["b.z"] = { ["b.x"] = true },
    }, two))
  end)
end)
