--- Files that the command keeps for itself: its job store's, with what SQLite and locks have beside it, and the token cache's.
-- Where somebody else's lines or pages belong, none of them may be named: SQLite would take a log for what was written last.
--
-- Files are compared by where they really are: links to folders lead to the same one, and so does a store's own link.
-- @module aicc.cli.own_files

local core = require "aicc.core"
local folder_of_tokens = require "aicc.store.folder"
local store_of = require "aicc.cli.store"

local M = {}

local BESIDE = { [""] = true, ["-wal"] = true, ["-shm"] = true, ["-journal"] = true }

-- Whether a place is a store's: the database, what SQLite has beside it, a job's lock.
local function is_stores(place, store)
  if place:sub(1, #store) ~= store then return false end
  local rest = place:sub(#store + 1)
  return BESIDE[rest] or rest:find "^%.%d+%.lock$" ~= nil
end

-- Whether it is a token's, or a token's lock.
local function is_tokens(place)
  local directory = folder_of_tokens.path()
  local folder, kind = place:match "^(.*)/%x+%.(%l+)$"
  return directory and folder and folder == core.real_path(directory) and (kind == "json" or kind == "lock")
end

--- Why a file must not be written to, or nil.
-- @tparam string path
-- @tparam table arguments `store`
-- @treturn ?string
function M.problem(path, arguments)
  local place = core.real_path(path)
  if not place then return end -- nothing can be written there
  local url = store_of.url(arguments)
  local store = url and url:match "^sqlite:(.+)$"
  store = store and core.real_path(store)
  if store and is_stores(place, store) then return "it belongs to the job store" end
  if is_tokens(place) then return "it belongs to the token cache" end
end

return M
