-- The headers of a caller's that may go on to the API (aicc.forward): none by which it would say who it is, or what it sends.

local aicc = require "aicc"
local core = require "aicc.core"
local curl = require "aicc.curl"
local forward = require "aicc.forward"
local loop = require "aicc.loop"
local sandbox = require "aicc.sandbox"

local function assert_refused(name)
  local names, problem = forward.names("X-Request-Id, " .. name)
  assert.is_nil(names, name)
  assert.equal(("forward_headers: '%s' is not a caller's to give"):format(name), problem)
end

it("what a request has itself is nobody's to give, in whatever spelling", function()
  for _, name in ipairs {
    "Authorization", "X-App-Key", "x_app_key", "X-TenantSpaceID", "X-Token-Expire", "Host", "HOST", "Content-Length",
    "content_length", "Transfer-Encoding", "Transfer_Encoding", "Content-Type", "Content-Encoding", "User-Agent", "Connection",
    "Proxy-Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Expect", "Accept", "Accept-Encoding", "Cookie", "Range",
    "Proxy-Authorization", "X-Aicc-Connection", "x_aicc_timeout", "X-Aicc-Ends", "X-Aicc-Egress", "X-Aicc-",
  } do
    assert_refused(name)
  end
  assert.same({ ["x-request-id"] = true, traceparent = true }, forward.names " X-Request-Id,traceparent  ")
  assert.same({}, forward.names(nil))
  assert.same({}, forward.names " , ")
end)

it("no header of any request of ours can be listed", function()
  local arguments = {
    token = { app_key = "app-key", app_secret = "secret", expires = 3600 }, query_agents = { skillId = 3 },
    release_agent_by_skill = { skillId = 3, userAccounts = { "1" } },
    bind_agents = { skillId = 3, userAccounts = { "1" } },
  }
  local seen = {}
  for operation, given in pairs(arguments) do
    local encoded = assert(core.encode(operation, given, {
      token = operation ~= "token" and "t" or nil, app_key = "app-key", app_secret = "secret", tenant_space_id = "5",
      user_agent = "a",
    }))
    for name in pairs(encoded.headers) do
      assert_refused(name)
      seen[name:lower()] = true
    end
  end
  for _, name in ipairs { "authorization", "x-app-key", "x-tenantspaceid", "user-agent", "content-type", "x-token-expire" } do
    assert.is_true(seen[name], name)
  end
end)

it("what is no header's name is told", function()
  for _, name in ipairs { "a:b", "a;b", "ä", "a\0b", "a\127" } do
    assert.equal(("forward_headers: '%s' is no header's name"):format(name), select(2, forward.names(name)))
  end
end)

it("only what is listed goes, and on one line", function()
  local names = forward.names "X-Request-Id"
  assert.same({ ["x-request-id"] = "a b" }, forward.read({ ["x-request-id"] = "a b" }, names))
  for _, value in ipairs { "", " a", "a\r\nAuthorization: b", "a\0", "ä", ("x"):rep(513) } do
    assert.same({ [2] = "headers['X-Request-Id']: expected 1 to 512 visible ASCII characters" },
      { forward.read({ ["X-Request-Id"] = value }, names) }, value)
  end
  assert.is_table(forward.read({ ["X-REQUEST-ID"] = ("x"):rep(512) }, names))
  for misuse, headers in pairs {
    ["headers: 'Authorization' is not among the client's forward_headers"] = { Authorization = "a" },
    ["headers: '1' is not among the client's forward_headers"] = { "a" },
    ["headers: expected a table, got string"] = "a",
    ["headers: 'x-request-id' comes twice"] = { ["X-Request-Id"] = "a", ["x-request-id"] = "a" },
    ["headers['X-Request-Id']: expected a string, got number"] = { ["X-Request-Id"] = 1 },
  } do
    assert.same({ [3] = misuse }, { forward.read(headers, names) })
  end
end)

