-- The examples that are for a terminal, each run as a person would. (The night of work is in jobs_night_spec, those of
-- the hosts in nginx_spec and haproxy_spec.)

local child = require "spec.support.child"
local sandbox = require "aicc.sandbox"

local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local output = pipe:read "*a"
  local _, _, status = pipe:close()
  return output, status
end

local function example(name, arguments, environment)
  return run(child.command(("arg = { %s } dofile 'examples/%s.lua'"):format(arguments, name), environment))
end

describe("the examples", function()
  it("quickstart: the whole way, uncoloured on a pipe", function()
    local output, status = example("quickstart", "")
    assert.equal(0, status or 0, output) -- 5.1 does not tell
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

  it("offboard: one agent, many queues #lua54", function()
    local agents = { [3] = { "1001", "1002" }, [4] = { "1001" }, [9007199254740991] = { "1001" } }
    local server = assert(sandbox.start { agents = agents })
    local folder, remove = child.directory()
    local environment = {
      AICC_BASE_URL = server.base_url, AICC_APP_KEY = server.app_key, AICC_APP_SECRET = server.app_secret,
      XDG_RUNTIME_DIR = folder, HOME = folder, XDG_CONFIG_HOME = folder,
    }
    local output, status = example("offboard", [["1001", "3", "4", "9007199254740991"]], environment)
    assert.same({ "queue 3: applied\nqueue 4: applied\nqueue 9007199254740991: applied\n", 0 }, { output, status })
    assert.same({ { "1002" }, {} }, { server:accounts(3), server:accounts(4) })
    server:fault { status = 403, body = "<html>", operation = "release_agent_by_skill", from = 2 }
    output, status = example("offboard", [["1002", "3", "4"]], environment)
    assert.equal(1, status)
    assert.matches("blocked", output)
    assert.equal(2, select(2, example("offboard", [["1001", "3", "4", "x", "6"]], environment)))
    assert.same({ 2, 2, 2 }, {
      select(2, example("offboard", "", environment)), select(2, example("offboard", [["1001", "x"]], environment)),
      select(2, example("offboard", [["1001", "3"]], { HOME = folder, XDG_RUNTIME_DIR = folder })),
    })
    server:stop()
    remove()
  end)

  it("repl: what it says to try does what it says", function()
    local suggested = {}
    local pipe = assert(io.popen(child.command "dofile 'examples/repl.lua'"))
    for line in pipe:lines() do suggested[#suggested + 1] = line:match "^  (%S.-)%s*$" end
    pipe:close()
    assert.equal(6, #suggested)
    local script = "dofile 'examples/repl.lua' print '--' "
    for n, line in ipairs(suggested) do
      line = line:gsub("%-%-.*$", "")
      script = script .. (n == 5 and line or ("print((" .. line .. "))")) .. "\n"
    end
    local output = run(child.command(script)):match "%-%-\n(.*)$"
    assert.equal("applied\n1002 1003\nnil\napplied\napplied_earlier\n", output)
  end)
end)
