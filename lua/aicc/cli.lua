--- The command `aicc`: arguments in, exit status out.
-- @module aicc.cli

local errors = require "aicc.error"
local output = require "aicc.cli.output"
local parser = require "aicc.cli.parser"
local status = require "aicc.cli.status"

local M = {}

-- The modules that have the commands, loaded when one is wanted: `aicc release` needs no database.
local MODULES = {
  plan = "jobs", apply = "jobs", resume = "jobs", undo = "jobs", status = "jobs", report = "jobs", jobs = "jobs", forget = "jobs",
  release = "calls", bind = "calls", agents = "calls", token = "calls", config = "calls", sandbox = "sandbox",
}

--- Runs a command.
-- @tparam {string,...} arguments
-- @treturn integer the exit status
function M.main(arguments)
  local ok, parsed = parser.build():pparse(arguments)
  if not ok then
    output.complain(parsed .. "\nTry `aicc --help`.")
    return status.USAGE
  end
  local out = output.new(parsed)
  local command = require("aicc.cli." .. MODULES[parsed.command])[parsed.command]
  local ran, result, err = pcall(command, parsed, out)
  if not ran then
    if not errors.is_error(result) then error(result, 0) end
    result, err = nil, result
  end
  if err then
    out:failure(err)
    return status.of_error(err)
  end
  local flushed, problem = io.stdout:flush()
  if not flushed then
    output.complain("standard output: " .. problem)
    return status.STORE
  end
  return result or status.OK
end

return M
