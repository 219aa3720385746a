-- `aicc sandbox`: what it prints is all that a client needs; and files that it cannot read.

local aicc = require "aicc"
local cjson = require "cjson"
local processes = require "spec.support.processes"
local support = require "spec.support.jobs"

describe("aicc sandbox #lua54", function()
  local folder, served

  before_each(function() folder = support.folder() end)
  after_each(function()
    if served then served:stop() end
    served = nil
    support.clean()
  end)

  local function file(text)
    local path = folder .. "/agents.csv"
    local written = assert(io.open(path, "w"))
    written:write(text)
    written:close()
    return path
  end

  local function serve(arguments)
    served = processes.spawn(support.command(folder, nil, "sandbox " .. arguments))
    return served:line()
  end

  local function run(arguments) return support.run(folder, nil, "sandbox " .. arguments) end

  it("serves the queues of a file where the line says that a shell can take, until Ctrl-C", function()
    local line = serve("--agents " .. file "skill_id,user_account,skill_name\n5,a1,Sales\n5,a2,Sales\n7,b1,\n")
    local url, key, secret = line:match "^export AICC_BASE_URL=(%S+) AICC_APP_KEY=(%S+) AICC_APP_SECRET=(%S+)$"
    local client = assert(aicc.new { base_url = url, app_key = key, app_secret = secret })
    local queues = {}
    for _, queue in ipairs(assert(client:query_skills())) do queues[#queues + 1] = ("%d %s"):format(queue.skillId, queue.name) end
    assert.same({ "5 Sales", "7 queue 7" }, queues)
    assert(client:release_agent_by_skill(5, { "a1" }))
    assert.same({ "a2" }, { (assert(client:query_agents(5))[1] or {}).userAccount })
    client:close()
    served:signal "INT"
    assert.same({ 0, "" }, { served:wait() })
  end)

  it("over TLS names the certificate that it made, and removes that file when SIGTERM ends it", function()
    local told = cjson.decode(serve "--tls --json")
    local client = assert(aicc.new { base_url = told.base_url, ca_file = told.ca_file, app_key = told.app_key,
      app_secret = told.app_secret })
    assert.matches("^https://", told.base_url)
    assert.equal(3, #assert(client:query_agents(3)))
    client:close()
    served:signal "TERM"
    assert.same({ 0, "" }, { served:wait() })
    assert.is_nil((io.open(told.ca_file)))
  end)

  it("refuses rows without a queue's number or an account with 2, and a port that is taken with 6", function()
    for text, problem in pairs {
      ["skill_id,user_account\nx,a1\n"] = ":2: skill_id: expected an integer, got 'x'",
      ["skill_id,user_account\n3,a1\n3,\n"] = ":3: the account: expected 1 to 128 bytes, got an empty string",
      ["skill_name,user_account\nSales,a1\n"] = ":2: skill_id: a queue needs its number here",
    } do
      local path = file(text)
      assert.same({ 2, "", ("aicc: %s%s\n"):format(path, problem) }, { run("--agents " .. path) })
    end
    assert.same({ 2, "", ("aicc: %s/none.csv: No such file or directory\n"):format(folder) },
      { run("--agents " .. folder .. "/none.csv") })
    local port = serve "":match ":(%d+) "
    local status, out, err = run("--port " .. port)
    assert.same({ 6, "" }, { status, out })
    assert.matches("^aicc: sandbox: cannot start: .*[Aa]ddress already in use", err)
  end)
end)
