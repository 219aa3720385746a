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

-- What `openssl ca` wants to be told.
local CA = [[
[ca]
default_ca = own
[own]
database = $dir/index
serial = $dir/serial
new_certs_dir = $dir
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:localhost, IP:127.0.0.1
]]

--- A certificate for localhost, signed by itself, that is valid between two moments (YYYYMMDDHHMMSSZ). Fields: `cert`, `key`.
function openssl.dated(from, to)
  local directory, remove = child.directory()
  local function path(name) return directory .. "/" .. name end
  local function write(name, text)
    local file = assert(io.open(path(name), "w"))
    file:write(text)
    file:close()
  end
  local function read(name)
    local file = assert(io.open(path(name)))
    local text = file:read "*a"
    file:close()
    return text
  end
  write("index", "")
  write("serial", "01\n")
  write("config", (CA:gsub("%$dir", directory)))
  local command = ([[cd %s && openssl req -new -newkey rsa:2048 -nodes -keyout key -subj /CN=localhost -out request &&
    openssl ca -config config -selfsign -keyfile key -in request -startdate %s -enddate %s -batch -notext -out cert]]):format(
    directory, from, to)
  local status, output = processes.spawn("sh -c " .. processes.quote(command)):wait()
  assert(status == 0, output)
  local made = { cert = read "cert", key = read "key" }
  remove()
  return made
end

return openssl
