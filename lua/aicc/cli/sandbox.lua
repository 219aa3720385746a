--- `aicc sandbox`: the API on a loopback port, in this process, until Ctrl-C.
-- @module aicc.cli.sandbox

local core = require "aicc.core"
local errors = require "aicc.error"

local M = {}

-- Who is bound, from a file of rows, and what the queues are called, if it has a column for that.
local function read_agents(path)
  local reader, err = require("aicc.jobs.input").open(path)
  if not reader then return nil, err end
  local agents, names = {}, {}
  for line, skill, account, name in reader do
    local problem = not skill and account or type(skill) == "string" and "skill_id: a queue needs its number here" or nil
    if problem then return nil, errors.new { kind = "argument", message = ("%s:%d: %s"):format(path, line, problem) } end
    agents[skill] = agents[skill] or {}
    table.insert(agents[skill], account)
    names[skill] = name
  end
  return agents, nil, names
end

-- The sandbox's module, which is a rock of its own; or nil and an error.
local function find_sandbox()
  local ok, sandbox = pcall(require, "aicc.sandbox")
  if ok then return sandbox end
  return nil, errors.new {
    kind = "unsupported",
    message = "the sandbox is not installed (make install-sandbox, or the rock aicc-sandbox): " ..
      tostring(sandbox):match "^[^\n]*",
  }
end

--- Serves.
function M.sandbox(arguments, out)
  local sandbox, missing = find_sandbox()
  if not sandbox then return nil, missing end
  local agents, err, names = { [3] = { "1001", "1002", "1003" } }, nil, { [3] = "Support" }
  if arguments.agents then agents, err, names = read_agents(arguments.agents) end
  if not agents then return nil, err end
  local server
  server, err = sandbox.start {
    port = arguments.port, tls = arguments.tls or false, agents = agents, queues = names, log = false,
  }
  if not server then return nil, err end
  out:result({ event = "sandbox", base_url = server.base_url, ca_file = server.ca_file, app_key = server.app_key,
    app_secret = server.app_secret }, function()
    out:line("export AICC_BASE_URL=%s AICC_APP_KEY=%s AICC_APP_SECRET=%s%s", server.base_url, server.app_key, server.app_secret,
      server.ca_file and " AICC_CA_FILE=" .. server.ca_file or "")
  end)
  io.stdout:flush()
  repeat until not core.sleep(3600)
  server:stop()
end

return M
