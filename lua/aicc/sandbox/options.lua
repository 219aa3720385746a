--- What `sandbox.start` and `server:fault` accept: each name, its type, its default. A wrong one raises, and says which.
-- Knows neither the server nor the service.
-- @module aicc.sandbox.options

local M = {}

local MAX_INTEGER = 2 ^ 53 - 1

local function fail(level, ...) error("sandbox: " .. string.format(...), level + 1) end

local function is_integer(value, least, most)
  return type(value) == "number" and value >= least and value <= most and value % 1 == 0
end

-- Each kind of value: a test, and the words for "expected ...".
local kinds = {
  string = { function(v) return type(v) == "string" end, "a string" },
  boolean = { function(v) return type(v) == "boolean" end, "a boolean" },
  table = { function(v) return type(v) == "table" end, "a table" },
  number = { function(v) return type(v) == "number" and v == v end, "a number" },
  seconds = { function(v) return type(v) == "number" and v >= 0 end, "a number of seconds" },
  port = { function(v) return is_integer(v, 0, 65535) end, "an integer from 0 to 65535" },
  count = { function(v) return is_integer(v, 0, MAX_INTEGER) end, "an integer, 0 or more" },
  position = { function(v) return v == math.huge or is_integer(v, 1, MAX_INTEGER) end, "an integer, 1 or more" },
  weight = { function(v) return is_integer(v, 1, MAX_INTEGER) end, "an integer, 1 or more" },
  status = { function(v) return is_integer(v, 200, 999) end, "an integer from 200 to 999" },
  lifetime = { function(v) return is_integer(v, 1, 86400) end, "an integer from 1 to 86400" },
}

-- "a" | "b": the value is one of these words.
local function one_of(...)
  local words, list = {}, { ... }
  for _, word in ipairs(list) do words[word] = true end
  return { function(v) return words[v] == true end, '"' .. table.concat(list, '" or "') .. '"' }
end

local START = {
  port = kinds.port, token_port = kinds.port, tls = kinds.boolean, certificate = kinds.table, cert = kinds.string,
  key = kinds.string, ca = kinds.string, app_key = kinds.string, app_secret = kinds.string, tenant_space_id = kinds.string,
  token_lifetime = kinds.lifetime, agents = kinds.table, business = one_of("500", "200"),
  unknown_accounts = one_of("ignore", "refuse"), refuse_accounts = kinds.table, refuse_queues = kinds.table,
  queues = kinds.table, people = kinds.table, omit_skills = kinds.table, log = kinds.boolean,
}

-- The API's shapes, as its documents and their readers have them.
local SHAPE = {
  account_field = one_of("userAccount", "accountCode", "none"), -- what a listing calls an agent's account
  query_form = one_of("both", "flat", "wrapped"),               -- in which a listing's parameters are taken
  wrong_form = one_of("400", "business", "empty", "page"),      -- the answer to the other one: strict, strict, lenient: nobody,
                                                                -- or whoever comes first
  schema = one_of("none", "data", "all"),                       -- what of a reply is in `schema`: a listing's agents, or all
  count_field = one_of("count", "total"),
  numbers = one_of("number", "string"),
  unknown_agent = one_of("empty", "missing", "null", "business", "other", "page"), -- what an account that nobody has gets
  skills_field = one_of("array", "missing"),                    -- whether an agent's queues are told
}
local DEFAULT_SHAPE = {
  account_field = "userAccount", query_form = "both", wrong_form = "400", schema = "none", count_field = "count",
  numbers = "number", unknown_agent = "empty", skills_field = "array",
}
for name, kind in pairs(SHAPE) do START[name] = kind end

local CERTIFICATE = {
  names = kinds.table, addresses = kinds.table, days = kinds.number, self_signed = kinds.boolean,
}

local AGENT = {
  userAccount = kinds.string, agentWeight = kinds.weight, skillWeight = kinds.weight, workNo = kinds.count,
  agentType = kinds.count, accountName = kinds.string, sipAccount = kinds.string, hidden = kinds.boolean,
}

-- A queue's and an agent's own; of an agent also what the API tells and nobody here needs.
local QUEUE = { name = kinds.string, description = kinds.string, mediaTypeId = kinds.count }
local PERSON = { userName = kinds.string, agentType = kinds.count, phone = kinds.string, email = kinds.string }

