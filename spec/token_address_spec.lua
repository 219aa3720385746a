-- Tokens that another address gives out than the one that answers calls (token_url).

local aicc = require "aicc"
local sandbox = require "aicc.sandbox"
local token = require "aicc.token"

describe("a token from another address", function()
  local api, client

  local function start(options)
    api = assert(sandbox.start(options))
    client = assert(api:client())
  end
  after_each(function()
    client:close()
    api:stop()
  end)

  for _, tls in ipairs { false, true } do
    it("is fetched there, and everything else at base_url" .. (tls and ", over TLS" or ""), function()
      start { token_port = 0, tls = tls, agents = { [3] = { "1001" } } }
      assert.is_true(api.token_port ~= api.port)
      assert(client:release_agent_by_skill(3, { "1001" }))
      local seen = {}
      for n, request in ipairs(api:requests()) do seen[n] = request.operation .. " " .. tostring(request.for_tokens) end
      assert.same({ "token true", "release_agent_by_skill false" }, seen)
      local lost = assert(api:client { token_url = api.base_url })
      local _, err = lost:access_token()
      lost:close()
      assert.equal("not_found", err.kind)
    end)
  end

  it("is another token than one of base_url, in every store", function()
    start { token_port = 0 }
    local function key(token_url)
      return token.key { base_url = "https://a", token_url = token_url, app_key = "app-key", tenant_space_id = "t" }
    end
    assert.equal(key "https://a", key(nil))
    assert.is_true(key "https://a" ~= key "https://a:28070")
    assert.is_true(key "https://a:28070" ~= key "https://b")
  end)

  it("obeys the rules of base_url: https, or this machine", function()
    start { token_port = 0 }
    local function refused(options)
      local all = { base_url = "https://localhost:1", app_key = "app-key", app_secret = "secret" }
      for name, value in pairs(options) do all[name] = value end
      local made, err = aicc.new(all)
      assert.is_nil(made)
      assert.equal("config", err.kind)
      return err.message
    end
    assert.matches("^token_url: ", refused { token_url = "http://api.example" })
    assert.matches("^token_url: ", refused { token_url = "nonsense" })
    assert.matches("^token_url: ", refused { token_url = "https://u:p@localhost" })
    assert.matches("^token_url: expected the scheme of base_url, https", refused { token_url = "http://127.0.0.1:1" })
    assert.matches("^verify: ", refused { token_url = "https://api.example", verify = false })
    assert.matches("^verify: ", refused { base_url = "https://api.example", token_url = "https://localhost", verify = false })
  end)
end)
