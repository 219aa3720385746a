-- Every public name is in the types, in the reference and in a spec. (`make names` prints the table.)

local names = require "spec.support.names"

it("every public name is in the types, in the reference and in a spec", function()
  local rows = names.table()
  assert.truthy(#rows > 350, #rows)
  assert.equal("", table.concat(names.gaps(rows), "\n"))
end)

it("the table tells what is missing", function()
  local row = { group = "client", name = "x", types = true, ldoc = false, spec = true }
  assert.same({ "client x: not in ldoc" }, names.gaps { row })
end)
