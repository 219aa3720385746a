--- The command's client: tokens are shared with other runs, through files. Its settings are given as a command's are: in the
-- environment and in the configuration file; and errors speak of these.
-- @module aicc.cli.client

local aicc = require "aicc"
local config = require "aicc.config"
local errors = require "aicc.error"
local misuse = require "aicc.cli.misuse"
local output = require "aicc.cli.output"
local token_cache = require "aicc.cli.token_cache"

local M = {}

--- The options that the command gives its client.
-- @tparam ?table arguments
-- @treturn table
function M.options(arguments)
  local options = { store = "file", max_in_flight = arguments and arguments.concurrency }
  local log = arguments and arguments.log_of_run
  if log then options.on_event = function(event) log:hear(event) end end
  return options
end

--- How the settings without which there is no client can be given.
-- @tparam table found as from `config.look`
-- @tparam string name
-- @treturn string
function M.ways(found, name)
  local text = "set " .. table.concat(found.ways[name], " or ")
  return found.path and ("%s, or \"%s\" in the configuration file"):format(text, name) or text
end

--- An error that is about the name of a setting, with what was probably meant.
-- @tparam table err
-- @treturn table
function M.with_hint(err)
  local word, names = err.message:match "unknown setting '([%w_-]+)'$", {}
  if not word then return err end
  for _, row in ipairs(config.SCHEMA) do
    if not row.code_only then names[#names + 1] = row[1] end
  end
  return errors.copy(err, { message = err.message .. misuse.meant(word, names) })
end

-- An error of aicc.new, for who has never seen it.
local function in_our_terms(err, arguments)
  if err.kind ~= "config" then return err end
  err = M.with_hint(err)
  local found = config.look(M.options(arguments))
  if #found.problems == 0 and #found.missing > 0 then
    local lines = { "what reaches the API is missing:" }
    for _, name in ipairs(found.missing) do lines[#lines + 1] = ("%s: %s"):format(name, M.ways(found, name)) end
    if found.path then lines[#lines + 1] = "The configuration file is " .. found.path .. "." end
    lines[#lines + 1] = "`aicc config` shows what was looked at."
    return errors.copy(err, { message = table.concat(lines, "\n") })
  end
  local name, rest = err.message:match "^([%l_]+): (.*)$"
  local source = name and found.sources[name]
  if not source or source == "default" or source == "argument" then return err end
  return errors.copy(err, { message = ("%s (%s): %s"):format(name, source, rest) })
end

--- Makes it. The log, if there is to be one, begins here: before anything is sent.
-- @tparam ?table arguments `concurrency`, if so many queues are to be worked at once, which are as many requests under way;
--   `log_of_run`, if its requests are to be told (`aicc.cli.log`)
-- @tparam ?table facts what the log is told of the run: see `Log:open`
-- @treturn ?table
-- @treturn ?table the error
function M.new(arguments, facts)
  local options = M.options(arguments)
  options.store = token_cache.new(arguments and arguments.quiet and function() end or output.complain)
  local client, err = aicc.new(options)
  if not client then return nil, in_our_terms(err, arguments) end
  local log = arguments and arguments.log_of_run
  if not log then return client end
  if facts and facts.concurrency then facts.concurrency = math.min(facts.concurrency, client:limits().max_in_flight) end
  local opened
  opened, err = log:open(facts)
  if opened then return log:around(client) end
  client:close()
  return nil, err
end

return M
