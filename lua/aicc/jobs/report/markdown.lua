--- A report in Markdown, for a ticket or a wiki: what the job came to, its queues, what failed, and the first rows.
--
-- The sums are those of all rows. Rows themselves are as many as somebody reads there; how many are left out is said.
-- @module aicc.jobs.report.markdown

local chart = require "aicc.jobs.report.chart"
local clock = require "aicc.jobs.report.clock"
local escape = require "aicc.jobs.report.escape"
local tallies = require "aicc.jobs.report.tally"
local words = require "aicc.jobs.report.words"

local text, number, count = escape.markdown, words.number, words.count

local Document = {}
Document.__index = Document

local M = {}

local ROWS, QUEUES, TROUBLES = 1000, 200, 50 -- that are shown

--- Takes note of a row.
-- @tparam table row as from `aicc.jobs.report`
-- @tparam boolean is_wanted else it is only counted
function Document:row(row, is_wanted)
  self.tally:add(row)
  if not is_wanted then return end
  self.rows = self.rows + 1
  if #self.shown < ROWS then self.shown[#self.shown + 1] = row end
end

-- A table: titles, of which those that begin with # are numbers; and cells that are Markdown.
local function write_table(write, titles, rows)
  local heads, rules = {}, {}
  for i, title in ipairs(titles) do
    local name, is_number = title:gsub("^#", "")
    heads[i], rules[i] = name, is_number > 0 and "---:" or "---"
  end
  write(("| %s |\n| %s |\n"):format(table.concat(heads, " | "), table.concat(rules, " | ")))
  for _, row in ipairs(rows) do write(("| %s |\n"):format(table.concat(row, " | "))) end
  write "\n"
end

local function write_head(write, self)
  local job = self.job
  write(("# Job %s\n\n%s\n\n"):format(text(job.name), text(words.verdict(job, self.tally))))
  local advice = words.advice(job, self.tally, self.worker and text(self.worker))
  if advice then write(advice .. "\n\n") end
  local times = { { "planned", job.created_at }, { "apply started", job.started_at }, { "apply finished", job.finished_at },
    { "this report", self.made_at } }
  for _, pair in ipairs(times) do
    if pair[2] then write(("- %s: %s UTC\n"):format(pair[1], text(clock.plain(pair[2])))) end
  end
  write "\n"
end

local function write_totals(write, self)
  local tally, rows = self.tally, {}
  for _, row in ipairs(words.meanings(self.job, tally)) do
    local value = tally.groups[row[1]]
    rows[#rows + 1] = { words.NAMES[row[1]], number(value), text(words.share(value, tally.rows)), row[2] }
  end
  rows[#rows + 1] = { "**all**", ("**%s**"):format(number(tally.rows)), "", "" }
  write "## Totals\n\n"
  write_table(write, { "status", "#rows", "#share", "meaning" }, rows)
end

local function write_requests(write, self)
  local runs, rows = chart.runs(self.timeline.minutes), {}
  for i, run in ipairs(runs) do
    rows[i] = { words.RUNS[run.action] or text(run.action), os.date("!%Y-%m-%d %H:%M", run.first * 60),
      number(run.last - run.first + 1), number(run.requests), number(run.busiest.requests) }
  end
  if #rows == 0 then return end
  write "## Requests\n\n"
  write_table(write, { "run", "began (UTC)", "#minutes", "#requests", "#most in a minute" }, rows)
  local pauses, seconds = self.timeline.pauses, 0
  for _, pause in ipairs(pauses) do seconds = seconds + pause.seconds end
  if #pauses > 0 then
    write(("%s since the API answered 429, of %s together.\n\n"):format(count(#pauses, "pause"), clock.span(seconds)))
  end
end

local function write_queues(write, self)
  local queues, groups, rows = self.tally:ordered(), tallies.groups_of(self.job), {}
  for i = 1, math.min(#queues, QUEUES) do
    local queue = queues[i]
    rows[i] = { ("%.0f"):format(queue.skill_id), text(queue.skill_name or ""), number(queue.rows) }
    for _, group in ipairs(groups) do rows[i][#rows[i] + 1] = number(queue[group]) end
  end
  if #rows == 0 then return end
  write "## Queues\n\n"
  local titles = { "#queue", "name", "#rows" }
  for _, group in ipairs(groups) do titles[#titles + 1] = "#" .. words.NAMES[group] end
  write_table(write, titles, rows)
  if #queues > #rows then write(("And %s more.\n\n"):format(count(#queues - #rows, "queue"))) end
end

local function write_troubles(write, self)
  local list, rows = self.tally:troubles(TROUBLES), {}
  for i, one in ipairs(list) do
    rows[i] = { words.NAMES[one.status], number(one.rows), text(one.code),
      one.is_rest and "all other messages" or text(one.message), number(one.line) }
  end
  if #rows == 0 then return end
  write "## Not done, by message\n\n"
  write_table(write, { "status", "#rows", "code", "message", "#first at line" }, rows)
end

local function queue_of(row)
  if not row.skill_id then return "" end
  return ("%.0f %s"):format(row.skill_id, text(row.skill_name or "")):gsub(" $", "")
end

local function answer_of(row)
  local code, message = row.code or "", row.message or ""
  return code ~= "" and message ~= "" and ("%s: %s"):format(code, message) or code .. message
end

local function write_rows(write, self)
  local rows = {}
  for i, row in ipairs(self.shown) do
    local undo = row.undo and (" (undo: %s)"):format(row.undo) or ""
    rows[i] = { ("%d"):format(row.line), queue_of(row), text(row.user_account), text(words.NAMES[row.status] .. undo),
      text(answer_of(row)), text(clock.plain(row.finished_at)) }
  end
  write "## Rows\n\n"
  if self.rows < self.tally.rows then
    write(("Only those that are failed, unknown, pending or without an agent: %s of %s.\n\n"):format(number(self.rows),
      count(self.tally.rows, "row")))
  end
  if self.rows > #rows then
    write(("The first %s of %s; `aicc report %s --format csv` has all.\n\n"):format(number(#rows), count(self.rows, "row"),
      self.job.name))
  end
  if #rows > 0 then write_table(write, { "#line", "queue", "account", "status", "answer", "time (UTC)" }, rows) end
end

--- Writes the document.
function Document:finish()
  local write = self.write
  for _, part in ipairs { write_head, write_totals, write_requests, write_queues, write_troubles, write_rows } do
    part(write, self)
  end
  write(("Made by aicc %s. Account names are personal data.\n"):format(text(self.version)))
end

--- Begins a document.
-- @tparam function write takes a string
-- @tparam table facts as for `aicc.jobs.report.html`
-- @treturn table
function M.new(write, facts)
  return setmetatable({
    write = write, job = facts.job, timeline = facts.timeline, made_at = facts.made_at, version = facts.version,
    worker = facts.worker, tally = tallies.new(), rows = 0, shown = {},
  }, Document)
end

return M
