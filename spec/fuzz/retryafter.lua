-- retryafter.lua - fuzzes Retry-After and Date: never below zero; seconds are those that stand there, rounded up; and a date in
-- the one form that HTTP allows to be written is that date, by another calendar than the C core's. The input: a line for each
-- header.

local core = require "aicc.core"
local fuzzing = require "spec.support.fuzzing"

local check = fuzzing.check
local MONTHS = {}
for month in ("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"):gmatch "%a+" do
  MONTHS[#MONTHS + 1] = month
  MONTHS[month] = #MONTHS
end

local function is_leap(year) return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0) end

local function days_of(month, year)
  local days = { 31, is_leap(year) and 29 or 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
  return days[month]
end

-- Seconds since 1970 of a date in the form of RFC 9110's IMF-fixdate; counted, year by year and month by month. Nil for others.
local function seconds_of(text)
  local day, name, year, hour, minute, second =
    text:match "^%a%a%a, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$"
  local month = MONTHS[name]
  day, year, hour, minute, second = tonumber(day), tonumber(year), tonumber(hour), tonumber(minute), tonumber(second)
  if not month or year < 1970 or year > 2400 or day < 1 or day > days_of(month, year) then return nil end
  if hour > 23 or minute > 59 or second > 59 then return nil end
  local days = day - 1
  for y = 1970, year - 1 do days = days + (is_leap(y) and 366 or 365) end
  for m = 1, month - 1 do days = days + days_of(m, year) end
  return ((days * 24 + hour) * 60 + minute) * 60 + second
end

return function(input)
  local after, date = input:match "^([^\n]*)\n([^\n]*)$"
  if not after then return end
  local _, err = core.decode("release_agent_by_skill", {
    status = 503, headers = { ["retry-after"] = after, Date = date }, body = "",
  })
  fuzzing.check_error(err)
  local seconds, trimmed = err.retry_after, after:match "^[ \t\r\n]*(.-)[ \t\r\n]*$"
  check((err.outcome == "rejected") == (seconds ~= nil), "an outcome without a Retry-After", after)
  if trimmed:find "^%d+$" and #trimmed < 16 then check(seconds == tonumber(trimmed), "other seconds", after, seconds) end
  local whole, fraction = trimmed:match "^(%d+)%.(%d+)$"
  if whole and #trimmed < 16 then
    check(seconds == tonumber(whole) + (fraction:find "[1-9]" and 1 or 0), "other seconds", after, seconds)
  end
  local till, now = seconds_of(trimmed), seconds_of(date:match "^[ \t\r\n]*(.-)[ \t\r\n]*$")
  if till and now then check(seconds == math.max(0, till - now), "another date", after, date, seconds, till - now) end
  if till and not now and seconds then check(seconds <= math.max(0, till), "longer than since 1970", after, seconds) end
end
