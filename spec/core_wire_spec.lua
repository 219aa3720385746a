-- The bytes on the wire, as a server that is not ours gets them (a Python script on a plain socket): the documented requests,
-- with these headers and no others (doc/semantics.md, section 6).

local processes = require "spec.support.processes"
local core = require "aicc.curl"

local RELEASE = "/apiaccess/rest/cc-management/v1/agentAccount/releaseAgentBySkillId"

local server, port, session

local function start(options, steps)
  server = processes.spawn("python3 spec/support/capture.py " .. (steps or "answer"))
  port = assert(server:line(), "no port")
  options.base_url = "http://127.0.0.1:" .. port .. (options.base_url or "")
  session = assert(core.session(options))
end

after_each(function()
  if session then session:close() end
  if server then server:stop() end
  session, server = nil, nil
end)

-- The next request that the server got, or the given one: the number of its connection, its first line, its headers sorted, its
-- body.
local function captured(given)
  local connection, hex = assert(given or server:line(), "no request"):match "^(%d+) (%x+)$"
  local head, body = hex:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end):match "^(.-)\r\n\r\n(.*)$"
  local headers = {}
  for line in (head .. "\r\n"):gmatch "(.-)\r\n" do headers[#headers + 1] = line end
  local first = table.remove(headers, 1)
  table.sort(headers)
  return tonumber(connection), first, headers, body
end

-- The headers that every release has, and those given.
local function headers_of(length, token, ...)
  local headers = {
    "Authorization: Bearer " .. token, "Content-Length: " .. length, "Content-Type: application/json",
    "Host: 127.0.0.1:" .. port, "User-Agent: aicc/" .. core._VERSION, ...,
  }
  table.sort(headers)
  return headers
end

describe("on the wire", function()
  -- { name, session's options, accounts, body, headers beside the usual ones }
  for _, case in ipairs {
    { "a list", { app_key = "key-01" }, { "1001", "1002" }, '{"skillId":3,"userAccounts":["1001","1002"]}', "x-app-key: key-01" },
    { "everybody", { app_key = "key-01" }, core.ALL, '{"skillId":3,"userAccounts":[]}', "x-app-key: key-01" },
    { "no app key", {}, { "1001" }, '{"skillId":3,"userAccounts":["1001"]}' },
    { "a tenant", { app_key = "key-01", tenant_space_id = "space-7" }, { "1001" }, '{"skillId":3,"userAccounts":["1001"]}',
      "x-app-key: key-01", "X-TenantSpaceID: space-7" },
  } do
    it("a release is what is documented: " .. case[1], function()
      start(case[2])
      local result = assert(session:release_agent_by_skill("token-1", { skillId = 3, userAccounts = case[3] }))
      assert.same({ resultCode = "0", resultMessage = "success" }, result)
      local _, first, headers, body = captured()
      assert.equal("POST " .. RELEASE .. " HTTP/1.1", first)
      assert.same(headers_of(#case[4], "token-1", table.unpack(case, 5)), headers)
      assert.equal(case[4], body)
    end)
  end

  it("a token's request has X-Token-Expire, and no header that tells who asks", function()
    start { app_key = "key-01", tenant_space_id = "space-7" }
    for asked, told in pairs { [0] = 3600, [60] = 60, [600.0] = 600 } do
      local _, err = session:token { app_key = "key-01", app_secret = 'a"sec\\é', expires = asked ~= 0 and asked or nil }
      assert.same({ "protocol", "unknown" }, { err.kind, err.outcome }) -- the script gives no tokens
      local _, first, headers, body = captured()
      local expected = '{"app_key":"key-01","app_secret":"a\\"sec\\\\é"}'
      assert.equal("POST /apigovernance/api/oauth/tokenByAkSk HTTP/1.1", first)
      assert.same({
        "Content-Length: " .. #expected, "Content-Type: application/json", "Host: 127.0.0.1:" .. port,
        "User-Agent: aicc/" .. core._VERSION, "X-Token-Expire: " .. told,
      }, headers)
      assert.equal(expected, body)
    end
  end)

  it("the same bytes go out as core.encode gives to hosts that send by their own means", function()
    start { app_key = "key-01", tenant_space_id = "space-7", user_agent = "night job" }
    local who = { token = "token-1", app_key = "key-01", tenant_space_id = "space-7", user_agent = "night job" }
    for operation, arguments in pairs {
      release_agent_by_skill = { skillId = 3, userAccounts = { "a" } },
      bind_agents = { skillId = 4, userAccounts = { "x1", "x2" }, agentWeight = 2 },
      query_agents = { skillId = 3, pageNum = 1 },
    } do
      session[operation](session, "token-1", arguments)
      local encoded = assert(core.encode(operation, arguments, who))
      local _, first, headers, body = captured()
      local expected = { "Host: 127.0.0.1:" .. port, "Content-Length: " .. #encoded.body }
      for name, value in pairs(encoded.headers) do expected[#expected + 1] = name .. ": " .. value end
      table.sort(expected)
      assert.equal("POST " .. encoded.path .. " HTTP/1.1", first)
      assert.same(expected, headers)
      assert.equal(encoded.body, body)
    end
    assert.equal('{"userAccounts":["x1","x2"],"skillId":4,"agentWeight":2,"skillWeight":1}',
      core.encode("bind_agents", { skillId = 4, userAccounts = { "x1", "x2" }, agentWeight = 2 }, who).body)
    local page = '{"skillId":3,"pageSize":100,"pageNum":1}'
    assert.equal(page, core.encode("query_agents", { skillId = 3, pageNum = 1 }, who).body)
    assert.equal('{"requestParam":' .. page .. "}",
      core.encode("query_agents", { skillId = 3, pageNum = 1, form = "wrapped" }, who).body)
    assert.equal('{"pageSize":100,"pageNum":0}', core.encode("query_agents", { skillId = 3, form = "flat_nowhere" }, who).body)
    assert.equal('{"requestParam":{"pageSize":100,"pageNum":0}}',
      core.encode("query_agents", { skillId = 3, form = "wrapped_nowhere" }, who).body)
    assert.matches("form: expected a string, got boolean",
      select(2, pcall(core.encode, "query_agents", { skillId = 3, form = true }, who)))
    local _, refused = core.encode("query_agents", { skillId = 3, form = "wrap" }, who)
    assert.same({ "argument", "form: expected flat or wrapped, got 'wrap'" }, { refused.kind, refused.message })
  end)

  it("a base URL's path comes before the operation's, with one slash between", function()
    for base, sent in pairs {
      ["/gate"] = "/gate", ["/gate/"] = "/gate", ["/"] = "", ["/a/../b"] = "/b", ["/ä"] = "/%c3%a4",
      ["/x%20y;z=1,@:~"] = "/x%20y;z=1,@:~",
    } do
      start { base_url = base }
      assert(session:release_agent_by_skill("t", { skillId = 3, userAccounts = { "a" } }))
      assert.equal("POST " .. sent .. RELEASE .. " HTTP/1.1", (select(2, captured())))
      session:close()
      server:stop()
    end
  end)

  it("a body over a MiB goes out whole, without Expect, and the next small one is as ever", function()
    start { app_key = "key-01" }
    local accounts, quoted = {}, {}
    for n = 1, 12000 do
      accounts[n] = ("%05d"):format(n):rep(20)
      quoted[n] = '"' .. accounts[n] .. '"'
    end
    local expected = '{"skillId":3,"userAccounts":[' .. table.concat(quoted, ",") .. "]}"
    assert.is_true(#expected > 1024 * 1024)
    assert(session:release_agent_by_skill("token-1", { skillId = 3, userAccounts = accounts }))
    local long = server:line() -- read after the second one: under valgrind that takes longer than a connection is kept
    assert(session:release_agent_by_skill("token-1", { skillId = 3, userAccounts = { "a" } }))
    local _, _, headers, body = captured(long)
    assert.same(headers_of(#expected, "token-1", "x-app-key: key-01"), headers)
    assert.is_true(expected == body)
    local connection, _, small, short = captured()
    assert.same(headers_of(#short, "token-1", "x-app-key: key-01"), small)
    assert.equal(1, connection)
  end)

  it("each call has its own token, also when tokens take turns on one connection", function()
    start { app_key = "key-01" }
    for _, token in ipairs { "one", "two", "two", "one", "three" } do
      assert(session:release_agent_by_skill(token, { skillId = 3, userAccounts = { "a" } }))
      local connection, _, headers = captured()
      assert.same({ 1, "Authorization: Bearer " .. token }, { connection, headers[1] })
    end
  end)

  it("a request is sent once when its kept connection dies without an answer", function()
    start({}, "answer drop answer")
    local accounts = { skillId = 3, userAccounts = { "a" } }
    assert(session:release_agent_by_skill("t", accounts))
    local result, err = session:release_agent_by_skill("t", accounts)
    assert.is_nil(result)
    assert.same({ "network", "unknown", true }, { err.kind, err.outcome, err.retryable })
    assert.equal(52, err.curl_code)
    assert(session:release_agent_by_skill("t", accounts))
    local connections = {}
    for n = 1, 3 do connections[n] = captured() end
    assert.same({ 1, 1 }, { connections[1], connections[2] })
    assert.is_true(connections[3] > 1)
    server:signal "TERM"
    assert.same({ 143, "" }, { server:wait() }) -- three attempts, three requests
  end)
end)
