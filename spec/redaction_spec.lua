-- Canaries in the app key, the secret and the token: nobody who looks at what the library says finds one.

local aicc = require "aicc"
local child = require "spec.support.child"
local core = require "aicc.core"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"

-- With characters that every encoding changes.
local KEY, SECRET, TOKEN = 'kanarie/K+"1\\x?~&', 'secret/S+"2\\y?~& z', 'token/T+"3\\z?~&%'

---- the ways in which a server may echo a text

local function percent(text, class) return (text:gsub(class, function(c) return ("%%%02X"):format(c:byte()) end)) end

local HTML = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&apos;" }

local ECHOES = {
  plain = function(text) return text end,
  ["URL-encoded"] = function(text) return percent(text, "[^%w]") end,
  ["URL-encoded, lower case"] = function(text) return percent(text, "[^%w]"):gsub("%%%x%x", string.lower) end,
  ["URL-encoded, every byte"] = function(text) return percent(text, ".") end,
  ["as JSON"] = function(text) return (text:gsub('["\\/]', "\\%0")) end,
  ["as JSON, all escaped"] = function(text) return (text:gsub(".", function(c) return ("\\u%04x"):format(c:byte()) end)) end,
  ["a form's field"] = function(text) return (percent(text, "[^%w ]"):gsub(" ", "+")) end,
  ["HTML, numbered"] = function(text) return (text:gsub("%W", function(c) return ("&#%d;"):format(c:byte()) end)) end,
  ["HTML, numbered in hex"] = function(text) return (text:gsub("%W", function(c) return ("&#x%X;"):format(c:byte()) end)) end,
  ["HTML, named"] = function(text) return (text:gsub('[&<>"\']', HTML)) end,
}

---- looking for it

