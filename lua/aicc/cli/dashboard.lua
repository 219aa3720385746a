--- What is shown of a job that is watched: queue by queue, as lines that fit a terminal.
--
-- All is rounded so that it never says more than is done, or that less is left than there is.
-- @module aicc.cli.dashboard

local columns = require "aicc.cli.width"
local effort = require "aicc.cli.effort"
local grid = require "aicc.cli.grid"
local output = require "aicc.cli.output"

local M = {}

local BAR, WIDE_BAR = 12, 20   -- columns of a queue's bar
local NARROW, WIDE = 64, 100   -- columns of a terminal below which there are no bars; from which they are wide
local LATER = 43200    -- seconds ahead from which a time is told with its date

-- A bar of so many columns: done, failed, unknown, left. Whatever there is of the latter three is seen.
local function bar(counts, width)
  if counts.agents == 0 then return (" "):rep(width) end
  local parts, used = {}, 0
  for i, part in ipairs { { "failed", "x" }, { "unknown", "?" }, { "left", "." } } do
    local n = counts[part[1]]
    local share = n > 0 and math.max(1, math.floor(n * width / counts.agents)) or 0
    parts[i], used = part[2]:rep(share), used + share
  end
  -- What is left over by rounding is left to do, while anything is.
  local filled = counts.left > 0 and math.floor(counts.done * width / counts.agents) or width - used
  filled = math.max(0, math.min(filled, width - used))
  local rest = (counts.left > 0 and "." or ""):rep(width - used - filled)
  return (("#"):rep(filled) .. table.concat(parts) .. rest):sub(1, width)
end

local function percent(counts)
  if counts.left == 0 then return "100%" end
  return ("%d%%"):format(math.floor((counts.agents - counts.left) * 100 / counts.agents))
end

-- The time in so many seconds, in this machine's own.
local function clock(now, seconds)
  return os.date(seconds >= LATER and "%Y-%m-%d %H:%M" or "%H:%M:%S", math.floor(now + seconds))
end

local VERBS = { release = "released", bind = "bound again" }

