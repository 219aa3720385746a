--- What users hold: the API's operations as methods.
--
-- The code is straight-line. It waits only where there is something to yield to or nothing to block, and so runs unchanged in
-- scripts, in `aicc.loop`, in nginx and in HAProxy.
-- @module aicc.client

local agents = require "aicc.agents"
local call = require "aicc.call"
local config = require "aicc.config"
local core = require "aicc.core"
local engine = require "aicc.engine"
local errors = require "aicc.error"
local forms = require "aicc.forms"
local forward = require "aicc.forward"
local host = require "aicc.host"
local inquiry = require "aicc.inquiry"
local native = require "aicc.native"
local offboard = require "aicc.offboard"
local pages = require "aicc.pages"
local requests = require "aicc.requests"
local results = require "aicc.result"
local retry = require "aicc.retry"
local skills = require "aicc.skills"
local token = require "aicc.token"

local new_call = call.new -- each call needs it

local Client = { __name = "aicc.client" }
Client.__index = Client

local M = {}

-- Options of bind_agents alone.
local WEIGHTS = { agent_weight = true, skill_weight = true }

-- ---- a call: check, begin, tell ----

-- Splits a call's options: those that are its own, by the names in `own`, and those of every call.
local function split(options, own)
  if options ~= nil and type(options) ~= "table" then error("options: expected a table, got " .. type(options), 3) end
  local taken, rest = {}, {}
  for name, value in pairs(options or {}) do
    if own[name] then taken[name] = value else rest[name] = value end
  end
  return taken, rest
end

-- The limits of calls for which nothing else is said.
local function usual_limits(self)
  local settings = self.settings
  return { timeout = settings.timeout, deadline = settings.deadline, retry = self.retry, clock = self.clock }
end

-- The limits of a single call, and what is wrong with its headers; a wrong option raises at `level`.
local function read_limits(self, options, level)
  local limits, problem = usual_limits(self), nil
  if type(options) ~= "table" then error("options: expected a table, got " .. type(options), level) end
  for name, value in pairs(options) do
    if name == "retry" then
      local misuse = config.retry_problem(value, true)
      if misuse then error(misuse, level) end
      limits.retry = retry.complete(value, self.retry)
    elseif name == "headers" then
      local misuse
      limits.headers, problem, misuse = forward.read(value, self.forwarded)
      if misuse then error(misuse, level) end
    elseif name ~= "timeout" and name ~= "deadline" then
      error(("unknown option '%s'"):format(tostring(name)), level)
    elseif type(value) ~= "number" or not (value > 0 and value < math.huge) then
      error(("%s: expected a number of seconds above 0, got %s"):format(name, tostring(value)), level)
    else
      limits[name] = value
    end
  end
  return call.limits(limits), problem
end

-- Tells whoever listens what a call came to.
local function tell_end(self, current, outcome, kind)
  if not self.requests.listened then return end
  self.requests.emit {
    type = "call", operation = current.operation, outcome = outcome, kind = kind, attempts = current.attempts,
    elapsed = current:elapsed(),
  }
end

-- An error with what the caller should know of the call, whose arguments are a table or prepared.
local function tell(self, current, arguments, err)
  if type(arguments) == "userdata" then arguments = core.arguments(arguments) end
  err.attempts, err.elapsed = current.attempts, current:elapsed()
  err.skill_id = arguments.skillId
  if type(arguments.userAccounts) == "table" then err.accounts = #arguments.userAccounts end
  tell_end(self, current, err.outcome, err.kind)
  return err
end

-- Begins a call with arguments that were checked before any I/O, the token's included, and copied: what the caller does to its
-- tables while the call waits changes nothing. What is wrong with them comes as `err`, in their place. A wrong option raises, at
-- the line `level` calls up. Returns the call and its arguments, or nil and an error.
local function admit(self, operation, options, level, arguments, err)
  local limits, problem = self.usual, nil
  if options ~= nil then limits, problem = read_limits(self, options, level + 2) end
  local current = new_call(operation, limits, arguments)
  if arguments and not (problem or self.closed) then return current, arguments end
  if arguments then
    local kind, message = "argument", problem
    if self.closed then kind, message = "closed", "the client is closed" end
    err = errors.new { kind = kind, operation = operation, message = message }
  end
  return nil, tell(self, current, arguments or {}, err)
