--- The command's token cache: files that its runs share; and memory, with one warning, where there can be none.
--
-- A cache is never a reason not to run: without a home, in a read-only one, beside somebody else's file, each run fetches a token
-- of its own.
-- @module aicc.cli.token_cache

local files = require "aicc.store.file"
local memory = require "aicc.store.memory"

local Cache = { __name = "aicc.cli.token_cache" }
Cache.__index = Cache

local M = {}

-- Goes on in memory. What files are already locked stays so until it is unlocked.
local function give_up(self, problem) self.store, self.problem = memory.new(), problem end

-- Says why, once a token is wanted: a command that fails for another reason, or wants none, does not begin with this.
local function warn(self)
  if not self.problem or self.has_warned then return end
  self.has_warned = true
  self.complain(("token cache: %s; tokens are kept in memory, and the next run fetches its own"):format(
    (self.problem:gsub("^token cache: ", ""))))
end

--- The entry under a key.
-- @tparam string key
-- @tparam ?boolean fresh look at the file
-- @treturn ?table
function Cache:get(key, fresh)
  local entry, err = self.store:get(key, fresh)
  if err then give_up(self, err.message) end
  warn(self)
  return entry
end

--- Keeps an entry; without one, forgets it.
-- @tparam string key
-- @tparam ?table entry
-- @treturn boolean true
function Cache:set(key, entry)
  local kept, problem = self.store:set(key, entry)
  if kept == nil and problem then
    give_up(self, problem)
    warn(self)
    self.store:set(key, entry)
  end
  return true
end

--- Tries to become the only one that fetches.
-- @tparam string key
-- @treturn boolean
function Cache:lock(key) return self.store:lock(key) end

--- Lets others fetch.
-- @tparam string key
function Cache:unlock(key)
  if self.files then self.files:unlock(key) end
end

--- Opens it.
-- @tparam function complain takes a line for people, once at most
-- @treturn table a token store
function M.new(complain)
  local self = setmetatable({ complain = complain }, Cache)
  local found, err = files.new()
  self.files, self.store = found, found
  if not found then give_up(self, err.message) end
  return self
end

return M
