--- What the rows of a report come to: counted while they pass, so that sums and rows agree even while a job runs.
--
-- It holds a few numbers for each queue, and for the most frequent messages: nothing for a row.
-- @module aicc.jobs.report.tally

local Tally = {}
Tally.__index = Tally

local M = {}

local MESSAGES = 500 -- different ones that are told apart

--- The statuses of rows that have a queue or had none, in the order in which they are told.
M.STATUSES = { "released", "bound_again", "not_bound", "failed", "unknown", "pending", "planned", "no_agent", "no_queue" }

-- What each status is summed up as. Left is what nothing was sent for yet, or what may be sent again.
local GROUPS = {
  released = "released", bound_again = "bound_again", not_bound = "not_bound", failed = "failed", unknown = "unknown",
  pending = "left", planned = "left", no_agent = "no_agent", no_queue = "no_queue",
}

--- What bars show. Where nothing was undone nobody is bound again: `M.groups_of` leaves that out.
M.GROUPS = { "released", "bound_again", "not_bound", "failed", "unknown", "left" }

local TROUBLED = { failed = true, unknown = true, pending = true, no_agent = true }

-- The message without the row's own account, where that is a word of it: so what is the same for all counts as one.
local function general(row)
  local message, account = row.message or "", row.user_account
  local from, to = message:find(account, 1, true)
  if not from or account == "" or message:sub(from - 1, from - 1):find "%w" and from > 1 or message:find("^%w", to + 1) then
    return message
  end
  return message:sub(1, from - 1) .. "…" .. message:sub(to + 1)
end

local function count_message(self, row)
  local code, message = row.code or "", general(row)
  if code == "" and message == "" and row.status ~= "failed" and row.status ~= "unknown" then return end
  local key = row.status .. "\0" .. code .. "\0" .. message
  local found = self.messages[key]
  if not found then
    local is_known = self.messages.count < MESSAGES
    key = is_known and key or row.status .. "\0"
    found = self.messages[key]
    if not found then
      found = { status = row.status, code = code, message = message, rows = 0, line = row.line, is_rest = not is_known }
      self.messages[key] = found
      self.messages.count = self.messages.count + 1
      self.messages[self.messages.count] = found
    end
  end
  found.rows = found.rows + 1
end

local function queue_of(self, row)
  local queue = self.by_skill[row.skill_id]
  if not queue then
    queue = { number = #self.queues + 1, skill_id = row.skill_id, skill_name = row.skill_name, rows = 0 }
    for _, group in ipairs(M.GROUPS) do queue[group] = 0 end
    self.queues[queue.number], self.by_skill[row.skill_id] = queue, queue
  end
  return queue
end

--- Counts a row.
-- @tparam table row as from `aicc.jobs.report`
-- @treturn ?table its queue: `number` (first seen, 1), `skill_id`, `skill_name`, `rows`, and how many of each of `GROUPS`
function Tally:add(row)
  local status, queue = row.status, nil
  self.rows = self.rows + 1
  self.counts[status] = self.counts[status] + 1
  self.groups[GROUPS[status]] = self.groups[GROUPS[status]] + 1
  if row.skill_id then
    queue = queue_of(self, row)
    queue.rows, queue[GROUPS[status]] = queue.rows + 1, queue[GROUPS[status]] + 1
  end
  if row.undo then self.undo[row.undo] = (self.undo[row.undo] or 0) + 1 end
  if row.undo or status == "released" then self.was_released = self.was_released + 1 end
  if TROUBLED[status] then count_message(self, row) end
  return queue
end

--- The queues, those in which something failed, is unknown or is left first; else in the order of the input.
-- @treturn {table,...}
function Tally:ordered()
  local list = {}
  for i, queue in ipairs(self.queues) do list[i] = queue end
  local function weight(queue) return queue.failed + queue.unknown + queue.left > 0 and 0 or 1 end
  table.sort(list, function(a, b)
    local one, other = weight(a), weight(b)
    if one ~= other then return one < other end
    return a.number < b.number
  end)
  return list
end

--- The messages of rows that are not done, the most frequent first; then, for each status, one for the rows of all others.
-- @tparam integer most how many of the former
-- @treturn {table,...} `status`, `code`, `message`, `rows`, `line` (of the first), `is_rest`
function Tally:troubles(most)
  local all, list, rests = {}, {}, {}
  for i = 1, self.messages.count do all[i] = self.messages[i] end
  table.sort(all, function(a, b)
    if a.is_rest ~= b.is_rest then return b.is_rest end
    if a.rows ~= b.rows then return a.rows > b.rows end
    return a.line < b.line
  end)
  for i, one in ipairs(all) do
    if i <= most and not one.is_rest then
      list[i] = one
    else
      local rest = rests[one.status]
      if not rest then
        rest = { status = one.status, code = "", message = "", rows = 0, line = one.line, is_rest = true }
        rests[one.status], rests[#rests + 1] = rest, rest
      end
      rest.rows, rest.line = rest.rows + one.rows, math.min(rest.line, one.line)
    end
  end
  for _, rest in ipairs(rests) do list[#list + 1] = rest end
  return list
end

--- What bars and tables show of a job.
-- @tparam table job
-- @treturn {string,...} of `GROUPS`
function M.groups_of(job)
  local groups = {}
  for _, group in ipairs(M.GROUPS) do
    if group ~= "bound_again" or job.state == "undoing" or job.state == "undone" then groups[#groups + 1] = group end
  end
  return groups
end

--- Whether nothing remains to be done, or to be looked at.
-- @treturn boolean
function Tally:is_clean()
  local groups = self.groups
  return groups.failed + groups.unknown + groups.left + groups.no_agent == 0
end

--- A tally without rows.
-- @treturn table `rows`; `counts` (status -> rows); `groups` (what bars show, `no_agent`, `no_queue` -> rows); `queues`; `undo`
--   (restored, skipped, failed, unknown, pending -> rows); `was_released`: how many rows the job had released, whatever an undo
--   made of them since
function M.new()
  local self = { rows = 0, counts = {}, groups = { no_agent = 0, no_queue = 0 }, queues = {}, by_skill = {},
    undo = { restored = 0, skipped = 0, failed = 0, unknown = 0, pending = 0 }, was_released = 0, messages = { count = 0 } }
  for _, status in ipairs(M.STATUSES) do self.counts[status] = 0 end
  for _, group in ipairs(M.GROUPS) do self.groups[group] = 0 end
  return setmetatable(self, Tally)
end

return M
