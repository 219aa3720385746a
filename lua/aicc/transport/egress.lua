--- What the transports of nginx and HAProxy have in common: all but how the host moves bytes and waits.
--
-- An egress is a server on a Unix socket that the host's own configuration declares. It does TLS, verification and keepalive, and
-- sends a request at most once. Three headers, which never reach the API, are between it and us:
--
-- - `X-Aicc-Connection: fresh` asks for a new connection, for `aicc.ALL`;
-- - `X-Aicc-Timeout` is the attempt's, in milliseconds, for a host that can use it;
-- - `X-Aicc-Egress` in an answer is `answered` where the API gave it. Else it tells how far the request had come: `unsent`,
--   `sent`, `tls` (unsent, for the API's certificate is not to be trusted), `refused` (unsent, for that is no path of the API's)
--   or `oversized` (so is the API's answer).
-- @module aicc.transport.egress

local call = require "aicc.call"
local core = require "aicc.core"
local errors = require "aicc.error"
local host = require "aicc.host"
local secret = require "aicc.secret"

local MAX_BODY = 1024 * 1024
local MAX_HEAD = 64 * 1024
local LONGEST = 86400 -- seconds that an attempt may take; hosts count milliseconds, in 31 bits

local Egress = { __name = "aicc.transport.egress" }
Egress.__index = Egress

function Egress:__tostring() return "aicc.transport." .. (self.host.name or "egress") end

--- Whether it sends a request's `headers`.
Egress.forwards = true

local M = {}

--- So many bytes a reply can have at most that is not refused.
M.MAX_REPLY = MAX_BODY + MAX_HEAD

-- The error of an attempt that brought no reply. A broken connection and a timeout are worth another try.
local function failure(operation, kind, outcome, message)
  return errors.new {
    operation = operation, kind = kind, outcome = outcome, message = message,
    retryable = kind == "network" or kind == "timeout",
  }
end

local function too_large(operation)
  return failure(operation, "too_large", "unknown",
    ("the reply is larger than %d bytes, or its headers than %d"):format(MAX_BODY, MAX_HEAD))
end

-- The headers of a request that are not the operation's own, each with its end: the host's, then the caller's.
local function lines_of(self, request, timeout, is_fresh)
  local lines = self.host.lines(timeout, is_fresh)
  for name, value in pairs(request.headers or {}) do lines = lines .. name .. ": " .. value .. "\r\n" end
  return lines
end

-- What an answer means that the API did not give.
local function own_failure(operation, status, progress)
  if progress == nil then
    return failure(operation, "network", "unknown",
      ("HTTP %d, and not from an egress, which would send X-Aicc-Egress: is its socket the right one?"):format(status))
  elseif progress == "oversized" then
    return too_large(operation)
  elseif progress == "refused" then
    return failure(operation, "not_found", "not_sent",
      "the egress lets no such path through: its configuration has the API's, without the path that base_url has")
  elseif progress == "tls" then
    return failure(operation, "tls", "not_sent", "the egress does not trust the API's certificate: the host's log says why")
  end
  local kind = status == 504 and "timeout" or "network"
  if progress == "unsent" then
    return failure(operation, kind, "not_sent", "the egress cannot reach the API: the host's log says why")
  end
  local broke = "the connection from the egress to the API broke before an answer came"
  return failure(operation, kind, "unknown", kind == "timeout" and "no answer in time" or broke)
end

-- What an answer means: the API's reply, or nil and the error. `is_cut`: some of its body is missing.
local function decode(operation, token, who, text, is_cut)
  local status, size, _, progress = core.http_head(text)
  if progress ~= "answered" then return nil, own_failure(operation, status, progress) end
  if #text - size > MAX_BODY or size > MAX_HEAD then return nil, too_large(operation) end
  local result, err = core.http_result(operation, text, is_cut, token, who)
  return result, err
end

-- What the host did instead of giving a reply, as an error.
local function host_failure(operation, kind, outcome, message)
  if kind == "too_large" then return too_large(operation) end
  return failure(operation, kind, outcome, message)
end

--- One attempt of one operation: at most one request. As `aicc.transport.curl`.
-- @tparam table request `operation`; `arguments`, a table or prepared; `headers` (more of them; nil)
-- @tparam ?string token nil for the operation "token"
-- @tparam number timeout seconds
-- @treturn ?table the reply
-- @treturn ?table the error
function Egress:attempt(request, token, timeout)
  local operation, where = request.operation, self.host.cannot_wait()
  if where then
    return nil, failure(operation, "unsupported", "not_sent", ("not possible in %s: %s"):format(where, self.host.instead()))
  end
  if self.closed then return nil, failure(operation, "closed", "not_sent", "the client is closed") end
  local own = secret.of(self)
  local who = operation == "token" and own.token or own.api
  timeout = math.min(LONGEST, timeout)
  local is_fresh = call.is_for_everybody(request.arguments)
  local bytes, err = core.http_request(operation, request.arguments, token, who,
    lines_of(self, request, timeout, is_fresh))
  if not bytes then return nil, err end
  local text, is_cut, outcome, message = self.host.exchange(who.socket, bytes, timeout, self.connect_timeout, is_fresh)
  if not text then return nil, host_failure(operation, is_cut, outcome, message) end
  return decode(operation, token, who, text, is_cut)
end

-- Whether the egress of `who` answers, by a path that it refuses: that asks nobody else.
local function try(self, who, seconds)
  local bytes = ("POST /aicc-ready HTTP/%s\r\nHost: %s\r\n%sContent-Length: 0\r\n\r\n"):format(
    who.version, who.authority, self.host.lines(seconds, true))
  local text, kind, outcome, message = self.host.exchange(who.socket, bytes, seconds, seconds, true)
  if not text then return nil, host_failure(nil, kind, outcome, message) end
  local status, _, _, progress = core.http_head(text)
  if progress == "refused" then return true end
  return nil, own_failure(nil, status, progress ~= "answered" and progress or nil)
end

--- Whether the egress is there and works, as far as that can be told without asking the API: on a new connection.
-- @tparam number seconds that this may take
-- @treturn ?boolean true
-- @treturn ?table the error
function Egress:try_egress(seconds)
  local where = self.host.cannot_wait()
  if where then return nil, failure(nil, "unsupported", "not_sent", "not possible in " .. where) end
  local own = secret.of(self)
  local good, err = try(self, own.api, seconds)
  if good and own.token.socket ~= own.api.socket then good, err = try(self, own.token, seconds) end
  return good, err
end

--- Waits.
-- @tparam number seconds
-- @treturn boolean false where the host lets nobody wait
function Egress:sleep(seconds)
  if self.host.cannot_wait() then return false end
  self.host.sleep(seconds)
  return true
end

--- Whether others go on while the caller waits: wherever waiting is possible at all.
-- @treturn boolean
function Egress:yields() return self.host.cannot_wait() == nil end

--- Whether a coroutine that waits here will ever go on: as far as one can tell. A request that was given up takes its own along.
-- @treturn boolean
function Egress:is_alive() return true end -- luacheck: ignore self

--- That calls come from strangers, as many as there are: they share a failed fetch of the token for a moment (`aicc.token`).
Egress.serves_strangers = true

--- Has the host run a function on its own, so that it goes on when the caller's request is given up.
-- @tparam function f
-- @treturn boolean false where the host cannot
function Egress:apart(f) return self.host.apart ~= nil and self.host.apart(f) end

--- What wakes those who wait for something.
-- @treturn ?table `wait(seconds)`, which returns true, woken or not; `ring()`. Nil where the host has nothing of the kind
function Egress:bell() return self.host.bell and self.host.bell() end

--- Refuses further attempts. There is nothing to close: the connections are the host's, or end with an attempt.
function Egress:close() self.closed = true end

local function refuse(...) return nil, errors.new { kind = "config", message = string.format(...) } end

-- Where requests go by the settings of these names, in which HTTP, and who asks: as `core.http_request` wants it, and `socket`.
-- Nil and an error where that cannot be.
local function route_of(settings, how, egress, url)
  local socket = settings[egress]:match "^unix:(/[!-~]+)$"
  if not socket then return refuse('%s: expected "unix:/path", got "%s"', egress, settings[egress]) end
  local authority, path = settings[url]:match "^https?://([%w%.%-:%[%]]+)(/?[!-~]*)$"
  if not authority or not (path .. "/"):find "^/[^?#@]*$" then
    return refuse("%s: expected a URL such as https://service.besclouds.com", url)
  end
  return {
    socket = socket, authority = authority, prefix = (path:gsub("/+$", "")), version = how.version, app_key = settings.app_key,
    app_secret = settings.app_secret, tenant_space_id = settings.tenant_space_id, user_agent = settings.user_agent,
  }
end

-- Settings that the host's own configuration has the say in.
local HOSTS_BUSINESS = {
  { "max_in_flight", "bound what is under way where requests come in, with limit_conn (nginx) or maxconn (HAProxy)" },
  { "ca_file", "the egress says whom to trust" }, { "ca_path", "the egress says whom to trust" },
  { "verify", "the egress says whether to" }, { "proxy", "the egress says which way requests go" },
}

-- The variables that name a proxy for whatever runs on the machine.
local FOR_EVERYBODY = { ["environment https_proxy"] = true, ["environment HTTPS_PROXY"] = true }

-- Refuses what would have no effect, wherever it was given. Only a variable that is not ours is no more than a line in the log.
local function check_business(settings, how, sources)
  for _, row in ipairs(HOSTS_BUSINESS) do
    local name, instead = row[1], row[2]
    local source = sources and sources[name] or "default"
    local asks = settings[name] ~= "" and settings[name] ~= true -- no proxy, and a certificate that is looked at, are as it is
    if asks and source ~= "default" then
      local from = source == "argument" and "" or (" (it is from: %s)"):format(source)
      local message = ("%s: it has no effect in %s%s: %s"):format(name, how.name, from, instead)
      if not FOR_EVERYBODY[source] then return refuse("%s", message) end
      how.warn("aicc: " .. message)
    end
  end
  return true
end

--- Makes a transport.
-- @tparam table settings as from `aicc.config`
-- @tparam table how what the host can do: `name` ("nginx" or "haproxy"); `cannot_wait()` (where this is called, in words, if Lua
--   may not wait there); `instead()` (what to do then); `sleep(seconds)`; `warn(text)`, into its log; `apart(f)` and `bell()`, as
--   the methods of these names, where it has any; `version` (of HTTP: "1.0" or "1.1"); `lines(timeout, is_fresh)`: its headers,
--   each with its end; `exchange(path, bytes, timeout, connect_timeout, is_fresh)`, which sends a request to a Unix socket (on a
--   new connection if `is_fresh`) and returns the answer, head and body, and whether some of that is missing; or nil and an
--   error's kind, outcome and message
-- @tparam ?table sources where the settings come from, as from `aicc.config`
-- @treturn ?table
-- @treturn ?table an error of kind "config"
function M.new(settings, how, sources)
  if host.name() ~= how.name then return refuse('transport: "%s" is for Lua that runs in it', how.name) end
  if not settings.egress then
    return refuse('egress: it is missing; in this host give "unix:" and the path of the socket that its configuration declares')
  end
  local good, api, token, err
  good, err = check_business(settings, how, sources)
  if not good then return nil, err end
  api, err = route_of(settings, how, "egress", "base_url")
  if not api then return nil, err end
  token, err = route_of(settings, how, settings.token_egress and "token_egress" or "egress", "token_url")
  if not token then return nil, err end
  local self = setmetatable({ host = how, connect_timeout = math.min(LONGEST, settings.connect_timeout) }, Egress)
  local own = secret.of(self)
  own.api, own.token = api, token
  return self
end

return M
