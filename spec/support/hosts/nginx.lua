-- A console in nginx (see host.lua): the code runs in the phase that the path names.

local host = require "spec.support.hosts.host"

local nginx = { untrusted = "network" } -- what a certificate is called there that is not to be trusted

-- A location that runs the body's code in a phase and answers with what it returned.
local function location(phase, directive)
  return ([[
    location = /%s {
      %s {
        ngx.req.read_body()
        ngx.ctx.answer = console.run(ngx.req.get_body_data())
      }
      content_by_lua_block { ngx.print(ngx.ctx.answer) }
    }
]]):format(phase, directive)
end

-- A location that runs the body's code in a phase that is too late for an answer: see `Host:told`.
local function told(phase, directive)
  return ([[
    location = /%s {
      content_by_lua_block {
        ngx.req.read_body()
        ngx.ctx.code = ngx.req.get_body_data()
        ngx.print "[]"
      }
      %s { ngx.shared.told:add("%s", console.run(ngx.ctx.code)) }
    }
]]):format(phase, directive, phase)
end

nginx.CONF = [[
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
worker_processes @WORKERS@;
user root;                 # may read the sandbox's CA
error_log stderr notice;
pid nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
  lua_package_path "@SPEC@/?.lua;;";
  lua_shared_dict aicc 1m;
  lua_shared_dict told 1m;
  lua_socket_log_errors off;
  init_by_lua_block {
    console = require "console"
    function try(phase)
      ngx.shared.told:add(phase, console.run [=[
        local options = { egress = "unix:/nowhere", base_url = "https://localhost", app_key = "app-key", app_secret = "secret" }
        return (...)(options, "release_agent_by_skill", 3, { "1001" })]=])
    end
    try "init"
  }
  init_worker_by_lua_block { try "init_worker" }
  exit_worker_by_lua_block { try "exit_worker" }
  server {
    listen unix:@WORK@/tls.sock ssl;
    ssl_certificate @WORK@/certificate.pem;
    ssl_certificate_key @WORK@/certificate.pem;
    ssl_session_tickets off;
    ssl_protocols TLSv1.2;
    ssl_client_hello_by_lua_block { try "ssl_client_hello" }
    return 200;
  }
  server {
    listen 127.0.0.1:@PORT@;
    client_max_body_size 64k;
    client_body_buffer_size 64k;
    location = /health { return 200; }
    location = /lua {
      content_by_lua_block {
        ngx.req.read_body()
        ngx.print(console.run(ngx.req.get_body_data()))
      }
    }
]] .. location("rewrite", "rewrite_by_lua_block") .. location("access", "access_by_lua_block")
  .. told("log", "log_by_lua_block") .. told("header_filter", "header_filter_by_lua_block")
  .. told("body_filter", "body_filter_by_lua_block") .. [[
    location = /told { content_by_lua_block { ngx.print(ngx.shared.told:get(ngx.var.arg_by) or "[]") } }
  }
}
]]

--- The example's configuration with an egress that does no TLS.
function nginx.without_tls(text) return (text:gsub("https://%$api", "http://$api")) end

--- The example's configuration with a second egress, to the address of tokens.
function nginx.with_token_egress(text, address)
  return (text:gsub("# (upstream tokens)", "%1"):gsub("%-%- (tokens = )", "%1")
    :gsub('# ("~/token)', "%1"):gsub("# (listen unix:)", "%1"):gsub("service.besclouds.com:28070", address))
end

-- A certificate of its own for a server whose handshakes run Lua, with its key.
local function certificate()
  local pipe = io.popen("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 2 " ..
    "-keyout /dev/stdout 2>/dev/null")
  local text = pipe:read "*a"
  pipe:close()
  return text
end

--- Starts one with so many workers (1).
function nginx.start(workers)
  return host.console("openresty", {
    ["nginx.conf"] = (nginx.CONF:gsub("@WORKERS@", workers or 1)), ["certificate.pem"] = certificate(),
  })
end

return nginx
