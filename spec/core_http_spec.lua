-- A request's bytes and what an answer's mean, for hosts that move them: core.http_request, http_head, http_result.

local core = require "aicc.core"

local WHO = {
  app_key = "key-01", tenant_space_id = "space-7", user_agent = "night job",
  authority = "host:8443", prefix = "/a", version = "1.0",
}

local ARGUMENTS = {
  token = { app_key = "key-01", app_secret = "s3cret-0816", expires = 600 },
  release_agent_by_skill = { skillId = 3, userAccounts = { "a", "b" } },
  bind_agents = { skillId = 4, userAccounts = { "x1" }, agentWeight = 2 },
  query_agents = { skillId = 3, pageNum = 1 },
}

describe("core.http_request", function()
  it("has the path, headers and body of core.encode, and what its caller adds", function()
    for operation, arguments in pairs(ARGUMENTS) do
      local token = operation ~= "token" and "token-1" or nil
      local encoded = assert(core.encode(operation, arguments, {
        token = token, app_key = WHO.app_key, tenant_space_id = WHO.tenant_space_id, user_agent = WHO.user_agent,
      }))
      local bytes = assert(core.http_request(operation, arguments, token, WHO, "X-A: 1\r\nX-B: 2\r\n"))
      local first, lines, body = bytes:match "^([^\r\n]*)\r\n(.-\r\n)\r\n(.*)$"
      assert.equal("POST /a" .. encoded.path .. " HTTP/1.0", first)
      assert.equal(encoded.body, body)
      local expected, found = { "Host: host:8443", "X-A: 1", "X-B: 2", "Content-Length: " .. #body }, {}
      for name, value in pairs(encoded.headers) do expected[#expected + 1] = name .. ": " .. value end
      for line in lines:gmatch "([^\r\n]*)\r\n" do found[#found + 1] = line end
      table.sort(expected)
      table.sort(found)
      assert.same(expected, found)
    end
  end)

  it("writes the empty list for core.ALL, and refuses it else", function()
    local all = core.http_request("release_agent_by_skill", { skillId = 3, userAccounts = core.ALL }, "t", WHO)
    assert.equal('{"skillId":3,"userAccounts":[]}', all:match "\r\n\r\n(.*)$")
    local bytes, err = core.http_request("release_agent_by_skill", { skillId = 3, userAccounts = {} }, "t", WHO)
    assert.is_nil(bytes)
    assert.same({ "guard", "not_sent" }, { err.kind, err.outcome })
  end)

  it("lets no token, key, tenant or agent into a header that cannot stand there, and shows none", function()
    for field, value in pairs { token = "a b", app_key = "k\r\nX: 1", tenant_space_id = "", user_agent = "a\nb" } do
      local who, token = {}, "t"
      for name, good in pairs(WHO) do who[name] = good end
      if field == "token" then token = value else who[field] = value end
      local bytes, err = core.http_request("query_agents", { skillId = 3 }, token, who)
      assert.is_nil(bytes)
      assert.same({ "argument", field .. ": expected 1 to 4096 visible ASCII characters" }, { err.kind, err.message })
    end
    assert.error_matches(function() core.http_request("query_agents", { skillId = 3 }, nil, WHO) end, "expected a token")
    assert.error_matches(function() core.http_request("query_agents", { skillId = 3 }, "t") end, "table expected")
    assert.error_matches(function() core.http_request("query_agents", { skillId = 3 }, "t", { app_key = 1 }) end,
      "app_key: expected a string")
  end)
end)

describe("core.http_head", function()
  local function head(text) return { core.http_head(text) } end

  it("tells status, size, length, progress, chunks and whether the connection is kept", function()
    local text = "HTTP/1.1 200 OK\r\nConnection: Keep-Alive\r\ncontent-LENGTH:  44 \r\nX-Aicc-Egress: answered\r\n\r\n"
    assert.same({ 200, #text, 44, "answered", false, true }, head(text .. "body"))
    assert.same({ 503, 22, nil, nil, false, false }, head "HTTP/1.0 503 \r\nA:b\r\n\r\n")
    assert.same({ 200, 50, nil, nil, true, false }, head "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\nB: \r\n\r\n")
  end)

  it("tells no length that is none, and 0 for what has no body", function()
    for _, length in ipairs { "", "-1", "0x10", "1e3", "4 4", "9999999999999999" } do
      assert.is_nil(head("HTTP/1.1 200 OK\r\nContent-Length: " .. length .. "\r\n\r\n")[3], length)
    end
    for _, status in ipairs { 100, 204, 304 } do
      assert.equal(0, head("HTTP/1.1 " .. status .. " A\r\nContent-Length: 5\r\n\r\n")[3])
    end
  end)

  it("is nil while the head has not come, and false where that is none", function()
    local text = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
    for size = 0, #text - 1 do assert.same({ nil }, head(text:sub(1, size))) end
    for _, other in ipairs {
      "HTTP/2 200 OK\r\n\r\n", "HTTP/1.2 200 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "\r\n\r\n",
      "HTTP/1.1 050 OK\r\n\r\n", "HTTP/1.1 000 OK\r\n\r\n",
      "http/1.1 200 OK\r\n\r\n", "SSH-2.0-a\r\n\r\n",
    } do
      assert.same({ false }, head(other), other)
    end
  end)
end)

describe("core.http_result", function()
  local HEAD = "HTTP/1.1 %d OK\r\nDate: Thu, 26 Nov 2026 06:45:34 GMT\r\n%s\r\n"

  local function result(status, body, headers, is_cut)
    return core.http_result("release_agent_by_skill", HEAD:format(status, headers or "") .. body, is_cut, "token-0816", {
      app_key = "key-0816", app_secret = "s3cret-0816",
    })
  end

  it("is as core.decode's", function()
    assert.equal("0", result(200, '{"resultCode":"0"}').resultCode)
    for _, case in ipairs {
      { 200, '{"resultCode":"1","resultMessage":"no"}' }, { 429, "", "Retry-After: 7\r\n" }, { 503, "<html>" }, { 401, "{}" },
      { 503, "", "Retry-After: Thu, 26 Nov 2026 06:45:54 GMT\r\n" },
    } do
      local _, err = result(case[1], case[2], case[3])
      local _, expected = core.decode("release_agent_by_skill", {
        status = case[1], body = case[2], headers = {
          date = "Thu, 26 Nov 2026 06:45:34 GMT", ["retry-after"] = case[3] and case[3]:match ": (.*)\r\n",
        },
      }, { token = "token-0816", app_key = "key-0816", app_secret = "s3cret-0816" })
      assert.same(expected, err)
    end
    assert.equal(7, select(2, result(429, "", "retry-after: 7\r\n")).retry_after)
    assert.equal(20, select(2, result(503, "", "Retry-After: Thu, 26 Nov 2026 06:45:54 GMT\r\n")).retry_after)
  end)

  it("is none of what was cut short", function()
    local _, err = result(200, '{"resultCode":"0"}', nil, true)
    assert.same({ "protocol", "unknown", true }, { err.kind, err.outcome, err.truncated })
  end)

  it("shows no secret", function()
    local _, err = result(200, '{"resultCode":"7","resultMessage":"token-0816 key-0816 s3cret-0816"}')
    assert.equal("business", err.kind)
    for _, value in pairs(err) do assert.falsy(tostring(value):find("0816", 1, true), tostring(value)) end
  end)

  it("raises for what is no answer", function()
    assert.error_matches(function() core.http_result("query_agents", "no", false, "t", WHO) end, "expected an answer")
  end)
end)
