--- The command `aicc help`.
-- @module aicc.cli.help

local errors = require "aicc.error"
local misuse = require "aicc.cli.misuse"

local M = {}

--- `aicc help [COMMAND]`: what --help prints, of the command or of a command of it.
-- @tparam table arguments `topic`
-- @treturn ?integer the exit status
-- @treturn ?table the error
function M.help(arguments)
  local parser = require("aicc.cli.parser").build()
  local topic = arguments.topic
  local of = topic == nil and parser or misuse.command(parser, topic)
  if not of then
    return nil, errors.new { kind = "argument",
      message = ("unknown command '%s'%s\nTry `aicc help`."):format(topic, misuse.meant(topic, misuse.commands(parser))) }
  end
  io.stdout:write(of:get_help(), "\n")
end

return M
