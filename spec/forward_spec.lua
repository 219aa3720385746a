-- The headers of a caller's that may go on to the API (aicc.forward): none by which it would say who it is, or what it sends.

local core = require "aicc.core"
local forward = require "aicc.forward"

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
    token = { app_key = "k", app_secret = "s", expires = 3600 }, query_agents = { skillId = 3 },
    release_agent_by_skill = { skillId = 3, userAccounts = { "1" } },
    bind_agents = { skillId = 3, userAccounts = { "1" } },
  }
  local seen = {}
  for operation, given in pairs(arguments) do
    local encoded = assert(core.encode(operation, given, {
      token = operation ~= "token" and "t" or nil, app_key = "k", app_secret = "s", tenant_space_id = "5", user_agent = "a",
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
  assert.is_nil(forward.problem({ ["x-request-id"] = "a b" }, names))
  for _, value in ipairs { "", " a", "a\r\nAuthorization: b", "a\0", "ä", ("x"):rep(513) } do
    assert.equal("headers['X-Request-Id']: expected 1 to 512 visible ASCII characters",
      forward.problem({ ["X-Request-Id"] = value }, names), value)
  end
  assert.is_nil(forward.problem({ ["X-REQUEST-ID"] = ("x"):rep(512) }, names))
  for misuse, headers in pairs {
    ["headers: 'Authorization' is not among the client's forward_headers"] = { Authorization = "a" },
    ["headers: '1' is not among the client's forward_headers"] = { "a" },
    ["headers: expected a table, got string"] = "a",
    ["headers['X-Request-Id']: expected a string, got number"] = { ["X-Request-Id"] = 1 },
  } do
    assert.same({ [2] = misuse }, { forward.problem(headers, names) })
  end
end)
