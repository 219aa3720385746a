--- How the commands about jobs show what there is: within 80 columns for people, as objects for machines.
-- @module aicc.cli.show

local columns = require "aicc.cli.width"
local fold = require "aicc.cli.fold"
local output = require "aicc.cli.output"

local M = {}

local SCREENFUL = 20 -- lines
local JOB_COLUMNS, MIN_NAME = 47, 12 -- of a line of `aicc jobs`: what stands behind the name; what is left of that at least

local PLAIN = { ["UTF-8, separated by commas"] = true, ["UTF-8, JSON Lines"] = true } -- input that needs no word

local STATUSES = { "released", "not_bound", "failed", "unknown", "pending", "planned" }

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

-- "4950 released, 50 not bound"
local function counted(counts)
  local parts = {}
  for _, name in ipairs(STATUSES) do
    if counts[name] > 0 then parts[#parts + 1] = ("%d %s"):format(counts[name], (name:gsub("_", " "))) end
  end
  return #parts > 0 and table.concat(parts, ", ") or "no rows"
end

--- A plan, queue by queue.
-- @tparam table out
-- @tparam table job
-- @tparam {string,...} apply the command that applies it
-- @tparam string read_as what its file was taken for: see `aicc.jobs.input`
function M.plan(out, job, apply, read_as)
  local queues, beyond = job:queues()
  if beyond then apply[#apply + 1] = "--force" end
  local total = { not_bound = 0, bound = 0, emptied = 0, unseen = 0 }
  if not PLAIN[read_as] then out:line("read as %s", read_as) end
  out:line("%16s %9s %9s %9s %9s", "queue", "agents", "release", "not bound", "left")
  for _, queue in ipairs(queues) do
    for _, name in ipairs { "not_bound", "bound", "unseen" } do total[name] = total[name] + queue[name] end
    if queue.emptied then total.emptied = total.emptied + 1 end
    out:result({
      event = "queue", skill_id = queue.skill_id, size = queue.size, accounts = queue.accounts, bound = queue.bound,
      not_bound = queue.not_bound, unseen = queue.unseen, left = queue.left, emptied = queue.emptied,
    }, function()
      out:line("%16.0f %9d %9d %9d %9d%s", queue.skill_id, queue.size, queue.bound, queue.not_bound, queue.left,
        queue.emptied and "  would be empty" or queue.unseen > 0 and ("  %d not shown"):format(queue.unseen) or "")
    end)
  end
  out:result({
    event = "plan", job = job.name, queues = #queues, accounts = total.bound + total.not_bound + total.unseen,
    bound = total.bound, unseen = total.unseen, emptied = total.emptied, read_as = read_as,
    beyond_blast_radius = beyond and beyond.message or nil,
  }, function()
    out:line("%s, %s to release, %d not bound", output.count(#queues, "queue"), output.count(total.bound, "agent"),
      total.not_bound)
    if total.unseen > 0 then
      out:line("%s not shown, which proves nothing: they are asked for again", output.count(total.unseen, "agent"))
    end
    if beyond then out:line("%s", beyond.message:sub(1, 1):upper() .. beyond.message:sub(2) .. ".") end
    out:command("Apply it: ", apply)
  end)
end

-- What a run notes, for people.
local NOTES = {
  difference = function(note)
    local unseen = note.unseen > 0 and (", %d not shown, which proves nothing"):format(note.unseen) or ""
    return ("queue %.0f is not as planned: %d more bound, %d no more, %d with other weights%s"):format(note.skill_id, note.gained,
      note.lost, note.changed, unseen)
  end,
  queue_stopped = function(note) return ("queue %.0f is left alone: %s"):format(note.skill_id, note.message) end,
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

-- What an undo could not bring back: a screenful for people, all of it for machines.
local function unrestored(out, job)
  local count = 0
  for row in job:report { unrestored = true } do
    count = count + 1
    if count <= SCREENFUL or out.json then
      out:result({ event = "not_restored", skill_id = row.skill_id, user_account = row.user_account, undo = row.undo,
        message = row.undo_message }, function()
        out:line("not restored: %.0f,%s: %s", row.skill_id, row.user_account, row.undo_message or row.undo)
      end)
    end
  end
  if count > SCREENFUL then out:command(("and %d more: "):format(count - SCREENFUL), { "aicc", "report", job.name, "--json" }) end
end

-- "40 restored, 3 bound again already, 1 not restored, 6 still to do"
local function undone(undo, released)
  local text = ("%d restored, %d bound again already, %d not restored"):format(undo.restored, undo.skipped,
    undo.failed + undo.unknown)
  local left = released and released - undo.restored - undo.skipped - undo.failed - undo.unknown or 0
  return left > 0 and ("%s, %d still to do"):format(text, left) or text
end

--- What a run came to.
-- @tparam table out
-- @tparam table job
-- @tparam table summary
-- @tparam string verb
-- @tparam {string,...} go_on the command to go on with
function M.summary(out, job, summary, verb, go_on)
  local counts, undo = summary.counts, summary.undo
  if verb == "undo" then unrestored(out, job) end
  local is_over = summary.state == "finished" or summary.state == "undone"
  out:result({
    event = "summary", job = summary.job, state = summary.state, rows = summary.lines, counts = counts, undo = undo,
    requests = summary.requests, stopped = summary.stopped and summary.stopped.kind or nil,
    go_on = not is_over and table.concat(go_on, " ") or nil,
  }, function()
    if verb == "undo" then
      out:line("%s: %s", output.count(counts.released, "released row"), undone(undo, counts.released))
    else
      out:line("%s: %s", output.count(summary.lines, "row"), counted(counts))
    end
  end)
  if out.json then return end
  if summary.stopped then output.complain("stopped: " .. summary.stopped.message) end
  if not is_over then output.go_on(go_on) end
end

--- How far a job is.
-- @tparam table out
-- @tparam table state as from `job:status`
function M.status(out, state)
  state.event = "status"
  out:result(state, function()
    out:line("%s: %s%s", state.name, state.state, state.worker and ", worked on by process " .. state.worker or "")
    out:line("%s: %s", output.count(state.lines, "row"), counted(state.counts))
    local undo = state.undo
    if undo.restored + undo.skipped + undo.failed + undo.unknown > 0 then
      out:line("undone: %s", undone(undo, state.counts.released))
    end
    out:line("planned        %s", state.created_at)
    if state.started_at then out:line("apply started  %s", state.started_at) end
    if state.finished_at then out:line("apply finished %s", state.finished_at) end
  end)
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
