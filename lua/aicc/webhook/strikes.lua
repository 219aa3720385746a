--- Wrong secrets, counted by where they come from: after so many in a minute that address is not listened to until it is over.
-- @module aicc.webhook.strikes

local Strikes = {}
Strikes.__index = Strikes

--- Whether somebody has had enough tries.
-- @tparam string source an address
-- @treturn ?integer seconds after which to try again; nil: go on
function Strikes:is_out(source)
  local count = self.shared:get(self.name .. " " .. source)
  return count and count >= self.most and self.seconds or nil
end

--- Counts a try that failed.
-- @tparam string source an address
function Strikes:count(source) self.shared:incr(self.name .. " " .. source, 1, 0, self.seconds) end

local M = {}

--- Makes one.
-- @tparam table options `shared` (an `ngx.shared.DICT` or `aicc.shared`'s part); `name` (of its keys); `most` tries (10) in so
--   many `seconds` (60)
-- @treturn table
function M.new(options)
  return setmetatable({
    shared = options.shared, name = options.name, most = options.most or 10, seconds = options.seconds or 60,
  }, Strikes)
end

return M
