--- What may be said to the functions of `aicc.jobs`: one table of options, with their types and ranges.
--
-- What is unknown or wrong is misuse, and raises at the line of whoever calls the public function; nothing was done by then.
-- @module aicc.jobs.options

local errors = require "aicc.error"
local loop = require "aicc.loop"

local M = {}

-- ---- types: what is expected, and whether a value is it ----

local function is_finite(value) return type(value) == "number" and value - value == 0 end

local function integer(most)
  return {
    most and ("an integer from 1 to %d"):format(most) or "an integer from 1",
    function(value) return is_finite(value) and value >= 1 and value % 1 == 0 and value <= (most or 2 ^ 31 - 1) end,
  }
end

local function of_type(name, expected)
  return { expected or "a " .. name, function(value) return type(value) == name end }
end

local METHODS = { "through", "limits", "query_agents", "query_agent", "query_skills", "release_agent_by_skill", "bind_agents" }

local function is_client(value)
  if type(value) ~= "table" then return false end
  for _, name in ipairs(METHODS) do
    if type(value[name]) ~= "function" then return false end
  end
  return true
end

local CLIENT = { "a client, as from aicc.new", is_client }
local BOOLEAN, FUNCTION, TEXT = of_type "boolean", of_type "function", of_type "string"
local FORMAT = { "csv, jsonl, html or markdown", function(value)
  return value == "csv" or value == "jsonl" or value == "html" or value == "markdown"
end }
local RATE = { "a number of requests a second from 0 (no limit)", function(value) return is_finite(value) and value >= 0 end }
local SECONDS = { "a number of seconds above 0", function(value) return is_finite(value) and value > 0 end }

-- ---- what there is ----

-- name -> { its type, the functions that take it, what it is where it is not given }. The command goes by these defaults too; its
-- help, its man page and the reference name them, and specs compare (cli_help_spec, types_spec).
local OPTIONS = {
  client = { CLIENT, plan = true, agents = true, run = true },
  name = { TEXT, plan = true, agents = true },
  chunk = { integer(10000), plan = true, agents = true, default = 50 },
  rate = { RATE, plan = true, agents = true, run = true, default = 5 },
  concurrency = { integer(), plan = true, agents = true, run = true, default = 4 },
  force = { BOOLEAN, run = true },
  lease = { SECONDS, run = true },
  listed_within = { SECONDS, run = true },
  interrupted = { FUNCTION, plan = true, agents = true, run = true },
  on_progress = { FUNCTION, plan = true, agents = true, run = true },
  on_note = { FUNCTION, plan = true, agents = true, run = true },
  on_bad_line = { FUNCTION, plan = true, agents = true },
  sweep = { BOOLEAN, agents = true },
  ask = { BOOLEAN, agents = true },
  failed = { BOOLEAN, report = true, document = true },
  format = { FORMAT, document = true },
  unrestored = { BOOLEAN, report = true },
}

--- All of them: name -> `{ type, plan=, run=, report=, document=, default= }`, with those of the functions that take it.
M.OPTIONS = OPTIONS

--- What is so where nothing is said: accounts in a request, requests a second, queues at once.
M.DEFAULTS = {}
for name, row in pairs(OPTIONS) do M.DEFAULTS[name] = row.default end

-- ---- looking at what was given ----

local function found(value)
  if type(value) == "number" then return ("%.14g"):format(value) end
  return type(value)
end

local function problem_of(name, kind, value)
  if kind[2](value) then return end
  if kind == CLIENT and type(value) == "table" then return ("%s: expected %s, got another table"):format(name, kind[1]) end
  return ("%s: expected %s, got %s"):format(name, kind[1], found(value))
end

--- Checks the options of a call.
-- @tparam ?table given
-- @tparam string what "plan", "agents" (a plan from accounts), "run" (apply, resume, undo), "report" or "document" (a report that
--   is written)
-- @tparam integer level where what is wrong is raised: 1 is whoever calls this
-- @treturn table a copy
function M.options(given, what, level)
  if given ~= nil and type(given) ~= "table" then
    error(("options: expected a table, got %s"):format(type(given)), level + 1)
  end
  local copy = {}
  for name, value in pairs(given or {}) do
    local row = OPTIONS[name]
    local problem = not (row and row[what]) and ("unknown option '%s'"):format(tostring(name)) or problem_of(name, row[1], value)
    if problem then error(problem, level + 1) end
    copy[name] = value
  end
  return copy
end

--- Checks the options of a call that sends requests, and that it can: it needs a client, and runs a loop of its own.
-- @tparam ?table given
-- @tparam string what "plan", "agents" or "run"
-- @tparam integer level as for `options`
-- @treturn ?table a copy, with the defaults
-- @treturn ?table an error of kind "closed", if the client is closed
function M.sending(given, what, level)
  local copy = M.options(given, what, level + 1)
  for name, default in pairs(M.DEFAULTS) do
    if copy[name] == nil and OPTIONS[name][what] then copy[name] = default end
  end
  if copy.client == nil then error(("client: expected %s, got nil"):format(CLIENT[1]), level + 1) end
  if loop.is_running() then error("a job runs a loop of its own: not inside aicc.loop.run", level + 1) end
  if copy.client.closed then return nil, errors.new { kind = "closed", message = "the client is closed" } end
  return copy
end

--- Checks an argument that has a place of its own.
-- @param value
-- @tparam string name
-- @tparam string of its type, as `type` has it
-- @tparam integer level as for `options`
function M.argument(value, name, of, level)
  if type(value) ~= of then error(("%s: expected a %s, got %s"):format(name, of, type(value)), level + 1) end
end

return M
