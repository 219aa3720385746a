--- The command `aicc config`: what is set and by what, and each file that was looked at. It works with nothing set.
-- @module aicc.cli.config

local client_of = require "aicc.cli.client"
local config = require "aicc.config"
local log_of = require "aicc.cli.log"
local output = require "aicc.cli.output"
local status = require "aicc.cli.status"
local store_of = require "aicc.cli.store"

local M = {}

local NOT_SET = "(not set)"

-- The places that were looked at, as `{ what=, path=, state= }`.
local function places(arguments, found)
  local list = found.files
  if not found.path then
    list[1] = { what = "configuration file", path = "(none)", state = "neither HOME nor XDG_CONFIG_HOME names a folder" }
  end
  local url, source = store_of.url(arguments)
  list[#list + 1] = { what = "job store", path = url and store_of.shown(url) or "(none)",
    state = url and source or source.message:gsub("^job store: ", "") }
  local log, says = log_of.path(arguments)
  local state = says or "neither --log nor AICC_LOG names a file"
  list[#list + 1] = { what = "log of requests", path = log or "(none)", state = state }
  return list
end

-- The settings that are set, and those that have to be and are not.
local function lines(found)
  local list = config.explain(found.settings, found.sources)
  for i, name in ipairs(found.missing) do
    table.insert(list, i, { name = name, hint = client_of.ways(found, name) })
  end
  return list
end

--- `aicc config`
-- @tparam table arguments
-- @tparam table out
-- @treturn integer the exit status: 3 if something that is set is wrong; what is not set is none of that
function M.config(arguments, out)
  local found = config.look(client_of.options())
  for _, place in ipairs(places(arguments, found)) do
    out:result({ event = "looked_at", what = place.what, path = place.path, state = place.state }, function()
      out:line("%-20s %s: %s", place.what, place.path, place.state)
    end)
  end
  for _, setting in ipairs(lines(found)) do
    local value = setting.value == nil and NOT_SET or tostring(setting.value)
    local source = setting.source == "argument" and "the command" or setting.source
    out:result({ name = setting.name, value = setting.value, source = source, hint = setting.hint }, function()
      out:line("%-20s %-32s %s", setting.name, value, source or setting.hint)
    end)
  end
  for _, problem in ipairs(found.problems) do out:failure(client_of.with_hint(problem)) end
  if #found.problems > 0 then return status.of_error(found.problems[1]) end
  if #found.missing > 0 then
    if not arguments.json then output.complain "what is not set above is needed to reach the API" end
    return status.OK
  end
  local client, err = client_of.new()
  if not client then return nil, err end
  client:close()
  return status.OK
end

return M
