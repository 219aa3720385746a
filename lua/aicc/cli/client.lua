--- The command's client: tokens are shared with other runs, through files.
-- @module aicc.cli.client

local aicc = require "aicc"

local M = {}

--- Makes it, from the environment and the configuration file.
-- @tparam ?table arguments `concurrency`, if so many queues are to be worked at once, which are as many requests under way
-- @treturn ?table
-- @treturn ?table the error
function M.new(arguments) return aicc.new { store = "file", max_in_flight = arguments and arguments.concurrency } end

return M
