--- Which queues this process has just listed for a plan, so that a run that follows at once need not list them again.
--
-- It is in memory, by this process's own clock, and for one client: what another process or another host has noted, and by which
-- clock, may be wrong by hours, and another client may be another server's. A queue is in it once.
-- @module aicc.jobs.recent

local core = require "aicc.core"

local M = {}

--- The time, for `note`.
-- @treturn number seconds
function M.now() return core.now "boottime" end

--- Takes note of a queue whose snapshot is what a listing shows.
-- @tparam table db
-- @tparam integer queue
-- @tparam table client who listed it, as from `aicc.new`
-- @tparam number began when the listing's first request was about to leave
function M.note(db, queue, client, began)
  if not db.recent or db.recent.client ~= client then db.recent = { client = client, listed = {} } end
  db.recent.listed[queue] = began
end

--- Whether such a listing is at most so old. Then it is forgotten, whatever the answer is.
-- @tparam table db
-- @tparam integer queue
-- @tparam table client
-- @tparam number seconds
-- @treturn boolean
function M.take(db, queue, client, seconds)
  local recent = db.recent
  local began = recent and recent.client == client and recent.listed[queue]
  if recent then recent.listed[queue] = nil end
  return began and M.now() - began <= seconds or false
end

return M
