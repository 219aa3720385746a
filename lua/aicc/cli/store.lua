--- Where the command keeps its jobs: as --store or AICC_STORE say, else in a file of its own.
-- @module aicc.cli.store

local core = require "aicc.core"
local errors = require "aicc.error"
local output = require "aicc.cli.output"

local M = {}

local function default_folder()
  local base, home = os.getenv "XDG_STATE_HOME", os.getenv "HOME"
  if base and base:sub(1, 1) == "/" then return base .. "/aicc" end
  return home and home:sub(1, 1) == "/" and home .. "/.local/state/aicc"
end

--- The job store's address.
-- @tparam table arguments `store`
-- @treturn ?string
-- @treturn ?string where it comes from; or, after nil, the error
function M.url(arguments)
  if arguments.store then return arguments.store, "option --store" end
  local url = os.getenv "AICC_STORE"
  if url then return url, "environment AICC_STORE" end
  local folder = default_folder()
  if folder then return "sqlite:" .. folder .. "/jobs.db", "default" end
  return nil, errors.new { kind = "config",
    message = "job store: neither HOME nor XDG_STATE_HOME names a folder: set one, or use --store" }
end

-- Makes the folder of the file that is the default.
-- @tparam table arguments `store`
-- @treturn ?boolean true
-- @treturn ?table the error
local function make_folder(arguments)
  if arguments.store or os.getenv "AICC_STORE" then return true end
  local made, problem = core.make_directory(default_folder())
  if made then return true end
  return nil, errors.new { kind = "store", message = "job store: " .. problem }
end

--- Opens the job store.
-- @tparam table arguments `store`
-- @treturn ?table
-- @treturn ?table the error
function M.open(arguments)
  local url, err = M.url(arguments)
  if not url then return nil, err end
  local made
  made, err = make_folder(arguments)
  if not made then return nil, err end
  local store
  store, err = require("aicc.jobs").open(url) -- which only what opens it needs
  if store and store.warning and not arguments.quiet then output.complain(store.warning) end
  if store or err.kind ~= "config" then return store, err end
  return nil, errors.copy(err, { message = err.message:gsub("^url", "AICC_STORE") }) -- the parser has looked at --store
end

--- The job that is named.
-- @tparam table arguments `store`, `job`
-- @treturn ?table
-- @treturn ?table the error
function M.job(arguments)
  local store, err = M.open(arguments)
  if not store then return nil, err end
  return store:job(arguments.job)
end

--- The address as people may see it: without what may be a password.
-- @tparam string url
-- @treturn string
function M.shown(url)
  if url:find "^sqlite:" then return url end
  local scheme, rest = url:match "^(%a+://)(.*)$"
  if not scheme then return "***" end
  local has_user, has_options = rest:find("@", 1, true), rest:find("?", 1, true)
  if has_user and has_options then return scheme .. "***" end -- of a careless password both may be part
  if has_options then return scheme .. rest:match "^[^?]*" .. "?***" end
  return scheme .. rest:gsub("^.*@", "***@")
end

return M
