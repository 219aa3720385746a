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
-- Misuse raises; `start` returns nil and a message where the machine refuses (a port that is taken, say).
-- @module aicc.sandbox

-- cjson's first load in a process sets up static data: it must not first happen in a server's thread.
require("aicc.native").load "cjson"
local core = require("aicc.native").load "aicc.sandbox.core"
local options = require "aicc.sandbox.options"
local results = require "aicc.result"

local sandbox = {}

local Server = { __name = "aicc.sandbox" }
Server.__index = Server

local Requests = results.list_of("aicc.sandbox.requests", "request", function(request)
  return ("%s (%s)"):format(request.operation or request.path, request.status or "no status")
end)

-- What the service in the handler's state needs to know; the rest is the daemon's.
local SERVICE_OPTIONS = {
  "app_key", "app_secret", "tenant_space_id", "token_lifetime", "agents", "business", "unknown_accounts",
  "refuse_accounts", "refuse_queues", "queues", "people", "omit_skills", "shape", "log",
}

--- Starts a sandbox. `options.lua` has the names and defaults, `doc` and the specs show them at work.
---@param given table|nil
---@return table|nil server
---@return string|nil message why it did not start
function sandbox.start(given)
  local all = options.start(given or {}, 2)
  local daemon = { port = all.port, token_port = all.token_port, cert = all.cert, key = all.key, ca = all.ca }
  if all.tls and not all.cert then
    local made, why = core.certificate(all.certificate)
    if not made then return nil, "sandbox: " .. why end
    daemon.cert, daemon.key, daemon.ca = made.cert, made.key, made.ca
  end
  local service = {}
  for _, name in ipairs(SERVICE_OPTIONS) do service[name] = all[name] end
  service.has_token_port = all.token_port ~= nil
  local raw, why = core.start(daemon, service)
  if not raw then return nil, "sandbox: cannot start: " .. why end
  local port, token_port = raw:port(), raw:token_port()
  local address = all.tls and "https://localhost:" or "http://127.0.0.1:"
  return setmetatable({
    raw = raw, port = port, token_port = token_port, tls = all.tls, ca_file = raw:ca_file(), ca_pem = daemon.ca,
    base_url = address .. port, token_url = token_port and address .. token_port,
    app_key = all.app_key, app_secret = all.app_secret, tenant_space_id = all.tenant_space_id,
  }, Server)
end

--- A client that talks to this server. `overrides` are options of `aicc.new` that win over the server's.
function Server:client(overrides)
  local all = {
    base_url = self.base_url, token_url = self.token_url, app_key = self.app_key, app_secret = self.app_secret,
    tenant_space_id = self.tenant_space_id, ca_file = self.ca_file, proxy = "",
  }
  for name, value in pairs(overrides or {}) do all[name] = value end
  return require("aicc").new(all)
end

--- Who is bound to a queue: an array of `{userAccount=, agentWeight=, skillWeight=, workNo=, ...}`, by account.
function Server:agents(skill_id)
  return results.agents(self.raw:call("agents", options.skill_id(skill_id, 2)))
end

--- The same, names only.
function Server:accounts(skill_id)
  local names = self.raw:call("agents", options.skill_id(skill_id, 2))
  for n, agent in ipairs(names) do names[n] = agent.userAccount end
  return names
end

--- The queues of an account: an array of `{skillId=, agentWeight=, skillWeight=}`, by number, whatever `omit_skills` says.
function Server:queues_of(account)
  if type(account) ~= "string" then error("sandbox: account: expected a string, got " .. type(account), 2) end
  return self.raw:call("queues_of", account)
end

--- Binds agents (names, or tables with weights) without a request.
function Server:bind(skill_id, agents)
  self.raw:call("bind", options.skill_id(skill_id, 2), options.agents(agents, 2))
end

--- Unbinds accounts without a request.
function Server:unbind(skill_id, accounts)
  self.raw:call("unbind", options.skill_id(skill_id, 2), options.accounts(accounts, 2))
end

--- What arrived, in the order the requests' heads came. One whose body is still on its way has an empty `body`; one that
--- was not answered has no `status`. A held or delayed one has its status already.
function Server:requests()
  return setmetatable(self.raw:call("requests"), Requests)
end

--- Counted since the start: `connections`, `requests`, `max_in_flight`; and now: `in_flight`, `held`.
function Server:stats()
  return self.raw:stats()
end

--- Scripts what goes wrong; `faults.lua` says what the fields mean. The first fault set that matches a request wins.
function Server:fault(fault)
  if type(fault) ~= "table" then error("sandbox: fault: expected a table, got " .. type(fault), 2) end
  self.raw:call("set_fault", options.fault(fault, self.tls, 2))
end

--- Changes the API's shape: any of those options (`account_field`, `query_form`, …). `reset` brings the start's back.
function Server:shape(fields)
  self.raw:call("set_shape", options.shape(fields, 2))
end

--- Lets every answer go that is held now.
function Server:release_held()
  self.raw:release_held()
end

--- Blocks until so many requests have arrived completely (since the log was cleared) and so many answers are held.
---@param what table requests=, held=, timeout=5
---@return boolean|nil
---@return string|nil
function Server:wait_for(what)
  local all = options.wait(what, 2)
  if self.raw:wait(all.requests, all.held, all.timeout) then return true end
  local stats = self.raw:stats()
  return nil, string.format("sandbox: waited %g s for %d requests and %d held; there are %d and %d", all.timeout,
    all.requests, all.held, self.raw:call("count"), stats.held)
end

--- Drops the faults and the log; who is bound stays.
function Server:clear()
  self.raw:call("clear")
end

--- Everything anew: tokens, faults, log, and the agents (those given here, else those given at the start).
function Server:reset(agents)
  if agents ~= nil and type(agents) ~= "table" then error("sandbox: reset: expected a table of agents", 2) end
  self.raw:call("reset", agents and options.queues(agents, 2))
end

--- Ends every connection and thread, and removes the CA file. May be called again.
function Server:stop()
  self.raw:stop()
end

Server.__close = Server.stop

function Server:__tostring()
  return "aicc.sandbox: " .. self.base_url
end

return sandbox
