--- The webhook of examples/hook.lua without a host around it: with a sandbox, an environment, shared memory and a log that are
-- anew for each test.
--
--     local here = require "spec.support.hook_scene" { name = "hook spec", method = "signed_off", start = { agents = … } }
--     local status, answer, retry_after = here.send("/agents/1001/signed-off", { body = '{"queues":[3]}' })

local assert = require "luassert"
local busted = require "busted"
local sandbox = require "aicc.sandbox"
local shared = require "aicc.shared"

local setup, teardown, before_each = busted.setup, busted.teardown, busted.before_each

-- `options`: `name` of the shared memory; `method` of the webhook that `send` calls; `start`, of the sandbox; `environment`,
-- besides what the webhook needs anyway.
return function(options)
  local here = { name = options.name, environment = nil, dict = nil, lines = nil, server = nil }
  local hook, getenv

  setup(function()
    local path = package.path
    package.path = "examples/?.lua;" .. path
    hook = require "hook"
    package.path = path
    here.server = assert(sandbox.start(options.start))
    getenv = os.getenv
    os.getenv = function(name) return here.environment[name] end -- luacheck: ignore 122
  end)

  teardown(function()
    os.getenv = getenv -- luacheck: ignore 122
    here.server:stop()
  end)

  before_each(function()
    local server = here.server
    server:reset()
    here.dict, here.lines = shared.new(options.name), {}
    for _, key in ipairs(here.dict:get_keys()) do here.dict:delete(key) end
    here.environment = {
      AICC_BASE_URL = server.base_url, AICC_APP_KEY = server.app_key, AICC_APP_SECRET = server.app_secret, HOOK_SECRET = "s",
    }
    for name, value in pairs(options.environment or {}) do here.environment[name] = value end
  end)

  --- A webhook, with these options of a client's too.
  function here.new(more)
    local all = {
      shared = here.dict, numbers = shared.new(options.name .. "'s numbers"),
      log = function(line) here.lines[#here.lines + 1] = line end,
    }
    for name, value in pairs(more or {}) do all[name] = value end
    return hook.new(all)
  end

  --- A request to a new webhook, with its fields in `more`, where `options` are the webhook's: the status, the answer, and when
  -- to come again.
  function here.send(path, more)
    local webhook = here.new(more and more.options)
    local request = { path = path, secret = "s", body = "", source = "192.0.2.1" }
    for name, value in pairs(more or {}) do request[name] = value end
    local status, answer, retry_after = webhook[options.method](webhook, request)
    webhook.client:close()
    return status, answer, retry_after
  end

  --- How many requests of an operation have arrived.
  function here.count(operation)
    local n = 0
    for _, request in ipairs(here.server:requests()) do n = n + (request.operation == operation and 1 or 0) end
    return n
  end

  return here
end
