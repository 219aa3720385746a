--- How the commands about jobs show what there is: within 80 columns for people, as objects for machines.
-- @module aicc.cli.show

local columns = require "aicc.cli.width"
local fold = require "aicc.cli.fold"
local later = require "aicc.cli.later"
local output = require "aicc.cli.output"
local queues_of_job = require "aicc.cli.queues_of_job"

local M = {}

--- Lines of which more are only counted.
M.SCREENFUL = 20
local JOB_COLUMNS, MIN_NAME = 47, 12 -- of a line of `aicc jobs`: what stands behind the name; what is left of that at least

local STATUSES = { "released", "bound_again", "not_bound", "failed", "unknown", "pending", "planned", "no_agent", "no_queue" }

--- A word as a shell takes it.
-- @tparam string word
-- @treturn string
function M.quoted(word)
  if word:find "^[%w_./-]+$" then return word end
  return "'" .. word:gsub("'", [['\'']]) .. "'"
end

--- The command to go on with, word by word, as it can be pasted.
-- @tparam string verb
-- @tparam table arguments of the command that ran
-- @tparam string job
-- @treturn {string,...}
function M.command(verb, arguments, job)
  local words = { "aicc", verb, job }
  local function add(text, ...) words[#words + 1] = text:format(...) end
  if arguments.force then add "--force" end
  if arguments.force and arguments.yes then add "--yes" end
  if arguments.rate then add("--rate %.14g", arguments.rate) end
  if arguments.concurrency then add("--concurrency %d", arguments.concurrency) end
  if arguments.store then add("--store '%s'", (arguments.store:gsub("'", [['\'']]))) end
  return words
end

local WORDS = {
  bound_again = "bound again", not_bound = "not bound", no_agent = "unknown to the API",
  no_queue = "in no queue that is known of",
}

-- "4950 released, 50 not bound"
local function counted(counts)
  local parts = {}
  for _, name in ipairs(STATUSES) do
    if (counts[name] or 0) > 0 then parts[#parts + 1] = ("%d %s"):format(counts[name], WORDS[name] or name) end
  end
  return #parts > 0 and table.concat(parts, ", ") or "no rows"
end

-- What a run notes, for people.
local NOTES = {
  difference = function(note)
    local unseen = note.unseen > 0 and (", %d not shown, which proves nothing"):format(note.unseen) or ""
    return ("queue %.0f is not as planned: %d more bound, %d no more, %d with other weights%s"):format(note.skill_id, note.gained,
      note.lost, note.changed, unseen)
  end,
  queue_stopped = function(note) return ("queue %.0f is left alone: %s"):format(note.skill_id, note.message) end,
  ways_differ = function(note)
    local account = columns.harmless(note.user_account)
    local text = note.is_named and "%s: the API names queue %.0f, whose listing does not show it"
      or "%s: queue %.0f's listing shows it, and the API does not name that queue"
    return text:format(account, note.skill_id)
  end,
  no_names = function(note) return "queues have numbers only, the API does not tell their names: " .. note.message end,
  throttled = function(note)
    return ("throttled: all wait for %.0f s, then go on at %.2g requests a second"):format(note.seconds, note.rate)
  end,
}

--- Something that a run notes on its way.
-- @tparam table out
-- @tparam table bar the progress, which must not be disturbed
-- @tparam table note
function M.note(out, bar, note)
  if out.json then
    note.event, note.type = note.type, nil
    return out:emit(note)
  end
  bar:say(NOTES[note.type](note))
end

local TROUBLES = { failed = "not restored", unknown = "perhaps not restored" } -- by what became of a bind

-- What an undo could not bring back, or may not have: a screenful for people, all of it for machines.
local function unrestored(out, job)
  local count = 0
  for row in job:report { unrestored = true } do
    count = count + 1
    if count <= M.SCREENFUL or out.json then
      out:result({ event = "not_restored", skill_id = row.skill_id, skill_name = row.skill_name,
        user_account = row.user_account, undo = row.undo, message = row.undo_message }, function()
        out:line("%s: %.0f,%s: %s", TROUBLES[row.undo], row.skill_id, row.user_account, row.undo_message or row.undo)
      end)
    end
  end
  if count <= M.SCREENFUL then return end
  out:command(("and %d more: "):format(count - M.SCREENFUL), { "aicc", "report", job.name, "--json" })
end

-- Of "50 released rows": "40 restored, 3 bound again already, 1 not restored, 2 unknown, 4 still to do"
local function undone(undo, counts)
  local left = counts.released - undo.failed
  local released = undo.restored + undo.skipped + undo.failed + undo.unknown + left
  local text = ("%d restored, %d bound again already, %d not restored"):format(undo.restored, undo.skipped, undo.failed)
  if undo.unknown > 0 then text = ("%s, %d unknown"):format(text, undo.unknown) end
  if left > 0 then text = ("%s, %d still to do"):format(text, left) end
  return released, text
end

--- What a run came to.
-- @tparam table out
-- @tparam table job
-- @tparam table summary
-- @tparam string verb
-- @tparam {string,...} go_on the command to go on with
function M.summary(out, job, summary, verb, go_on)
  local counts, undo, stopped = summary.counts, summary.undo, summary.stopped
  if verb == "undo" then unrestored(out, job) end
  local is_over = summary.state == "finished" or summary.state == "undone"
  out:result({
    event = "summary", job = summary.job, state = summary.state, rows = summary.lines, counts = counts, undo = undo,
    requests = summary.requests, stopped = stopped and stopped.kind or nil,
    retry_after = stopped and stopped.retry_after, retry_at = stopped and later.at(stopped),
    go_on = not is_over and table.concat(go_on, " ") or nil,
  }, function()
    if verb == "undo" then
      local released, text = undone(undo, counts)
      out:line("%s: %s", output.count(released, "released row"), text)
    else
      out:line("%s: %s", output.count(summary.lines, "row"), counted(counts))
    end
  end)
  if out.json then return end
  if stopped then
    output.complain("stopped: " .. stopped.message)
    output.come_back(stopped)
  end
  if not is_over then output.go_on(go_on) end
end

--- How far a job is.
-- @tparam table out
-- @tparam table state as from `job:status`
-- @tparam {table,...} queues as from `job:queues`
function M.status(out, state, queues)
  state.event = "status"
  out:result(state, function()
    out:line("%s: %s%s", state.name, state.state, state.worker and ", worked on by process " .. state.worker or "")
    out:line("%s: %s", output.count(state.lines, "row"), counted(state.counts))
    local undo = state.undo
    if undo.restored + undo.skipped + undo.failed + undo.unknown > 0 then
      out:line("undone: %s", select(2, undone(undo, state.counts)))
    end
    out:line("planned        %s", state.created_at)
    if state.started_at then out:line("apply started  %s", state.started_at) end
    if state.finished_at then out:line("apply finished %s", state.finished_at) end
  end)
  queues_of_job.status(out, queues)
end

--- The jobs there are.
-- @tparam table out
-- @tparam {table,...} list
function M.jobs(out, list)
  if #list == 0 then out:line "No jobs." end
  local width = fold.width(1)
  local room = width and math.max(MIN_NAME, width - JOB_COLUMNS)
  for _, job in ipairs(list) do
    out:result({ event = "job", job = job.name, state = job.state, rows = job.lines, created_at = job.created_at }, function()
      out:line("%-32s %-8s %15s  %s", columns.shortened(job.name, room), job.state, output.count(job.lines, "row"),
        job.created_at)
    end)
  end
end

return M
