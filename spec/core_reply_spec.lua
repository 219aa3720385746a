-- What a reply means (doc/semantics.md, sections 2 and 3): a result, or an error with what the server may have done. First as
-- a table over core.decode, then the caps over a real connection. `core_scrub_spec` has what an error must not show.

local core = require "aicc.curl"
local sandbox = require "aicc.sandbox"

local RELEASE, QUERY = "release_agent_by_skill", "query_agents"
local GOOD = '{"resultCode":"0","resultMessage":"success"}'
local BAD = '{"resultCode":"1","resultMessage":"no such skill"}'
local HTML = "<html>Request blocked</html>"

local function nested(depth) return '{"resultCode":"0","x":' .. ("["):rep(depth - 1) .. ("]"):rep(depth - 1) .. "}" end

local function decode(operation, status, body, headers, truncated)
  return core.decode(operation, { status = status, body = body, headers = headers, truncated = truncated })
end

describe("a reply is an error", function()
  -- { operation, status, body, kind, outcome, retryable, headers }
  for _, case in ipairs {
    { RELEASE, 200, BAD, "business", "rejected", false }, { RELEASE, 200, '{"resultCode":1}', "business", "rejected", false },
    { RELEASE, 200, '{"resultCode":"00"}', "business", "rejected", false }, { "token", 200, BAD, "business", "rejected", false },
    { RELEASE, 200, '{"resultCode":""}', "business", "rejected", false },
    { RELEASE, 500, BAD, "business", "rejected", false }, { QUERY, 500, BAD, "business", "rejected", false },
    { RELEASE, 500, "", "server", "unknown", true }, { RELEASE, 500, HTML, "server", "unknown", true },
    { RELEASE, 500, "{}", "server", "unknown", true },
    { RELEASE, 502, HTML, "server", "unknown", true }, { RELEASE, 503, "", "server", "unknown", true },
    { RELEASE, 504, BAD, "server", "unknown", true }, { RELEASE, 501, "", "server", "unknown", false },
    { RELEASE, 505, "", "server", "unknown", false }, { RELEASE, 599, "", "server", "unknown", false },
    { RELEASE, 503, "", "server", "rejected", true, { ["Retry-After"] = "5" } },
    { RELEASE, 502, "", "server", "unknown", true, { ["Retry-After"] = "5" } },
    { RELEASE, 503, "", "server", "unknown", true, { ["Retry-After"] = "soon" } },
    { RELEASE, 400, BAD, "bad_request", "rejected", false }, { RELEASE, 400, HTML, "bad_request", "rejected", false },
    { RELEASE, 401, "", "auth", "rejected", false }, { "token", 401, BAD, "auth", "rejected", false },
    { RELEASE, 403, BAD, "forbidden", "rejected", false }, { RELEASE, 403, HTML, "blocked", "rejected", false },
    { RELEASE, 403, "", "blocked", "rejected", false }, { RELEASE, 404, HTML, "not_found", "rejected", false },
    { RELEASE, 413, HTML, "too_large", "rejected", false }, { RELEASE, 429, "", "throttled", "rejected", true },
    { RELEASE, 408, "", "http", "unknown", true }, { RELEASE, 425, "", "http", "unknown", true },
    { RELEASE, 405, "", "http", "rejected", false }, { RELEASE, 418, GOOD, "blocked", "rejected", false },
    { RELEASE, 418, HTML, "blocked", "rejected", false },
    { RELEASE, 300, "", "redirect", "rejected", false }, { RELEASE, 301, GOOD, "redirect", "rejected", false },
    { RELEASE, 302, "", "redirect", "rejected", false }, { RELEASE, 307, "", "redirect", "rejected", false },
    { RELEASE, 201, GOOD, "http", "unknown", false }, { RELEASE, 204, "", "http", "unknown", false },
    { RELEASE, 600, "", "http", "unknown", false }, { RELEASE, 999, "", "http", "unknown", false },
    { RELEASE, 200, "", "protocol", "unknown", false }, { RELEASE, 200, HTML, "protocol", "unknown", false },
    { RELEASE, 200, "{}", "protocol", "unknown", false },
    { RELEASE, 200, GOOD .. "\0", "protocol", "unknown", false }, { RELEASE, 200, GOOD .. "\0x", "protocol", "unknown", false },
    { RELEASE, 200, GOOD .. "x", "protocol", "unknown", false }, { RELEASE, 200, GOOD .. GOOD, "protocol", "unknown", false },
    { QUERY, 200, '{"resultCode":"0","count":0,"data":[]}\0,1]}', "protocol", "unknown", true },
    { "token", 200, '{"AccessToken":"t"}\0', "protocol", "unknown", true },
    { RELEASE, 200, '{"resultMessage":"success"}', "protocol", "unknown", false },
    { RELEASE, 200, '{"resultCode":null}', "protocol", "unknown", false },
    { RELEASE, 200, '{"resultCode":true}', "protocol", "unknown", false },
    { RELEASE, 200, '{"resultCode":["0"]}', "protocol", "unknown", false },
    { RELEASE, 200, "[]", "protocol", "unknown", false }, { RELEASE, 200, '["resultCode","0"]', "protocol", "unknown", false },
    { RELEASE, 200, '"0"', "protocol", "unknown", false }, { RELEASE, 200, "0", "protocol", "unknown", false },
    { RELEASE, 200, "null", "protocol", "unknown", false }, { RELEASE, 200, GOOD:sub(1, -2), "protocol", "unknown", false },
    { RELEASE, 200, GOOD .. "x", "protocol", "unknown", false }, { RELEASE, 200, GOOD .. GOOD, "protocol", "unknown", false },
    { RELEASE, 200, "\239\187\191", "protocol", "unknown", false },
    { RELEASE, 200, '{"resultCode":"0","x":NaN}', "protocol", "unknown", false },
    { RELEASE, 200, '{"resultCode":"0","x":0x10}', "protocol", "unknown", false },
    { RELEASE, 200, nested(33), "protocol", "unknown", false }, { RELEASE, 200, nested(100000), "protocol", "unknown", false },
    { RELEASE, 200, ("["):rep(100000), "protocol", "unknown", false },
    { "bind_agents", 200, "", "protocol", "unknown", false }, { QUERY, 200, "", "protocol", "unknown", true },
    { QUERY, 200, GOOD, "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":1}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":"1x","data":[]}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":"","data":[]}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":-1,"data":[]}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":0.5,"data":[]}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":1e999,"data":[]}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":0,"total":true,"data":[]}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":0,"data":[null]}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":1,"data":[{"userAccount":"1001"},null]}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":1,"data":[{"accountCode":1001}]}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":1,"data":[{"userAccount":"a","accountCode":["b"]}]}', "protocol", "unknown", true },
    { QUERY, 200, '{"count":0,"data":[]}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":true,"count":1,"data":[{"userAccount":"1001"}]}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","schema":{"resultCode":"1","count":0,"data":[]}}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":0,"data":[],"schema":{"count":1}}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":0,"data":[],"schema":{"data":[]}}', "protocol", "unknown", true },
    { RELEASE, 200, '{"resultCode":"0","schema":{"resultCode":"1"}}', "protocol", "unknown", false },
    { RELEASE, 200, '{"schema":{"resultMessage":"success"}}', "protocol", "unknown", false },
    { RELEASE, 200, '{"resultCode":"1","resultCode":"0"}', "protocol", "unknown", false },
    { RELEASE, 200, '{"resultCode":"1","result\\u0043ode":"0"}', "protocol", "unknown", false },
    { RELEASE, 200, '{"resultCode":"0","resultCode":"0"}', "protocol", "unknown", false },
    { RELEASE, 500, '{"resultCode":"0","resultCode":"1"}', "server", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":1,"count":0,"data":[]}', "protocol", "unknown", true },
    { QUERY, 200, '{"resultCode":"0","count":1,"data":[{"userAccount":"a","userAccount":"b"}]}', "protocol", "unknown", true },
    { RELEASE, 200, '{"schema":{"resultCode":"1","resultMessage":"no"}}', "business", "rejected", false },
    { RELEASE, 500, '{"schema":{"resultCode":"1","resultMessage":"no"}}', "business", "rejected", false },
    { "bind_agents", 200, '{"resultMessage":"success"}', "protocol", "unknown", false },
    { "bind_agents", 200, '{"schema":{}}', "protocol", "unknown", false },
    { "token", 200, GOOD, "protocol", "unknown", true }, { "token", 200, "", "protocol", "unknown", true },
    { "token", 200, '{"AccessToken":""}', "protocol", "unknown", true },
    { "token", 200, '{"AccessToken":5}', "protocol", "unknown", true },
    { "token", 200, '{"AccessToken":"a b"}', "protocol", "unknown", true },
    { "token", 200, '{"AccessToken":"a\\r\\nX-Evil: 1"}', "protocol", "unknown", true },
    { "token", 200, '{"AccessToken":"a\\u0000b"}', "protocol", "unknown", true },
    { "token", 200, '{"AccessToken":"' .. ("t"):rep(4097) .. '"}', "protocol", "unknown", true },
  } do
    local operation, status, body, kind, outcome, retryable, headers = table.unpack(case, 1, 7)
    it(("%s: %s %d %s"):format(kind, operation, status, body:sub(1, 60)), function()
      local result, err = decode(operation, status, body, headers)
      assert.is_nil(result)
      assert.same({ kind, outcome, retryable, status, operation },
        { err.kind, err.outcome, err.retryable, err.status, err.operation })
      assert.is_true(#err.message > 0 and not err.message:find "%c")
      assert.equal("aicc: " .. operation .. ": " .. err.message .. " [" .. kind .. ", " .. outcome .. "]", tostring(err))
      assert.equal(core.error_meta, getmetatable(err))
    end)
  end

  it("with the server's own words, on one line and cut to size", function()
    local _, err = decode(RELEASE, 200, '{"resultCode":1007,"resultMessage":"line 1\\r\\nline 2' .. ("x"):rep(2000) .. '"}')
    assert.same({ "1007", "line 1  line 2" }, { err.result_code, err.result_message:sub(1, 14) })
    assert.same({ 512, 512 }, { #err.result_message, #err.body })
    assert.is_true(#err.message < 512)
    _, err = decode(RELEASE, 400, BAD)
    assert.truthy(err.message:find("no such skill", 1, true))
    assert.same({ "1", "no such skill", BAD }, { err.result_code, err.result_message, err.body })
  end)

  -- Databases refuse what is no UTF-8, and terminals obey control characters.
  it("with words that are whole characters on one line, wherever they are cut", function()
    for shift = 0, 2 do
      local words = ("x"):rep(shift) .. ("座席不存在"):rep(40)
      local _, err = decode(RELEASE, 500, ('{"resultCode":"%s","resultMessage":"%s"}'):format(words, words))
      for _, name in ipairs { "message", "result_code", "result_message", "body" } do
        assert.is_true(#err[name] > 400 and #err[name] <= 512, name)
        assert.is_nil(err[name]:gsub("[\228-\233][\128-\191][\128-\191]", ""):find "[?\128-\255]", name)
      end
      assert.equal(words:sub(1, #err.result_message), err.result_message)
    end
    local _, err = decode(RELEASE, 500, '{"resultCode":"1","resultMessage":"a\\u0007b\\u009b2Jc\\u007f\228d\255é"}')
    assert.equal("a b  2Jc ?d?é", err.result_message)
    assert.equal("resultCode 1: a b  2Jc ?d?é (check the values of the parameters)", err.message)
    assert.equal("座席", core.printable("座席不", 8))
    assert.equal("座席不", core.printable("座席不", 9))
    assert.equal("", core.printable("座", 2))
    assert.equal("???", core.printable("\228\228\228\228", 3))
  end)

  it("that names both causes of a 403 and a 418", function()
    for _, case in ipairs { { 403, HTML }, { 403, "{}" }, { 418, "" } } do
      local _, err = decode(RELEASE, case[1], case[2])
      assert.truthy(err.message:find("address to be allow-listed, and check the app key's kind (a UUID is wanted)", 1, true))
    end
  end)

  it("cut short, whatever it says", function()
    for _, status in ipairs { 200, 400, 500 } do
      local result, err = decode(RELEASE, status, GOOD, nil, true)
      assert.same({ nil, "protocol", "unknown", true, true }, { result, err.kind, err.outcome, err.retryable, err.truncated })
    end
  end)
end)

describe("a reply is a result", function()
  -- { operation, body, result }
  for _, case in ipairs {
    { RELEASE, GOOD, { resultCode = "0", resultMessage = "success" } }, { RELEASE, '{"resultCode":"0"}', { resultCode = "0" } },
    { RELEASE, '{"resultCode":0}', { resultCode = 0 } },
    { RELEASE, "\239\187\191" .. '{"resultCode":"0"}', { resultCode = "0" } },
    { RELEASE, ' \r\n{"resultCode":"0"}\n', { resultCode = "0" } },
    { RELEASE, '{"resultCode":"0","a":null,"b":{"c":null,"d":1}}', { resultCode = "0", b = { d = 1 } } },
    { RELEASE, '{"resultCode":"0","a:\\":":[":\\\\",{"1":2,"":[]}],"b" : 1}',
      { resultCode = "0", ['a:":'] = { ":\\", { ["1"] = 2, [""] = {} } }, b = 1 } },
    { QUERY, '{"resultCode":"0","count":0,"data":[]}', { resultCode = "0", count = 0, data = {} } },
    { QUERY, '{"resultCode":"0","schema":{"count":1,"data":[{"workNo":7}]}}',
      { resultCode = "0", count = 1, data = { { workNo = 7 } } } },
    { RELEASE, '{"resultCode":"0","schema":{"resultCode":0}}', { resultCode = "0" } },
    { RELEASE, '{"schema":{"resultCode":"0","resultMessage":"success"}}', { resultCode = "0", resultMessage = "success" } },
    { "token", '{"schema":{"AccessToken":"t","Expires":"600"}}', { AccessToken = "t", Expires = "600" } },
    { QUERY, '{"resultCode":"0","schema":{"resultCode":"0","total":"0","data":[]}}',
      { resultCode = "0", total = "0", count = 0, data = {} } },
    { QUERY, '{"resultCode":"0","count":1,"total":"3","data":[]}', { resultCode = "0", count = 3, total = "3", data = {} } },
    { QUERY, '{"count":1,"data":[{"userAccount":"1001"}]}', { count = 1, data = { { userAccount = "1001" } } } },
    { QUERY, '{"resultCode":"0","count":"4","data":[{"accountCode":"a","workNo":"107","agentType":"4","agentWeight":"2",' ..
      '"skillWeight":"3"},{"userAccount":"","accountCode":"b","agentWeight":"x"},{"userAccount":"c","accountCode":"d"},' ..
      '{"userAccount":"","accountCode":null}]}',
      { resultCode = "0", count = 4, data = {
        { userAccount = "a", workNo = 107, agentType = 4, agentWeight = 2, skillWeight = 3 },
        { userAccount = "b", agentWeight = "x" }, { userAccount = "c", accountCode = "d" }, {},
      } } },
    { "token", '{"AccessToken":"t","Expires":"600"}', { AccessToken = "t", Expires = "600" } },
  } do
    it(case[1] .. " " .. case[2], function() assert.same(case[3], decode(case[1], 200, case[2])) end)
  end

  it("in which integers are integers, as large as they come", function()
    local result = decode(RELEASE, 200, '{"resultCode":"0","a":4294967299,"b":9007199254740991,"c":1e3,"d":1.5,"e":-7,"f":1e300}')
    assert.same({ 4294967299, 9007199254740991, 1000 }, { result.a, result.b, result.c })
    assert.same({ 1.5, -7, 1e300 }, { result.d, result.e, result.f })
    for name, kind in pairs { a = "integer", b = "integer", c = "integer", d = "float", e = "integer", f = "float" } do
      assert.equal(kind, math.type and math.type(result[name]) or kind, name)
    end
  end)

  it("nested 32 deep", function() assert(decode(RELEASE, 200, nested(32))) end)
end)

describe("Retry-After", function()
  local NOON, DATE = "Mon, 06 Jul 2026 12:00:00 GMT", "Mon, 06 Jul 2026 11:59:30 GMT"

  for _, case in ipairs {
    { "7", 7 }, { "0", 0 }, { "0007", 7 }, { "soon" }, { "" }, { "-1" }, { "7 s" }, { "1.5", 2 }, { "1.0", 1 },
    { "0.0001", 1 }, { "1." }, { ".5" }, { "1.5.0" }, { "1e3" }, { "1,5" }, { " 7\t", 7 }, { "  " }, { "7\0" },
    { " " .. DATE .. " ", 0, "\t" .. NOON .. " " }, { ("9"):rep(63), 1e63 }, { ("9"):rep(64) },
    { NOON, 30, DATE }, { NOON, 0, NOON }, { DATE, 0, NOON }, { "Monday, 06-Jul-26 12:00:00 GMT", 30, DATE },
    { "Mon Jul  6 12:00:00 2026", 30, DATE }, { "Mon Jul  6 12:00:00 2026", 30, "Monday, 06-Jul-26 11:59:30 GMT" },
    { "Fri, 01 Mar 2024 00:00:00 GMT", 86400, "Thu, 29 Feb 2024 00:00:00 GMT" },
    { "Sat, 01 Mar 2025 00:00:00 GMT", 86400, "Fri, 28 Feb 2025 00:00:00 GMT" },
    { "Fri, 01 Jan 2100 00:00:00 GMT", 1, "Thu, 31 Dec 2099 23:59:59 GMT" },
    { "Mon, 01 Mar 2100 00:00:00 GMT", 86400, "Sun, 28 Feb 2100 00:00:00 GMT" },
    { "Mon, 06 Jul 2026 12:00:00 UTC", 30, DATE }, { "Mon, 06 Jul 2026 12:00:00 CET", nil, DATE },
    { "Mon, 06 Foo 2026 12:00:00 GMT" }, { "Mon, 06 anF 2026 12:00:00 GMT" }, { "Mon, 32 Jul 2026 12:00:00 GMT" },
    { "Mon, 06 Jul 2026 24:00:00 GMT" }, { "Mon, 06 Jul 2026 12:00:00 GMT and more" }, { "Mon, 06 Jul 2026 12:00 GMT" },
    { "Mon, 06 Jul 12026 12:00:00 GMT" }, { "Mon, -6 Jul 2026 12:00:00 GMT" },
    { "Mon Jul  6 12:00:00 2026 and more" }, { NOON .. (" "):rep(40), 30, DATE }, { "Mon" }, { "," },
  } do
    it(case[1]:sub(1, 40) .. " is " .. tostring(case[2]), function()
      local _, err = decode(RELEASE, 429, "", { ["RETRY-after"] = case[1], date = case[3] })
      assert.equal(case[2], err.retry_after)
    end)
  end

  it("is read against this machine's clock where the reply has no date", function()
    local soon = os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 1000)
    local _, err = decode(RELEASE, 503, "", { ["retry-after"] = soon, Date = "nonsense" })
    assert.is_true(err.retry_after > 800 and err.retry_after <= 1000)
  end)
end)

describe("over a connection", function()
  local ONE = { skillId = 3, userAccounts = { "1001" } }
  local MIB = 1024 * 1024
  local server, session

  setup(function()
    server = assert(sandbox.start())
    session = assert(core.session { base_url = server.base_url, timeout = 30 })
  end)
  teardown(function()
    session:close()
    server:stop()
  end)
  before_each(function() server:clear() end)

  local function padded(size)
    local frame = '{"resultCode":"0","pad":""}'
    return '{"resultCode":"0","pad":"' .. ("x"):rep(size - #frame) .. '"}'
  end

  local function chunked(body)
    return ("HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"):format(#body, body)
  end

  local function head(size)
    local lines = {}
    for n = 1, math.floor((size - 40) / 64) do lines[n] = ("X-%04d: "):format(n) .. ("x"):rep(54) .. "\r\n" end
    return "HTTP/1.1 200 OK\r\nConnection: close\r\n" .. table.concat(lines) ..
      "Content-Length: 18\r\n\r\n" .. '{"resultCode":"0"}'
  end

  for name, fault in pairs {
    ["a body of 1 MiB"] = { body = padded(MIB) }, ["a chunked one"] = { raw = chunked(padded(MIB)) },
    ["60 KiB of headers"] = { raw = head(60 * 1024) },
    ["a hint before the reply"] = { raw = "HTTP/1.1 103 Early Hints\r\nRetry-After: 5\r\n\r\n" .. head(100) },
  } do
    it("takes " .. name, function()
      server:fault(fault)
      local result, err = session:release_agent_by_skill("t", ONE)
      assert(result, tostring(err))
      assert.equal("0", result.resultCode)
    end)
  end

  for name, fault in pairs {
    ["a body of 1 MiB and a byte"] = { body = padded(MIB + 1) }, ["a chunked one"] = { raw = chunked(padded(MIB + 1)) },
    ["an endless body"] = { endless = "body" }, ["endless headers"] = { endless = "headers" },
    ["65 KiB of headers"] = { raw = head(66 * 1024) },
    ["65 KiB of hints"] = { raw = ("HTTP/1.1 103 Early Hints\r\nX: " .. ("x"):rep(1000) .. "\r\n\r\n"):rep(66) .. head(100) },
    ["a large error"] = { status = 400, body = padded(MIB + 1) },
  } do
    it("refuses " .. name, function()
      server:fault(fault)
      local result, err = session:release_agent_by_skill("t", ONE)
      assert.is_nil(result)
      assert.same({ "too_large", "unknown", false, nil }, { err.kind, err.outcome, err.retryable, err.body })
    end)
  end

  it("reads the last head's Retry-After, and follows no redirect", function()
    local early, late = "HTTP/1.1 103 Early Hints\r\nRetry-After: 5\r\n\r\n", "HTTP/1.1 429 No\r\nConnection: close\r\n"
    server:fault { raw = early .. late .. "ReTRY-afTER:  7 \r\n\r\n" }
    server:fault { raw = early .. late .. "\r\n", from = 2 }
    server:fault { from = 3, status = 307, headers = { Location = server.base_url .. "/apigovernance/api/oauth/tokenByAkSk" } }
    assert.equal(7, select(2, session:release_agent_by_skill("t", ONE)).retry_after)
    assert.is_nil(select(2, session:release_agent_by_skill("t", ONE)).retry_after)
    assert.equal("redirect", select(2, session:release_agent_by_skill("t", ONE)).kind)
    assert.equal(3, #server:requests())
  end)
end)
