-- What `make demo` runs, on a pipe: nothing is coloured, and every step is told.

local child = require "spec.support.child"

it("the quickstart goes the whole way", function()
  local pipe = assert(io.popen(child.command "dofile 'examples/quickstart.lua'" .. " 2>&1"))
  local output = pipe:read "*a"
  assert.is_true(pipe:close(), output)
  for _, line in ipairs {
    "sandbox    https://localhost:%d+, certificate verified\n", "queue 3    1001, 1002, 1003\n",
    'release    {"1001", "1002"}: resultCode 0, success\n  queue 3    1003\n',
    "release    aicc.ALL: resultCode 0, success\n  queue 3    nobody\n",
    "release    {}: refused %(guard%), and nothing was sent\n",
    '{"skillId":3,"userAccounts":%["1001","1002"%]}\n', '{"skillId":3,"userAccounts":%[%]}\n$',
  } do
    assert.truthy(output:find(line), line .. " is missing in:\n" .. output)
  end
  assert.is_nil(output:find "\27")
end)
