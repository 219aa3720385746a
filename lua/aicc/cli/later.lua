--- When to come back, where the API asked to be left alone (Retry-After).
-- @module aicc.cli.later

local M = {}

local DAY = 86400
local FARTHEST = 366 * DAY -- beyond it no time of day is told: whoever asks for that has written something else

--- The moment, in UTC, for machines.
-- @tparam table err `retry_after`: seconds
-- @tparam[opt] integer now seconds since 1970
-- @treturn ?string as 2026-11-26T09:00:00Z; nil if none was asked for
function M.at(err, now)
  local seconds = err.retry_after
  if not seconds or seconds > FARTHEST then return end
  return os.date("!%Y-%m-%dT%H:%M:%SZ", (now or os.time()) + math.ceil(seconds))
end

local function duration(seconds)
  if seconds < 120 then return ("%.0f s"):format(seconds) end
  if seconds < 7200 then return ("%.0f min"):format(math.ceil(seconds / 60)) end
  return ("%.0f h"):format(math.ceil(seconds / 3600))
end

--- What is told of it, in this machine's time.
-- @tparam table err `retry_after`: seconds
-- @tparam[opt] integer now seconds since 1970
-- @treturn ?string nil if none was asked for
function M.text(err, now)
  local seconds = err.retry_after
  if not seconds then return end
  seconds, now = math.ceil(seconds), now or os.time()
  if seconds > FARTHEST then return ("the API asks to be left alone for %.0f days"):format(seconds / DAY) end
  local is_today = os.date("%Y%m%d", now) == os.date("%Y%m%d", now + seconds)
  return ("the API asks to be left alone for %s: come back at %s"):format(duration(seconds),
    os.date(is_today and "%H:%M:%S" or "%Y-%m-%d %H:%M:%S", now + seconds))
end

return M
