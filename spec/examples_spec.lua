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

  it("offboard: one agent out of all queues but one, and back #lua54", function()
    local agents = { [3] = { "1002", { userAccount = "1001", agentWeight = 2, skillWeight = 5 } }, [4] = { "1001" },
      [9007199254740991] = { "1001" } }
    local server = assert(sandbox.start {
      agents = agents, queues = { [3] = "Support", [4] = "Süd" }, people = { ["1001"] = "Ada" },
    })
    local folder, remove = child.directory()
    local environment = {
      AICC_BASE_URL = server.base_url, AICC_APP_KEY = server.app_key, AICC_APP_SECRET = server.app_secret,
      XDG_RUNTIME_DIR = folder, HOME = folder, XDG_CONFIG_HOME = folder,
    }
    local path = folder .. "/ada.json"
    local function offboard(...) return example("offboard", ("%q"):rep(select("#", ...), ", "):format(...), environment) end

    server:fault { operation = "release_agent_by_skill", status = 500, body = '{"resultCode":"1"}', from = 2, to = 2 }
    local output, status = offboard("release", "1001", path, "4")
    assert.equal("1001 (Ada): 3 queues: 3 (2, 5), 4 (1, 1), 9007199254740991 (1, 1)\n" ..
      "  queue 3 Support: released\n  queue 4 Süd: kept\n  queue 9007199254740991 queue 9007199254740991: failed, " ..
      "resultCode 1: no message (check the values of the parameters)\n", output)
    assert.same({ 1, { "1002" }, { "1001" } }, { status, server:accounts(3), server:accounts(4) })
    assert.same({ 2, { "1002" } }, { select(2, offboard("release", "1001", path)), server:accounts(3) }) -- the way back is kept

    server:fault { operation = "query_skills", status = 403, to = 99 }
    output, status = offboard("restore", path)
    assert.matches("  queue 3 (name unknown): bound\n  queue 4 (name unknown): kept\n", output, 1, true)
    assert.same({ 0, { { skillId = 3, agentWeight = 2, skillWeight = 5 }, { skillId = 4, agentWeight = 1, skillWeight = 1 },
      { skillId = 9007199254740991, agentWeight = 1, skillWeight = 1 } } }, { status, server:queues_of "1001" })

    output, status = offboard("release", "nobody", folder .. "/nobody.json")
    assert.equal(2, status)
    assert.matches("the API knows no agent of that account", output)
    for _, arguments in ipairs { {}, { "release" }, { "release", "1001" }, { "release", "1001", path .. "x", "y" }, { "restore" },
      { "restore", path .. "x" }, { "1001", "3" } } do
      assert.equal(2, select(2, offboard(table.unpack(arguments))))
    end
    environment.AICC_BASE_URL = nil
    assert.equal(2, select(2, offboard("restore", path)))
    server:stop()
    remove()
  end)

  it("repl: what it says to try does what it says", function()
    local suggested = {}
    local pipe = assert(io.popen(child.command "dofile 'examples/repl.lua'"))
    for line in pipe:lines() do suggested[#suggested + 1] = line:match "^  (%S.-)%s*$" end
    pipe:close()
    assert.equal(8, #suggested)
    local script = "dofile 'examples/repl.lua' print '--' "
    for n, line in ipairs(suggested) do
      line = line:gsub("%-%-.*$", "")
      script = script .. (n == 5 and line or ("print((" .. line .. "))")) .. "\n"
    end
    local output = run(child.command(script)):match "%-%-\n(.*)$"
    local lines = {}
    for line in output:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.same({
      "applied: 1 agent from queue 3", "2 agents: 1002, 1003", "nil", "applied: everybody from queue 3",
      "applied_earlier: 1 agent from queue 4",
    }, { lines[1], lines[2], lines[3], lines[4], lines[5] }, output)
    assert.matches("^%d+ requests: token %(200%), release_agent_by_skill %(200%), ", lines[6])
    assert.matches("^base_url +http://127%.0%.0%.1:%d+ %(argument%)$", lines[7])
    assert.is_nil(output:find "0x%x")
  end)
end)
