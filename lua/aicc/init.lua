--- Huawei Cloud's contact-centre management API, from Lua: unbind agents from a skill queue.
--
--     local aicc = require "aicc"
--     local client = assert(aicc.new { base_url = "https://service.besclouds.com", app_key = "…", app_secret = "…" })
--     assert(client:release_agent_by_skill(3, { "1001", "1002" }))   -- two agents
--     assert(client:release_agent_by_skill(3, aicc.ALL))             -- everybody
-- @module aicc

local core = require("aicc.native").load "aicc.core"
local client = require "aicc.client"
local errors = require "aicc.error"

-- The interpreter of Lua 5.1 cannot print an error that is a table, nor can 5.2's `assert` (src/uncaught.c).
if _VERSION == "Lua 5.1" and not rawget(_G, "jit") or _VERSION == "Lua 5.2" then core.show_uncaught() end

local M = {}

--- The version.
M.VERSION = core._VERSION

--- The same.
M._VERSION = core._VERSION

--- Everybody in a queue. The one value that makes the empty array which the API takes for everybody; no data file can hold it.
M.ALL = core.ALL

--- Whether a value is an error of this library.
-- @function is_error
-- @param value anything
-- @tparam ?string kind and of that kind
-- @treturn boolean
M.is_error = errors.is_error

--- One line of fields for a log, of a call that failed: operation, kind, outcome, attempts, status, code, elapsed.
-- @function line
-- @tparam table err
-- @tparam ?table more array of `{ name, value }` to tell too: the request's id, say
-- @treturn string
-- @see aicc.error.line
M.line = errors.line

--- As Lua's `assert`, but what it raises is text: nginx and HAProxy cannot print an error that is a table.
--
--     local client = aicc.assert(aicc.new { … })
--
-- @param value anything
-- @param err what to raise, made text, if the value is nil or false
-- @param ... more that is returned
-- @return all arguments
function M.assert(value, err, ...)
  if not value then error(err == nil and "assertion failed!" or tostring(err), 0) end
  return value, err, ...
end

--- Compares two secrets. How long that takes does not depend on where they differ.
-- @function equal
-- @tparam string a
-- @tparam string b
-- @treturn boolean
M.equal = core.equal

--- Makes a client.
-- A wrong type or an unknown option raises; what is missing or wrong otherwise is returned as an error of kind "config".
-- @tparam ?table options nothing where the environment or the file has all that is needed
-- @tparam ?string options.base_url where the API is: `https://service.besclouds.com`; `http://` only on a loopback address
-- @tparam ?string options.token_url where tokens come from, in the same form, if not from `base_url`: some editions have a port
--   for that (`https://service.besclouds.com:28070`)
-- @tparam ?string options.app_key the API's x-app-key and app_key: 6 bytes at least, as the secret
-- @tparam ?string options.app_secret
-- @tparam ?string options.tenant_space_id sent as X-TenantSpaceID
-- @tparam ?string options.ca_file certificates to trust, PEM
-- @tparam ?string options.ca_path a hashed directory of them
-- @tparam[opt=true] boolean options.verify false is allowed for a loopback address only
-- @tparam ?string options.proxy "" for none; without it HTTPS_PROXY and NO_PROXY count
-- @tparam ?string options.user_agent
-- @tparam[opt=15] number options.timeout seconds for an attempt
-- @tparam[opt=5] number options.connect_timeout seconds
-- @tparam[opt=60] number options.deadline seconds for a whole call: token, waits, attempts
-- @tparam ?table|boolean options.retry `attempts` (4) and the other fields of `aicc.retry.defaults`; false for a single attempt
-- @tparam[opt=3600] integer options.token_lifetime seconds that are asked for, 60 to 3600
-- @tparam[opt=8] integer options.max_in_flight requests at once; refused in nginx and HAProxy, whose own bounds count
-- @tparam[opt="auto"] string options.query_form how queues and agents are asked for: "flat", "wrapped" (in `requestParam`), or
--   "auto", which finds out what the server takes (doc/errors.md)
-- @tparam ?string|table options.store where tokens are kept: "memory", "file", or in nginx "shdict"
-- @tparam ?string|table options.transport what sends: "nginx" or "haproxy" where this runs in one, else "curl"; "cqueues", "luv"
--   or "copas" for calls that wait in that event loop (doc/loops.md)
-- @tparam ?string options.egress in nginx and HAProxy: `unix:` and the path of the socket through which they reach the API
--   (doc/hosts.md)
-- @tparam ?string options.token_egress the same for tokens, if `egress` does not lead to `token_url`
-- @tparam ?string options.forward_headers names of headers that a call may give the API in its `headers`: `X-Request-Id` and
--   `traceparent`, say, with commas or spaces between them; none that a request has anyway
-- @tparam[opt=false] boolean options.allow_blocking let libcurl hold up all other requests of nginx or HAProxy, or another event
--   loop
-- @tparam ?function options.on_event called with a table for what happens (doc/events.md)
-- @tparam ?function options.clock seconds; for specs
-- @tparam ?function options.sleep takes seconds, returns true; for specs
-- @tparam ?function options.random 0..1; for specs
-- @treturn ?table the client
-- @treturn ?table the error
function M.new(options)
  local made, err = client.new(options)
  return made, err -- no tail call: the levels of errors count on this frame
end

return M
