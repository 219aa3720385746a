--- Makes a job of rows and looks at its queues. Nothing is changed: a plan only reads.
-- @module aicc.jobs.plan

local agents = require "aicc.jobs.db.agents"
local blast_radius = require "aicc.jobs.blast_radius"
local core = require "aicc.core"
local errors = require "aicc.error"
local find = require "aicc.jobs.find"
local job_lock = require "aicc.jobs.job_lock"
local jobs = require "aicc.jobs.db.jobs"
local listings = require "aicc.jobs.listing"
local loop = require "aicc.loop"
local names = require "aicc.jobs.names"
local pace = require "aicc.jobs.pace"
local recent = require "aicc.jobs.recent"
local snapshot = require "aicc.jobs.db.snapshot"
local timelines = require "aicc.jobs.db.timeline"

local M = {}

local LISTING = 3600 -- seconds for a listing of however many pages
local CALL = 300     -- seconds for another call: the rate's waits count too

local function refuse(kind, ...) return nil, errors.new { kind = kind, message = string.format(...) } end

-- ---- the listings ----

-- Keeps what a listing shows, if the job is still there. Returns an error if that is not enough.
local function keep(db, job, queue, listing)
  jobs.pin(db, job)
  return select(2, snapshot.refresh(db, queue.id, listing))
end

-- Lists a queue: so that it is a proof, if a row is about somebody whom it does not show.
local function list(db, queue, client, deadline)
  return listings.read(client, queue.skill, deadline, function(listing) return snapshot.misses(db, queue.id, listing) end)
end

