-- The sandbox over real sockets: the API's answers, and what its user sees and sets. `sandbox_faults_spec` has what goes wrong,
-- `sandbox_server_spec` how a server starts, speaks TLS and ends.

local cjson = require "cjson"
local http = require "spec.support.http"
local sandbox = require "aicc.sandbox"

local TOKEN, RELEASE, BIND, QUERY, SUCCESS = http.TOKEN, http.RELEASE, http.BIND, http.QUERY, http.SUCCESS

local server

local function start(options)
  server = assert(sandbox.start(options or { agents = { [3] = { "1001", "1002", "1003" } } }))
end

local function accounts(skill_id)
  return table.concat(server:accounts(skill_id), " ")
end

-- A request with a fresh token.
local function call(path, body)
  return http.send(server, path, body, http.authorized(server))
end

after_each(function()
  if server then server:stop() end
  server = nil
end)

describe("the API", function()
  it("gives tokens whose life time is a string of digits", function()
    start { token_lifetime = 500 }
    local reply = cjson.decode(http.login(server, { "X-Token-Expire: 3600" }).body)
    assert.equal("500", reply.Expires)
    assert.truthy(reply.CreateTime:find("^%d+$"))
    assert.equal("sandbox-key", reply.AppKey)
    assert.equal("300", cjson.decode(http.login(server, { "X-Token-Expire: 300" }).body).Expires)
    assert.equal(400, http.login(server, { "X-Token-Expire: soon" }).status)
  end)

  it("refuses wrong keys, and bodies that are not what it expects", function()
    start()
    assert.equal(401, http.send(server, TOKEN, '{"app_key":"sandbox-key","app_secret":"x"}').status)
    assert.equal(401, http.send(server, TOKEN, '{"app_key":"x","app_secret":"sandbox-secret"}').status)
    for _, body in ipairs { "", "[]", '"x"', "{", '{"app_key":1,"app_secret":"sandbox-secret"}', '{"app_key":"sandbox-key"}' } do
      assert.equal(400, http.send(server, TOKEN, body).status, body)
    end
  end)

  it("releases some, and everybody for the empty array", function()
    start()
    local answer = call(RELEASE, '{"skillId":3,"userAccounts":["1001","nobody"]}')
    assert.same({ 200, SUCCESS, "application/json" }, { answer.status, answer.body, answer.headers["content-type"] })
    assert.equal("1002 1003", accounts(3))
    assert.equal(SUCCESS, call(RELEASE, ' { "x" : {"userAccounts":{}} , "userAccounts" : [ ] , "skillId" : 3 } ').body)
    assert.equal("", accounts(3))
  end)

  it("tells an object from an array, and an integer from other numbers", function()
    start()
    for _, body in ipairs {
      '{"skillId":3,"userAccounts":{}}', '{"skillId":3,"userAccounts":{"1":"1001"}}', '{"skillId":3,"userAccounts":null}',
      '{"skillId":3,"userAccounts":[1001]}', '{"skillId":3,"userAccounts":["1001",null]}', '{"skillId":3}',
      '{"skillId":3.0,"userAccounts":["1001"]}', '{"skillId":3e0,"userAccounts":["1001"]}',
      '{"skillId":"3","userAccounts":["1001"]}', '{"skillId":0,"userAccounts":["1001"]}',
      '{"skillId":9007199254740992,"userAccounts":["1001"]}', '{"userAccounts":["1001"]}', '["1001"]', "nonsense",
      '{"skillId":3,"userAccounts":"\\"[]"}', '{"a\\"":"[","skillId":3,"userAccounts":{}}',
    } do
      local answer = call(RELEASE, body)
      assert.equal(400, answer.status, body)
      assert.equal("1", cjson.decode(answer.body).resultCode)
    end
    assert.equal("1001 1002 1003", accounts(3))
  end)

  it("binds with weights, over those already bound, and at most fifty", function()
    start()
    assert.equal(SUCCESS, call(BIND, '{"userAccounts":["1003","2001"],"skillId":3,"agentWeight":4,"skillWeight":7}').body)
    local agents = server:agents(3)
    assert.same({ "1003", 4, 7 }, { agents[3].userAccount, agents[3].agentWeight, agents[3].skillWeight })
    assert.same({ "1002", 1, 1 }, { agents[2].userAccount, agents[2].agentWeight, agents[2].skillWeight })
    assert.equal("1001 1002 1003 2001", accounts(3))
    local names = {}
    for n = 1, 51 do names[n] = '"a' .. n .. '"' end
    local body = '{"userAccounts":[%s],"skillId":4,"agentWeight":1,"skillWeight":1}'
    assert.equal(400, call(BIND, body:format(table.concat(names, ","))).status)
    assert.equal(200, call(BIND, body:format(table.concat(names, ",", 1, 50))).status)
    assert.equal(50, #server:accounts(4))
    assert.equal(400, call(BIND, '{"userAccounts":["a"],"skillId":4,"agentWeight":0,"skillWeight":1}').status)
    assert.equal(400, call(BIND, '{"userAccounts":["a"],"skillId":4}').status)
  end)

  it("pages a queue from 0, with exact integers and an array even when there is nobody", function()
    local skill = 9007199254740991
    local heavy, hidden = { userAccount = "a", agentWeight = skill }, { userAccount = "d", hidden = true }
    start { agents = { [skill] = { "c", heavy, "b", hidden } } }
    local function page(id, size, number)
      return call(QUERY, ('{"requestParam":{"skillId":%s,"pageSize":%d,"pageNum":%d}}'):format(id, size, number))
    end
    local first = page("9007199254740991", 2, 0)
    assert.truthy(first.body:find('"agentWeight":9007199254740991,', 1, true))
    local reply = cjson.decode(first.body)
    assert.same({ "0", 3, "a", "b" }, { reply.resultCode, reply.count, reply.data[1].userAccount, reply.data[2].userAccount })
    reply = cjson.decode(page("9007199254740991", 2, 1).body)
    assert.same({ 1, "c" }, { #reply.data, reply.data[1].userAccount })
    assert.truthy(page("9007199254740991", 2, 2).body:find('"data":[]', 1, true))
    assert.truthy(page("5", 100, 0).body:find('"count":0,"data":[]', 1, true))
    assert.equal(400, page("5", 101, 0).status)
    assert.equal(400, call(QUERY, '{"requestParam":[]}').status)
  end)

  it("answers in every shape that is documented, and changes it where asked to", function()
    local flat = '{"skillId":3,"pageSize":100,"pageNum":0}'
    local wrapped = '{"requestParam":' .. flat .. "}"
    local agent = '{"workNo":101,"agentType":4,"agentWeight":1,"skillWeight":1,"accountName":"1001","sipAccount":"",'
    local done = '"resultCode":"0","resultMessage":"success"'
    start { schema = "data", agents = { [3] = { "1001" } } }
    assert.equal("{" .. done .. ',"schema":{"count":1,"data":[' .. agent .. '"userAccount":"1001"}]}}', call(QUERY, wrapped).body)
    server:shape { schema = "all", account_field = "accountCode", count_field = "total" }
    assert.equal('{"schema":{' .. done .. ',"total":1,"data":[' .. agent .. '"accountCode":"1001"}]}}', call(QUERY, flat).body)
    assert.equal('{"schema":{' .. done .. "}}", call(RELEASE, '{"skillId":3,"userAccounts":["nobody"]}').body)
    assert.truthy(http.login(server).body:find '^{"schema":{"AccessToken":"')
    server:shape { schema = "none", account_field = "none", numbers = "string" }
    assert.equal("{" .. done .. ',"total":"1","data":[' .. agent:gsub(":(%d+)", ':"%1"'):gsub(",$", "") .. "}]}",
      call(QUERY, flat).body)
    server:reset()
    assert.equal("{" .. done .. ',"schema":{"count":1,"data":[' .. agent .. '"userAccount":"1001"}]}}', call(QUERY, wrapped).body)
    assert.has_error(function() server:shape { schema = "half" } end)
    assert.has_error(function() server:shape { port = 1 } end)
  end)

  it("takes a listing's request in the forms that it is told to, and is strict or lenient with the other", function()
    local forms = { flat = '{"skillId":3,"pageSize":100,"pageNum":0}' }
    forms.wrapped = '{"requestParam":' .. forms.flat .. "}"
    start { agents = { [3] = { "1001" } } }
    for _, only in ipairs { "flat", "wrapped" } do
      local other = only == "flat" and "wrapped" or "flat"
      for wrong, status in pairs { ["400"] = 400, business = 500, empty = 200 } do
        server:shape { query_form = only, wrong_form = wrong }
        assert.equal(1, cjson.decode(call(QUERY, forms[only]).body).count)
        local refused = call(QUERY, forms[other])
        assert.equal(status, refused.status)
        if wrong == "empty" then assert.truthy(refused.body:find('"count":0,"data":[]', 1, true)) end
      end
    end
    server:shape { query_form = "both", wrong_form = "empty" }
    for _, form in pairs(forms) do assert.equal(1, cjson.decode(call(QUERY, form).body).count) end
    assert.equal(0, cjson.decode(call(QUERY, "{}").body).count)
  end)

  it("gives tokens at a port of their own, and there nothing else", function()
    start { token_port = 0 }
    local there = { port = server.token_port, tls = server.tls }
    assert.same({ 404, 200 }, { http.login(server).status, http.login(there).status })
    local headers = http.authorized(there)
    local body = '{"skillId":3,"userAccounts":["1001"]}'
    local here, elsewhere = http.send(server, RELEASE, body, headers), http.send(there, RELEASE, body, headers)
    assert.same({ 200, 404 }, { here.status, elsewhere.status })
    assert.equal(5, server:stats().requests)
    assert.is_nil(select(2, sandbox.start { token_port = server.port }).message:match "out of memory")
  end)

  it("knows paths and methods", function()
    start()
    assert.equal(404, call("/nowhere", "{}").status)
    local answer = http.send(server, RELEASE, "", http.authorized(server), "GET")
    assert.same({ 405, "POST" }, { answer.status, answer.headers.allow })
  end)

  it("lets nobody in without the right token, key and tenant", function()
    start { tenant_space_id = "t1", agents = { [3] = { "1001" } } }
    local good = http.authorized(server)
    local body = '{"skillId":3,"userAccounts":["1001"]}'
    local function status(...) return http.send(server, RELEASE, body, { ... }).status end
    assert.equal(401, status())
    assert.equal(401, status(good[1], good[2]))
    assert.equal(401, status(good[1], "X-TenantSpaceID: t1"))
    assert.equal(401, status(good[1], "x-app-key: other", "X-TenantSpaceID: t1"))
    assert.equal(401, status("Authorization: Bearer nonsense", good[2], "X-TenantSpaceID: t1"))
    assert.equal(401, status((good[1]:gsub("Bearer ", "Bearer  ")), good[2], "X-TenantSpaceID: t1"))
    assert.equal("1001", accounts(3))
    assert.equal(200, status(good[1], good[2], "X-TenantSpaceID: t1"))
  end)

  it("refuses accounts as a business failure, with nothing applied", function()
    for business, status in pairs { ["500"] = 500, ["200"] = 200 } do
      start { agents = { [3] = { "1001", "bad" } }, business = business, refuse_accounts = { bad = true } }
      local answer = call(RELEASE, '{"skillId":3,"userAccounts":["1001","bad"]}')
      assert.same({ status, "1" }, { answer.status, cjson.decode(answer.body).resultCode })
      assert.equal(status, call(BIND, '{"userAccounts":["bad"],"skillId":4,"agentWeight":1,"skillWeight":1}').status)
      assert.equal("1001 bad", accounts(3))
      assert.equal("", accounts(4))
      server:stop()
    end
    start { agents = { [3] = { "1001" } }, unknown_accounts = "refuse" }
    assert.equal(500, call(RELEASE, '{"skillId":3,"userAccounts":["1001","1002"]}').status)
    assert.equal("1001", accounts(3))
  end)
end)

describe("the user's side", function()
  it("logs what came, byte for byte", function()
    start()
    local connection = http.dial(server)
    http.write(connection, TOKEN, '{"app_key":"sandbox-key","app_secret":"\0\r\n"}', { "X-Twice: a", "X-Twice: b" })
    http.read(connection)
    http.write(connection, "/elsewhere", "two")
    http.read(connection)
    connection:close()
    http.send(server, RELEASE, "{}")
    local log = server:requests()
    assert.equal(3, #log)
    local first = log[1]
    assert.same({ 1, "token", "POST", TOKEN }, { first.n, first.operation, first.method, first.path })
    assert.equal('{"app_key":"sandbox-key","app_secret":"\0\r\n"}', first.body)
    assert.same({ "X-Twice", "a" }, first.headers[3])
    assert.same({ "X-Twice", "b" }, first.headers[4])
    assert.same({ "a, b", "localhost" }, { first.header["x-twice"], first.header.host })
    assert.equal(400, first.status)
    assert.same({ 404, "two" }, { log[2].status, log[2].body })
    assert.is_nil(log[2].operation)
    assert.same({ first.connection, first.connection + 1 }, { log[2].connection, log[3].connection })
    assert.is_true(log[1].time <= log[2].time and log[2].time <= log[3].time)
    assert.same({ connections = 2, requests = 3, in_flight = 0, max_in_flight = 1, held = 0 }, server:stats())
  end)

  it("changes who is bound without a request", function()
    start()
    server:bind(3, { "1004", { userAccount = "1001", agentWeight = 9 } })
    server:unbind(3, { "1002", "nobody" })
    assert.equal("1001 1003 1004", accounts(3))
    assert.equal(9, server:agents(3)[1].agentWeight)
    assert.same({}, server:requests())
  end)

  it("clears the log but not the queues, and resets everything", function()
    start()
    local headers = http.authorized(server)
    server:fault { status = 503, to = math.huge }
    assert.equal(503, http.send(server, RELEASE, '{"skillId":3,"userAccounts":["1001"]}', headers).status)
    server:clear()
    assert.equal(200, http.send(server, RELEASE, '{"skillId":3,"userAccounts":["1001"]}', headers).status)
    assert.equal("1002 1003", accounts(3))
    assert.equal(1, #server:requests())
    assert.is_true(server:wait_for { requests = 1 })
    server:reset()
    assert.equal("1001 1002 1003", accounts(3))
    assert.equal(401, http.send(server, RELEASE, '{"skillId":3,"userAccounts":["1001"]}', headers).status)
    server:reset { [4] = { "x" } }
    assert.same({ "", "x" }, { accounts(3), accounts(4) })
  end)

  it("says which argument is wrong", function()
    local function complains(text, f, ...)
      local good, message = pcall(f, ...)
      assert.is_false(good)
      assert.truthy(tostring(message):find(text, 1, true), tostring(message))
    end
    complains("unknown option 'prot'", sandbox.start, { prot = 1 })
    complains("port: expected an integer from 0 to 65535, got 70000", sandbox.start, { port = 70000 })
    complains("cert and key belong together", sandbox.start, { tls = true, cert = "x" })
    local weightless = { userAccount = "b", agentWeight = 0 }
    complains("agents[2]: agentWeight: expected", sandbox.start, { agents = { [3] = { "a", weightless } } })
    complains("skill_id: expected an integer", sandbox.start, { agents = { x = {} } })
    start()
    complains("unknown option 'stauts'", server.fault, server, { stauts = 500 })
    complains("operation: expected", server.fault, server, { operation = "delete" })
    complains("Content-Length is the server's own", server.fault, server, { headers = { ["Content-Length"] = "3" } })
    complains("accounts[1]: expected a string", server.unbind, server, 3, { 1001 })
    complains("timeout: expected", server.wait_for, server, { timeout = "x" })
    server:stop()
    complains("it is stopped", server.requests, server)
  end)

  it("returns nil and an error when it cannot start", function()
    start()
    for kind, row in pairs {
      network = { "cannot start: .", { port = server.port }, { tls = true, cert = "nonsense", key = "nonsense" } },
      config = { "cannot make a certificate: .", { tls = true, certificate = { addresses = { "nonsense" } } } },
    } do
      for n = 2, #row do
        local other, err = sandbox.start(row[n])
        assert.same({ nil, kind }, { other, err.kind })
        assert.matches("^sandbox: " .. row[1], err.message)
      end
    end
  end)

  it("says what it has been waiting for", function()
    start()
    local good, err = server:wait_for { requests = 2, timeout = 0 }
    assert.same({ nil, "timeout" }, { good, err.kind })
    assert.equal("sandbox: waited 0 s for 2 requests and 0 held; there are 0 and 0", err.message)
  end)

  it("leaves out what an agent's queues are, where it is told to", function()
    start { agents = { [3] = { "1001" }, [4] = { "1001" } }, omit_skills = { ["1001"] = { 4 } } }
    local client = assert(server:client())
    local told = assert(client:query_agent "1001")
    assert.same({ 1, 3, 2 }, { #told.skills, told.skills[1].skillId, #server:queues_of "1001" })
    client:close()
  end)
end)