end

-- Begins a call. A wrong type raises, at the line `level` calls up, in the name of `method` if that is not the operation's.
local function begin(self, operation, arguments, options, level, method)
  local current, checked = admit(self, operation, options, level + 1, core.check(operation, arguments, level + 1, method))
  return current, checked -- no tail call: the levels of errors count on this frame
end

-- A call that changes something. From the third on its arguments are the values of the operation's fields, in the order of
-- src/operation.c.
local function change(self, operation, options, first, second, third, fourth)
  local prepared, problem, skill_id, accounts = core.prepare(operation, 3, first, second, third, fourth)
  local current, refusal = admit(self, operation, options, 3, prepared, problem)
  if not current then return nil, refusal end
  local result, err = self.engine:change(current)
  if not result then return nil, tell(self, current, prepared, err) end
  result.attempts = current.attempts
  result.elapsed = current:elapsed()
  result.operation = operation
  result.skill_id = skill_id
  result.accounts = accounts
  if self.requests.listened then tell_end(self, current, result.outcome) end
  return results.change(result)
end

-- ---- the operations ----

--- Unbinds agents from a skill queue.
-- An empty list is an error and sends nothing; to unbind everybody, say `aicc.ALL`.
-- (releaseAgentBySkillId: "An empty array can be transferred, indicating that all agents bound to the skill queue are unbound".)
-- @tparam integer skill_id the queue, 1 to 2^53-1 (the API's skillId)
-- @tparam {string,...}|userdata accounts agents' accounts (userAccounts), each 1 to 128 bytes of UTF-8; or `aicc.ALL`
-- @tparam ?table options `timeout` (seconds an attempt), `deadline` (seconds in all), `retry` (as in `aicc.new`; what it leaves
--   out is as the client's; the budget is the client's alone), `headers` (name -> value, of those that `forward_headers` lists)
-- @treturn ?table `outcome`: "applied", or "applied_earlier" when an attempt whose answer was lost had done it; `operation`;
--   `skill_id`; `accounts` (how many; nil for `aicc.ALL`); `attempts`; `elapsed` (seconds); `resultCode` and `resultMessage` as
--   the API sent them, where there was an answer (also read as `result_code` and `result_message`, as in errors). `tostring`
--   shows "applied: 2 agents from queue 3"
-- @treturn ?table the error: see `aicc.error`; its `outcome` says what the server may have done
function Client:release_agent_by_skill(skill_id, accounts, options)
  local result, err = change(self, "release_agent_by_skill", options, skill_id, accounts)
  if not result then return nil, err end -- no tail call: the levels of errors count on this frame
  return result -- alone: a prompt prints all that comes back
end

--- Binds agents to a skill queue, or changes their weights (addSkillsToAgent).
-- @tparam integer skill_id the queue (skillId)
-- @tparam {string,...} accounts at most 50 agents' accounts (userAccounts)
-- @tparam ?table options `agent_weight` and `skill_weight` (integers from 1; 1), and those of `release_agent_by_skill`
-- @treturn ?table as `release_agent_by_skill`
-- @treturn ?table the error
function Client:bind_agents(skill_id, accounts, options)
  local own, rest = split(options, WEIGHTS)
  local result, err = change(self, "bind_agents", rest, accounts, skill_id, own.agent_weight, own.skill_weight)
  if not result then return nil, err end
  return result
end

--- Every agent of a skill queue (queryAgentInfoBySkillId, all pages). A queue that changes while it is listed is read again.
-- @tparam integer skill_id the queue (skillId)
-- @tparam ?table options those of `release_agent_by_skill`, and `as_proof` (boolean or function; false): if you conclude
--   something from an absence. Several pages are then read until two readings in a row agree, and fewer agents than the server
--   counts are an error. (Else a page that shifts while as many are bound as unbound may hide somebody.) A function is asked of
--   each listing that is no proof whether one is needed; it gets the agents, whether two readings in a row agree on them, and how
--   many they are. If no proof can be had, the last of those listings is returned: look at the third result.
--   `weights` (boolean; false): for queues of very many, of whom only accounts and weights are kept
-- @treturn ?table array of agents: `userAccount`, `accountName`, `sipAccount` strings; `workNo`, `agentType`, `agentWeight`,
--   `skillWeight` integers. With `weights`: account -> `agentWeight` and `skillWeight`, in a table that all share who have the
--   same (agents without an account are in it under names that no account can have)
-- @treturn ?table the error
-- @treturn ?table what is known of the listing: `is_proof` (who is not on it is not bound); `agreed` (two readings in a row had
--   the same agents); `size` (how many they are)
function Client:query_agents(skill_id, options)
  local own, rest = split(options, { as_proof = true, weights = true })
  local as_proof = own.as_proof
  if as_proof ~= nil and type(as_proof) ~= "boolean" and type(as_proof) ~= "function" then
    error("as_proof: expected a boolean or a function, got " .. type(as_proof), 2)
  end
  if own.weights ~= nil and type(own.weights) ~= "boolean" then
    error("weights: expected a boolean, got " .. type(own.weights), 2)
  end
  local current, checked = begin(self, "query_agents", { skillId = skill_id }, rest, 2)
  if not current then return nil, checked end
  local found, err, known = pages.listing(pages.of_queue(self.requests, self.forms, current, checked.skillId), as_proof,
    own.weights and pages.weights_of_agents())
  if not found then return nil, tell(self, current, checked, err) end
  tell_end(self, current, "answered")
  return own.weights and found or results.agents(found), nil, results.known(known)
end

--- The agents of a skill queue one by one, fetched page by page.
--
--     for agent, err in client:each_agent(3) do
--       if not agent then error(err) end
--       print(agent.userAccount)
--     end
--
-- What goes wrong comes as `false, err`, last; so does a queue that changed meanwhile, whose agents may not all have been seen.
-- Nobody is proved absent by it where there are several pages: see `query_agents`.
-- (In plain Lua 5.1 it cannot be used inside `aicc.loop`: there iterators may not yield.)
-- @tparam integer skill_id the queue (skillId)
-- @tparam ?table options those of `release_agent_by_skill`; the deadline is for all pages
-- @treturn function iterator
function Client:each_agent(skill_id, options)
  local current, checked = begin(self, "query_agents", { skillId = skill_id }, options, 2, "each_agent")
  if not current then
    local err = checked
    return function()
      local told = err
      err = nil
      if told then return false, told end
    end
  end
  local reading = pages.reading(pages.of_queue(self.requests, self.forms, current, checked.skillId))
  local page, at = {}, 0
  return function()
    local err
    while page and at == #page do
      page, err = reading.next_page()
      at = 0
    end
    if page then
      at = at + 1
      return results.agent(page[at])
    end
    if reading.told and not err then return end
    if not err and not reading.is_complete() then err = pages.unsteady(1) end
    reading.told = true
    if err then return false, tell(self, current, checked, err) end
    tell_end(self, current, "answered")
  end
end

-- And those that have files of their own.
for _, methods in ipairs { agents, skills, offboard } do
  methods.install(Client, { begin = begin, tell = tell, tell_end = tell_end })
end

--- The current token, fetched if need be; for calls that this library does not know.
-- @treturn ?string
-- @treturn ?table the error
function Client:access_token()
  local current = call.new("token", self.usual)
  local bearer, err
  if self.closed then
    err = errors.new { kind = "closed", operation = "token", message = "the client is closed" }
  else
    bearer, err = self.tokens:get(current)
  end
  if not bearer then return nil, tell(self, current, {}, err) end
  tell_end(self, current, "answered")
  return bearer
end

--- Each setting, where it came from, secrets masked.
-- @treturn table array of `{ name=, value=, source= }`
function Client:explain() return results.settings(config.explain(self.settings, self.sources)) end

--- What bounds the calls of this client for which nothing else is said: for those who make calls of it in their own way, as
-- `aicc.jobs` does.
-- @treturn table a copy: `timeout` (seconds an attempt), `deadline` (seconds in all), `max_in_flight` (requests at once), `retry`
--   (a table with all fields of `aicc.retry.defaults`)
function Client:limits()
  local settings = self.settings
  return {
    timeout = settings.timeout, deadline = settings.deadline, max_in_flight = settings.max_in_flight,
    retry = retry.complete({}, self.retry),
  }
end

--- Closes the connections. Calls under way are given up; later ones return an error of kind "closed".
function Client:close()
  if self.closed then return end
  self.closed = true
  self.transport:close()
end

Client.__close = Client.close

function Client:__tostring()
  return ("aicc.client (%s%s)"):format(self.settings.base_url, self.closed and ", closed" or "")
end

-- ---- making one ----

local function find_transport(settings, sources)
  if type(settings.transport) == "table" then return settings.transport end
  local name = settings.transport or host.name() or "curl"
  local loaded, transport = pcall(require, "aicc.transport." .. name)
  if loaded then return transport.new(settings, sources) end
  local missing = native.missing(transport)
  if not missing then error(transport, 0) end
  return nil, errors.new { kind = "config", message = ("transport '%s': %s"):format(name, (missing:gsub("^aicc: ", ""))) }
end

local function find_store(settings)
  if type(settings.store) == "table" then return settings.store end
  return require("aicc.store." .. (settings.store or "memory")).new()
end

-- What tells the user's hook. An error in the hook is counted, and changes nothing else.
local function emitter(self, hook)
  return function(event)
    if hook and not pcall(hook, event) then self.hook_errors = self.hook_errors + 1 end
  end
end

-- What sends through a client's transport: requests for tokens, tokens, all other requests, changes; each by the one before.
local function connect(self)
  local settings, transport = self.settings, self.transport
  local emit = emitter(self, settings.on_event)
  local function wait(seconds) return transport:sleep(seconds) end
  -- A sleep that was given waits instead, but not for another coroutine: that one only goes on where this one yields.
  local function wait_for_others(seconds)
    if settings.sleep and not transport:yields() then return settings.sleep(seconds) end
    return wait(seconds)
  end
  local budget = requests.budget(self.retry.budget)
  local function new_requests(tokens)
    return requests.new {
      transport = transport, tokens = tokens, budget = budget, sleep = settings.sleep or wait, random = self.random, emit = emit,
      listened = settings.on_event ~= nil,
    }
  end
  local unauthorized = new_requests()
  self.tokens = token.new {
    store = self.store, key = token.key(settings), timeout = settings.timeout, random = self.random, emit = emit,
    sleep = wait_for_others,
    now = settings.clock or core.boottime,
    transport = transport,
    request = function(current)
      local reply, err = unauthorized:perform(current, {
        operation = "token",
        arguments = { app_key = settings.app_key, app_secret = settings.app_secret, expires = settings.token_lifetime },
      })
      return reply, err
    end,
  }
  self.requests = new_requests(self.tokens)
  self.engine = engine.new { requests = self.requests, forms = self.forms }
end

--- The same client through another transport: one that counts, say, or paces what passes. Both share their tokens, and what
-- either finds out of the server.
-- @tparam function decorate takes this client's transport; returns one with the same methods (see `aicc.transport.curl`)
-- @treturn table a client; closing either closes the connections of both
function Client:through(decorate)
  local other = {}
  for name, value in pairs(self) do other[name] = value end
  other.transport = decorate(self.transport)
  connect(other)
  return setmetatable(other, Client)
end

--- Makes a client. See `aicc.new`.
-- @tparam table options
-- @treturn ?table
-- @treturn ?table the error, of kind "config"
function M.new(options)
  local settings, sources = config.resolve(options)
  if not settings then return nil, sources end
  local store, transport, err
  store, err = find_store(settings)
  if not store then return nil, err end
  transport, err = find_transport(settings, sources)
  if not transport then return nil, err end
  if settings.forward_headers and not transport.forwards then
    return nil, errors.new { kind = "config", message = "forward_headers: the transport that was given sends none" }
  end
  local self = setmetatable({
    settings = settings, sources = sources, transport = transport, store = store, retry = retry.complete(settings.retry),
    forms = forms.new(settings.query_form), inquiry = inquiry.new(settings.query_form),
    clock = settings.clock or core.now, random = settings.random or core.random,
    hook_errors = 0, closed = false, forwarded = forward.names(settings.forward_headers),
  }, Client)
  self.usual = call.limits(usual_limits(self)) -- made once, since nearly every call has them
  connect(self)
  return self
end

return M
