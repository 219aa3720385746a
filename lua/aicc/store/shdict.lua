--- A token store in nginx's shared memory: all workers use one token, and one of them fetches it.
--
--     http {
--       lua_shared_dict aicc 1m;
--
-- and `store = "shdict"`, or `require("aicc.store.shdict").new { dict = "another" }`. A reload keeps what is in it. The secret is
-- never written; the token is, and any Lua code in this nginx can read it.
-- @module aicc.store.shdict

local core = require("aicc.native").load "aicc.core"
local entries = require "aicc.store.entry"
local errors = require "aicc.error"
local host = require "aicc.host"
local secret = require "aicc.secret"

local Store = { __name = "aicc.store.shdict" }
Store.__index = Store

function Store:__tostring() return "aicc.store.shdict (" .. self.name .. ")" end

local M = {}

--- The entry under a key, which is not to be changed.
-- @tparam string key
-- @treturn ?table
function Store:get(key)
  local text = self.dict:get(key)
  if not text then return nil end
  local kept = secret.of(self) -- what it was the last time, as nearly always
  if text ~= kept.text then kept.text, kept.entry = text, entries.read(text) end
  local entry = kept.entry
  return entry and entry.ends > core.now "boottime" and entry or nil -- all workers read one clock
end

--- Keeps an entry; without one, forgets it.
-- @tparam string key
-- @tparam ?table entry as from `aicc.token`
-- @treturn ?boolean true
-- @treturn ?string what went wrong
function Store:set(key, entry)
  if not entry then
    self.dict:delete(key)
    return true
  end
  local lifetime = math.max(0.001, entry.ends - core.now "boottime")
  local kept, problem = self.dict:set(key, entries.written(entry), lifetime)
  if not kept then return nil, problem end
  return true
end

-- Takes a lock away from a worker that has ended without giving it back. Of several who see that at once each may get it in turn:
-- that costs a fetch too many, and no more.
local function bury(self, name)
  local owner = self.dict:get(name)
  local pid = owner and tonumber(owner:match "^(%d+) ")
  if not pid or core.process_lives(pid) or self.dict:get(name) ~= owner then return false end
  self.dict:delete(name)
  return true
end

--- Tries to become the only one in all workers that fetches.
-- @tparam string key
-- @tparam number seconds after which the lock ends by itself: its holder may have been stopped. That one has died is seen at once
-- @treturn boolean also true where there is no memory for a lock: that costs a fetch too many, and no more
function Store:lock(key, seconds)
  local name = key .. " lock"
  -- By chance too: a pid may come back, and so may what a worker has counted.
  local owner = ("%d %.17g"):format(ngx.worker.pid(), core.random())
  local _, problem = self.dict:add(name, owner, seconds)
  if problem == "exists" and bury(self, name) then _, problem = self.dict:add(name, owner, seconds) end
  if problem == "exists" then return false end
  self.owners[key] = owner
  return true
end

--- Lets others fetch; does nothing where the lock ran out and somebody else has it now.
-- @tparam string key
function Store:unlock(key)
  if self.dict:get(key .. " lock") == self.owners[key] then self.dict:delete(key .. " lock") end
  self.owners[key] = nil
end

--- Opens the store.
-- @tparam ?table options `dict`: the name that `lua_shared_dict` declares; "aicc"
-- @treturn ?table
-- @treturn ?table an error of kind "config"
function M.new(options)
  local name = options and options.dict or "aicc"
  local dict = host.name() == "nginx" and ngx.shared[name]
  if not dict then
    local message = ("store: nginx's configuration lacks lua_shared_dict %s 1m;"):format(name)
    return nil, errors.new { kind = "config", message = message }
  end
  return setmetatable({ dict = dict, name = name, owners = {} }, Store)
end

return M
