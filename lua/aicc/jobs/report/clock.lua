--- The times in a report: ISO 8601 in UTC, as the store has them, to seconds and back.
-- @module aicc.jobs.report.clock

local M = {}

local MONTHS = { "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
  "December" }

-- Days from 1970-01-01, by the civil calendar.
local function days_of(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = math.floor(year / 400)
  local of_era = year - era * 400
  local of_year = math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return era * 146097 + of_era * 365 + math.floor(of_era / 4) - math.floor(of_era / 100) + of_year - 719468
end

--- Seconds since 1970.
-- @tparam ?string text "2026-11-26T22:03:10Z", or up to the minute
-- @treturn ?integer nil if it is no such time
function M.seconds(text)
  local year, month, day, hour, minute, second = (text or ""):match "^(%d%d%d%d)-(%d%d)-(%d%d)T(%d%d):(%d%d):?(%d*)Z?$"
  if not year then return nil end
  return days_of(tonumber(year), tonumber(month), tonumber(day)) * 86400 + hour * 3600 + minute * 60 + (tonumber(second) or 0)
end

--- As people read it.
-- @tparam ?string text as the store has it
-- @treturn string "2026-11-26 22:03:10"; as it was, if it is no such time
function M.plain(text) return text and (text:gsub("^(%d+-%d+-%d+)T([%d:]+)Z$", "%1 %2")) or "" end

--- A day.
-- @tparam integer seconds
-- @treturn string "26 November 2026"
function M.day(seconds)
  local date = os.date("!*t", seconds)
  return ("%d %s %d"):format(date.day, MONTHS[date.month], date.year)
end

--- A time of day.
-- @tparam integer seconds
-- @treturn string "22:03"
function M.minute(seconds) return os.date("!%H:%M", seconds) end

--- A length of time.
-- @tparam number seconds
-- @treturn string "45 s", "3 min 5 s", "2 h 10 min"
function M.span(seconds)
  seconds = math.floor(seconds + 0.5)
  if seconds < 60 then return ("%d s"):format(seconds) end
  local minutes = math.floor(seconds / 60)
  if minutes < 60 then
    return seconds % 60 == 0 and ("%d min"):format(minutes) or ("%d min %d s"):format(minutes, seconds % 60)
  end
  return minutes % 60 == 0 and ("%d h"):format(minutes / 60) or ("%d h %d min"):format(math.floor(minutes / 60), minutes % 60)
end

return M
