-- expires.lua - fuzzes a token's lifetime: whatever a reply's Expires says, the token is never used longer than it says, nor
-- longer than a day, and what makes no sense is a minute. The input is the JSON that stands for Expires in the reply.

local core = require "aicc.core"
local memory = require "aicc.store.memory"
local token = require "aicc.token"

local NOW, TIMEOUT = 1000, 15

-- The lifetime by other rules than those by which it was read: nil where the value is not one.
local function expected(value)
  if type(value) == "string" then
    if not value:match "^[0-9][0-9]?[0-9]?[0-9]?[0-9]?$" then return nil end
    value = 0 + value
  end
  if type(value) ~= "number" or value < 1 or value > 86400 or value ~= math.floor(value) then return nil end
  return value
end

return function(input)
  local reply = core.decode("token", { status = 200, body = '{"AccessToken":"t","Expires":' .. input .. "}" })
  if not reply or reply.AccessToken ~= "t" then return end
  local lifetime = token.lifetime(reply.Expires)
  assert(lifetime == expected(reply.Expires), "another lifetime")
  local store, warnings = memory.new(), 0
  local source = token.new {
    store = store, key = "key", timeout = TIMEOUT, budget = 0,
    request = function() return reply end, now = function() return NOW end, sleep = function() return true end,
    random = function() return 0.5 end, emit = function(event) if event.type == "warning" then warnings = warnings + 1 end end,
    transport = { yields = function() return false end, is_alive = function() return true end },
  }
  local call = { operation = "token", timeout = TIMEOUT, deadline = 60, remaining = function() return 60 end }
  assert(source:get(call) == "t")
  local entry = assert(store:get "key", "not kept")
  assert(entry.lifetime == (lifetime or 60) and warnings == (lifetime and 0 or 1))
  assert(entry.ends == NOW + entry.lifetime, "another end")
  assert(entry.soft <= entry.hard and entry.hard <= entry.ends and entry.soft >= NOW, "windows in another order")
  assert(entry.hard >= NOW + entry.lifetime / 2, "of no use")
end
