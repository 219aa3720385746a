--- What a job's functions return, as people see it (`aicc.result` has the client's).
-- @module aicc.jobs.shown

local core = require "aicc.core"
local results = require "aicc.result"

local M = {}

local function clean(text) return core.printable(tostring(text), 128) end

-- "3 lines: 1 not_bound, 2 released", without the statuses that no row has.
local function lines_of(told)
  local words = {}
  for status, count in pairs(told.counts or {}) do
    if count > 0 then words[#words + 1] = ("%d %s"):format(count, status) end
  end
  table.sort(words, function(a, b) return a:match " (.*)" < b:match " (.*)" end)
  local all = ("%d line%s"):format(told.lines or 0, told.lines == 1 and "" or "s")
  return #words > 0 and all .. ": " .. table.concat(words, ", ") or all
end

local Summary = { __name = "aicc.jobs.summary" }

function Summary.__tostring(summary)
  local line = ("%s; %s; %d request%s"):format(tostring(summary.state), lines_of(summary), summary.requests or 0,
    summary.requests == 1 and "" or "s")
  return summary.stopped and line .. "; stopped: " .. tostring(summary.stopped) or line
end

local Status = { __name = "aicc.jobs.status" }

function Status.__tostring(status) return ("%s: %s; %s"):format(clean(status.name), tostring(status.state), lines_of(status)) end

local Progress = { __name = "aicc.jobs.progress" }

function Progress.__tostring(progress)
  local verb = progress.action == "bind" and "bound again" or "released"
  return ("%s: %s; %d of %d agents %s, %d failed, %d unknown"):format(clean(progress.name), tostring(progress.state),
    progress.done, progress.agents, verb, progress.failed, progress.unknown)
end

local as_queues = results.list_of("aicc.jobs.queues", "queue", function(queue)
  return ("%.0f (%d of %s agents)"):format(queue.skill_id, queue.about, tostring(queue.size or "?"))
end)

local as_jobs = results.list_of("aicc.jobs.list", "job", function(job) return ("%s (%s)"):format(clean(job.name), job.state) end)

local Row = { __name = "aicc.jobs.row" }

function Row.__tostring(row)
  local where = row.skill_id and (", queue %.0f"):format(row.skill_id) or ""
  local undo = row.undo and ", undo: " .. row.undo or ""
  return ("line %d%s: %s: %s%s"):format(row.line, where, clean(row.user_account), tostring(row.status), undo)
end

-- What a function made, as a list or with a metatable; its other results as they are.
local function as(kind)
  return function(value, ...)
    if type(value) == "table" and type(kind) == "function" then
      kind(value)
    elseif type(value) == "table" then
      setmetatable(value, kind)
    end
    return value, ...
  end
end

--- What `job:apply` and its like return.
-- @function summary
-- @tparam ?table value
-- @param ... an error, passed on
-- @return all arguments
M.summary = as(Summary)

--- What `job:status` returns.
-- @function status
-- @tparam ?table value
-- @param ... an error, passed on
-- @return all arguments
M.status = as(Status)

--- What `job:progress` returns.
-- @function progress
-- @tparam ?table value
-- @param ... an error, passed on
-- @return all arguments
M.progress = as(Progress)

--- What `job:queues` returns.
-- @function queues
-- @tparam ?table value
-- @param ... an error, passed on
-- @return all arguments
M.queues = as(as_queues)

--- What `job:report` and `job:without_queue` return: an iterator over rows.
-- @tparam ?function iterator
-- @param ... an error, passed on
-- @return the same
function M.rows(iterator, ...)
  if not iterator then return iterator, ... end
  return function()
    local row = iterator()
    return row and setmetatable(row, Row)
  end
end

--- What `store:list` returns.
-- @function list
-- @tparam ?table value
-- @param ... an error, passed on
-- @return all arguments
M.list = as(as_jobs)

return M
