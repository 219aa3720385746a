--- A token store in files, shared by the processes of one user: fifty scripts started at once fetch one token.
--
-- One file per key, mode 0600 in a directory of mode 0700, replaced as a whole; beside it a lock that dies with its holder.
-- A file whose owner or mode is wrong is refused, one that cannot be read as an entry is a miss. The secret is never written.
-- @module aicc.store.file

local core = require("aicc.native").load "aicc.core"
local entries = require "aicc.store.entry"
local errors = require "aicc.error"
local folder = require "aicc.store.folder"
local secret = require "aicc.secret"

local MAX_ENTRY = 64 * 1024 -- bytes

local Store = { __name = "aicc.store.file" }
Store.__index = Store

function Store:__tostring() return "aicc.store.file (" .. self.directory .. ")" end

local M = {}

-- Whether an entry of this boot still has time by both clocks: the machine's own, and the time of day, which a copied or restored
-- file cannot carry along. More time than the token ever had means that a clock was set.
local function is_alive(entry)
  if entry.boot ~= core.boot_id() or type(entry.ends_by_day) ~= "number" then return false end
  local by_boot, by_day = entry.ends - core.now "boottime", entry.ends_by_day - core.now "realtime"
  return by_boot > 0 and by_day > 0 and by_boot <= entry.lifetime and by_day <= entry.lifetime + 1
end

function Store:path(key, suffix) return ("%s/%s%s"):format(self.directory, key, suffix) end

--- The entry under a key.
-- @tparam string key
-- @tparam ?boolean fresh read the file even if what was read before should still do
-- @treturn ?table
-- @treturn ?table an error of kind "store": the file is there, and is not to be trusted
function Store:get(key, fresh)
  local kept = secret.of(self)
  local entry = kept[key]
  if entry and not fresh and entry.soft and core.now "boottime" < entry.soft then return entry end
  kept[key] = nil
  local text, problem, missing = core.read_file(self:path(key, ".json"), MAX_ENTRY, "own")
  if not text then
    if missing then return nil end
    return nil, errors.new { kind = "store", message = "token cache: " .. problem }
  end
  entry = entries.read(text)
  if not entry or not is_alive(entry) then return nil end
  kept[key] = entry
  return entry
end

--- Keeps an entry; without one, forgets it.
-- @tparam string key
-- @tparam ?table entry as from `aicc.token`
-- @treturn ?boolean true
-- @treturn ?string what went wrong
function Store:set(key, entry)
  secret.of(self)[key] = entry
  if not entry then
    local removed, problem, missing = core.remove_file(self:path(key, ".json"))
    if removed or missing then return true end
    return nil, problem
  end
  local by_day = core.now "realtime" + entry.ends - core.now "boottime"
  return core.write_file(self:path(key, ".json"), entries.written(entry, { boot = core.boot_id(), ends_by_day = by_day }))
end

--- Tries to become the only process that fetches.
-- @tparam string key
-- @treturn boolean also true where locking does not work: that costs a fetch too many, and no more
function Store:lock(key)
  local lock = core.lock_file(self:path(key, ".lock"))
  if lock == false then return false end
  self.locks[key] = lock
  return true
end

--- Lets other processes fetch.
-- @tparam string key
function Store:unlock(key)
  if self.locks[key] then self.locks[key]:release() end
  self.locks[key] = nil
end

--- Opens the store.
-- @tparam ?table options `directory`: instead of `$XDG_RUNTIME_DIR/aicc`, `$XDG_CACHE_HOME/aicc` or `~/.cache/aicc`
-- @treturn ?table
-- @treturn ?table an error of kind "config"
function M.new(options)
  local directory = options and options.directory or folder.path()
  if not directory then
    local message = "token cache: it has no folder: neither XDG_CACHE_HOME nor HOME names one"
    return nil, errors.new { kind = "config", message = message }
  end
  local made, problem = core.make_directory(directory)
  if not made then return nil, errors.new { kind = "config", message = "token cache: " .. problem } end
  return setmetatable({ directory = directory, locks = {} }, Store)
end

return M
