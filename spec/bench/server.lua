-- An nginx with one worker that answers at once and always the same: fast enough that what is measured is the client.

local load = require "spec.support.hosts.load"
local processes = require "spec.support.processes"
local socket = require "socket"
local tools = require "spec.bench.tools"

local server = {}

local Server = {}
Server.__index = Server

--- The token that it gives, as long as the real ones.
server.TOKEN = ("bench-token-"):rep(10) .. "12345678"

--- The path of the request that all clients make, and its body.
server.PATH = "/apiaccess/rest/cc-management/v1/agentAccount/releaseAgentBySkillId"
server.BODY = '{"skillId":3,"userAccounts":["1001","1002"]}'

local CONF = [[
worker_processes 1;
daemon off;
master_process off;
error_log stderr warn;
pid nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  default_type application/json;
  server {
    listen 127.0.0.1:@HTTP@;
    listen 127.0.0.1:@HTTPS@ ssl;
    ssl_certificate @WORK@/cert.pem;
    ssl_certificate_key @WORK@/key.pem;
    location = /health { return 200; }
    location = /apigovernance/api/oauth/tokenByAkSk { return 200 '{"AccessToken":"@TOKEN@","Expires":"86400"}'; }
    location = @PATH@ { return 200 '{"resultCode":"0","resultMessage":"success"}'; }
  }
}
]]

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

--- Starts one. Its `http` and `https` are addresses, `ca_file` is for the latter.
function server.start()
  local work = os.tmpname()
  os.remove(work)
  assert(os.execute("mkdir -m 755 " .. work))
  assert(os.execute(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost " ..
    "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout %s/key.pem -out %s/cert.pem 2>/dev/null"):format(work, work)))
  local values = { HTTP = load.free_port(), HTTPS = load.free_port(), WORK = work, TOKEN = server.TOKEN, PATH = server.PATH }
  write(work .. "/nginx.conf", (CONF:gsub("@(%u+)@", values)))
  local process = processes.spawn(("sh -c 'ulimit -t unlimited; exec %snginx -p %s -e stderr -c nginx.conf'"):format(
    tools.on_core(), work))
  local self = setmetatable({
    work = work, process = process, http = "http://127.0.0.1:" .. values.HTTP, https = "https://localhost:" .. values.HTTPS,
    ca_file = work .. "/cert.pem",
  }, Server)
  local ends = socket.gettime() + 20
  while load.send({ port = values.HTTP, path = "/health" }).status ~= 200 do
    if socket.gettime() > ends then
      self:stop()
      error "nginx did not start"
    end
    socket.sleep(0.02)
  end
  return self
end

function Server:stop()
  self.process:stop()
  os.execute("rm -rf " .. processes.quote(self.work))
end

return server
