--- How many requests a run takes, and how long that is, in words that promise no more than is known: it is never less.
-- @module aicc.cli.effort

local output = require "aicc.cli.output"
local pace = require "aicc.jobs.pace"

local DEFAULTS = require("aicc.jobs.options").DEFAULTS

local M = {}

--- A duration for people, rounded up.
-- @tparam number seconds
-- @treturn string "45 s", "7 min 18 s", "2 h 05 min", "31 h"
function M.duration(seconds)
  seconds = math.ceil(seconds)
  if seconds < 60 then return ("%.0f s"):format(seconds) end
  if seconds < 3600 then return ("%d min %02d s"):format(math.floor(seconds / 60), seconds % 60) end
  local minutes = math.ceil(seconds / 60)
  if minutes < 1440 then return ("%d h %02d min"):format(math.floor(minutes / 60), minutes % 60) end
  return ("%d h"):format(math.ceil(minutes / 60))
end

--- How long so many requests take at least.
-- @tparam integer requests
-- @tparam ?number rate requests a second; 0 for no limit; the usual rate if not given
-- @tparam[opt=pace.BURST] integer burst how many of them leave at once: 0 in the middle of a run
-- @treturn ?number seconds; nil without a limit, where nobody knows
function M.seconds(requests, rate, burst)
  rate = rate or DEFAULTS.rate
  if rate == 0 then return nil end
  return math.max(0, requests - (burst or pace.BURST)) / rate
end

--- A rate in words.
-- @tparam ?number rate
-- @treturn string "5 requests a second"
function M.rate(rate)
  rate = rate or DEFAULTS.rate
  return ("%.4g request%s a second"):format(rate, rate == 1 and "" or "s")
end

--- What a run takes, in words.
-- @tparam integer requests
-- @tparam ?number rate as for `seconds`
-- @tparam ?integer burst as for `seconds`
-- @treturn string "at least 2200 requests: 7 min 19 s at 5 requests a second"
function M.text(requests, rate, burst)
  local seconds, text = M.seconds(requests, rate, burst), "at least " .. output.count(requests, "request")
  if not seconds then return text .. ", without a limit to their rate" end
  if seconds == 0 then return text .. ", at once" end
  return ("%s: %s at %s"):format(text, M.duration(seconds), M.rate(rate))
end

return M
