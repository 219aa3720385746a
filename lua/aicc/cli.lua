--- The command `aicc`: arguments in, exit status out.
-- @module aicc.cli

local errors = require "aicc.error"
local native = require "aicc.native"
local output = require "aicc.cli.output"
local status = require "aicc.cli.status"

local M = {}

-- The modules that have the commands, loaded when one is wanted: `aicc release` needs no database.
local MODULES = {
  plan = "jobs", apply = "jobs", resume = "jobs", undo = "jobs", jobs = "jobs", forget = "jobs",
  status = "job_status", report = "report",
  release = "calls", bind = "calls", agents = "calls", token = "calls", config = "config", sandbox = "sandbox",
  agent = "agent", queues = "queues", help = "help",
}

-- What a raised value comes to: an error of ours as it is, anything else with where it came from.
local function explained(problem)
  if errors.is_error(problem) then return problem end
  local missing = native.missing(problem)
  if missing then return errors.new { kind = "unsupported", message = (missing:gsub("^aicc: ", "")) } end
  return debug.traceback(tostring(problem), 2)
end

-- Calls a function that returns a status, or nil and an error. What it raises and is no error of ours is a bug, or an
-- installation that lacks something: nothing that another try would mend, and so a matter for whoever set the command up.
local function protected(f)
  local ran, result, err = xpcall(f, explained)
  if ran then return result, err end
  if errors.is_error(result) then return nil, result end
  return nil, errors.new { kind = "unsupported", outcome = "unknown", message = "a bug in aicc: " .. result }
end

--- Runs a command.
-- @tparam {string,...} arguments
-- @treturn integer the exit status
function M.main(arguments)
  local out, log = output.new {}, nil -- until the arguments are known
  local result, err = protected(function()
    local parser = require("aicc.cli.parser").build()
    local ok, parsed = parser:pparse(arguments)
    if not ok then
      output.complain(require("aicc.cli.misuse").message(parser, arguments, parsed))
      return status.USAGE
    end
    out = output.new(parsed)
    log = require("aicc.cli.log").new(parsed)
    parsed.log_of_run = log
    return require("aicc.cli." .. MODULES[parsed.command])[parsed.command](parsed, out)
  end)
  if err then
    out:failure(err)
    result = status.of_error(err)
  end
  local flushed, problem = io.stdout:flush()
  if not flushed and not err then
    output.complain("standard output: " .. problem)
    result = status.STORE
  end
  result = result or status.OK
  if log then log:finish(result) end
  return result
end

return M
