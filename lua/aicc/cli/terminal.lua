--- The person at the terminal, if there is one.
-- @module aicc.cli.terminal

local core = require "aicc.core"

local M = {}

--- Whether somebody can be asked.
-- @treturn boolean
function M.is_there() return core.is_terminal(0) and core.is_terminal(2) end

--- Asks.
-- @tparam string question
-- @treturn string the answer, without blanks around it
function M.ask(question)
  io.stderr:write(question)
  io.stderr:flush()
  return (io.stdin:read "*l" or ""):match "^%s*(.-)%s*$"
end

return M