-- Takes the job's queues one after the other, until there are none left or one cannot be listed.
local function list_some(_, db, job, queues, client, state)
  while state.next <= #queues and not state.err do
    local queue = queues[state.next]
    state.next = state.next + 1
    local began = recent.now()
    local listing, err = list(db, queue, client, state.deadline)
    if listing then err = db:transaction(keep, db, job, queue, listing) end
    if not err then
      recent.note(db, queue.id, state.planner, began)
      state.listed = state.listed + 1
      state.on_progress { listed = state.listed, queues = #queues }
    else
      state.err = state.err or err
    end
  end
end

local function list_all(db, job, context)
  local state = {
    next = 1, listed = 0, deadline = context.listing_deadline, on_progress = context.on_progress, planner = context.planner,
  }
  local queues = jobs.queues(db, job)
  loop.run_several(context.concurrency, list_some, db, job, queues, context.client, state)
  return state.err
end

-- ---- what a plan works with ----

-- The options with their defaults, a client that keeps the rate, the names of queues, and when requests left.
local function prepare(job, options)
  local interrupted = options.interrupted or core.interrupted
  local function refusal(request) return interrupted() and pace.refusal(request, "interrupted") or nil end
  local rate, on_note = options.rate, options.on_note or function() end
  local slowness, usual = pace.slowness(rate), options.client:limits()
  local context = {
    planner = options.client, concurrency = pace.concurrency(options), listing_deadline = LISTING * slowness,
    on_note = on_note, limits = { deadline = math.max(CALL, usual.deadline) * slowness },
    on_progress = options.on_progress or function() end, timeline = timelines.new(job, "plan"),
  }
  context.client = options.client:through(function(transport)
    context.pace = pace.new(transport, {
      rate = rate, refuse = refusal, interrupted = interrupted, patience = usual.retry.max_retry_after,
      on_request = function() context.timeline:request() end,
      on_pause = function(seconds, slowed)
        context.timeline:pause(seconds)
        on_note { type = "throttled", seconds = seconds, rate = slowed }
      end,
    })
    return context.pace
  end)
  context.names = names.new(context.client, context.limits)
  return context
end

-- Puts the names of the job's queues beside their numbers, where the API tells them.
local function name_queues(db, job, context)
  local queues, ids = jobs.queues(db, job), {}
  for i, queue in ipairs(queues) do ids[i] = queue.skill end
  local err = context.names:learn(ids)
  if err and err.kind == "aborted" then return err end
  if err then context.on_note { type = "no_names", message = err.message } end
  db:transaction(function()
    jobs.pin(db, job)
    for _, queue in ipairs(queues) do
      local name = context.names:of(queue.skill)
      if name then db:run("UPDATE queues SET skill_name = ? WHERE id = ?", name, queue.id) end
    end
  end)
end

-- ---- the plan ----

local function check_name(db, name)
  if not name:find "^[%w][%w._-]*$" or #name > 64 then
    return refuse("argument", "the job's name '%s': expected 1 to 64 letters, digits, '.', '_' or '-'", name)
  end
  local job = jobs.find(db, name)
  if job then return refuse("argument", "there is a job %s already: forget it, or choose another name", name) end
  return true
end

-- Loads the input: `load(on_bad_line)` returns how many lines are bad, and how many are good. Returns the latter, or nil and an
-- error if that is not good.
local function load(options, what, load_all)
  local lines = {}
  local function collect(line, problem) lines[#lines + 1] = { line = line, problem = problem } end
  local bad, good = load_all(options.on_bad_line or collect)
  if bad > 0 then
    local _, err = refuse("argument", "%d bad line%s: nothing was planned", bad, bad == 1 and "" or "s")
    err.lines = lines
    return nil, err
  end
  if good > 0 then return good end
  return refuse("guard", "there are no %s: nothing was planned", what)
end

-- Forgets a job that came to nothing.
local function clear(db, job)
  jobs.forget(db, job)
  job_lock.clean(db, job)
end

-- Fills a job with rows, and looks at their queues. Returns an error if that cannot be done.
local function look_at_rows(db, job, reader, options, context)
  local good, err = load(options, "rows", function(on_bad_line)
    local bad = jobs.load(db, job, context.names:reader(reader), on_bad_line)
    return bad, job.lines
  end)
  return not good and err or list_all(db, job, context)
end

-- The same with accounts, whose queues are to be found.
local function look_for_agents(db, job, reader, options, context)
  local function load_all(on_bad_line) return agents.load(db, job, reader, on_bad_line) end
  local total, err = load(options, "accounts", load_all)
  if not total then return err end
  context.asks, context.sweeps = not options.sweep or options.ask or false, options.sweep or false
  return find.queues(db, job, context, total)
end

local function look(db, job, reader, options)
  local context = prepare(job, options)
  local look_at = options.of_agents and look_for_agents or look_at_rows
  local err = look_at(db, job, reader, options, context) or name_queues(db, job, context)
  job.requests = context.pace.requests
  if not err then context.timeline:finish(db) end
  return err
end

-- Loads the rows of a new job, which is ours, and lists its queues; it is forgotten if that fails.
local function fill(db, job, reader, options)
  local ok, err = pcall(look, db, job, reader, options)
  if not ok then
    pcall(clear, db, job)
    error(err, 0)
  elseif err then
    clear(db, job)
    return nil, err
  end
  jobs.set_state(db, job, "planned")
  return job
end

local function plan(db, name, reader, options)
  local good, err = check_name(db, name)
  if not good then return nil, err end
  local job = jobs.create(db, name, options.chunk)
  return job_lock.during(db, job, fill, db, job, reader, options)
end

--- Plans a job.
-- @tparam table db
-- @tparam string name
-- @tparam function reader see `aicc.jobs.input`
-- @tparam table options `client`; `chunk` (50 accounts in a request), `rate`, `concurrency`, `on_bad_line(line, problem)`,
--   `on_progress{listed=, queues=}`, `on_note(event)`; `of_agents`: the reader is one of accounts, and then `sweep` and `ask` say
--   how their queues are found
-- @treturn ?table the job, with `requests`: how many it took
-- @treturn ?table the error; with bad lines and no `on_bad_line`, its `lines` has each one's `line` and `problem`
function M.plan(db, name, reader, options) return errors.protect(plan, db, name, reader, options) end

--- What a job is about, queue by queue.
-- @tparam table db
-- @tparam table job
-- @tparam ?string verb "undo" for what an undo is about
-- @treturn {table,...} `skill_id`; `skill_name`, if it is known; `accounts` (different ones), `bound`, `not_bound`, `unseen` (no
--   listing proves which of the two); `size` of the queue and how many are `left` afterwards (nil where it could not be listed);
--   `emptied`; `about`: how many agents a run would change; `state`; `message`
-- @treturn ?table the error that says how it is beyond the blast radius, if it is
function M.describe(db, job, verb)
  local accounts, unseen = {}, {}
  for _, row in ipairs(db:rows([[SELECT queue, COUNT(*) AS n FROM rows
      WHERE queue IN (SELECT id FROM queues WHERE job = ?) AND twin IS NULL GROUP BY queue]], job.id)) do
    accounts[row.queue] = row.n
  end
  for _, row in ipairs(db:rows([[SELECT n.queue, COUNT(*) AS n FROM unseen n JOIN queues q ON q.id = n.queue
      WHERE q.job = ? GROUP BY n.queue]], job.id)) do
    unseen[row.queue] = row.n
  end
  local action, queues = verb == "undo" and "bind" or "release", {}
  local about = blast_radius.agents(db, job, action)
  for i, queue in ipairs(jobs.queues(db, job)) do
    local bound, unknown, size = queue.bound or 0, unseen[queue.id] or 0, queue.size
    queues[i] = {
      skill_id = queue.skill, skill_name = queue.skill_name, accounts = accounts[queue.id], bound = bound,
      not_bound = accounts[queue.id] - bound - unknown,
      unseen = unknown, size = size,
      left = size and size - bound, emptied = bound > 0 and size ~= nil and bound >= size,
      about = about[queue.skill] or 0, state = queue.state, message = queue.message,
    }
  end
  return queues, blast_radius.beyond(db, job, action)
end

return M
