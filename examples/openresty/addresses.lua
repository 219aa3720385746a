-- The API's addresses for nginx.conf, beside this file: its name is looked up again and again while nginx runs. A name that
-- nobody knows keeps nginx from nothing, and what was known stays until something else is. The addresses (IPv4; IPv6 where
-- there is no IPv4) are taken in turn. One to which no connection came about is left alone for 10 s, unless there is no other.
--
-- It asks the name servers of /etc/resolv.conf, as they are when nginx starts or is reloaded. Like nginx's own `resolver` it
-- reads no /etc/hosts and appends no domain. It needs lua-resty-dns, which OpenResty has; Debian's package is lua-nginx-dns.
--
-- What is known is in `lua_shared_dict addresses`: one worker asks for all of them, and a reload forgets nothing.

local balancer = require "ngx.balancer"
local is_openresty, dns = pcall(require, "resty.dns.resolver")
if not is_openresty then dns = require "nginx.dns.resolver" end

local Api = {}
Api.__index = Api

local function name_servers()
  local servers = {}
  for line in io.lines "/etc/resolv.conf" do
    local address = line:match "^%s*nameserver%s+([%x.:]+)"
    if address then servers[#servers + 1] = address:find ":" and "[" .. address .. "]" or address end
  end
  return servers
end

-- The addresses of a name, and for how many seconds they are good; or nil and why not.
local function look_up(name, servers)
  local resolver, err = dns:new { nameservers = servers, retrans = 2, timeout = 2000 }
  for _, qtype in ipairs(resolver and { dns.TYPE_A, dns.TYPE_AAAA } or {}) do
    local answers, trouble = resolver:query(name, { qtype = qtype })
    err = trouble or answers.errstr or "it has no address"
    local addresses, ttl = {}, 30
    for _, answer in ipairs(answers or {}) do
      local address = answer.address
      if address then addresses[#addresses + 1] = qtype == dns.TYPE_A and address or "[" .. address .. "]" end
      ttl = math.min(ttl, answer.ttl)
    end
    if addresses[1] then return addresses, math.max(ttl, 1) end
    if not answers or answers.errcode then break end -- which is no proof that there is no IPv4
  end
  return nil, err
end

local function refresh(premature, api)
  local known = ngx.shared.addresses
  if premature or not known:add("asked " .. api.name, true, 10) then return end -- not yet, or another worker does
  local addresses, more = look_up(api.name, api.servers)
  if addresses then
    known:set(api.name, table.concat(addresses, " "))
  elseif known:add("told " .. api.name, true, 60) then
    ngx.log(ngx.ERR, "the address of ", api.name, " is not to be had: ", more)
  end
  known:set("asked " .. api.name, true, addresses and more or 2)
end

--- For init_worker_by_lua: keeps the addresses up to date from now on.
function Api:follow()
  if self.fixed then return end
  assert(ngx.timer.at(0, refresh, self))
  assert(ngx.timer.every(1, refresh, self))
end

--- For balancer_by_lua: where this request goes. Without any address it goes nowhere, which the client is told (`unsent`).
function Api:choose()
  local known, first = ngx.shared.addresses, nil
  local addresses = {}
  for address in (self.fixed or known:get(self.name) or ""):gmatch "%S+" do addresses[#addresses + 1] = address end
  self.turn = self.turn + 1
  for i = 0, #addresses - 1 do
    local address = addresses[(self.turn + i) % #addresses + 1]
    first = first or address
    if not known:get("down " .. address .. ":" .. self.port) then first = address break end
  end
  if not first then return ngx.exit(ngx.ERROR) end
  ngx.ctx.address = first .. ":" .. self.port
  assert(balancer.set_current_peer(first, self.port))
end

--- For log_by_lua: remembers where no connection came about. (499: the client did not wait for it, which proves nothing.)
function Api.note()
  local address, status = ngx.ctx.address, ngx.status
  if address and ngx.var.upstream_connect_time == "-" and (status == 502 or status == 504) then
    ngx.shared.addresses:set("down " .. address, true, 10)
  end
end

--- For init_by_lua: an API at "name:port", or at a number (IPv6's in brackets) or "localhost", which nobody is asked for.
-- `servers`: the name servers, as lua-resty-dns takes them; those of /etc/resolv.conf.
function Api.new(place, servers)
  local name, port = place:match "^(.+):(%d+)$"
  assert(name, "addresses.new: name:port expected, got " .. place)
  if name == "localhost" then name = "127.0.0.1" end
  local is_number = name:find "^[%d.]+$" or name:find "^%["
  return setmetatable({
    name = name, port = tonumber(port), turn = 0,
    fixed = is_number and name, servers = servers or not is_number and name_servers(),
  }, Api)
end

return { new = Api.new, note = Api.note }
