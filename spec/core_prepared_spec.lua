-- Arguments that are checked and written once (core.prepare), and sent as they are by every attempt.

local cjson = require "cjson"
local core = require "aicc.curl"
local sandbox = require "aicc.sandbox"

local RELEASE, BIND = "release_agent_by_skill", "bind_agents"
local WHO = { token = "t", app_key = "app-key" }

local function release(accounts) return assert(core.prepare(RELEASE, 1, 3, accounts)) end

-- The body that is sent for arguments of either kind.
local function body_of(operation, arguments) return assert(core.encode(operation, arguments, WHO)).body end

-- So many accounts, of which every other one comes twice.
local function accounts_of(count, name)
  local accounts = {}
  for n = 1, count do accounts[n] = name:format(n - (n % 4 == 0 and 1 or 0)) end
  return accounts
end

describe("what is prepared", function()
  it("is sent as the table would be, however long it is", function()
    for _, count in ipairs { 1, 2, 5, 16, 17, 31, 32, 33, 64, 500, 20000 } do
      for _, name in ipairs { "%d", "agent-%06d@example.com", ('"\\é'):rep(15) .. "%d" } do
        local accounts = accounts_of(count, name)
        assert.equal(body_of(RELEASE, { skillId = 3, userAccounts = accounts }), body_of(RELEASE, release(accounts)))
      end
    end
    assert.equal(body_of(BIND, { skillId = 3, userAccounts = { "a" }, skillWeight = 7 }),
      body_of(BIND, core.prepare(BIND, 1, { "a" }, 3, nil, 7)))
    assert.equal('{"skillId":3,"userAccounts":[]}', body_of(RELEASE, release(core.ALL)))
  end)

  it("does not change when the list does, nor when another one is prepared", function()
    local accounts = { "1001", "1002" }
    local prepared = release(accounts)
    accounts[1], accounts[3] = "9", "8"
    local other = release { "5" }
    collectgarbage()
    assert.equal('{"skillId":3,"userAccounts":["1001","1002"]}', body_of(RELEASE, prepared))
    assert.equal('{"skillId":3,"userAccounts":["5"]}', body_of(RELEASE, other))
  end)

  it("reads like its arguments", function()
    local given = { "a", "é\\\"", "a", "b" }
    local prepared = release(given)
    assert.same({ "a", "é\\\"", "b" }, prepared.userAccounts)
    assert.equal(3, prepared.skillId)
    if math.type then assert.equal("integer", math.type(prepared.skillId)) end
    assert.is_nil(prepared.agentWeight)
    assert.is_false(prepared.everybody)
    assert.same({ skillId = 3, userAccounts = { "a", "é\\\"", "b" } }, core.arguments(prepared))
    assert.equal(2 ^ 53 - 1, core.prepare(RELEASE, 1, 2 ^ 53 - 1, { "a" }).skillId)
    assert.same({ skillId = 3, userAccounts = { "a" }, agentWeight = 1, skillWeight = 2 },
      core.arguments(core.prepare(BIND, 1, { "a" }, 3, nil, 2)))
  end)

  it("is for everybody where it was aicc.ALL, and then alone", function()
    local prepared = release(core.ALL)
    assert.is_true(prepared.everybody)
    assert.equal(core.ALL, prepared.userAccounts)
    assert.same({ skillId = 3, userAccounts = core.ALL }, core.arguments(prepared))
  end)

  it("is good for its own operation only, and nothing else looks like it", function()
    local prepared, session = release { "a" }, assert(core.session { base_url = "http://127.0.0.1:1", app_key = "app-key" })
    local function raises(text, f, ...)
      local ok, message = pcall(f, ...)
      assert.is_false(ok)
      assert.truthy(message:find(text, 1, true), message)
    end
    raises("bind_agents: the arguments were prepared for release_agent_by_skill", core.encode, BIND, prepared, WHO)
    raises("bind_agents: the arguments were prepared for release_agent_by_skill", session.bind_agents, session, "t", prepared)
    for _, other in ipairs { io.stdout, core.ALL, session } do
      raises("arguments: expected a table, got userdata", core.encode, RELEASE, other, WHO)
    end
    raises("a secret is not kept in one", core.prepare, "token", 1, "key", "secret")
    raises("no operation is called 'x'", core.prepare, "x", 1)
    assert.is_false(pcall(function() prepared.userAccounts = {} end))
    assert.equal("aicc.prepared", getmetatable(prepared))
    session:close()
  end)

  it("comes with what a result tells of it: the queue, as an integer, and how many accounts there are", function()
    local function told(...)
      local _, _, skill_id, accounts = core.prepare(...)
      return { skill_id, accounts, math.type and math.type(skill_id) }
    end
    local whole = math.type and "integer" or nil
    assert.same({ 3, 2, whole }, told(RELEASE, 1, 3.0, { "a", "b" }))
    assert.same({ 2 ^ 53 - 1, 2, whole }, told(RELEASE, 1, 2 ^ 53 - 1, { "a", "b", "a" }))
    assert.same({ 3, 15000, whole }, told(RELEASE, 1, 3, accounts_of(20000, "%d")))
    assert.same({ 4, 1, whole }, told(BIND, 1, { "a" }, 4))
    assert.same({ 3, nil, whole }, told(RELEASE, 1, 3, core.ALL))
  end)

  it("prints no names", function()
    assert.equal("aicc.prepared (release_agent_by_skill)", tostring(release { "somebody" }))
  end)

  it("raises at the line that the level says", function()
    local line = debug.getinfo(1, "l").currentline
    local function at(level)
      local _ = core.prepare(RELEASE, level, "3", {})
      return nil -- no tail call
    end
    local _, message = pcall(at, 1)
    assert.truthy(message:find(("core_prepared_spec.lua:%d: "):format(line + 2), 1, true), message)
    _, message = pcall(function()
      at(2)
      return nil
    end)
    assert.truthy(message:find(("core_prepared_spec.lua:%d: "):format(line + 8), 1, true), message)
  end)

  it("is what a session sends, as often as it is asked to, each time with the limits of that time", function()
    local server = assert(sandbox.start { agents = { [3] = { "1001", "1002" } } })
    local session = assert(core.session { base_url = server.base_url, app_key = "sandbox-key" })
    local token = assert(session:token { app_key = "sandbox-key", app_secret = "sandbox-secret" }).AccessToken
    local prepared = release { "1001", "1002" }
    for _ = 1, 2 do assert(session:release_agent_by_skill(token, prepared, 5, 10)) end
    local ticket = assert(session:start(RELEASE, token, prepared, 5, 10))
    repeat session:step(1) until session:result() == ticket
    local bodies = {}
    for _, request in ipairs(server:requests()) do
      if request.operation == RELEASE then bodies[#bodies + 1] = cjson.decode(request.body) end
    end
    local wanted = { skillId = 3, userAccounts = { "1001", "1002" } }
    assert.same({ wanted, wanted, wanted }, bodies)
    server:fault { operation = RELEASE, to = math.huge, delay = 5 }
    local _, err = session:release_agent_by_skill(token, prepared, 0.05, 10)
    assert.same({ "timeout", "unknown" }, { err.kind, err.outcome })
    for _, limits in ipairs { { 0, 1 }, { 1, 0 }, { 0 / 0, 1 }, { 1 / 0, 1 }, { 1, 0 / 0 }, { -1, 1 } } do
      assert.is_false(pcall(session.release_agent_by_skill, session, token, prepared, limits[1], limits[2]))
    end
    assert.is_false(pcall(session.release_agent_by_skill, session, token, prepared, 1))
    session:close()
    server:stop()
  end)
end)
