-- What a session is made with: every option is checked, one by one, before there is a socket.

local core = require "aicc.curl"

local BASE = "https://service.besclouds.com"

local function options_with(name, value)
  local options = { base_url = BASE }
  options[name] = value
  return options
end

describe("base_url", function()
  local CLEAR = "http:// would send the token in clear"
  local NOT_HTTP = "expected https:// (or http:// on a loopback address)"
  local USER = "expected no user name or password in the URL"
  local QUERY = "expected neither a query nor a fragment"
  local NO_URL = "expected a URL such as"

  -- { url, what is said of it }; without words it is good
  for _, case in ipairs {
    { "https://service.besclouds.com" }, { "https://service.besclouds.com:8443/gate/" }, { "HTTPS://service.besclouds.com" },
    { "https://10.0.0.1" }, { "http://localhost:8080" }, { "http://LOCALHOST" }, { "http://127.0.0.1:1" },
    { "http://127.255.0.3" }, { "http://[::1]:8080" },
    { "http://127.1" }, { "http://2130706433" }, { "http://0x7f000001" }, -- libcurl reads, and dials, 127.0.0.1
    { "http://service.besclouds.com", CLEAR }, { "http://127.0.0.1.besclouds.com", CLEAR }, { "http://127.evil.0.1", CLEAR },
    { "http://localhost.besclouds.com", CLEAR }, { "http://mylocalhost", CLEAR }, { "http://localhost.", CLEAR },
    { "http://0.0.0.0", CLEAR }, { "http://128.0.0.1", CLEAR }, { "http://10.127.0.1", CLEAR }, { "http://127.0.0.300", CLEAR },
    { "http://127...", nil, true }, { "http://127.", CLEAR }, -- no URL for libcurl 8.23; 0.0.0.127 for it
    { "http://[::2]", CLEAR }, { "http://[::ffff:127.0.0.1]", CLEAR }, { "http://[::]", CLEAR },
    { "http://1270.0.0.1", CLEAR }, { "http://127.0.0.1.1", CLEAR },
    { "http://user@127.0.0.1", USER }, { "http://user:pass@localhost", USER }, { "https://u:p@service.besclouds.com", USER },
    { "http://127.0.0.1@service.besclouds.com", CLEAR }, { "http://127.0.0.1:80@service.besclouds.com", CLEAR },
    { "https://:pass@service.besclouds.com", USER },
    { "https://service.besclouds.com?a=b", QUERY }, { "https://service.besclouds.com/#a", QUERY },
    { "http://service.besclouds.com#127.0.0.1", CLEAR }, { "http://service.besclouds.com?127.0.0.1", CLEAR },
    { "ftp://127.0.0.1", NOT_HTTP }, { "file:///etc/passwd", nil, true }, { "gopher://127.0.0.1", NOT_HTTP },
    { "httpss://service.besclouds.com", NO_URL }, { "service.besclouds.com", NO_URL }, { "", NO_URL }, { "//127.0.0.1", NO_URL },
    { "https://", NO_URL }, { "http://127.0.0.1:99999", NO_URL }, { "http://127.0.0.1:port", NO_URL }, { "http://[::1", NO_URL },
    { "https://two words", NO_URL }, { "https://service.besclouds.com/\r\nX-Evil: 1", NO_URL },
  } do
    local url, words, refused = case[1], case[2], case[3]
    it((words or refused) and "refuses " .. url:gsub("%c", ".") or "takes " .. url, function()
      local session, err = core.session { base_url = url, app_key = "app-key" }
      if not (words or refused) then
        assert(session, tostring(err)):close()
        return
      end
      assert.is_nil(session)
      assert.same({ "config", "not_sent", false }, { err.kind, err.outcome, err.retryable })
      assert.equal("base_url: ", err.message:sub(1, 10))
      if words then assert.truthy(err.message:find(words, 1, true), err.message) end
    end)
  end

  it("is needed", function()
    local session, err = core.session {}
    assert.same({ nil, "config", "base_url: it is missing" }, { session, err.kind, err.message })
  end)
end)