describe("through libcurl", function()
  local PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
  local server

  before_each(function() server = assert(sandbox.start { agents = { [3] = { "1001" } } }) end)
  after_each(function() server:stop() end)

  it("they go with each request of the call, but not with the token's, and with no other call", function()
    local client = assert(server:client { forward_headers = "traceparent X-Request-Id" })
    assert.is_true(client.transport.forwards)
    local options = { headers = { traceparent = PARENT, ["x-request-id"] = "a b" } }
    server:fault { operation = "release_agent_by_skill", close = "request", to = 2 } -- so that a listing settles it
    assert(client:release_agent_by_skill(3, { "1001" }, options))
    loop.spawn(function() assert(client:query_agents(3, options)) end)
    loop.run()
    local sent = server:requests()
    assert.truthy(#sent >= 4)
    for _, request in ipairs(sent) do
      local is_token = request.operation == "token"
      assert.same({ not is_token and PARENT or nil, not is_token and "a b" or nil }, {
        request.header.traceparent, request.header["x-request-id"],
      }, request.operation)
      assert.equal(is_token and 0 or 1, select(2, (request.header.authorization or ""):gsub("Bearer", "")))
    end
    server:clear()
    assert(client:query_agents(3)) -- the headers that the session keeps for its token are without them
    assert.is_nil(server:requests()[1].header.traceparent)
    client:close()
  end)

  it("what becomes of the caller's table while a call is under way goes nowhere", function()
    local headers = { traceparent = PARENT }
    local function on_event(event)
      if event.type == "retry" then headers.traceparent, headers["X-Other"] = "a\r\nAuthorization: b", "c" end
    end
    local client = assert(server:client {
      forward_headers = "traceparent", on_event = on_event, random = function() return 0 end,
    })
    server:fault { operation = "query_agents", status = 503 }
    assert(client:query_agents(3, { headers = headers }))
    local sent = server:requests()
    assert.equal(3, #sent)
    for i = 2, 3 do assert.same({ PARENT, nil }, { sent[i].header.traceparent, sent[i].header["x-other"] }) end
    client:close()
  end)

  it("what is not listed, or not a caller's to give, sends nothing", function()
    local client = assert(server:client { forward_headers = "traceparent" })
    local function of(headers) return function() client:release_agent_by_skill(3, { "1001" }, { headers = headers }) end end
    assert.is_false(pcall(of { Authorization = "Bearer x" }))
    assert.is_false(pcall(of { ["X-Request-Id"] = "x" }))
    local _, err = client:release_agent_by_skill(3, { "1001" }, { headers = { traceparent = "a\r\nAuthorization: b" } })
    assert.same({ "argument", "not_sent" }, { err.kind, err.outcome })
    assert.is_nil(aicc.new { base_url = server.base_url, app_key = "app-key", app_secret = "secret",
      forward_headers = "Authorization" })
    client:close()
    assert.equal(0, #server:requests())
  end)

  it("a session refuses what would replace its own, and what is no header", function()
    local session = assert(curl.session { base_url = server.base_url, app_key = "app-key" })
    local arguments = { skillId = 3, userAccounts = { "1001" } }
    for said, headers in pairs {
      ["'AUTHORIZATION' is not a caller's to give"] = { AUTHORIZATION = "a" }, ["'x_app_key' is not"] = { x_app_key = "a" },
      ["'Content-length' is not"] = { ["Content-length"] = "9" }, ["headers['T']: expected 1 to 512"] = { T = "a\r\nb: c" },
      ["expected names of"] = { ["a: b\r\nc"] = "d" }, ["headers['U']: expected"] = { U = 5 }, ["headers['V']"] = { V = "" },
    } do
      local _, problem = pcall(session.release_agent_by_skill, session, "token", arguments, { headers = headers })
      assert.truthy(tostring(problem):find(said, 1, true), tostring(problem))
    end
    assert.equal(0, #server:requests())
    session:release_agent_by_skill("token", arguments, { headers = { T = "x" } })
    session:release_agent_by_skill("token", arguments, 5, 5, { T = "y" })
    local sent = server:requests()
    assert.same({ "x", "y" }, { sent[1].header.t, sent[2].header.t })
    session:close()
  end)
end)
