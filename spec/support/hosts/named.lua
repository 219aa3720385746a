-- An example whose API is a name, with addresses that change: a name server of the spec's own gives them. In either host the
-- same.

local assert = require "luassert"
local busted = require "busted"
local load = require "spec.support.hosts.load"
local name_server = require "spec.support.hosts.names"
local scenes = require "spec.support.hosts.scene"
local socket = require "socket"

local PATIENCE = 20 -- seconds

-- `options`: `host` and `console` as for a scene; `settings` for the example; `configure(text, port)`, which returns the host's
-- configuration with the name server's port in it. What is returned is the scene, with `names`, the name server, too.
return function(options)
  local scene = scenes(options.host, options.console)
  local started = {}

  busted.after_each(function()
    scene.stop()
    started.names:stop()
  end)

  local here = setmetatable({}, { __index = function(_, name) return started[name] or scene[name] end })

  --- Starts all of it, where the name has these addresses.
  function here.start(addresses)
    started.names = name_server.start(addresses)
    scene.start_at("api.test", options.settings)
    scene.example:configure(function(text) return options.configure(text, started.names.port) end)
  end

  --- The status of a call of the webhook.
  function here.hook() return load.send(scene.example:hook("1001", { 3 })).status end

  --- Calls until it works: the host has asked for the name.
  function here.wait_for_api()
    local ends = socket.gettime() + PATIENCE
    while here.hook() ~= 202 do assert.is_true(socket.gettime() < ends, scene.example:log()) end
    scene.server:clear()
  end

  return here
end