local LETTERS = {} -- what shows a canary: its first ones
for _, canary in ipairs { KEY, SECRET, TOKEN } do LETTERS[#LETTERS + 1] = canary:match "^%a+/%a" end

local function has_one(text)
  for _, mark in ipairs(LETTERS) do
    if text:find(mark, 1, true) then return true end
  end
  return false
end

local function from_hex(hex) return string.char(tonumber(hex, 16)) end

-- All strings in a value, keys too, and its tostring.
local function texts(value, found)
  found = found or {}
  found[#found + 1] = tostring(value)
  if type(value) == "table" then
    for name, inner in pairs(value) do
      texts(name, found)
      texts(inner, found)
    end
  end
  return found
end

-- Fails if a value shows a canary as it is or in an encoding.
local function assert_clean(value, where)
  for _, text in ipairs(texts(value)) do
    local decoded = text:gsub("%%(%x%x)", from_hex):gsub("\\u00(%x%x)", from_hex):gsub("&#x(%x%x);", from_hex)
      :gsub("&#(%d+);", function(digits) return string.char(tonumber(digits)) end):gsub("\\", "")
    if has_one(text) or has_one(decoded) then error(where .. ": " .. text, 2) end
  end
end

---- a server that echoes

local server

setup(function() server = assert(sandbox.start()) end)
teardown(function() server:stop() end)

-- A client with the canaries, its events, and the token that the server gives.
local function new_client(more)
  server:reset()
  local events, time = {}, scene.skipping()
  local options = scene.options(time, {
    app_key = KEY, app_secret = SECRET, on_event = function(event) events[#events + 1] = event end,
  })
  for name, value in pairs(more or {}) do options[name] = value end
  return assert(server:client(options)), events
end

local function token_reply(text)
  return { operation = "token", to = math.huge, status = 200,
    body = '{"AccessToken":"' .. text:gsub('["\\]', "\\%0") .. '","Expires":"600","ApplyType":"Bearer"}' }
end

local STATUSES = { 200, 403, 500 }

-- What a server may make of the echo.
local SHAPES = {
  function(echo) return echo end,
  function(echo) return '{"resultCode":"1","resultMessage":"' .. echo .. '"}' end,
  function(echo) return '{"resultCode":"' .. echo .. '","resultMessage":"x"}' end,
  function(echo) return ("x"):rep(500) .. echo end, -- over the edge of what is shown of a body
  function(echo) return '{"resultCode":"1","resultMessage":"' .. ("x"):rep(240) .. echo .. '"}' end,
}

describe("a server that echoes", function()
  for name, echo in pairs(ECHOES) do
    it(name .. " is not repeated", function()
      local client, events = new_client()
      local shown = 0
      for _, canary in ipairs { KEY, SECRET, TOKEN } do
        for _, status in ipairs(STATUSES) do
          for n, shape in ipairs(SHAPES) do
            -- In a reply to a request for one, a token would be one that this client has never had.
            for _, operation in ipairs(canary == TOKEN and { "query_agents" } or { "token", "query_agents" }) do
              server:reset()
              client.tokens.store:set(client.tokens.key, nil)
              server:fault { operation = operation, to = math.huge, status = status, body = shape((echo(canary))) }
              server:fault(token_reply(TOKEN))
              local where = ("%s, %d, shape %d, %s"):format(operation, status, n, canary)
              local result, err = client:query_agents(3, { retry = false })
              if err then
                shown = shown + (err.body and 1 or 0)
                assert_clean(err, where)
              end
              assert_clean(result, where)
              assert_clean(events, where .. ", events")
              for at = #events, 1, -1 do events[at] = nil end
            end
          end
        end
      end
      assert.is_true(shown > 30) -- else nothing was looked at
      client:close()
    end)
  end
end)

it("a server that echoes in a success is not repeated", function()
  local client = new_client()
  server:fault(token_reply(TOKEN))
  for name, echo in pairs(ECHOES) do
    for _, canary in ipairs { KEY, SECRET, TOKEN } do
      local text = echo(canary):gsub('["\\]', "\\%0"):gsub("[\r\n]", " ")
      server:fault { operation = "release_agent_by_skill", status = 200,
        body = ('{"resultCode":"0","resultMessage":"done for %s","debug":"%s"}'):format(text, text) }
      local result = assert(client:release_agent_by_skill(3, { "1001" }))
      assert.matches("^done for ", result.resultMessage)
      assert_clean(result, name)
    end
  end
  client:close()
end)

it("a server that echoes in names is not repeated", function()
  local client = new_client()
  server:fault(token_reply(TOKEN))
  assert.equal(TOKEN, client:access_token())
  for name, echo in pairs(ECHOES) do
    for _, canary in ipairs { KEY, SECRET, TOKEN } do
      local text = echo(canary):gsub('["\\]', "\\%0"):gsub("[\r\n]", " ")
      for _, pad in ipairs { "", ("x"):rep(256 - #text + 8) } do -- and where the name is cut
        server:clear()
        server:fault { operation = "query_skills", body =
          ('{"returnCode":"0","total":1,"data":[{"skillId":3,"name":"%s%s","description":"%s"}]}'):format(pad, text, text) }
        server:fault { operation = "query_agent", body =
          ('{"resultCode":"0","data":[{"userAccount":"1001","userName":"%s%s","skills":[]}]}'):format(pad, text) }
        assert_clean(assert(client:query_skills()), name)
        assert_clean(assert(client:query_agent "1001"), name)
      end
    end
  end
  client:close()
end)

it("a token that came in an unusable reply is not shown", function()
  for _, body in ipairs {
    '{"AccessToken":"' .. 'token/T","Expires":"60', '{"token":{"AccessToken":"token/T"}}', 'AccessToken=token/T',
    '{"AccessToken":"token/T \\r\\n","Expires":"60"}', '{"access_token":"token/T"}', '{"data":{"value":"token/T"}}', 'token/T',
  } do
    local client, events = new_client()
    server:fault { operation = "token", to = math.huge, status = 200, body = body }
    local _, err = client:query_agents(3)
    assert.equal("protocol", err.kind)
    assert_clean(err, body)
    assert_clean(events, body)
    client:close()
  end
end)

it("what prints a client, a session or a setting shows none", function()
  local client, events = new_client { tenant_space_id = "tenant" }
  server:fault(token_reply(TOKEN))
  assert.equal(TOKEN, client:access_token())
  assert_clean(tostring(client), "tostring")
  assert_clean(tostring(client.transport.session), "session")
  assert_clean(client:explain(), "explain")
  assert_clean(events, "events")
  assert_clean({ pcall(client.query_agents, client, "3") }, "misuse")
  client:close()
  for _, name in ipairs { "app_key", "app_secret" } do
    local options = { base_url = "https://a", app_key = KEY, app_secret = SECRET }
    options[name] = options[name]:rep(400) .. "\n"
    assert_clean(scene.nth(2, aicc.new(options)), name)
  end
end)

it("the token's file has the token in one field, and key and secret in none", function()
  local directory, remove = child.directory()
  local client = new_client { store = assert(require("aicc.store.file").new { directory = directory }) }
  server:fault(token_reply(TOKEN))
  assert.equal(TOKEN, client:access_token())
  client:close()
  local content = require("cjson").decode(child.shell("cat " .. directory .. "/*.json"))
  assert.equal(TOKEN, content.token)
  content.token = nil
  assert_clean(content, "the file")
  assert_clean(child.shell("echo " .. directory .. "/*"), "its name")
  remove()
end)

it("a refusal that is kept in a file shows none", function()
  local directory, remove = child.directory()
  local client = new_client { store = assert(require("aicc.store.file").new { directory = directory }) }
  server:fault { operation = "token", status = 401, body = '{"m":"' .. SECRET:gsub('["\\]', "\\%0") .. '"}' }
  client:access_token()
  client:close()
  assert_clean(child.shell("cat " .. directory .. "/*.json"), "the file")
  remove()
end)

it("a script that takes them from the environment does not show them in its command line", function()
  local output = child.run([[
    local client = assert(require("aicc").new {})
    client:query_agents(3)
    io.write((io.open("/proc/self/cmdline"):read "*a"):gsub("%z", " "))
  ]], { AICC_BASE_URL = server.base_url, AICC_APP_KEY = "kanarie/K1", AICC_APP_SECRET = "secret/S2" })
  assert.truthy(output:find "cmdline")
  assert_clean(output, "cmdline")
end)

it("the core's own errors are clean as well", function()
  for name, echo in pairs(ECHOES) do
    local body = '{"resultCode":"1","resultMessage":"' .. echo(TOKEN) .. '"}'
    local _, err = core.decode("release_agent_by_skill", { status = 500, body = body }, { token = TOKEN, app_key = KEY })
    assert_clean(err, name)
  end
end)
