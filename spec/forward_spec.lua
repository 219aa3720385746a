-- The headers of a caller's that may go on to the API (aicc.forward): none by which it would say who it is, or what it sends.

local forward = require "aicc.forward"

it("what a request has itself is nobody's to give, in whatever spelling", function()
  for _, name in ipairs {
    "Authorization", "X-App-Key", "x_app_key", "X-TenantSpaceID", "Host", "HOST", "Content-Length", "content_length",
    "Transfer-Encoding", "Transfer_Encoding", "Content-Type", "User-Agent", "Connection", "TE", "Upgrade", "Expect", "Cookie",
    "Proxy-Authorization", "X-Aicc-Connection", "x_aicc_timeout", "X-Aicc-",
  } do
    local names, problem = forward.names("X-Request-Id, " .. name)
    assert.is_nil(names, name)
    assert.equal(("forward_headers: '%s' is not a caller's to give"):format(name), problem)
  end
  for _, name in ipairs { "a:b", "a;b", "ä", "a\0b" } do
    assert.truthy(select(2, forward.names(name)):find("is no header's name", 1, true), name)
  end
  assert.same({ ["x-request-id"] = true, traceparent = true }, forward.names " X-Request-Id,traceparent  ")
  assert.same({}, forward.names(nil))
end)

it("only what is listed goes, and on one line", function()
  local names = forward.names "X-Request-Id"
  assert.is_nil(forward.problem({ ["x-request-id"] = "a b" }, names))
  for _, value in ipairs { "", " a", "a\r\nAuthorization: b", "a\0", "ä", ("x"):rep(513) } do
    assert.truthy(forward.problem({ ["X-Request-Id"] = value }, names), value)
  end
  for _, headers in ipairs { { Authorization = "a" }, { "a" }, "a", { ["X-Request-Id"] = 1 } } do
    local _, misuse = forward.problem(headers, names)
    assert.truthy(misuse)
  end
end)
