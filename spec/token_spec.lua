-- Tokens: how long they serve, who fetches them, and what a failure means.

local aicc = require "aicc"
local call = require "aicc.call"
local scene = require "spec.support.scene"
local token = require "aicc.token"

---- pure rules

it("windows follow the formula", function()
  for _, row in ipairs {
    -- lifetime, timeout, random, hard, soft
    { 3600, 15, 1, 180, 720 }, { 3600, 15, 0, 180, 648 }, { 600, 15, 1, 30, 120 }, { 600, 40, 1, 45, 120 }, { 60, 15, 1, 20, 20 },
    { 60, 1, 1, 6, 12 }, { 20, 15, 1, 10, 10 }, { 5, 15, 1, 2.5, 2.5 }, { 1, 15, 0, 0.5, 0.5 },
  } do
    local hard, soft = token.windows(row[1], row[2], row[3])
    assert.same({ ("%.6g"):format(row[4]), ("%.6g"):format(row[5]) }, { ("%.6g"):format(hard), ("%.6g"):format(soft) }, row[1])
  end
end)

local ODD = {
  "0", "86401", "99999999999999999999", "0x10", "1e400", "1e2", "-1", "+60", "", " 60", "60 ", "60.0", "3600s", 0, 86401, 60.5,
  1 / 0, 0 / 0, -1, true, {},
}

it("Expires counts only as 1 to 86400, in digits or as an integral number", function()
  for _, good in ipairs { "1", "600", "0600", "86400", 1, 600, 600.0, 86400 } do
    assert.equal(tonumber(good), token.lifetime(good))
  end
  for _, odd in ipairs(ODD) do assert.is_nil(token.lifetime(odd), tostring(odd)) end
  assert.is_nil(token.lifetime(nil))
end)

it("a store's key tells base URL, app key and tenant apart, and has no secret in it", function()
  local keys = {}
  for _, settings in ipairs {
    { base_url = "https://a", app_key = "app-key" }, { base_url = "https://b", app_key = "app-key" },
    { base_url = "https://a", app_key = "l" },
    { base_url = "https://a", app_key = "app-key", tenant_space_id = "t" },
  } do
    local key = token.key(settings)
    assert.truthy(key:find("^" .. ("%x"):rep(16) .. "$"))
    assert.is_nil(keys[key])
    keys[key] = true
  end
  local function key_with(secret) return token.key { base_url = "u", app_key = "app-key", app_secret = secret } end
  assert.equal(key_with "1", key_with "2")
end)

---- a client whose token source follows a script

