-- Whoever goes through what a client holds, as a pretty-printer does, meets neither its key nor its secret nor its token: in no
-- table, metatable or user value, at no time of a call.

local aicc = require "aicc"
local child = require "spec.support.child"
local config = require "aicc.config"
local egress = require "aicc.transport.egress"
local loop = require "aicc.loop"
local sandbox = require "aicc.sandbox"

local KEY, SECRET = "canary-key-1234", "canary-secret-1234"

-- Whether a string is what a walk must not meet.
local function is_canary(text, tokens)
  if text:find("canary", 1, true) then return true end
  for token in pairs(tokens or {}) do
    if text:find(token, 1, true) then return true end
  end
  return false
end

-- Goes through a value and all that it leads to. Returns the path to the first canary, or nil, and how many values it has met.
local function walk(root, tokens)
  local seen, count = {}, 0
  local function visit(value, path)
    if type(value) == "string" then return is_canary(value, tokens) and path .. " = " .. value or nil end
    if type(value) ~= "table" and type(value) ~= "userdata" or seen[value] then return nil end
    seen[value], count = true, count + 1
    if type(value) == "table" then
      for key, inner in next, value do
        local found = visit(key, path .. " (a key)") or visit(inner, path .. "." .. tostring(key))
        if found then return found end
      end
    elseif debug.getuservalue and value ~= io.stdin then
      local found = visit(debug.getuservalue(value, 1), path .. " (user value)")
      if found then return found end
    end
    return visit(tostring(value), path .. " (tostring)") or visit(debug.getmetatable(value), path .. " (metatable)")
  end
  return visit(root, "root"), count
end

describe("a walk", function()
  local server

  before_each(function()
    server = assert(sandbox.start { app_key = KEY, app_secret = SECRET, agents = { [3] = { "1", "2" } } })
  end)
  after_each(function() server:stop() end)

  local function new_client(more)
    local options = { proxy = "" }
    for name, value in pairs(more or {}) do options[name] = value end
    return assert(server:client(options))
  end

  -- The modules of the library, with all that they keep.
  local function modules()
    local found = {}
    for name, module in pairs(package.loaded) do
      if name:find "^aicc" and not name:find "sandbox" then found[name] = module end
    end
    return found
  end

  -- Every token that a request has carried.
  local function tokens()
    local found = {}
    for _, request in ipairs(server:requests()) do
      local token = (request.header.authorization or ""):match "^Bearer (.+)$"
      if token then found[token] = true end
    end
    return found
  end

  local function assert_clean(...)
    local found = walk({ modules(), ... }, tokens())
    assert.is_nil(found)
  end

  it("meets what is not hidden", function()
    assert.matches("secret = canary", (walk { { deep = setmetatable({}, { __index = { secret = "canary" } }) } }))
    local client = new_client()
    local _, count = walk(client)
    assert.is_true(count > 10)
    client:close()
  end)

  it("of a client, its results and its errors meets none", function()
    local directory, remove = child.directory()
    for _, store in ipairs { "memory", "file" } do
      local events = {}
      local client = new_client {
        store = store == "file" and assert(require("aicc.store.file").new { directory = directory }) or store,
        on_event = function(event) events[#events + 1] = event end,
      }
      local token = assert(client:access_token())
      local other = client:through(function(transport) return transport end)
      local agents, result = assert(other:query_agents(3)), assert(client:release_agent_by_skill(3, { "1" }))
      assert.truthy(tokens()[token])
      assert_clean(client, other, agents, result)
      server:fault { operation = "query_agents", status = 500, body = SECRET .. token .. KEY }
      local _, err = client:query_agents(3, { retry = false })
      server:fault { operation = "release_agent_by_skill", status = 401, to = math.huge }
      local _, refused = client:release_agent_by_skill(3, { "2" })
      assert.equal("auth", refused.kind)
      assert_clean(client, other, agents, result, err, refused, events, client:explain())
      client:close()
      assert_clean(client)
      server:clear()
    end
    remove()
  end)

  it("in the middle of a call meets none, of whoever waits for what", function()
    local client, walks = nil, 0
    local function look()
      walks = walks + 1
      assert_clean(client)
    end
    client = new_client { on_event = look, max_in_flight = 1 }
    server:fault { operation = "token", hold = true }
    server:fault { operation = "query_agents", hold = true }
    for _ = 1, 3 do
      loop.spawn(function() assert(client:query_agents(3)) end)
    end
    loop.spawn(function()
      for _ = 1, 2 do
        while server:stats().held < 1 do loop.sleep(0.005) end
        look()
        server:release_held()
      end
    end)
    loop.run()
    look()
    client:close()
    assert.is_true(walks > 5)
  end)

  it("of what nginx and HAProxy send with meets none, and they send it all the same", function()
    local sent
    local how = { -- neither of them: here `name` is nil
      version = "1.0", cannot_wait = function() end, sleep = function() end, lines = function() return "" end,
      exchange = function(_, bytes)
        sent = bytes
        return nil, "network", "unknown", "nobody there"
      end,
    }
    local settings, sources = assert(config.resolve({
      base_url = "https://a", app_key = KEY, app_secret = SECRET, egress = "unix:/egress", proxy = "",
    }, function() end))
    local transport = assert(egress.new(settings, how, sources))
    local client = assert(aicc.new {
      base_url = "https://a", app_key = KEY, app_secret = SECRET, transport = transport, proxy = "", retry = false,
    })
    local _, err = client:query_agents(3)
    assert.equal("network", err.kind)
    assert.truthy(sent:find(SECRET, 1, true))
    assert_clean(transport, client, err)
  end)

  it("does not hide settings from those who know their names", function()
    local client = new_client()
    assert.same({ KEY, SECRET, "" }, { client.settings.app_key, client.settings.app_secret, client.settings.proxy })
    for name in pairs(client.settings) do assert.is_nil(name:find "app_") end
    client:close()
  end)

  it("of jobs meets none #lua54", function()
    local support = require "spec.support.jobs"
    local client = new_client()
    local store = support.store()
    local job = support.plan(store, client, { { 3, "1" }, { 3, "9" } })
    local function look() assert_clean(client, store, job) end
    local summary = assert(job:apply { client = client, force = true, rate = 0, on_progress = look, on_note = look })
    local rows = {}
    for row in job:report() do rows[#rows + 1] = row end
    assert_clean(client, store, job, summary, rows, job:status(), job:queues())
    store:close()
    client:close()
    support.clean()
  end)

  it("of the modules leads to nobody's secrets after a client was made", function()
    local client = assert(aicc.new { base_url = server.base_url, app_key = KEY, app_secret = SECRET, proxy = "" })
    assert_clean(client)
    client:close()
  end)
end)
