-- OpenSSL's own server, which speaks one version of TLS only. It answers in no HTTP.

local child = require "spec.support.child"
local processes = require "spec.support.processes"

local openssl = {}

--- Starts one for one connection. `version`: "tls1", "tls1_1", "tls1_2", "tls1_3". Fields: `base_url`, `ca_file`; `stop` ends it.
function openssl.serve(version)
  local made = require("aicc.sandbox.core").certificate { names = { "localhost" }, addresses = { "127.0.0.1" }, days = 1 }
  local directory, remove = child.directory()
  for name, text in pairs { cert = made.cert, key = made.key, ca = made.ca } do
    local file = assert(io.open(directory .. "/" .. name, "w"))
    file:write(text)
    file:close()
  end
  local process = processes.spawn(("openssl s_server -rev -accept 127.0.0.1:0 -naccept 1 -cert %s/cert -key %s/key"
    .. " -cipher DEFAULT:@SECLEVEL=0 -%s"):format(directory, directory, version))
  local port
  repeat
    local line = assert(process:line(), "openssl did not start")
    port = line:match "^ACCEPT .*:(%d+)$"
  until port
  return {
    base_url = "https://127.0.0.1:" .. port, ca_file = directory .. "/ca",
    stop = function()
      process:stop()
      remove()
    end,
  }
end

return openssl
