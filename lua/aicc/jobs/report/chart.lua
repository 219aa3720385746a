--- The drawings of a report, as SVG: a bar of what came of rows; the requests of each minute of a run.
--
-- Colours are classes (`aicc.jobs.report.style`). What a drawing shows is also said in words beside it.
-- @module aicc.jobs.report.chart

local clock = require "aicc.jobs.report.clock"
local tally = require "aicc.jobs.report.tally"

local M = {}

-- ---- bars ----

local WIDTH, HEIGHT = 1000, 12
local LEAST = 8 -- of the width: so that one row of a million is seen

-- How wide the parts are: none that is there vanishes, what that takes comes from the widest.
local function widths(queue, total)
  local list, sum, widest = {}, 0, nil
  for _, group in ipairs(tally.GROUPS) do
    local share = (queue[group] or 0) / total * WIDTH
    local width = share > 0 and math.max(LEAST, math.floor(share + 0.5)) or 0
    list[group], sum = width, sum + width
    if not widest or width > list[widest] then widest = group end
  end
  list[widest] = list[widest] + WIDTH - sum
  return list
end

--- A bar.
-- @tparam table counts group -> rows
-- @tparam integer total above 0
-- @tparam ?string class another class of it
-- @treturn string it is hidden from readers of the screen: the numbers stand beside it
function M.bar(counts, total, class)
  local parts, at = {}, 0
  local list = widths(counts, total)
  for _, group in ipairs(tally.GROUPS) do
    local width = list[group]
    if width > 0 then
      parts[#parts + 1] = ('<rect class="%s" x="%d" width="%d" height="%d"/>'):format(group, at, width, HEIGHT)
      if group == "unknown" then
        parts[#parts + 1] = ('<rect fill="url(#stripes)" x="%d" width="%d" height="%d"/>'):format(at, width, HEIGHT)
      end
      at = at + width
    end
  end
  return ('<svg class="bar%s" viewBox="0 0 %d %d" preserveAspectRatio="none" aria-hidden="true" focusable="false">%s</svg>')
    :format(class and " " .. class or "", WIDTH, HEIGHT, table.concat(parts))
end

--- What the bars refer to: once in a document.
M.DEFINITIONS = '<svg width="0" height="0" aria-hidden="true" focusable="false"><defs><pattern id="stripes" width="6" height="6" '
  .. 'patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><line class="stripes" y2="6"/></pattern></defs></svg>\n'

--- A small field of a group's colour, for a legend.
-- @tparam string group
-- @treturn string
function M.swatch(group)
  local stripes = group == "unknown" and '<rect fill="url(#stripes)" width="14" height="12"/>' or ""
  return ('<svg viewBox="0 0 14 12" aria-hidden="true" focusable="false"><rect class="%s" width="14" height="12"/>%s</svg>')
    :format(group, stripes)
end

-- ---- runs ----

local GAP = 15         -- minutes without a request after which it is another run
local SHORTEST = 10    -- minutes that a drawing shows at least
local MOST_BARS = 120
local STEPS = { 1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440, 2880, 10080 }

local function step_for(minutes, most)
  for _, step in ipairs(STEPS) do
    if minutes / step <= most then return step end
  end
  return math.ceil(minutes / most / 10080) * 10080
end

--- Parts a job's minutes where nothing was sent for long, and where something else was done.
-- @tparam {table,...} minutes in order: `minute`, `action`, `requests`
-- @treturn {table,...} runs: `action`, `first`, `last` (minutes since 1970), `requests`, `busiest` (a minute), `minutes` (list of
--   `at`, `requests`)
function M.runs(minutes)
  local runs, open = {}, {}
  for _, row in ipairs(minutes) do
    local at = clock.seconds(row.minute) / 60
    local run = open[row.action]
    if not run or at - run.last > GAP then
      run = { action = row.action, first = at, requests = 0, minutes = {} }
      runs[#runs + 1], open[row.action] = run, run
    end
    local minute = { at = at, requests = row.requests }
    run.last, run.requests = at, run.requests + row.requests
    run.minutes[#run.minutes + 1] = minute
    if not run.busiest or minute.requests > run.busiest.requests then run.busiest = minute end
  end
  return runs
end

--- A scale that begins at 0.
-- @tparam number most what is to fit in
-- @treturn number its end: 1, 2, 5, 10, 20, …
function M.scale(most)
  local power = 10 ^ math.floor(math.log(math.max(most, 1)) / math.log(10) + 1e-9)
  for _, factor in ipairs { 1, 2, 3, 4, 5, 6, 8, 10 } do
    if factor * power >= most then return factor * power end
  end
end

-- Where the drawing's field is.
local LEFT, RIGHT, TOP, BOTTOM, TALL = 46, 990, 10, 142, 172

local function text(x, y, anchor, words)
  return ('<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>'):format(x, y, anchor, words)
end

local function grid_lines(add, scale)
  for _, part in ipairs { 0, 0.5, 1 } do
    local y = BOTTOM - part * (BOTTOM - TOP)
    add(('<line class="%s" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>'):format(part == 0 and "axis" or "grid", LEFT, RIGHT, y, y))
    add(text(LEFT - 8, y + 4, "end", ("%.14g"):format(scale * part)))
  end
end

local function hours(add, from, span, x_of)
  local step = step_for(span, 8)
  for minute = math.ceil(from / step) * step, from + span, step do
    local is_midnight = minute % 1440 == 0
    local words = is_midnight and span > 1440 and os.date("!%d %b", minute * 60) or clock.minute(minute * 60)
    local x = x_of(minute)
    add(('<line class="axis" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>'):format(x, x, BOTTOM, BOTTOM + 4))
    add(text(x, BOTTOM + 19, x > RIGHT - 20 and "end" or "middle", words))
  end
end

local function pauses_of(add, pauses, from, span, x_of)
  for _, pause in ipairs(pauses) do
    local began = pause.at / 60
    if began < from + span and began + pause.seconds / 60 > from then
      local x, stop = x_of(math.max(began, from)), x_of(math.min(began + pause.seconds / 60, from + span))
      add(('<rect class="pause" x="%.1f" y="%d" width="%.1f" height="%d"><title>%s: all wait for %s</title></rect>'):format(x,
        TOP, math.max(2, stop - x), BOTTOM - TOP, os.date("!%H:%M:%S", pause.at), clock.span(pause.seconds)))
    end
  end
end

local function bars(add, run, step, scale, x_of)
  local sums, order = {}, {}
  for _, minute in ipairs(run.minutes) do
    local at = math.floor(minute.at / step) * step
    if not sums[at] then order[#order + 1] = at end
    sums[at] = (sums[at] or 0) + minute.requests
  end
  for _, at in ipairs(order) do
    local height = math.max(1, sums[at] / step / scale * (BOTTOM - TOP))
    local x, stop = x_of(at), x_of(at + step)
    add(('<rect class="requests" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s: %d</title></rect>'):format(
      x + math.min(1, (stop - x) / 8), BOTTOM - height, (stop - x) * 0.85, height, clock.minute(at * 60), sums[at]))
  end
end

--- The requests of a run, minute by minute, with the pauses.
-- @tparam table run from `runs`
-- @tparam {table,...} pauses `at` (seconds since 1970), `seconds`
-- @tparam number scale requests a minute at the top
-- @tparam string label what it shows, in words, as HTML
-- @treturn string
-- @treturn integer how many minutes a bar stands for: more than one where they would be too many
function M.run(run, pauses, scale, label)
  local parts = {}
  local function add(part) parts[#parts + 1] = part end
  local step = step_for(run.last - run.first + 1, MOST_BARS)
  local from = math.floor(run.first / step) * step
  local span = math.max(SHORTEST, run.last + 1 - from)
  span = math.ceil(span / step) * step
  local function x_of(minute) return LEFT + (minute - from) / span * (RIGHT - LEFT) end
  add(('<svg viewBox="0 0 1000 %d" role="img" aria-label="%s">'):format(TALL, label))
  grid_lines(add, scale)
  pauses_of(add, pauses, from, span, x_of)
  bars(add, run, step, scale, x_of)
  hours(add, from, span, x_of)
  add "</svg>"
  return table.concat(parts), step
end

return M
