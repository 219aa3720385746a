-- What an error must not show: token, app key and secret, in whatever form a server, a proxy or a firewall echoes them.

local cjson = require "cjson"
local core = require "aicc.curl"
local sandbox = require "aicc.sandbox"

local SECRETS = { token = "tok-7dK/9+x_Q~2pLmZ4", app_key = "key.AbCdEf=GhIjKl", app_secret = 's3cr"et\\pässwörd<&>密😀!' }

local function percent(text) return (text:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)) end
local function percent_all(text) return (text:gsub(".", function(c) return ("%%%02x"):format(c:byte()) end)) end
local function escape_all(text) return (text:gsub("[%z\1-\127]", function(c) return ("\\u%04x"):format(c:byte()) end)) end
local function escape_slash(text) return (text:gsub('["\\/]', "\\%0")) end

-- Each character beyond ASCII as `show` has it, of a text in UTF-8: json.dumps of Python, escapers of HTML.
local function characters(text, show)
  return (text:gsub("[\194-\244][\128-\191]+", function(character)
    local code = character:byte() % (#character == 2 and 32 or #character == 3 and 16 or 8)
    for n = 2, #character do code = code * 64 + character:byte(n) % 64 end
    return show(code)
  end))
end
local function ascii_json(text)
  return characters(escape_slash(text), function(code)
    if code < 0x10000 then return ("\\u%04x"):format(code) end
    return ("\\u%04X\\u%04X"):format(0xD800 + math.floor((code - 0x10000) / 1024), 0xDC00 + code % 1024)
  end)
end
local function entities(text) return characters(text, function(code) return ("&#%d;"):format(code) end) end
local function hex_entities(text) return characters(text, function(code) return ("&#x%X;"):format(code) end) end

-- { name, what the server makes of the secret }
local FORMS = {
  { "plain", function(secret) return secret end }, { "percent-encoded", percent }, { "percent-encoded whole", percent_all },
  { "percent-encoded in small letters", function(secret) return (percent(secret):gsub("%%%x%x", string.lower)) end },
  { "escaped as JSON", escape_slash }, { "escaped as JSON in ASCII", ascii_json }, { "in HTML's ASCII", entities },
  { "in HTML's ASCII by hex digits", hex_entities },
  { "escaped as JSON, every character", escape_all },
}

-- Whether a piece of the secret, in any of the forms, of so many characters is in the text.
local function leaks(text, secret)
  for _, form in ipairs(FORMS) do
    local shown = form[2](secret)
    for at = 1, #shown - 11 do
      if text:find(shown:sub(at, at + 11), 1, true) then return form[1] .. ": " .. shown:sub(at, at + 11) end
    end
  end
end

local function check(err, secret)
  for _, field in ipairs { "message", "result_message", "result_code", "body" } do
    assert.is_nil(err[field] and leaks(err[field], secret), field)
  end
  assert.is_nil(leaks(tostring(err), secret))
end

describe("an error does not show", function()
  for which, secret in pairs(SECRETS) do
    for _, form in ipairs(FORMS) do
      it("the " .. which .. " " .. form[1], function()
        local echoed = form[2](secret)
        for _, body in ipairs {
          "before " .. echoed .. " after", echoed, echoed .. echoed, ("x"):rep(505) .. " " .. echoed .. " after",
          ("x"):rep(700) .. echoed,
        } do
          local _, err = core.decode("release_agent_by_skill", { status = 403, body = body }, SECRETS)
          check(err, secret)
          if body:find "^before" then assert.truthy(err.body:find "^before .-%*%*%*.- after$", err.body) end
        end
      end)
    end

    it("the " .. which .. " in the server's words, nor in a result's code", function()
      for _, status in ipairs { 200, 400, 500 } do
        local body = cjson.encode { resultCode = "E " .. secret, resultMessage = "wrong: " .. secret .. ", sorry" }
        local _, err = core.decode("bind_agents", { status = status, body = body }, SECRETS)
        check(err, secret)
        assert.same({ "wrong: ***, sorry", "E ***" }, { err.result_message, err.result_code })
        assert.truthy(err.message:find("wrong: ***, sorry", 1, true))
      end
    end)

    it("the " .. which .. " cut off by the end of the reply", function()
      for kept = 4, #secret - 1 do
        local _, err = core.decode("bind_agents", { status = 502, body = "it was " .. secret:sub(1, kept) }, SECRETS)
        assert.equal("it was ***", err.body)
        _, err = core.decode("bind_agents", { status = 200, body = "it was " .. secret:sub(1, kept), truncated = true }, SECRETS)
        assert.equal("it was ***", err.body)
      end
    end)
  end

  it("anything of what is no secret differently", function()
    local body = "tok-7dK/9+x_Q~2pLmZ5 *** %41 \\u0041 a\0b"
    local _, err = core.decode("bind_agents", { status = 502, body = body }, SECRETS)
    assert.equal(body, err.body)
  end)
end)

describe("over a connection", function()
  it("secrets are scrubbed from what a server echoes, and they are the call's own", function()
    local server = assert(sandbox.start())
    local session = assert(core.session { base_url = server.base_url, app_key = "session-key-0815" })
    server:fault { to = math.huge, status = 403, body = "session-key-0815 bearer-0816 secret-0817 other-key-0818 " }
    local _, err = session:release_agent_by_skill("bearer-0816", { skillId = 3, userAccounts = { "a" } })
    assert.equal("*** *** secret-0817 other-key-0818 ", err.body)
    _, err = session:token { app_key = "other-key-0818", app_secret = "secret-0817" }
    assert.equal("*** bearer-0816 *** *** ", err.body)
    _, err = session:release_agent_by_skill("bearer-0899", { skillId = 3, userAccounts = { "a" } })
    assert.equal("*** bearer-0816 secret-0817 other-key-0818 ", err.body)
    session:close()
    session = assert(core.session { base_url = server.base_url, app_secret = "secret-0817" }) -- told for this alone
    _, err = session:release_agent_by_skill("bearer-0816", { skillId = 3, userAccounts = { "a" } })
    assert.equal("session-key-0815 *** *** other-key-0818 ", err.body)
    session:close()
    server:stop()
  end)
end)

it("a secret that looks like something encoded is scrubbed as it is, too", function()
  for _, secret in ipairs { [[aaa\\\\]], "%41%25%2541", [[\u0041\u005c]], "&amp;&#38;&", "aaaa+ %20" } do
    local reply = { status = 403, body = "before " .. secret .. " after" }
    local _, err = core.decode("release_agent_by_skill", reply, { token = "bearer-0816", app_secret = secret })
    assert.equal("before *** after", err.body)
  end
end)

it("a secret is scrubbed whole that begins with another, as keys and secrets may", function()
  local reply = { status = 403, body = "key acme, secret acme-5e3c99" }
  local _, err = core.decode("release_agent_by_skill", reply, { app_key = "acme", app_secret = "acme-5e3c99" })
  assert.equal("key ***, secret ***", err.body)
end)

it("a secret that the text's end cuts off is scrubbed, wherever it is cut", function()
  for which, secret in pairs(SECRETS) do
    for _, form in ipairs(FORMS) do
      local whole = form[2](secret)
      for size = 24, #whole do
        local reply = { status = 403, body = "before " .. whole:sub(1, size) }
        local _, err = core.decode("release_agent_by_skill", reply, SECRETS)
        assert.is_nil(leaks(err.body, secret), which .. ", " .. form[1] .. ": " .. err.body)
      end
    end
  end
end)
