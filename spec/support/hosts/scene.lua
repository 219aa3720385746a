-- What the specs of nginx and HAProxy set up: a sandbox, an example on it, and what to tell a console so that it goes out through
-- the example's egress.

local host = require "spec.support.hosts.host"
local sandbox = require "aicc.sandbox"

return function(name, console)
  local scene = { name = name, console = console }

  --- Starts a sandbox, and the example on it; `overrides` and `arguments` as for `host.example`.
  function scene.start(overrides, arguments, token_port)
    scene.server = assert(sandbox.start {
      tls = true, token_port = token_port, agents = { [3] = { "1001", "1002", "1003" }, [4] = { "1001" } },
    })
    scene.example = host.example(name, scene.server, overrides, arguments)
  end

  --- The same, where the API has another name than its address.
  function scene.start_at(host_name, overrides)
    scene.server = assert(sandbox.start { tls = true, agents = { [3] = { "1001" } } })
    overrides.API = host_name .. ":" .. scene.server.port
    scene.example = host.example(scene.name, scene.server, overrides)
  end

  --- The same without TLS between them.
  function scene.start_plain()
    scene.server = assert(sandbox.start { agents = { [3] = { "1001", "1002", "1003" } } })
    scene.example = host.example(name, scene.server, { CA = "/etc/ssl/certs/ca-certificates.crt" })
    scene.example:configure(console.without_tls)
  end

  function scene.stop()
    if scene.example then scene.example:stop() end
    if scene.server then scene.server:stop() end
    scene.example, scene.server = nil, nil
  end

  --- A client's options in a console, as Lua source.
  function scene.options(more)
    return ("{ egress = %q, base_url = 'https://localhost', app_key = %q, app_secret = %q, %s }"):format(
      scene.example:egress(), scene.server.app_key, scene.server.app_secret, more or "")
  end

  --- How many requests of an operation the sandbox has seen.
  function scene.count(operation)
    local n = 0
    for _, request in ipairs(scene.server:requests()) do
      if request.operation == operation then n = n + 1 end
    end
    return n
  end

  return scene
end
