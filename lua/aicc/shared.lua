--- Values by key that all Lua states of a process share: nginx's shared memory, for HAProxy, whose threads may have a Lua each.
--
-- The methods are those of `ngx.shared.DICT`, as far as this library uses them, so that either serves. All of a process have one
-- table, of 4 MiB at most: what has an end makes room for what comes, oldest first. It does no I/O and waits for nobody.
-- @module aicc.shared

local core = require "aicc.core"

local Shared = { __name = "aicc.shared" }
Shared.__index = Shared

function Shared:__tostring() return "aicc.shared (" .. self.prefix:sub(1, -2) .. ")" end

--- A value.
-- @tparam string key
-- @treturn ?string|number
function Shared:get(key) return core.shared_get(self.prefix, key) end

--- Writes a value.
-- @tparam string key
-- @tparam string|number value a string of at most 64 KiB
-- @tparam[opt=0] number seconds until it ends; 0: never
-- @treturn ?boolean true
-- @treturn ?string "no memory"
function Shared:set(key, value, seconds) return core.shared_set(self.prefix, key, value, seconds) end

--- Writes a value where there is none.
-- @tparam string key
-- @tparam string|number value
-- @tparam[opt=0] number seconds until it ends
-- @treturn ?boolean true
-- @treturn ?string "exists" or "no memory"
function Shared:add(key, value, seconds) return core.shared_set(self.prefix, key, value, seconds, true) end

--- Adds to a number.
-- @tparam string key
-- @tparam number by
-- @tparam ?number first what it begins with where there is none
-- @tparam[opt=0] number seconds until that ends
-- @treturn ?number the sum
-- @treturn ?string "not found", "not a number" or "no memory"
function Shared:incr(key, by, first, seconds) return core.shared_add(self.prefix, key, by, first, seconds) end

--- Forgets a value.
-- @tparam string key
function Shared:delete(key) core.shared_delete(self.prefix, key) end

--- All keys.
-- @treturn table array of strings
function Shared:get_keys() return core.shared_keys(self.prefix) end

local M = {}

--- A part of the table.
-- @tparam string name whoever gives the same one, has the same values
-- @treturn table
function M.new(name) return setmetatable({ prefix = name .. "\1" }, Shared) end

return M
