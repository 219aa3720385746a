-- A console in HAProxy (see host.lua): the code runs in a service, an action, a sample fetch or a converter, as the path says.

local host = require "spec.support.hosts.host"

local haproxy = { untrusted = "tls" } -- what a certificate is called there that is not to be trusted

haproxy.CFG = [[
global
  nbthread 1
  lua-prepend-path "@SPEC@/?.lua"
  lua-load "@WORK@/console_haproxy.lua"
  tune.bufsize 65536
  log stderr format raw daemon notice
  # chroot @WORK@
defaults
  mode http
  log global
  timeout client  60s
  timeout connect 5s
  timeout server  60s
frontend console
  bind 127.0.0.1:@PORT@
  option http-buffer-request
  http-request return status 200 if { path /health }
  http-request lua.call if { path /action }
  http-request set-var(txn.answer) lua.call if { path /fetch }
  http-request set-var(txn.answer) req.body,lua.call if { path /converter }
  http-request return status 200 content-type application/json lf-string "%[var(txn.answer)]" unless { path /lua }
  http-request use-service lua.call
]]

haproxy.LUA = [[
local console = require "console"

core.register_service("call", "http", function(applet)
  local answer = console.run(applet:receive())
  applet:set_status(200)
  applet:add_header("content-length", #answer)
  applet:start_response()
  applet:send(answer)
end)

core.register_action("call", { "http-req" }, function(txn) txn:set_var("txn.answer", console.run(txn.f:req_body())) end)
core.register_fetches("call", function(txn) return console.run(txn.f:req_body()) end)
core.register_converters("call", function(code) return console.run(code) end)
]]

--- The example's configuration with an egress that does no TLS.
function haproxy.without_tls(text) return (text:gsub("\n  default%-server [^\n]+", "")) end

--- The example's configuration with a second egress, to the address of tokens.
function haproxy.with_token_egress(text, address)
  return (text:gsub("# (bind \"unix)", "%1"):gsub("# (use_backend tokens)", "%1"):gsub("\n# (backend tokens)", "\n%1")
    :gsub("\n#(   http%-reuse)", "\n%1"):gsub("\n#(   server tokens)", "\n%1"):gsub("%${API_TOKENS[^}]*}", address))
end

--- Starts one; `edit` changes its configuration, `variables` are for it.
function haproxy.start(edit, variables)
  local cfg = haproxy.CFG
  if edit then cfg = edit(cfg) end
  return host.console("haproxy", { ["haproxy.cfg"] = cfg, ["console_haproxy.lua"] = haproxy.LUA }, variables)
end

return haproxy
