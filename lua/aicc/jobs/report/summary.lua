--- What a report in HTML says before its rows: what the job came to, its runs, its queues, what failed and why.
-- @module aicc.jobs.report.summary

local chart = require "aicc.jobs.report.chart"
local clock = require "aicc.jobs.report.clock"
local html = require("aicc.jobs.report.escape").html
local tallies = require "aicc.jobs.report.tally"
local words = require "aicc.jobs.report.words"

local M = {}

local SHOWN_QUEUES = 50   -- the others are folded away on a screen
local SHOWN_TROUBLES = 50
local SHOWN_RUNS = 12
local SHOWN_PAUSES = 20

local number, count = words.number, words.count

-- What is in backquotes, as code.
local function with_code(text) return (html(text):gsub("`([^`]*)`", "<code>%1</code>")) end

-- ---- the head ----

local function write_times(write, report)
  local job, list = report.job, {}
  local function add(name, value)
    if value and value ~= "" then list[#list + 1] = ("<div><dt>%s</dt><dd>%s</dd></div>"):format(name, html(value)) end
  end
  add("Planned", clock.plain(job.created_at))
  add("Apply started", clock.plain(job.started_at))
  add("Apply finished", clock.plain(job.finished_at))
  local began, ended = clock.seconds(job.started_at), clock.seconds(job.finished_at)
  if began and ended and ended >= began then add("From start to end", clock.span(ended - began)) end
  add("Rows", number(report.tally.rows))
  add("Queues", number(#report.tally.queues))
  write('<dl class="facts">' .. table.concat(list, "\n") .. "</dl>\n")
end

local function write_head(write, report)
  write(('<header>\n<p class="over">Job report, as of %s UTC</p>\n<h1>%s</h1>\n<p class="verdict">%s</p>\n'):format(
    html(clock.plain(report.made_at)), html(report.job.name), html(words.verdict(report.job, report.tally))))
  local advice = words.advice(report.job, report.tally, report.worker)
  if advice then write(('<p class="note">%s</p>\n'):format(with_code(advice))) end
  write "</header>\n"
  write_times(write, report)
end

-- ---- totals ----

local function capital(text) return text:sub(1, 1):upper() .. text:sub(2) end

local function tile(group, value, total, remark)
  return ('<div class="%s"><dt>%s</dt><dd>%s <small>%s</small></dd></div>'):format(group, capital(words.NAMES[group]),
    number(value), remark or words.share(value, total))
end

local function legend(report)
  local items = {}
  for _, group in ipairs(tallies.groups_of(report.job)) do
    items[#items + 1] = ("<li>%s%s</li>"):format(chart.swatch(group), words.NAMES[group])
  end
  return '<ul class="legend">' .. table.concat(items) .. "</ul>\n"
end

local function write_totals(write, report)
  local tally, tiles = report.tally, {}
  for _, group in ipairs(tallies.groups_of(report.job)) do
    local remark
    if group == "left" and tally.groups.left > 0 then
      local what = tally.counts.planned > 0 and "planned" or "pending" -- never both: it is the job that is planned
      remark = ("%s: %s"):format(words.share(tally.groups.left, tally.rows), what)
    end
    tiles[#tiles + 1] = tile(group, tally.groups[group], tally.rows, remark)
  end
  for _, group in ipairs { "no_agent", "no_queue" } do
    if report.job.source ~= "rows" then tiles[#tiles + 1] = tile(group, tally.groups[group], tally.rows) end
  end
  write(('<section aria-labelledby="totals">\n<h2 id="totals">Totals</h2>\n<dl class="tiles">%s</dl>\n'):format(
    table.concat(tiles, "\n")))
  local in_queues = tally.rows - tally.groups.no_agent - tally.groups.no_queue
  if in_queues > 0 then write(chart.bar(tally.groups, in_queues, "whole") .. "\n" .. legend(report)) end
  write "</section>\n"
end

local function write_undo(write, report)
  local undo, released = report.tally.undo, report.tally.was_released
  local restored, skipped, failed, unknown = undo.restored, undo.skipped, undo.failed, undo.unknown
  if not report.was_undone and report.job.state ~= "undoing" and report.job.state ~= "undone" then return end
  local rows = {
    { "Bound again, with their own weights", restored }, { "Bound again by somebody else before", skipped },
    { "Refused by the API", failed }, { "Unknown: a request got no answer", unknown },
    { "Still to do", released - restored - skipped - failed - unknown },
  }
  write(('<section aria-labelledby="undo">\n<h2 id="undo">Undo</h2>\n<p class="note">What became of %s:</p>\n<table>\n'
    .. '<thead><tr><th scope="col">Outcome</th><th scope="col" class="n">Rows</th></tr></thead>\n<tbody>\n'):format(
    count(released, "released row")))
  for _, row in ipairs(rows) do write(('<tr><td>%s</td><td class="n">%s</td></tr>\n'):format(row[1], number(row[2]))) end
  write "</tbody></table>\n</section>\n"
end

-- ---- runs ----

local function pauses_of(timeline)
  local list = {}
  for _, row in ipairs(timeline.pauses) do
    local at = clock.seconds(row.began_at)
    if at then list[#list + 1] = { at = at, seconds = row.seconds } end
  end
  return list
end

local function write_run(write, run, pauses, scale)
  local from, to = run.first * 60, (run.last + 1) * 60
  local day, last_day = clock.day(from), clock.day(to - 60)
  local when = ("%s, %s to %s%s UTC"):format(day, clock.minute(from), last_day ~= day and last_day .. ", " or "",
    clock.minute(to))
  local busiest = ("most in a minute: %s at %s"):format(number(run.busiest.requests), clock.minute(run.busiest.at * 60))
  local label = ("%s, %s: %s, %s"):format(words.RUNS[run.action] or html(run.action), when, count(run.requests, "request"),
    busiest)
  local drawing, step = chart.run(run, pauses, scale, label)
  local mean = step > 1 and ("; a bar is the mean of %s"):format(clock.span(step * 60)) or ""
  write(("<figure>\n<figcaption><strong>%s</strong>%s%s</figcaption>\n%s\n</figure>\n"):format(label:match "^[^,]*",
    label:match "(,.*)$", mean, drawing))
end

local function write_pauses(write, pauses)
  if #pauses == 0 then
    write '<p class="note">The API never asked to wait.</p>\n'
    return
  end
  local ended, total = 0, 0 -- of workers that were told at the same time, each second once
  local told = {}
  for i, pause in ipairs(pauses) do
    local stop = pause.at + pause.seconds
    total = total + math.max(0, stop - math.max(pause.at, ended))
    ended = math.max(ended, stop)
    if i <= SHOWN_PAUSES then told[i] = ("%s for %s"):format(os.date("!%H:%M:%S", pause.at), clock.span(pause.seconds)) end
  end
  if #pauses > SHOWN_PAUSES then told[#told + 1] = ("and %s more"):format(number(#pauses - SHOWN_PAUSES)) end
  write(('<p class="note">%s, %s in all, since the API answered 429 (shaded): %s.</p>\n'):format(count(#pauses, "pause"),
    clock.span(total), table.concat(told, "; ")))
end

local function write_timeline(write, report)
  local runs = chart.runs(report.timeline.minutes)
  write '<section aria-labelledby="requests">\n<h2 id="requests">Requests per minute</h2>\n'
  if report.job.started_at and not report.timeline.is_whole then
    write('<p class="note">An earlier version of aicc ran this job, or a part of it, and did not note its requests.</p>\n')
  end
  local shown, most, hidden = {}, 1, 0
  for _, run in ipairs(runs) do
    if run.action == "plan" then
      write(('<p>The plan took %s, on %s at %s UTC.</p>\n'):format(count(run.requests, "request"), clock.day(run.first * 60),
        clock.minute(run.first * 60)))
    else
      shown[#shown + 1] = run
      most = math.max(most, run.busiest.requests)
    end
  end
  while #shown > SHOWN_RUNS do
    hidden = hidden + table.remove(shown, 1).requests
  end
  if hidden > 0 then write(('<p class="note">Earlier runs, not drawn: %s.</p>\n'):format(count(hidden, "request"))) end
  local pauses = pauses_of(report.timeline)
  for _, run in ipairs(shown) do write_run(write, run, pauses, chart.scale(most)) end
  if #shown > 0 then write_pauses(write, pauses) elseif not report.job.started_at then write "<p>Nothing was applied.</p>\n" end
  write "</section>\n"
end

-- ---- queues ----

local function queue_head(groups)
  local cells = {}
  for i, group in ipairs(groups) do cells[i] = ('<th scope="col" class="n">%s</th>'):format(capital(words.NAMES[group])) end
  return '<thead><tr><th scope="col" class="n">Queue</th><th scope="col">Name</th><th scope="col" class="b">Share</th>'
    .. '<th scope="col" class="n">Rows</th>' .. table.concat(cells) .. "</tr></thead>\n"
end

local function write_queue(write, queue, groups)
  write(('<tr><td class="n">%.0f</td><td class="q"><bdi>%s</bdi></td><td class="b">%s</td><td class="n">%s</td>'):format(
    queue.skill_id, html(queue.skill_name or ""), chart.bar(queue, queue.rows), number(queue.rows)))
  for _, group in ipairs(groups) do
    local value = queue[group]
    write(('<td class="n %s">%s</td>'):format(value == 0 and "zero" or group, number(value)))
  end
  write "</tr>\n"
end

local function write_table(write, queues, groups, from, to)
  write(('<div class="scroll"><table aria-labelledby="queues">\n%s<tbody>\n'):format(queue_head(groups)))
  for i = from, to do write_queue(write, queues[i], groups) end
  write "</tbody></table></div>\n"
end

local function write_queues(write, report)
  local queues, groups = report.tally:ordered(), tallies.groups_of(report.job)
  if #queues == 0 then return end
  write '<section aria-labelledby="queues">\n<h2 id="queues">Queues</h2>\n'
  local shown = math.min(#queues, SHOWN_QUEUES)
  write(('<p class="note">%s, in the order of the input; those first in which something failed, is unknown or is left. Each bar '
    .. "is all of its queue's rows.</p>\n"):format(count(#queues, "queue")))
  write_table(write, queues, groups, 1, shown)
  if #queues > shown then
    write(("<details><summary>%s more</summary>\n"):format(count(#queues - shown, "queue")))
    write_table(write, queues, groups, shown + 1, #queues)
    write "</details>\n"
  end
  write "</section>\n"
end

-- ---- what failed ----

local function write_troubles(write, report)
  local list = report.tally:troubles(SHOWN_TROUBLES)
  if #list == 0 then return end
  write('<section aria-labelledby="failures">\n<h2 id="failures">Not done, by message</h2>\n'
    .. '<div class="scroll"><table aria-labelledby="failures">\n'
    .. '<thead><tr><th scope="col">Status</th><th scope="col" class="n">Rows</th><th scope="col">Code</th>'
    .. '<th scope="col">Message</th><th scope="col" class="n">First at line</th></tr></thead>\n<tbody>\n')
  for _, one in ipairs(list) do
    local message = one.is_rest and "all other messages" or one.message == "" and "(none)" or one.message
    write(('<tr><td class="s %s">%s</td><td class="n">%s</td><td><bdi>%s</bdi></td><td class="m"><bdi>%s</bdi></td>'
      .. '<td class="n">%s</td></tr>\n'):format(one.status, words.NAMES[one.status], number(one.rows), html(one.code),
      html(message), number(one.line)))
  end
  write "</tbody></table></div>\n"
  write "</section>\n"
end

-- ---- the end ----

--- Writes all that stands before the rows.
-- @tparam function write takes a string
-- @tparam table report the document (`aicc.jobs.report.html`)
function M.write(write, report)
  write_head(write, report)
  write "<main>\n"
  write_totals(write, report)
  write_undo(write, report)
  write_timeline(write, report)
  write_queues(write, report)
  write_troubles(write, report)
end

--- Writes what stands behind them: what the words mean.
-- @tparam function write takes a string
-- @tparam table report
function M.write_end(write, report)
  write "</main>\n<footer>\n<dl>\n"
  for _, row in ipairs(words.meanings(report.job, report.tally)) do
    write(("<dt>%s</dt><dd>%s</dd>\n"):format(words.NAMES[row[1]], row[2]))
  end
  write(("</dl>\n<p>Made by aicc %s on %s UTC. All times are UTC. Account names are personal data: mind to whom this file goes."
    .. "</p>\n</footer>\n"):format(html(report.version), html(clock.plain(report.made_at))))
end

return M
