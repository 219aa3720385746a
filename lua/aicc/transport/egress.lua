--- What the transports of nginx and HAProxy have in common: the request that an egress gets, and what its answer means.
--
-- An egress is a server on a Unix socket that the host's own configuration declares. It does TLS, verification and keepalive, and
-- sends a request at most once. Three headers, which never reach the API, are between it and us:
--
-- - `X-Aicc-Connection: fresh` asks for a new connection, for `aicc.ALL`;
-- - `X-Aicc-Timeout` is the attempt's, in milliseconds, for a host that can use it;
-- - `X-Aicc-Egress` in an answer is `answered` where the API gave it. Else it tells how far the request had come: `unsent`,
--   `sent`, `tls` (unsent, for the API's certificate is not to be trusted) or `oversized` (so is the API's answer).
-- @module aicc.transport.egress

local core = require "aicc.core"
local errors = require "aicc.error"
local host = require "aicc.host"

local MAX_BODY = 1024 * 1024
local MAX_HEAD = 64 * 1024

local Egress = {}
Egress.__index = Egress

local M = {}

--- So many bytes a reply can have at most that is not refused.
M.MAX_REPLY = MAX_BODY + MAX_HEAD

--- The error of an attempt that brought no reply. A broken connection and a timeout are worth another try.
-- @tparam string operation
-- @tparam string kind
-- @tparam string outcome
-- @tparam string message
-- @treturn table
function M.failure(operation, kind, outcome, message)
  return errors.new {
    operation = operation, kind = kind, outcome = outcome, message = message,
    retryable = kind == "network" or kind == "timeout",
  }
end

--- The error of a reply over the cap.
-- @tparam string operation
-- @treturn table
function M.too_large(operation)
  return M.failure(operation, "too_large", "unknown",
    ("the reply is larger than %d bytes, or its headers than %d"):format(MAX_BODY, MAX_HEAD))
end

--- What is sent for a request.
-- @tparam table request as for a transport's `attempt`
-- @treturn ?table `path`, `headers`, `body`
-- @treturn ?table the error
function Egress:encode(request)
  local encoded, err = core.encode(request.operation, request.arguments, {
    token = request.token, app_key = self.app_key, tenant_space_id = self.tenant_space_id, user_agent = self.user_agent,
  })
  if not encoded then return nil, err end
  encoded.path = self.prefix .. encoded.path
  encoded.headers.Host = self.authority
  if request.arguments.userAccounts == core.ALL then encoded.headers["X-Aicc-Connection"] = "fresh" end
  return encoded
end

-- What an answer means that the API did not give.
local function own_failure(operation, status, progress)
  if progress == nil then
    return M.failure(operation, "network", status == 503 and "not_sent" or "unknown",
      ("HTTP %d, and not from an egress, which would send X-Aicc-Egress: is its socket the right one?"):format(status))
  elseif progress == "oversized" then
    return M.too_large(operation)
  elseif progress == "tls" then
    return M.failure(operation, "tls", "not_sent", "the egress does not trust the API's certificate: the host's log says why")
  end
  local kind = status == 504 and "timeout" or "network"
  if progress == "unsent" then
    return M.failure(operation, kind, "not_sent", "the egress cannot reach the API: the host's log says why")
  end
  local broke = "the connection from the egress to the API broke before an answer came"
  return M.failure(operation, kind, "unknown", kind == "timeout" and "no answer in time" or broke)
end

--- What an answer means.
-- @tparam table request the one that it is an answer to
-- @tparam table reply `status`, `headers` (lower-case name -> value), `head_size` (bytes), `body`, `truncated`
-- @treturn ?table the API's reply
-- @treturn ?table the error
function Egress:decode(request, reply)
  local progress = reply.headers["x-aicc-egress"]
  if progress ~= "answered" then return nil, own_failure(request.operation, reply.status, progress) end
  if #reply.body > MAX_BODY or (reply.head_size or 0) > MAX_HEAD then return nil, M.too_large(request.operation) end
  local result, err = core.decode(request.operation, reply, {
    token = request.token, app_key = self.app_key, app_secret = self.app_secret,
  })
  return result, err
end

--- The error of a call where its host lets nobody wait.
-- @tparam string operation
-- @tparam string where
-- @tparam string instead what to do about it
-- @treturn table
function M.unsupported(operation, where, instead)
  return M.failure(operation, "unsupported", "not_sent", ("not possible in %s: %s"):format(where, instead))
end

local function refuse(...) return nil, errors.new { kind = "config", message = string.format(...) } end

--- Checks what a client's settings say of the egress.
-- @tparam table settings as from `aicc.config`
-- @tparam string name the host that it is for: "nginx" or "haproxy"
-- @treturn ?table `socket` (the path), and the above as methods
-- @treturn ?table an error of kind "config"
function M.new(settings, name)
  if host.name() ~= name then return refuse('transport: "%s" is for Lua that runs in it', name) end
  if not settings.egress then
    return refuse('egress: it is missing; in this host give "unix:" and the path of the socket that its configuration declares')
  end
  local socket = settings.egress:match "^unix:(/[!-~]+)$"
  if not socket then return refuse('egress: expected "unix:/path", got "%s"', settings.egress) end
  local authority, path = settings.base_url:match "^https?://([%w%.%-:%[%]]+)(/?[!-~]*)$"
  if not authority or not (path .. "/"):find "^/[^?#@]*$" then
    return refuse "base_url: expected a URL such as https://service.besclouds.com"
  end
  return setmetatable({
    socket = socket, authority = authority, prefix = (path:gsub("/+$", "")), app_key = settings.app_key,
    app_secret = settings.app_secret, tenant_space_id = settings.tenant_space_id, user_agent = settings.user_agent,
  }, Egress)
end

return M
