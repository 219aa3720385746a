--- A token store in this Lua state's memory: the default.
--
-- A store keeps entries under keys. `lock` and `unlock` are for stores that several processes share; here there is nobody else.
-- @module aicc.store.memory

local secret = require "aicc.secret"

local Store = { __name = "aicc.store.memory" }
Store.__index = Store

function Store.__tostring() return "aicc.store.memory" end

--- The entry under a key.
-- @tparam string key
-- @treturn ?table
function Store:get(key) return secret.of(self)[key] end

--- Keeps an entry.
-- @tparam string key
-- @tparam ?table entry nil to forget the one that is there
function Store:set(key, entry) secret.of(self)[key] = entry end

--- Tries to become the only one that fetches for a key; other stores are told for how many seconds.
-- @treturn boolean true: here nobody else can
function Store.lock() return true end

--- Lets others fetch again.
function Store.unlock() end

local M = {}

--- An empty store.
-- @treturn table
function M.new() return setmetatable({}, Store) end

return M