local FAULT = {
  operation = one_of("token", "release_agent_by_skill", "bind_agents", "query_agents", "query_agent", "query_skills"),
  from = kinds.position, to = kinds.position, status = kinds.status, body = kinds.string, headers = kinds.table,
  delay = kinds.seconds, hold = kinds.boolean, close = one_of("headers", "request", "reset"), cut = kinds.count,
  raw = kinds.string, drip = kinds.seconds, endless = one_of("body", "headers"), apply = kinds.boolean,
  expire_tokens = kinds.boolean,
}

local WAIT = { requests = kinds.count, held = kinds.count, timeout = kinds.seconds }

--- All of them, by what takes them: name -> { test, what is expected }.
M.FIELDS = {
  start = START, shape = SHAPE, certificate = CERTIFICATE, agent = AGENT, queue = QUEUE, person = PERSON, fault = FAULT,
  wait = WAIT,
}

-- A copy of `given` with the defaults filled in, once every field is known to `schema` and of its kind.
local function checked(what, given, schema, defaults, level)
  if type(given) ~= "table" then fail(level + 1, "%s: expected a table, got %s", what, type(given)) end
  local copy = {}
  for name, value in pairs(defaults) do copy[name] = value end
  for name, value in pairs(given) do
    local kind = schema[name]
    if not kind then fail(level + 1, "%s: unknown option '%s'", what, tostring(name)) end
    if not kind[1](value) then
      local shown = type(value) == "table" and "a table" or ("%s"):format(tostring(value))
      fail(level + 1, "%s: %s: expected %s, got %s", what, name, kind[2], shown)
    end
    copy[name] = value
  end
  return copy
end

-- Raises unless `list` is an array of strings.
local function string_array(what, list, level)
  local size = 0
  for _ in pairs(list) do size = size + 1 end
  for n = 1, size do
    if type(list[n]) ~= "string" then
      fail(level + 1, "%s[%d]: expected a string, got %s", what, n, type(list[n]))
    end
  end
  return list
end

--- Raises unless `skill_id` is an integer that JSON can carry.
-- @tparam integer skill_id
-- @tparam integer level where that is raised: 1 is whoever calls this
-- @treturn integer
function M.skill_id(skill_id, level)
  if not is_integer(skill_id, 1, MAX_INTEGER) then
    fail(level + 1, "skill_id: expected an integer from 1 to 2^53-1, got %s", tostring(skill_id))
  end
  return skill_id
end

--- An array of agents, each an account's name or a table: returns a copy in which each is a table.
-- @tparam {string|table,...} list
-- @tparam integer level as for `skill_id`
-- @treturn {table,...}
function M.agents(list, level)
  if type(list) ~= "table" then fail(level + 1, "agents: expected a table, got %s", type(list)) end
  local copy = {}
  for n, agent in pairs(list) do
    if type(n) ~= "number" then fail(level + 1, "agents: expected an array, got the key '%s'", tostring(n)) end
    if type(agent) == "string" then agent = { userAccount = agent } end
    copy[n] = checked("agents[" .. n .. "]", agent, AGENT, {}, level + 1)
    if not copy[n].userAccount then fail(level + 1, "agents[%d]: userAccount is missing", n) end
  end
  return copy
end

--- An array of account names.
-- @tparam {string,...} list
-- @tparam integer level as for `skill_id`
-- @treturn {string,...}
function M.accounts(list, level)
  if type(list) ~= "table" then fail(level + 1, "accounts: expected a table, got %s", type(list)) end
  return string_array("accounts", list, level + 1)
end

--- Who is bound: queue -> array of agents.
-- @tparam table queues
-- @tparam integer level as for `skill_id`
-- @treturn table a copy
function M.queues(queues, level)
  local copy = {}
  for skill_id, list in pairs(queues) do
    copy[M.skill_id(skill_id, level + 1)] = M.agents(list, level + 1)
  end
  return copy
end

-- number -> name, or a table: returns a copy in which each is a table.
local function named_queues(queues, level)
  local copy = {}
  for skill_id, queue in pairs(queues) do
    if type(queue) == "string" then queue = { name = queue } end
    copy[M.skill_id(skill_id, level + 1)] = checked("queues[" .. skill_id .. "]", queue, QUEUE, {}, level + 1)
  end
  return copy
end

-- account -> name, or a table: as above.
local function people(given, level)
  local copy = {}
  for account, person in pairs(given) do
    if type(account) ~= "string" then fail(level + 1, "people: expected account = name, got the key %s", tostring(account)) end
    if type(person) == "string" then person = { userName = person } end
    copy[account] = checked("people['" .. account .. "']", person, PERSON, {}, level + 1)
  end
  return copy
