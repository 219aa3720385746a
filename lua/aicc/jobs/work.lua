--- What a run is for those who work on a queue of it: listings, counts, and whether it is to end.
--
-- `aicc.jobs.send` and the policies, `aicc.jobs.release` and `aicc.jobs.undo`, get it as `work`, and it calls none of them. It
-- also holds the client (paced), the turn (`aicc.jobs.turn`), the claims, the job, and the limits of a call that changes
-- something.
-- @module aicc.jobs.work

local core = require "aicc.core"
local errors = require "aicc.error"
local judge = require "aicc.jobs.judge"
local listings = require "aicc.jobs.listing"
local pace = require "aicc.jobs.pace"
local recent = require "aicc.jobs.recent"
local turn = require "aicc.jobs.turn"

local Work = {}
Work.__index = Work

local M = {}

local DEADLINE = 300      -- seconds for a change: the rate's waits count too
local LISTING = 3600      -- seconds for a listing of however many pages

--- Lists a claim's queue: so that it is a proof, if that is needed and can be had.
-- @tparam table claim
-- @tparam function needs_proof takes a listing that is none; returns whether it is to show of somebody that they are not bound
-- @treturn ?table a listing (`aicc.jobs.listing`)
-- @treturn ?table the error; if it is one that all would meet, the run stops
function Work:list(claim, needs_proof)
  local listing, err = listings.read(self.client, claim.skill, LISTING * self.slowness, needs_proof)
  if not listing and judge.is_fatal(err) then self:stop(err) end
  return listing, err
end

--- Whether a plan of this process has listed a claim's queue so short a time ago that it need not be listed again.
-- @tparam table claim
-- @treturn boolean
function Work:was_listed(claim)
  return self.listed_within ~= nil and recent.take(self.db, claim.id, self.planner, self.listed_within)
end

--- Ends the run: what is under way is finished, nothing begins any more. The first reason counts.
-- @tparam table err
function Work:stop(err) self.stopped = self.stopped or err end

--- Whether the run is to end.
-- @treturn boolean
function Work:is_stopping()
  if not self.stopped and self.interrupted() then
    self:stop(errors.new { kind = "aborted", message = "interrupted" })
  end
  return self.stopped ~= nil
end

--- Counts accounts that have an outcome now, for whoever watches.
-- @tparam string state of their chunk
-- @tparam integer accounts
function Work:count(state, accounts)
  self.progress[state] = (self.progress[state] or 0) + accounts
  if state ~= "pending" then self.on_progress(self.progress) end
end

--- Tells how a queue differs from what was known of it, if it does.
-- @tparam table claim
-- @tparam table changes `gained`, `lost`, `changed`, `unseen`: rows
-- @tparam integer size agents in the queue now
function Work:differs(claim, changes, size)
  if changes.gained + changes.lost + changes.changed + changes.unseen == 0 then return end
  self.progress.total = self.progress.total + changes.gained - changes.lost - changes.unseen
  self.on_note { type = "difference", skill_id = claim.skill, gained = changes.gained, lost = changes.lost,
    changed = changes.changed, unseen = changes.unseen, size = size }
end

--- Takes note of a queue that was looked at again: tells the differences, and keeps to the blast radius.
-- @tparam table claim
-- @tparam table changes as from `snapshot.refresh`
-- @tparam integer size agents in the queue now
function Work:refreshed(claim, changes, size)
  self:differs(claim, changes, size)
  -- The queue may have shrunk without a row of the job being different.
  local refusal = not self.force and self.blast_radius(claim.id)
  if refusal then self:stop(refusal) end
end

--- A run of a job, whose `client` is yet to be set.
-- @tparam table db
-- @tparam table job
-- @tparam table claimed as from `queue_claims.open`
-- @tparam table options see `aicc.jobs.workers`
-- @treturn table `rate` (requests a second), `troubles` (errors of queues that were left alone), `stopped` (why it ends)
function M.new(db, job, claimed, options)
  local rate = options.rate
  local slowness = pace.slowness(rate)
  return setmetatable({
    db = db, job = job, claims = claimed, turn = turn.new(db, claimed, options.timeline), rate = rate, slowness = slowness,
    timeline = options.timeline, troubles = {},
    limits = { deadline = math.max(DEADLINE, options.client:limits().deadline) * slowness },
    planner = options.client, listed_within = options.listed_within, force = options.force,
    blast_radius = options.blast_radius, progress = options.progress,
    interrupted = options.interrupted or core.interrupted, on_progress = options.on_progress or function() end,
    on_note = options.on_note or function() end, lost = errors.new { kind = "aborted", message = "another worker has the queue" },
  }, Work)
end

return M
