--- A token store in this Lua state's memory: the default.
--
-- A store keeps entries under keys. `lock` and `unlock` are for stores that several processes share; here there is nobody else.
-- @module aicc.store.memory

local Store = { __name = "aicc.store.memory" }
Store.__index = Store

function Store.__tostring() return "aicc.store.memory" end

--- Tries to become the only one that fetches for a key; other stores are told for how many seconds.
-- @treturn boolean true: here nobody else can
function Store.lock() return true end

--- Lets others fetch again.
function Store.unlock() end

local M = {}

--- An empty store. Its entries are in no table that a pretty-printer could reach (see `aicc.secret`).
-- @treturn table
function M.new()
  local entries, self = {}, {}

  --- The entry under a key.
  -- @function Store:get
  -- @tparam string key
  -- @treturn ?table
  function self.get(_, key) return entries[key] end

  --- Keeps an entry.
  -- @function Store:set
  -- @tparam string key
  -- @tparam ?table entry nil to forget the one that is there
  function self.set(_, key, entry) entries[key] = entry end

  return setmetatable(self, Store)
end

return M