describe("an option's wrong content", function()
  -- { name, value, what is said }
  local VISIBLE = "expected 1 to 4096 visible ASCII characters"
  local cases = {
    { "max_in_flight", 0, "expected an integer from 1 to 1024, got 0" }, { "max_in_flight", -1, "expected an integer" },
    { "max_in_flight", 1.5, "expected an integer" }, { "max_in_flight", 1025, "expected an integer" },
    { "max_in_flight", 0 / 0, "expected an integer" }, { "max_in_flight", math.huge, "expected an integer" },
    { "ca_file", "/nowhere.pem", "cannot read /nowhere.pem: No such file or directory" },
    { "ca_path", "/nowhere", "cannot read /nowhere: No such file or directory" },
    { "verify", false, "false is allowed only for a loopback address" },
  }
  for name, expected in pairs { app_key = VISIBLE:gsub("1 to", "6 to"), tenant_space_id = VISIBLE, user_agent = VISIBLE } do
    for _, value in ipairs {
      "", "a\r\nX-Evil: 1", "abcdef\n", "\rabcdef", "abc\tdef", "abcdefé", "abcdef\127", ("a"):rep(4097),
    } do
      cases[#cases + 1] = { name, value, expected }
    end
  end
  cases[#cases + 1] = { "app_key", "two words", "expected 6 to 4096 visible ASCII characters" }
  cases[#cases + 1] = { "app_key", "short", "expected 6 to 4096 visible ASCII characters" }
  cases[#cases + 1] = { "app_secret", "short", "expected at least 6 bytes" }
  cases[#cases + 1] = { "tenant_space_id", "two words", VISIBLE }

  for n, case in ipairs(cases) do
    it("is refused: " .. case[1] .. " (" .. n .. ")", function()
      local session, err = core.session(options_with(case[1], case[2]))
      assert.is_nil(session)
      assert.same({ "config", "not_sent" }, { err.kind, err.outcome })
      local words = case[1] .. ": " .. case[3]
      assert.equal(words, err.message:sub(1, #words))
    end)
  end

  it("is refused in a call's credentials, too", function()
    local session = assert(core.session { base_url = "http://127.0.0.1:1" })
    for name, expected in pairs { app_key = "visible ASCII characters without spaces", app_secret = "bytes" } do
      local arguments = { app_key = "app-key", app_secret = "secret" }
      arguments[name] = "short"
      for _, err in ipairs { select(2, session:token(arguments)), (select(2, core.encode("token", arguments))) } do
        assert.same({ "argument", "not_sent", ("%s: expected 6 to 4096 %s"):format(name, expected) },
          { err.kind, err.outcome, err.message })
      end
    end
    session:close()
  end)

  it("is not shown where it may be secret", function()
    assert.is_nil(select(2, core.session(options_with("app_key", "s3cret key"))).message:find("s3cret", 1, true))
  end)
end)

describe("an option's wrong type", function()
  local cases = { { "verify", "false" }, { "verify", 0 }, { "facts", 1 }, { "max_in_flight", "8" }, { "max_in_flight", true } }
  for _, name in ipairs { "base_url", "app_key", "app_secret", "tenant_space_id", "user_agent", "ca_file", "ca_path", "proxy" } do
    for _, value in ipairs { 5, true, {}, core.ALL, "a\0b" } do cases[#cases + 1] = { name, value } end
  end
  for _, name in ipairs { "timeout", "connect_timeout" } do
    for _, value in ipairs { "5", true, {}, 0, -1, 0 / 0, math.huge } do cases[#cases + 1] = { name, value } end
  end

  for n, case in ipairs(cases) do
    it("raises: " .. case[1] .. " (" .. n .. ")", function()
      local good, message = pcall(core.session, options_with(case[1], case[2]))
      assert.is_false(good)
      assert.truthy(tostring(message):find(case[1] .. ": expected ", 1, true), message)
    end)
  end

  it("raises for options that there are not, and for what is no table", function()
    for _, options in ipairs { { base_url = BASE, baseurl = "x" }, { base_url = BASE, retry = 3 }, { BASE } } do
      local good, message = pcall(core.session, options)
      assert.is_false(good)
      assert.truthy(message:find("unknown option", 1, true))
    end
    for _, options in ipairs { 5, "x", true, core.ALL } do assert.is_false(pcall(core.session, options)) end
    assert.is_false(pcall(core.session))
  end)
end)

describe("verify = false", function()
  it("is allowed where what is dialled is this machine", function()
    for _, url in ipairs { "https://localhost", "https://127.0.0.1:8443", "https://[::1]" } do
      assert(core.session { base_url = url, verify = false }):close()
    end
    for _, url in ipairs { "https://127.0.0.1.besclouds.com", "https://10.0.0.1", "https://localhost.", "https://127.0.0.300" } do
      assert.equal("config", select(2, core.session { base_url = url, verify = false }).kind)
    end
    local _, err = core.session { base_url = "https://127.0.0.1", verify = false, proxy = "http://127.0.0.1:3128" }
    assert.matches("verify: false is not allowed through a proxy", err.message)
    assert(core.session { base_url = "https://127.0.0.1", verify = false, proxy = "" }):close()
  end)
end)
