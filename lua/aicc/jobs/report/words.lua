--- What a report that is a document says in words: of the job as a whole, and what each status means.
-- @module aicc.jobs.report.words

local M = {}

--- What statuses and sums of them are called.
M.NAMES = {
  released = "released", bound_again = "bound again", not_bound = "not bound", failed = "failed", unknown = "unknown",
  left = "left", pending = "pending", planned = "planned", no_agent = "no such agent", no_queue = "in no queue",
}

-- What is drawn and counted means, in the order in which it is told.
local MEANINGS = {
  { "released", "The agent is no longer in the queue: the API said so, or a listing of the queue proves it." },
  { "bound_again", "The agent was released, and is in the queue again: the undo has bound it, or somebody else had before." },
  { "not_bound", "The agent was not in the queue when it was listed: there was nothing to do." },
  { "failed", "The API refused; the agent is still in the queue." },
  { "unknown", "A request got no answer and nothing proves yet what came of it: the agent may be released or not." },
  { "left", "Nothing was done yet, or it is to be tried again: pending, or planned." },
  { "no_agent", "The API knows no agent of exactly that account." },
  { "no_queue", "The API names no queue for that account." },
}

-- What is left of a job that is turned around, nobody is going to try again.
local NOT_RELEASED = "This job did not release it; the undo leaves it alone."

-- Whether a status is told of though no row has it: those of a job's own kind only.
local function is_told(group, is_turned, tally)
  if tally.groups[group] > 0 then return true end
  if group == "bound_again" then return is_turned end
  return group:sub(1, 3) ~= "no_"
end

--- What the statuses of a job mean, and sums of them: those that it has, or might have.
-- @tparam table job
-- @tparam table tally
-- @treturn {table,...} name of a sum, and a sentence
function M.meanings(job, tally)
  local is_turned, list = job.state == "undoing" or job.state == "undone", {}
  for _, row in ipairs(MEANINGS) do
    if is_told(row[1], is_turned, tally) then
      list[#list + 1] = { row[1], row[1] == "left" and is_turned and NOT_RELEASED or row[2] }
    end
  end
  return list
end

--- What runs are called, by their action.
M.RUNS = { plan = "Plan", release = "Apply", bind = "Undo" }

--- A number with commas: "100,000".
-- @tparam integer value
-- @treturn string
function M.number(value)
  local text = ("%.0f"):format(value)
  repeat
    local count
    text, count = text:gsub("^(%-?%d+)(%d%d%d)", "%1,%2")
  until count == 0
  return text
end

--- A plural: "1 row", "2,000 rows".
-- @tparam integer count
-- @tparam string noun
-- @treturn string
function M.count(count, noun) return ("%s %s%s"):format(M.number(count), noun, count == 1 and "" or "s") end

--- A share in percent that is never rounded to none or all.
-- @tparam integer part
-- @tparam integer total
-- @treturn string "12 %", "< 1 %", "> 99 %"
function M.share(part, total)
  if total == 0 or part == 0 then return "0 %" end
  if part == total then return "100 %" end
  local percent = 100 * part / total
  if percent < 1 then return "< 1 %" end
  return percent > 99 and "> 99 %" or ("%.0f %%"):format(percent)
end

-- What is not done, as parts of a sentence: after one, after several.
local TROUBLES = {
  { "failed", "failed", "failed" }, { "unknown", "is unknown", "are unknown" }, { "left", "is left", "are left" },
  { "no_agent", "has no agent", "have no agent" },
}

-- "22 failed, 3 are unknown and 1 is left"; "" if all is done
local function troubles(groups)
  local parts = {}
  for _, row in ipairs(TROUBLES) do
    local count = groups[row[1]]
    if count > 0 then parts[#parts + 1] = ("%s %s"):format(M.number(count), count == 1 and row[2] or row[3]) end
  end
  local last = table.remove(parts)
  return #parts > 0 and ("%s and %s"):format(table.concat(parts, ", "), last) or last or ""
end

-- What an undo came to, so far.
local function of_undo(job, tally)
  local undo, released = tally.undo, tally.was_released
  local restored, skipped, unknown = undo.restored, undo.skipped, undo.unknown
  local open = released - restored - skipped - unknown
  local text = ("%s of %s bound again"):format(M.number(restored), M.count(released, "released row"))
  if skipped > 0 then
    text = ("%s, %s %s by somebody else already"):format(text, M.number(skipped), skipped == 1 and "was" or "were")
  end
  if open > 0 then text = ("%s, %s not"):format(text, M.number(open)) end
  if unknown > 0 then text = ("%s, %s unknown"):format(text, M.number(unknown)) end
  return (job.state == "undone" and "Undone: " or "Being undone: ") .. text .. "."
end

--- What the job came to, in a sentence or two.
-- @tparam table job
-- @tparam table tally `aicc.jobs.report.tally`
-- @treturn string
function M.verdict(job, tally)
  local groups, rows = tally.groups, M.count(tally.rows, "row")
  if job.state == "undoing" or job.state == "undone" then return of_undo(job, tally) end
  if job.state == "planning" then return ("Its plan is not finished: %s so far, and nothing was released."):format(rows) end
  if job.state == "planned" then
    return ("Planned, not applied: nothing was released. Of %s %s to be released."):format(rows, groups.left == 1 and "1 is"
      or M.number(groups.left) .. " are")
  end
  local what = job.state == "finished" and "Finished" or "Not finished"
  if not tally:is_clean() then return ("%s: of %s %s."):format(what, rows, troubles(groups)) end
  if job.state == "finished" then return ("Done: each of %s is released, or was not bound."):format(rows) end
  return ("Not finished yet, though of %s none is left."):format(rows)
end

--- What to do about what is not done: commands for the job's owner.
-- @tparam table job
-- @tparam table tally
-- @tparam ?string worker who works on it, right now
-- @treturn ?string
function M.advice(job, tally, worker)
  local groups = tally.groups
  if worker and (job.state == "running" or job.state == "undoing") then
    return ("It is being worked on, by process %s: this is how far it is. What is under way counts as unknown."):format(worker)
  end
  if job.state == "planned" then return ("`aicc apply %s` applies it."):format(job.name) end
  if job.state == "undoing" then return ("`aicc undo %s` goes on."):format(job.name) end
  if job.state == "running" or (job.state == "finished" and groups.unknown + groups.left > 0) then
    return ("`aicc resume %s` goes on, and settles what is unknown."):format(job.name)
  end
end

return M