-- `issue(n)` says what the n-th token request gets: a table of fields, or nil and an error, and the seconds it takes.
local function new_client(time, issue, more)
  local asked = { tokens = 0, at = {} }
  local options = { store = "memory", on_event = function(event) asked[#asked + 1] = event end }
  for name, value in pairs(more or {}) do options[name] = value end
  local client, transport = scene.client(time, function(request)
    if request.operation ~= "token" then
      if asked.check then asked.check(request) end
      return scene.page { "1" }
    end
    asked.tokens = asked.tokens + 1
    asked.at[asked.tokens] = time.clock()
    return issue(asked.tokens, request)
  end, options)
  return client, asked, transport
end

local function warnings(asked)
  local found = {}
  for _, event in ipairs(asked) do
    if event.type == "warning" then found[#found + 1] = event.message end
  end
  return found
end

describe("a token that lives", function()
  for _, lifetime in ipairs { 1, 5, 20, 60, 600, 3600 } do
    it(lifetime .. " s is never used dead, nor fetched for every call", function()
      local time = scene.standing()
      local dies, is_new = {}, false
      local client, asked = new_client(time, function(n)
        is_new = true
        dies["t" .. n] = time.clock() + lifetime
        return { AccessToken = "t" .. n, Expires = tostring(lifetime), CreateTime = "0" }, nil, lifetime / 50
      end)
      function asked.check(request)
        local left = dies[request.token] - time.clock()
        assert.is_true(left > 0, "dead")
        assert.is_true(is_new or left >= math.min(20, lifetime / 2) - 1e-6, "too old: " .. left)
        is_new = false
      end
      local calls = 400
      for _ = 1, calls do
        assert(client:query_agents(3))
        time.pass(lifetime / 40)
      end
      assert.is_true(asked.tokens >= 10 and asked.tokens <= 26, asked.tokens .. " tokens")
      assert.equal(0, #warnings(asked))
    end)
  end

  it("shorter than it took to come serves its caller once all the same", function()
    local time = scene.standing()
    local client, asked = new_client(time, function(n) return { AccessToken = "t" .. n, Expires = "1" }, nil, 0.8 end)
    assert(client:query_agents(3))
    assert.equal(1, asked.tokens)
    assert(client:query_agents(3))
    assert.equal(2, asked.tokens)
  end)

  it("nobody knows how long is taken to live 60 s, with one warning", function()
    local replies = { { expiresIn = "3300" }, { expiresIn = 3300 } }
    for _, odd in ipairs(ODD) do replies[#replies + 1] = { Expires = odd } end
    for n, reply in ipairs(replies) do
      local time = scene.standing()
      local client, asked = new_client(time, function(count)
        reply.AccessToken = "t" .. count
        return reply
      end)
      assert(client:query_agents(3))
      assert.equal(1, #warnings(asked), n)
      time.pass(39) -- 60 less the hard window of 20
      assert(client:query_agents(3))
      assert.equal(1, asked.tokens, n)
      time.pass(2)
      assert(client:query_agents(3))
      assert.equal(2, asked.tokens, n)
    end
  end)
end)

---- failures

local function refusal(status) return function() return scene.reply("token", status, '{"error_msg":"no"}') end end

describe("a failed fetch", function()
  for _, status in ipairs { 400, 401, 403 } do
    it(status .. " is not repeated for 10 s", function()
      local time = scene.standing()
      local client, asked = new_client(time, refusal(status))
      local _, first = client:query_agents(3)
      local _, second = client:release_agent_by_skill(3, aicc.ALL)
      assert.equal(1, asked.tokens)
      assert.same({ first.kind, "not_sent", status }, { second.kind, second.outcome, second.status })
      assert.same({ "query_agents", "release_agent_by_skill" }, { first.operation, second.operation })
      time.pass(9.9)
      client:query_agents(3)
      assert.equal(1, asked.tokens)
      time.pass(0.2)
      client:query_agents(3)
      assert.equal(2, asked.tokens)
    end)
  end

  it("for another reason is repeated with the next call", function()
    local time = scene.standing()
    local client, asked = new_client(time, function(n)
      if n == 1 then return scene.reply("token", 404) end
      return { AccessToken = "t", Expires = "600" }
    end)
    local _, err = client:query_agents(3)
    assert.same({ "not_found", "not_sent", 0 }, { err.kind, err.outcome, err.attempts })
    assert.truthy(err.message:find("^no token: "))
    assert(client:query_agents(3))
    assert.equal(2, asked.tokens)
  end)

  it("for another reason is shared by strangers' calls for a moment, which grows until one succeeds", function()
    local time, works, more = scene.standing(), false, {}
    local client, asked, transport = new_client(time, function(n)
      if works then return { AccessToken = "t" .. n, Expires = "60" } end
      return scene.reply("token", 503, nil, more)
    end, { retry = false })
    transport.serves_strangers = true
    local function fetches_after(seconds)
      local before = asked.tokens
      time.pass(seconds)
      client:query_agents(3)
      return asked.tokens - before
    end
    assert.equal(1, fetches_after(0))
    for _, moment in ipairs { 0.5, 1, 2, 4, 8, 10, 10 } do
      assert.same({ 0, 1 }, { fetches_after(moment - 0.1), fetches_after(0.2) }, moment)
    end
    works = true
    assert.equal(1, fetches_after(10.1))
    works, more["Retry-After"] = false, "20"
    assert.equal(1, fetches_after(41)) -- the first failure again, but the server has said when
    assert.same({ 0, 1 }, { fetches_after(19.9), fetches_after(0.2) })
    more["Retry-After"] = "3600"
    assert.same({ 1, 0, 1 }, { fetches_after(20), fetches_after(59.9), fetches_after(0.2) })
  end)

  it("that is the caller's own is nobody else's, whoever calls", function()
    local time = scene.standing()
    local client, asked, transport = new_client(time, function() return nil, scene.lost "token", 3 end, { retry = false })
    transport.serves_strangers = true
    client:query_agents(3, { timeout = 1 })
    client:query_agents(3, { deadline = 2 })
    client:query_agents(3)
    assert.equal(3, asked.tokens)
    client:query_agents(3)
    assert.equal(3, asked.tokens)
  end)

  it("of a refresh leaves the living token in use, and is tried again after 10 s", function()
    for _, status in ipairs { 401, 503, 404 } do
      local time = scene.standing()
      local client, asked = new_client(time, function(n)
        if n == 1 then return { AccessToken = "t1", Expires = "600" } end
        return scene.reply("token", status)
      end)
      assert(client:query_agents(3))
      time.pass(500) -- in the soft window (120 s before the end), not in the hard one (30 s)
      for _ = 1, 5 do assert(client:query_agents(3)) end
      assert.equal(2, asked.tokens, "one attempt")
      time.pass(10.1)
      assert(client:query_agents(3))
      assert.equal(3, asked.tokens)
      time.pass(65)
      local _, err = client:query_agents(3)
      assert.equal(status, err.status)
    end
  end)

  it("of a refresh takes no more than a quarter of the call's time", function()
    local time = scene.standing()
    local client, asked, transport = new_client(time, function(n)
      if n == 1 then return { AccessToken = "t1", Expires = "600" } end
      return nil, scene.lost "token", 1e9
    end)
    assert(client:query_agents(3))
    time.pass(500)
    local began = time.clock()
    assert(client:release_agent_by_skill(3, { "1" }, { deadline = 10 }))
    assert.same({ 2, 2.5 }, { asked.tokens, time.clock() - began })
    assert.equal("t1", transport.sent[#transport.sent].token)
  end)
end)

it("a refused token is forgotten only if nobody has a newer one", function()
  local store = require("aicc.store.memory").new()
  local time = scene.standing()
  local n = 0
  local source = token.new {
    store = store, key = "k", now = time.clock, sleep = time.sleep, random = time.random, timeout = 15, emit = function() end,
    transport = { yields = function() return false end },
    request = function()
      n = n + 1
      return { AccessToken = "t" .. n, Expires = "600" }
    end,
  }
  local current = call.new("query_agents", call.limits { deadline = 60, timeout = 15, retry = {}, clock = time.clock })
  assert.equal("t1", source:get(current))
  source:invalidate "t0"
  assert.equal("t1", source:get(current))
  source:invalidate "t1"
  assert.equal("t2", source:get(current))
  source:invalidate "t1"
  assert.equal("t2", source:get(current))
end)

it("a refused token that is given again is good again", function()
  local time, fetched, refused = scene.standing(), 0, false
  local client = scene.client(time, function(request)
    if request.operation == "token" then
      fetched = fetched + 1
      return { AccessToken = "the same", Expires = "600" }
    end
    if refused then return scene.page {} end
    refused = true
    return scene.reply("query_agents", 401)
  end, { store = "memory" })
  for _ = 1, 10 do assert(client:query_agents(3)) end
  assert.equal(2, fetched)
end)
