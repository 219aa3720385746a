--- The person at the terminal, if there is one.
-- @module aicc.cli.terminal

local core = require "aicc.core"
local errors = require "aicc.error"

local M = {}

--- Whether somebody can be asked.
-- @treturn boolean
function M.is_there() return core.is_terminal(0) and core.is_terminal(2) end

--- Asks.
-- @tparam string question
-- @treturn ?string the answer, without blanks around it
-- @treturn ?table the error, if Ctrl-C was the answer
function M.ask(question)
  io.stderr:write(question)
  io.stderr:flush()
  local answer = io.stdin:read "*l"
  if core.interrupted() then
    io.stderr:write "\n"
    return nil, errors.new { kind = "aborted", message = "interrupted; nothing was sent" }
  end
  return (answer or ""):match "^%s*(.-)%s*$"
end

return M
