-- What may be used where. lua/ runs on Lua 5.1 (LuaJIT), 5.3 and 5.4; the hosts' own globals only in what is theirs.
std = "min"
read_globals = { "unpack", table = { fields = { "unpack" } } } -- one of them is there
self = false -- a method may have no use for it
max_line_length = 130

files["lua/aicc/transport/nginx.lua"].read_globals = { "ngx" }
files["lua/aicc/native.lua"].read_globals = { "jit" }
files["lua/aicc/cli/parser.lua"].read_globals = { "jit" }
files["lua/aicc/transport/haproxy.lua"].globals = { "core" }
files["lua/aicc/store/shdict.lua"].read_globals = { "ngx" }
files["examples"].std = "max"
files["examples/haproxy"].read_globals = { "core" }
files["examples/openresty"].globals = { "ngx" }
files["bin/aicc"].globals = { "_" } -- a shell reads it first
files["spec"].std = "max+busted"
