--- The contact-centre API on a loopback port, inside this process, with faults on demand.
--
--     local sandbox = require "aicc.sandbox"
--     local server = assert(sandbox.start { agents = { [3] = { "1001", "1002" } } })
--     local client = server:client()
--     client:release_agent_by_skill(3, { "1001" })
--     print(table.concat(server:accounts(3), " "))     --> 1002
--     server:stop()
--
-- The server answers from threads and a Lua state of its own, so a script that blocks in a call is answered all the same.
-- Misuse raises; `start` returns nil and an error where the machine refuses (a port that is taken, say).
-- @module aicc.sandbox

-- cjson's first load in a process sets up static data: it must not first happen in a server's thread.
require("aicc.native").load "cjson"
local core = require("aicc.native").load "aicc.sandbox.core"
local errors = require "aicc.error"
local options = require "aicc.sandbox.options"
local results = require "aicc.result"

local M = {}

local Server = { __name = "aicc.sandbox" }
Server.__index = Server

local as_requests = results.list_of("aicc.sandbox.requests", "request", function(request)
  return ("%s (%s)"):format(request.operation or request.path, request.status or "no status")
end)

local as_stats = results.numbers "aicc.sandbox.stats"

-- What the service in the handler's state needs to know; the rest is the daemon's.
local SERVICE_OPTIONS = {
  "app_key", "app_secret", "tenant_space_id", "token_lifetime", "agents", "business", "unknown_accounts",
  "refuse_accounts", "refuse_queues", "queues", "people", "omit_skills", "shape", "log",
}