end

-- account -> array of queues.
local function omitted_skills(given, level)
  for account, list in pairs(given) do
    if type(account) ~= "string" or type(list) ~= "table" then
      fail(level + 1, "omit_skills: expected account = { queues }, got %s = %s", tostring(account), tostring(list))
    end
    for _, skill_id in pairs(list) do M.skill_id(skill_id, level + 1) end
  end
  return given
end

--- The options of `sandbox.start`, with defaults.
-- @tparam table given
-- @tparam integer level as for `skill_id`
-- @treturn table
function M.start(given, level)
  local all = checked("start", given, START, {
    port = 0, tls = false, certificate = {}, app_key = "sandbox-key", app_secret = "sandbox-secret",
    token_lifetime = 600, agents = {}, business = "500", unknown_accounts = "ignore", refuse_accounts = {},
    refuse_queues = {}, queues = {}, people = {}, omit_skills = {}, log = true,
  }, level + 1)
  all.shape = {}
  for name, default in pairs(DEFAULT_SHAPE) do all.shape[name] = all[name] or default end
  all.certificate = checked("certificate", all.certificate, CERTIFICATE, {
    names = { "localhost" }, addresses = { "127.0.0.1", "::1" }, days = 1, self_signed = false,
  }, level + 1)
  string_array("certificate: names", all.certificate.names, level + 1)
  string_array("certificate: addresses", all.certificate.addresses, level + 1)
  if (all.cert == nil) ~= (all.key == nil) then fail(level + 1, "start: cert and key belong together") end
  if (all.cert or all.ca) and not all.tls then fail(level + 1, "start: cert, key and ca need tls = true") end
  all.agents = M.queues(all.agents, level + 1)
  for account, refused in pairs(all.refuse_accounts) do
    if type(account) ~= "string" or type(refused) ~= "boolean" then
      fail(level + 1, "start: refuse_accounts: expected account = true, got %s = %s", tostring(account), tostring(refused))
    end
  end
  for skill_id in pairs(all.refuse_queues) do M.skill_id(skill_id, level + 1) end
  all.queues, all.people = named_queues(all.queues, level + 1), people(all.people, level + 1)
  all.omit_skills = omitted_skills(all.omit_skills, level + 1)
  return all
end

--- The fields of `server:shape`.
-- @tparam table given
-- @tparam integer level as for `skill_id`
-- @treturn table a copy
function M.shape(given, level)
  return checked("shape", given, SHAPE, {}, level + 1)
end

-- { [name] = value } as a sorted array of { name, value }: what goes on the wire has one order.
local function header_list(headers, level)
  local list = {}
  for name, value in pairs(headers) do
    if type(name) ~= "string" or not name:find "^[%w!#$%%&'*+.^_`|~-]+$" then
      fail(level + 1, "fault: headers: '%s' is not a header's name", tostring(name))
    end
    if type(value) == "number" then value = tostring(value) end
    if type(value) ~= "string" or value == "" or value:find "[%z\r\n]" then
      fail(level + 1, "fault: headers: %s: expected a string of one line", name)
    end
    if name:lower() == "content-length" or name:lower() == "transfer-encoding" then
      fail(level + 1, "fault: headers: %s is the server's own; `raw` can lie about it", name)
    end
    list[#list + 1] = { name, value }
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

--- The fields of `server:fault`.
-- @tparam table given
-- @tparam boolean tls whether there is no socket to write raw bytes to
-- @tparam integer level as for `skill_id`
-- @treturn table with defaults
function M.fault(given, tls, level)
  local fault = checked("fault", given, FAULT, { from = 1, to = given.from or 1 }, level + 1)
  if fault.to < fault.from then fail(level + 1, "fault: to is before from") end
  if tls and (fault.raw or fault.endless == "headers") then
    fail(level + 1, "fault: raw bytes go to the socket: not with tls = true")
  end
  if fault.raw == "" then fail(level + 1, 'fault: raw: no bytes are close = "request"') end
  if fault.headers then fault.headers = header_list(fault.headers, level + 1) end
  return fault
end

--- What `server:wait_for` waits for.
-- @tparam table given
-- @tparam integer level as for `skill_id`
-- @treturn table with defaults
function M.wait(given, level)
  return checked("wait_for", given, WAIT, { requests = 0, held = 0, timeout = 5 }, level + 1)
end

return M
