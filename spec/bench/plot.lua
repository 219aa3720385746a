-- `make bench-plot`, the picture: doc/speed.svg of what `make bench` has found, drawn by gnuplot. The same numbers make the same
-- file. The background is the page's, and grey text and these colours can be read on a light one and on a dark one.

local tools = require "spec.bench.tools"

local calls, jobs = tools.load "calls", tools.load "jobs"
if not calls or not jobs then error("build/bench/calls.json, jobs.json: not there; run make bench first", 0) end

local OURS, OTHERS, TEXT = "#3b8ed0", "#999999", "#808080"

local function calls_of(title, in_flight)
  for _, found in ipairs(calls.tables) do
    if found.title == title and found.in_flight == in_flight then return found.rows end
  end
end

-- Bars, the first one on top: { name, value, colour }.
local function bars_of(rows, suffix)
  local bars = {}
  for _, row in ipairs(rows) do
    if not row.way:find "^wrk" then
      bars[#bars + 1] = { row.way .. suffix, row.wall_ratio, row.way:find "^aicc" and OURS or OTHERS }
    end
  end
  return bars
end

local function job_bars(found)
  local bars = { { "aicc plan, aicc apply", found.plan + found.apply, OURS } }
  for _, row in ipairs(found.rows) do bars[#bars + 1] = { row.way, row.seconds, OTHERS } end
  return bars
end

local script = {
  ("set terminal svg size 900,640 font 'sans-serif,13' linewidth 1 name 'speed'"),
  "set output 'doc/speed.svg'",
  "set multiplot",
  ("set border 1 linecolor rgb '%s'; set tics textcolor rgb '%s' nomirror"):format(TEXT, TEXT),
  ("set title textcolor rgb '%s'; set xlabel textcolor rgb '%s'"):format(TEXT, TEXT),
  "set logscale x; set style fill solid 1 noborder; unset key; set ytics scale 0; set lmargin at screen 0.30",
  "set rmargin at screen 0.95",
}
local function say(...) script[#script + 1] = (...):format(select(2, ...)) end

-- A panel from `bottom` to `top` of the picture.
local function panel(title, bars, top, bottom, least, format)
  local most = 0
  say("set title '%s' offset 0,-0.7; set yrange [%g:-0.6]", title, #bars - 0.4)
  say("set tmargin at screen %g; set bmargin at screen %g", top, bottom)
  local tics = {}
  for i, bar in ipairs(bars) do
    tics[i] = ("'%s' %d"):format(bar[1], i - 1)
    most = math.max(most, bar[2])
  end
  say("set ytics (%s)", table.concat(tics, ", "))
  say("set xrange [%g:%g]", least, math.max(most * 3, 10))
  say("unset label; unset object")
  for i, bar in ipairs(bars) do
    say("set object %d rectangle from %g,%g to %g,%g fillcolor rgb '%s' fillstyle solid 1 noborder", i, least, i - 1.35,
      math.max(bar[2], least * 1.01), i - 0.65, bar[3])
    say("set label %d '%s' at %g,%d offset 0.6,0 textcolor rgb '%s'", i, format(bar[2]), math.max(bar[2], least), i - 1, TEXT)
  end
  say "plot NaN notitle"
end

local function times(number) return number >= 10 and ("%.0f"):format(number) or ("%.2f"):format(number) end
local function seconds(number) return number >= 10 and ("%.0f s"):format(number) or ("%.1f s"):format(number) end

local one = bars_of(calls_of("HTTPS", 1), "")
local many = bars_of(calls_of("HTTPS", 32), "")
panel("a call over HTTPS, one after the other: time, raw libcurl = 1", one, 0.93, 0.66, 0.3, times)
panel("32 in flight over HTTPS: time of a call, raw libcurl = 1", many, 0.55, 0.41, 0.3, times)
panel("a job of 100,000 rows, answers at once: seconds", job_bars(jobs[1]), 0.30, 0.06, 0.5, seconds)
say "unset multiplot"

local path = os.tmpname()
local file = assert(io.open(path, "w"))
file:write(table.concat(script, "\n"), "\n")
file:close()
local told = tools.output("gnuplot " .. path)
os.remove(path)
if told ~= "" then io.stderr:write(told) end
print "doc/speed.svg: drawn"
