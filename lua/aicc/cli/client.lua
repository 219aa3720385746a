--- The command's client: tokens are shared with other runs, through files.
-- @module aicc.cli.client

local aicc = require "aicc"

local M = {}

--- Makes it, from the environment and the configuration file.
-- @treturn ?table
-- @treturn ?table the error
function M.new() return aicc.new { store = "file" } end

return M
