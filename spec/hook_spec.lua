-- The webhook's own part, examples/hook.lua, without a host around it. (In nginx and HAProxy: nginx_spec and haproxy_spec.)

local cjson = require "cjson"
local sandbox = require "aicc.sandbox"

local BIG = 9007199254740991

local server, environment, getenv, hook

setup(function()
  local path = package.path
  package.path = "examples/?.lua;" .. path
  hook = require "hook"
  package.path = path
  server = assert(sandbox.start { agents = { [3] = { "1001" }, [BIG] = { "1001" } } })
  getenv = os.getenv
  os.getenv = function(name) return environment[name] end -- luacheck: ignore 122
end)

teardown(function()
  os.getenv = getenv -- luacheck: ignore 122
  server:stop()
end)

before_each(function()
  server:reset()
  environment = {
    AICC_BASE_URL = server.base_url, AICC_APP_KEY = server.app_key, AICC_APP_SECRET = server.app_secret, HOOK_SECRET = "s",
  }
end)

local function new() return hook.new { count = function() end } end

local function send(path, body, secret)
  local webhook = new()
  local status, answer = webhook:signed_off(path, secret or "s", body)
  webhook.client:close()
  return status, answer
end

it("a queue keeps its digits, and is unbound once however often it is named", function()
  server:bind(BIG, { "1001" })
  local status, answer = send("/agents/1001/signed-off", '{"queues":[3,9007199254740991,3]}')
  assert.same({ 202, '{"account":"1001","released":[3,9007199254740991]}' }, { status, answer })
  assert.equal(3, #server:requests()) -- with the token's
  server:fault { operation = "release_agent_by_skill", status = 404, to = math.huge }
  status, answer = send("/agents/1001/signed-off", '{"queues":[9007199254740991]}')
  assert.equal(502, status)
  assert.truthy(answer:find('"failed":[{"queue":9007199254740991,"error":"not_found","outcome":"rejected",', 1, true), answer)
end)

it("an account that is none is the caller's mistake", function()
  for _, path in ipairs { "%FF", "%ff%fe", "%00", "a%0Ab", ("x"):rep(129) } do
    local status, answer = send("/agents/" .. path .. "/signed-off", '{"queues":[3]}')
    assert.equal(400, status, path)
    assert.truthy(cjson.decode(answer).error)
  end
  assert.equal(0, #server:requests())
end)

it("a path says which account, slashes and queries apart", function()
  for path, status in pairs {
    ["/agents/a%2Fb/signed-off"] = 202, ["/agents/1001/signed-off?x=/agents/1002/signed-off"] = 202,
    ["/agents/a/b/signed-off"] = 404, ["/agents//signed-off"] = 404, ["/agents/1001/signed-off/"] = 404,
    ["/agents/1001?/signed-off"] = 404, ["/agents/1001/signed-offs"] = 404,
  } do
    assert.equal(status, (send(path, '{"queues":[3]}')), path)
  end
end)

it("numbers are JSON's", function()
  for _, queue in ipairs { "NaN", "Infinity", "0x10", "-1", "9007199254740992", "1e400" } do
    assert.equal(400, (send("/agents/1001/signed-off", '{"queues":[' .. queue .. "]}")), queue)
  end
end)

it("without a secret for its callers it does not start", function()
  for _, nothing in ipairs { false, "" } do
    environment.HOOK_SECRET = nothing or nil
    local started, problem = pcall(new)
    assert.is_false(started)
    assert.truthy(problem:find "HOOK_SECRET is not set")
  end
end)

it("the secret may be in a file, which nobody else may write to", function()
  local path = os.tmpname()
  local file = io.open(path, "w")
  file:write "from a file\n"
  file:close()
  environment.HOOK_SECRET, environment.HOOK_SECRET_FILE = nil, path
  assert.equal(202, (send("/agents/1001/signed-off", '{"queues":[3]}', "from a file")))
  assert.equal(401, (send("/agents/1001/signed-off", '{"queues":[3]}', "s")))
  os.execute("chmod 666 " .. path)
  local started, problem = pcall(new)
  assert.is_false(started)
  assert.truthy(problem:find(path, 1, true), problem)
  os.execute(": >" .. path .. "; chmod 600 " .. path)
  assert.is_false((pcall(new)))
  os.remove(path)
  assert.is_false((pcall(new)))
end)