local function summary(told)
  local parts = { ("%d of %s %s"):format(told.done, output.count(told.agents, "agent"), VERBS[told.action]) }
  for _, name in ipairs { "failed", "unknown", "left" } do
    if told[name] > 0 then parts[#parts + 1] = ("%d %s"):format(told[name], name) end
  end
  return table.concat(parts, ", ")
end

-- What a run will still do: without the queues that it leaves alone.
local function ahead(told)
  local left, requests, stopped = told.left, told.requests, 0
  for _, queue in ipairs(told.queues) do
    if queue.state == "stopped" then
      left, requests, stopped = left - queue.left, requests - queue.requests, stopped + 1
    end
  end
  return left, requests, stopped
end

-- "at least 40 requests left: 8 s at 5 requests a second, until 03:12:07", and the same at the speed that was seen.
local function estimates(told, speed, now)
  local left, requests = ahead(told)
  if left == 0 and requests == 0 then return {} end
  local wait = told.pause or 0
  local seconds = effort.seconds(requests, told.rate, 0)
  local lines = { (effort.text(requests, told.rate, 0):gsub(" requests?", "%0 left", 1)) }
  if not told.worker then return lines end -- nobody knows from when on
  if seconds then lines[1] = ("%s, until %s"):format(lines[1], clock(now, seconds + wait)) end
  if speed and speed.rate > 0 then
    seconds = left / speed.rate + wait
    lines[2] = ("as in the last %s, %.3g agents a second: %s, until %s"):format(effort.duration(speed.seconds), speed.rate,
      effort.duration(seconds), clock(now, seconds))
  elseif speed then
    lines[2] = ("nothing was done in the last %s"):format(effort.duration(speed.seconds))
  end
  return lines
end

-- What goes on with a job.
local VERBS_OF = { planned = "apply", running = "resume", undoing = "undo" }

-- Whether anybody is at work, and what they wait for.
local function at_work(told, command)
  if told.pause then
    return ("all wait for %s, since the API asked for fewer requests; then %.2g a second"):format(effort.duration(told.pause),
      told.slowed)
  end
  if told.worker then return end
  local verb = VERBS_OF[told.state]
  if verb then return (verb == "apply" and "nobody has begun: " or "nobody works on it: ") .. command(verb) end
end

-- ---- the queues ----

-- What its state is called: one that a killed run has begun is "open" too.
local function state_of(queue)
  if queue.at_work then return "at work" end
  if queue.state == "planned" and queue.done + queue.failed + queue.unknown > 0 then return "open" end
  return queue.state
end

local STATES = { "at work", "stopped", "open", "planned", "done" }
local RANK = {}
for rank, state in ipairs(STATES) do RANK[state] = rank end

-- So many of the queues, those at work first; in their order.
local function chosen(queues, most)
  if #queues <= most then return queues, {} end
  local list, rest = {}, {}
  for i, queue in ipairs(queues) do list[i] = { at = i, rank = RANK[state_of(queue)], queue = queue } end
  table.sort(list, function(a, b)
    if a.rank ~= b.rank then return a.rank < b.rank end
    return a.at < b.at
  end)
  for i = #list, most + 1, -1 do
    local state = state_of(list[i].queue)
    rest[state] = (rest[state] or 0) + 1
    list[i] = nil
  end
  table.sort(list, function(a, b) return a.at < b.at end)
  for i, entry in ipairs(list) do list[i] = entry.queue end
  return list, rest
end

-- "and 12 more: 2 planned, 10 done"
local function others(rest)
  local parts, count = {}, 0
  for _, state in ipairs(STATES) do
    if rest[state] then parts[#parts + 1], count = ("%d %s"):format(rest[state], state), count + rest[state] end
  end
  return count > 0 and ("and %d more: %s"):format(count, table.concat(parts, ", ")) or nil
end

-- What did not go well has a column where there is any, and room for it.
local function trouble_of(told, width)
  local names = {}
  for _, name in ipairs { "failed", "unknown" } do
    if told[name] > 0 and (not width or width >= NARROW) then names[#names + 1] = name end
  end
  return names
end

local function table_of(told, queues, width)
  local size = not width and WIDE_BAR or width >= WIDE and WIDE_BAR or width >= NARROW and BAR
  local trouble, rows = trouble_of(told, width), {}
  local titles = { { title = "queue", is_number = true }, { title = "name", is_name = true },
    { title = "agents", is_number = true }, { title = "done", is_number = true } }
  for _, name in ipairs(trouble) do titles[#titles + 1] = { title = name, is_number = true } end
  titles[#titles + 1], titles[#titles + 2] = { title = "state" }, { title = "" }
  for i, queue in ipairs(queues) do
    local row = { ("%.0f"):format(queue.skill_id), queue.skill_name, ("%d"):format(queue.agents), ("%d"):format(queue.done) }
    for n, name in ipairs(trouble) do row[4 + n] = queue[name] > 0 and ("%d"):format(queue[name]) or "" end
    row[#titles - 1], row[#titles] = state_of(queue), size and bar(queue, size) or percent(queue)
    rows[i] = row
  end
  return grid.lines(titles, rows, width)
end

--- The lines.
-- @tparam table told as from `job:progress`
-- @tparam table facts `now`: the time of day, in seconds since 1970; `command(verb)` returns what is typed to go on; `speed`, if
--   it is known: `rate` (agents a second) and over how many `seconds`; `problem`: why this is not what the store has now;
--   `width`, `height` of the terminal, if there is one: no line is wider, and there are no more lines
-- @treturn {string,...}
function M.lines(told, facts)
  local width, height = facts.width, facts.height
  local lines = { ("%s: %s%s"):format(told.name, told.state, told.worker and ", worked on by process " .. told.worker or "") }
  local function add(line) lines[#lines + 1] = line end
  if told.agents > 0 then
    local room = math.max(1, (width or 79) - 7)
    add(("[%s] %4s"):format(bar(told, room), percent(told)))
  end
  add(summary(told))
  if told.state ~= "finished" and told.state ~= "undone" then
    for _, line in ipairs(estimates(told, facts.speed, facts.now)) do add(line) end
    add(at_work(told, facts.command))
  end
  add(facts.problem)
  local _, _, stopped = ahead(told)
  if stopped > 0 then add(("%s left alone until the next run"):format(output.count(stopped, "queue"))) end
  local room = height and math.max(0, height - #lines - 3) or #told.queues -- a blank line, the titles, those that are left out
  if room == #told.queues - 1 then room = room + 1 end -- the line that would only count it
  if room > 0 and #told.queues > 0 then
    add ""
    local shown, rest = chosen(told.queues, room)
    for _, line in ipairs(table_of(told, shown, width)) do add(line) end
    add(others(rest))
  end
  for i, line in ipairs(lines) do
    if width then lines[i] = line:sub(1, columns.fitting(line, 1, width)) end
  end
  while height and #lines > height do lines[#lines] = nil end
  return lines
end

return M