--- Starts a sandbox. A wrong type or an unknown option raises.
-- @tparam ?table given
-- @tparam[opt=0] integer given.port 0 for one that is free
-- @tparam ?integer given.token_port another one for tokens, which are then had there alone
-- @tparam[opt=false] boolean given.tls HTTPS, with a certificate that is made at the start and trusted by `server:client`
-- @tparam ?table given.certificate of the one that is made: `names` (array; "localhost"), `addresses` (array; 127.0.0.1, ::1),
--   `days` (1), `self_signed` (false)
-- @tparam ?string given.cert PEM, in place of one that is made
-- @tparam ?string given.key PEM, its key
-- @tparam ?string given.ca PEM, what clients are to trust
-- @tparam[opt="sandbox-key"] string given.app_key
-- @tparam[opt="sandbox-secret"] string given.app_secret
-- @tparam ?string given.tenant_space_id wanted in X-TenantSpaceID, where given
-- @tparam[opt=600] integer given.token_lifetime seconds
-- @tparam ?table given.agents who is bound: queue -> array of accounts, or of tables with `userAccount`, `agentWeight`,
--   `skillWeight`, `workNo`, `agentType`, `accountName`, `sipAccount`, `hidden` (in no listing)
-- @tparam ?table given.queues queue -> `name`, `description`, `mediaTypeId`; those of `agents` are there anyway
-- @tparam ?table given.people account -> `userName`, `agentType`, `phone`, `email`; those of `agents` are there anyway
-- @tparam ?table given.omit_skills account -> array of queues that `query_agent` does not name
-- @tparam[opt="500"] string given.business the status of a business failure: "500" or "200"
-- @tparam[opt="ignore"] string given.unknown_accounts what a release does with who is not bound: "ignore" or "refuse"
-- @tparam ?table given.refuse_accounts account -> true: what names it is a business failure
-- @tparam ?table given.refuse_queues queue -> true: the same
-- @tparam[opt=true] boolean given.log whether requests are kept, for `server:requests`
-- @tparam[opt="userAccount"] string given.account_field what a listing calls an agent's account: "userAccount", "accountCode",
--   "none"
-- @tparam[opt="both"] string given.query_form in which a question's parameters are taken: "both", "flat", "wrapped"
-- @tparam[opt="400"] string given.wrong_form the answer to the other form: "400", "business", "empty" (nobody), "page" (whoever
--   comes first)
-- @tparam[opt="none"] string given.schema what of a reply is in `schema`: "none", "data" (a listing's agents), "all"
-- @tparam[opt="count"] string given.count_field "count" or "total"
-- @tparam[opt="number"] string given.numbers "number" or "string"
-- @tparam[opt="empty"] string given.unknown_agent what an account that nobody has gets: "empty", "missing", "null", "business",
--   "other", "page"
-- @tparam[opt="array"] string given.skills_field whether an agent's queues are told: "array" or "missing"
-- @treturn ?table the server
-- @treturn ?table the error of kind "network" why it did not start, or "config" where no certificate can be made
function M.start(given)
  local all = options.start(given or {}, 2)
  local daemon = { port = all.port, token_port = all.token_port, cert = all.cert, key = all.key, ca = all.ca }
  if all.tls and not all.cert then
    local made, why = core.certificate(all.certificate)
    if not made then return nil, errors.new { kind = "config", message = "sandbox: " .. why } end
    daemon.cert, daemon.key, daemon.ca = made.cert, made.key, made.ca
  end
  local service = {}
  for _, name in ipairs(SERVICE_OPTIONS) do service[name] = all[name] end
  service.has_token_port = all.token_port ~= nil
  local raw, why = core.start(daemon, service)
  if not raw then return nil, errors.new { kind = "network", message = "sandbox: cannot start: " .. why } end
  local port, token_port = raw:port(), raw:token_port()
  local address = all.tls and "https://localhost:" or "http://127.0.0.1:"
  return setmetatable({
    raw = raw, port = port, token_port = token_port, tls = all.tls, ca_file = raw:ca_file(), ca_pem = daemon.ca,
    base_url = address .. port, token_url = token_port and address .. token_port,
    app_key = all.app_key, app_secret = all.app_secret, tenant_space_id = all.tenant_space_id,
  }, Server)
end

--- A client that talks to this server.
-- @tparam ?table overrides options of `aicc.new` that win over the server's
-- @treturn ?table the client
-- @treturn ?table the error
function Server:client(overrides)
  local all = {
    base_url = self.base_url, token_url = self.token_url, app_key = self.app_key, app_secret = self.app_secret,
    tenant_space_id = self.tenant_space_id, ca_file = self.ca_file, proxy = "",
  }
  for name, value in pairs(overrides or {}) do all[name] = value end
  return require("aicc").new(all)
end

--- Who is bound to a queue.
-- @tparam integer skill_id
-- @treturn {table,...} `userAccount`, `agentWeight`, `skillWeight`, `workNo`, …, by account
function Server:agents(skill_id) return results.agents(self.raw:call("agents", options.skill_id(skill_id, 2))) end

--- The same, names only.
-- @tparam integer skill_id
-- @treturn {string,...}
function Server:accounts(skill_id)
  local names = self.raw:call("agents", options.skill_id(skill_id, 2))
  for n, agent in ipairs(names) do names[n] = agent.userAccount end
  return names
end

--- The queues of an account, whatever `omit_skills` says.
-- @tparam string account
-- @treturn {table,...} `skillId`, `agentWeight`, `skillWeight`, by number
function Server:queues_of(account)
  if type(account) ~= "string" then error("sandbox: account: expected a string, got " .. type(account), 2) end
  return self.raw:call("queues_of", account)
end

--- Binds agents without a request.
-- @tparam integer skill_id
-- @tparam {string|table,...} agents as in `start`
function Server:bind(skill_id, agents) self.raw:call("bind", options.skill_id(skill_id, 2), options.agents(agents, 2)) end

--- Unbinds accounts without a request.
-- @tparam integer skill_id
-- @tparam {string,...} accounts
function Server:unbind(skill_id, accounts)
  self.raw:call("unbind", options.skill_id(skill_id, 2), options.accounts(accounts, 2))
end

--- What arrived, in the order the requests' heads came. One whose body is still on its way has an empty `body`; one that
-- was not answered has no `status`. A held or delayed one has its status already.
-- @treturn {table,...} `n`, `operation`, `method`, `path`, `headers` (array of name and value, as they came), `header`
--   (lower-case name -> value), `body`, `status`, `time` (seconds), `connection` (its number)
function Server:requests() return as_requests(self.raw:call("requests")) end

--- What was counted.
-- @treturn table since the start `connections`, `requests`, `max_in_flight`; and now `in_flight`, `held`
function Server:stats() return as_stats(self.raw:stats()) end

--- Scripts what goes wrong. The first fault set that matches a request wins.
--
-- Without `status`, `body`, `raw`, `endless` and `close` the natural answer stays in place, and the request is done like any
-- other: `delay` and `hold` send that answer late (it was done before), `cut` and `drip` spoil its body, `headers` adds to it.
-- The others replace the answer, and then nothing is done, unless `apply` says so.
-- @tparam table fault
-- @tparam ?string fault.operation the requests that it counts: "release_agent_by_skill", …, "token"; all, if not given
-- @tparam[opt=1] integer fault.from the first of them that it meets
-- @tparam ?integer fault.to the last one, `math.huge` for no last one; `from`, if not given
-- @tparam ?integer fault.status the answer's
-- @tparam ?string fault.body the answer's
-- @tparam ?table fault.headers name -> value, added to the answer's
-- @tparam ?number fault.delay seconds before the answer
-- @tparam ?boolean fault.hold the answer waits for `release_held`
-- @tparam ?string fault.close the connection ends: "headers" (once the head is there), "request" (once all of it is), "reset"
-- @tparam ?integer fault.cut bytes of the answer's body after which the connection ends
-- @tparam ?string fault.raw bytes in place of an answer; not with TLS
-- @tparam ?number fault.drip seconds between two bytes of the answer's body
-- @tparam ?string fault.endless what never ends: "body" or "headers" (not with TLS)
-- @tparam ?boolean fault.apply the request is done all the same
-- @tparam ?boolean fault.expire_tokens all tokens are forgotten first
function Server:fault(fault)
  if type(fault) ~= "table" then error("sandbox: fault: expected a table, got " .. type(fault), 2) end
  self.raw:call("set_fault", options.fault(fault, self.tls, 2))
end

--- Changes the API's shape. `reset` brings the start's back.
-- @tparam table fields any of the options of `start` from `account_field` on
function Server:shape(fields) self.raw:call("set_shape", options.shape(fields, 2)) end

--- Lets every answer go that is held now.
function Server:release_held() self.raw:release_held() end

--- Blocks until so many requests have arrived completely (since the log was cleared) and so many answers are held.
-- @tparam table what `requests` (0), `held` (0), `timeout` (seconds; 5)
-- @treturn ?boolean true
-- @treturn ?table after the timeout an error of kind "timeout", which says what there is
function Server:wait_for(what)
  local all = options.wait(what, 2)
  if self.raw:wait(all.requests, all.held, all.timeout) then return true end
  local stats = self.raw:stats()
  return nil, errors.new { kind = "timeout", message = ("sandbox: waited %g s for %d requests and %d held; there are %d and %d")
    :format(all.timeout, all.requests, all.held, self.raw:call("count"), stats.held) }
end

--- Drops the faults and the log; who is bound stays.
function Server:clear() self.raw:call("clear") end

--- Everything anew: tokens, faults, log, and the agents.
-- @tparam ?table agents as in `start`; those given there, if not given here
function Server:reset(agents)
  if agents ~= nil and type(agents) ~= "table" then error("sandbox: reset: expected a table of agents", 2) end
  self.raw:call("reset", agents and options.queues(agents, 2))
end

--- Ends every connection and thread, and removes the CA file. May be called again.
function Server:stop() self.raw:stop() end

Server.__close = Server.stop

function Server:__tostring() return "aicc.sandbox: " .. self.base_url end

return M
