--- A report as a document of HTML: one file that needs nothing else, to hand on, to read and to print.
--
-- Rows come first, as data that nobody sees, while they are counted; then what they add up to; then the script that shows them.
-- So a document of a million rows is written with memory for none, and its sums are those of its rows. Without scripts the
-- summary is whole, and says how else to get the rows.
-- @module aicc.jobs.report.html

local chart = require "aicc.jobs.report.chart"
local escape = require "aicc.jobs.report.escape"
local script = require "aicc.jobs.report.script"
local style = require "aicc.jobs.report.style"
local summary = require "aicc.jobs.report.summary"
local tallies = require "aicc.jobs.report.tally"
local words = require "aicc.jobs.report.words"

local html, json = escape.html, escape.json

local Document = {}
Document.__index = Document

local M = {}

local BLOCK = 1000 -- rows of one script element
local TEXTS = 500  -- different texts of rows that are written once

local HEAD = [[
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="aicc %s">
<title>%s: report</title>
<style>%s</style>
</head>
<body>
]]

-- ---- rows, as data ----

-- A text of a row: its number, if it is one of those that are written once.
local function text_of(self, value)
  if not value or value == "" then return 0 end
  local number = self.numbers[value]
  if number then return number end
  if #self.texts > TEXTS then return json(value) end
  number = #self.texts
  self.numbers[value], self.texts[number + 1] = number, json(value)
  return number
end

local STATUS = {}
for i, status in ipairs(tallies.STATUSES) do STATUS[status] = i - 1 end

local function row_of(self, row, queue)
  local undo = ""
  if row.undo then
    self.was_undone = true
    local message = row.undo_message ~= row.message and row.undo_message -- else the row's own says it
    undo = (",%s,%s"):format(text_of(self, row.undo), text_of(self, message))
  end
  return ('[%d,%d,%s,%d,%s,%s,%d,%s%s]'):format(row.line, queue and queue.number - 1 or -1, json(row.user_account),
    STATUS[row.status], text_of(self, row.code), text_of(self, row.message), row.attempts or 0, json(row.finished_at or ""), undo)
end

--- Writes a row.
-- @tparam table row as from `aicc.jobs.report`
-- @tparam boolean is_wanted else it is only counted
function Document:row(row, is_wanted)
  local queue = self.tally:add(row)
  if not is_wanted then return end
  if self.rows % BLOCK == 0 then
    self.write((self.rows > 0 and "]</script>\n" or "") .. '<script type="application/json" class="rows">[\n')
  else
    self.write ",\n"
  end
  self.rows = self.rows + 1
  self.write(row_of(self, row, queue))
end

-- What the rows' numbers stand for.
local function write_facts(self)
  local queues, names, classes = {}, {}, {}
  for i, queue in ipairs(self.tally.queues) do
    queues[i] = ("[%.0f,%s]"):format(queue.skill_id, json(queue.skill_name or ""))
  end
  for i, status in ipairs(tallies.STATUSES) do names[i], classes[i] = json(words.NAMES[status]), json(status) end
  self.write(('<script type="application/json" id="facts">{"texts":[%s],\n"queues":[%s],\n"words":[%s],"classes":[%s],'
    .. '"undone":%s}</script>\n'):format(table.concat(self.texts, ","), table.concat(queues, ","), table.concat(names, ","),
    table.concat(classes, ","), tostring(self.was_undone)))
end

-- ---- the rows' section ----

local CONTROLS = [[
<section aria-labelledby="rows">
<h2 id="rows">Rows</h2>
<p class="still">The %s of this report are in this file, and a script of its own shows and searches them; scripts do not run here.
<code>aicc report %s --format csv</code> prints them.</p>
%s<form class="live" hidden role="search" action="#">
<div><label for="search">Search account, queue, message</label>
<input id="search" type="search" autocomplete="off" spellcheck="false"></div>
<div><label for="status">Status</label><select id="status"><option value="">all</option>%s</select></div>
</form>
<p class="note live" hidden id="found" role="status"></p>
<p class="note live" hidden id="printed"></p>
<div class="scroll live" hidden><table aria-labelledby="rows">
<thead><tr><th scope="col" class="n">Line</th><th scope="col">Queue</th><th scope="col">Account</th><th scope="col">Status</th>
<th scope="col">Answer</th><th scope="col" class="n">Requests</th><th scope="col">Time (UTC)</th>%s</tr></thead>
<tbody id="rows-body"></tbody>
</table></div>
<div class="live" hidden><div id="pager">
<button type="button" id="first">First</button><button type="button" id="previous">Previous</button>
<span id="page"></span>
<button type="button" id="next">Next</button><button type="button" id="last">Last</button>
</div></div>
</section>
]]

local function write_controls(self)
  local options = {}
  for i, status in ipairs(tallies.STATUSES) do
    if self.tally.counts[status] > 0 then
      options[#options + 1] = ('<option value="%d">%s</option>'):format(i - 1, words.NAMES[status])
    end
  end
  local only = self.rows < self.tally.rows and
    ("<p class=\"note\">Only those that are failed, unknown, pending or without an agent: %s of %s.</p>\n"):format(
      words.number(self.rows), words.count(self.tally.rows, "row")) or ""
  self.write(CONTROLS:format(words.count(self.rows, "row"), html(self.job.name), only, table.concat(options),
    self.was_undone and '<th scope="col">Undo</th>' or ""))
end

-- ---- the whole ----

--- Writes what the rows add up to, and ends the document.
function Document:finish()
  if self.rows > 0 then self.write "\n]</script>\n" end
  write_facts(self)
  self.write(chart.DEFINITIONS)
  summary.write(self.write, self)
  write_controls(self)
  summary.write_end(self.write, self)
  self.write("<script>" .. script.TEXT .. "</script>\n</body>\n</html>\n")
end

--- Begins a document.
-- @tparam function write takes a string
-- @tparam table facts `job` (its row in the store), `timeline` (as `aicc.jobs.db.timeline` reads it), `made_at` (as the
--   store has times), `version`; `worker`: who works on it right now, or nil
-- @treturn table
function M.new(write, facts)
  local self = setmetatable({
    write = write, job = facts.job, timeline = facts.timeline, made_at = facts.made_at, version = facts.version,
    worker = facts.worker, tally = tallies.new(), rows = 0, texts = { '""' }, numbers = {}, was_undone = false,
  }, Document)
  write(HEAD:format(style.HASH, script.HASH, html(facts.version), html(facts.job.name), style.TEXT))
  return self
end

return M
