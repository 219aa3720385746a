--- Exit statuses: what a command's end says to the script that ran it. The table is closed.
-- @module aicc.cli.status

local core = require("aicc.native").load "aicc.core"

local M = {}

M.OK, M.SOME_FAILED, M.USAGE, M.ALL_FAILED, M.STORE, M.INTERRUPTED = 0, 1, 2, 5, 9, 130

local OF_KIND = {
  argument = 2,
  config = 3, unsupported = 3,
  auth = 4, forbidden = 4, blocked = 4,
  business = 5, bad_request = 5, unknown_agent = 5,
  network = 6, tls = 6, timeout = 6, server = 6, http = 6, protocol = 6, not_found = 6, redirect = 6, too_large = 6,
  throttled = 7, deadline = 7,
  guard = 8,
  store = 9,
  aborted = 130, closed = 130,
}

-- Of several reasons for stopping the first of these wins. Refusals of accounts are no reason: the rows' statuses tell of them.
local PRIORITY = { 130, 9, 8, 4, 3, 7, 6 }

-- What shells say of a process that a signal ended: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP.
local function interrupted()
  local _, signal = core.interrupted()
  return signal and 128 + signal or M.INTERRUPTED
end

--- The status of an error.
-- @tparam table err
-- @treturn integer
function M.of_error(err)
  local status = OF_KIND[err.kind] or M.SOME_FAILED
  return err.kind == "aborted" and interrupted() or status
end

-- What came of the rows that the run was about, as counts of a release. An undo is about those that were released, or may be:
-- who still counts as released was refused, or is still to be bound.
local function counts_of(summary)
  local counts, undo = summary.counts, summary.undo
  if summary.action ~= "bind" then return counts end
  return {
    released = undo.restored, failed = undo.failed, unknown = counts.unknown, pending = counts.released - undo.failed,
  }
end

--- The status of a run that came to its end, however early.
-- @tparam table summary as from `job:apply`
-- @treturn integer
function M.of_summary(summary)
  local reasons = {}
  if summary.stopped then reasons[OF_KIND[summary.stopped.kind] or M.SOME_FAILED] = summary.stopped end
  for _, err in ipairs(summary.troubles) do
    local status = OF_KIND[err.kind] or M.SOME_FAILED
    reasons[status] = reasons[status] or err
  end
  for _, status in ipairs(PRIORITY) do
    if reasons[status] then return M.of_error(reasons[status]) end
  end
  local counts = counts_of(summary)
  if counts.failed > 0 and counts.released + counts.unknown == 0 then return M.ALL_FAILED end
  local open = counts.failed + counts.unknown + counts.pending + (counts.no_agent or 0)
  return open > 0 and M.SOME_FAILED or M.OK
end

return M
