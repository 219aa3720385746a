-- What is for nginx and HAProxy, where there is neither; and the comparison of secrets. (In them: nginx_spec and haproxy_spec.)

local aicc = require "aicc"
local host = require "aicc.host"

local function config_error(options)
  local all = { base_url = "https://localhost", app_key = "app-key", app_secret = "secret" }
  for name, value in pairs(options) do all[name] = value end
  local client, err = aicc.new(all)
  assert.is_nil(client)
  assert.is_true(aicc.is_error(err, "config"))
  return err.message
end

it("a script is in no host, and may block", function()
  assert.is_nil(host.name())
  assert.is_nil(host.shared_with())
end)

it("a transport of a host's is refused elsewhere", function()
  for _, name in ipairs { "nginx", "haproxy" } do
    local message = config_error { transport = name, egress = "unix:/nowhere" }
    assert.equal(('transport: "%s" is for Lua that runs in it'):format(name), message)
  end
end)

it("so is nginx's shared memory", function()
  assert.truthy(config_error({ store = "shdict" }):find("lua_shared_dict", 1, true))
end)

it("other globals of the hosts' names make no host", function()
  rawset(_G, "ngx", {})
  rawset(_G, "core", { version = 1 })
  local name = host.name()
  rawset(_G, "ngx", nil)
  rawset(_G, "core", nil)
  assert.is_nil(name)
end)

it("secrets are equal when every byte is", function()
  assert.is_true(aicc.equal("", ""))
  assert.is_true(aicc.equal("a\0b\255", "a\0b\255"))
  for _, other in ipairs { "", "secre", "secret!", "Secret", "secreT", "secret\0" } do
    assert.is_false(aicc.equal("secret", other))
  end
  assert.is_false(pcall(aicc.equal, "secret", nil))
end)
