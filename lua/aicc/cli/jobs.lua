--- The commands about jobs: plan, apply, resume, undo, jobs, forget.
--
-- What they print is elsewhere: a plan's table of queues in `aicc.cli.queues_of_job`, lists and summaries in `aicc.cli.show`.
-- @module aicc.cli.jobs

local client_of = require "aicc.cli.client"
local effort = require "aicc.cli.effort"
local errors = require "aicc.error"
local jobs = require "aicc.jobs"
local output = require "aicc.cli.output"
local progress = require "aicc.cli.progress"
local queues_of_job = require "aicc.cli.queues_of_job"
local show = require "aicc.cli.show"
local status = require "aicc.cli.status"
local store_of = require "aicc.cli.store"
local terminal = require "aicc.cli.terminal"
local ways = require "aicc.cli.ways"

local DEFAULTS = require("aicc.jobs.options").DEFAULTS

local M = {}

local function fail(kind, message) return nil, errors.new { kind = kind, message = message } end

-- ---- the log ----

-- What the log is told of a run.
local function facts_of(arguments, job)
  return { job = job, rate = arguments.rate or DEFAULTS.rate, concurrency = arguments.concurrency or DEFAULTS.concurrency }
end

-- Has the log, if there is one, complain without disturbing the bar, and tells it what a run notes. `bar` returns the bar.
local function logging(arguments, bar)
  local log = arguments.log_of_run
  if not log then return function() end end
  log.complain = function(text) bar():complain(text) end
  return function(note)
    if note.type == "throttled" then log:pause(note.seconds, note.rate) end
  end
end

-- ---- plan ----

-- The error of a name that a job has, with the commands for both of what may be wanted.
local function taken(arguments, name, state, free)
  local verb = ({ planned = "apply", running = "resume", undoing = "undo" })[state]
  local acts = verb and ("; `aicc %s %s` would go by what that was planned from"):format(verb, name) or ""
  local _, err = fail("argument", ("there is a job %s already, and it is %s%s: nothing was planned"):format(name, state, acts))
  local beside = show.command("plan", arguments, arguments.agents and "--agents " .. show.quoted(arguments.agents)
    or show.quoted(arguments.file))
  for _, flag in ipairs { "sweep", "ask" } do
    if arguments[flag] then beside[#beside + 1] = "--" .. flag end
  end
  beside[#beside + 1] = "--job " .. free
  if arguments.chunk then beside[#beside + 1] = ("--chunk %d"):format(arguments.chunk) end
  err.ways = {
    { name = "plan", what = "to plan beside it", words = beside },
    { name = "forget", what = "to delete it, with its report and what an undo needs",
      words = show.command("forget", { store = arguments.store }, name) },
  }
  return nil, err
end

-- The job's name: as told, else the file's, with a number where that is a job's that has come to its end. Whoever plans a file
-- and then applies what bears its name means what they have just planned: so a name that an unfinished job has is refused.
local function name_for(arguments, store)
  local base = arguments.job
  if not base then
    base = (arguments.agents or arguments.file):match "([^/]*)$"
    base = base:gsub("%.%w+$", ""):gsub("[^%w._-]", "-"):gsub("^[^%w]+", ""):sub(1, 56)
    if base == "" then base = os.date "!job-%Y%m%d-%H%M%S" end
  end
  local list, err = store:list()
  if not list then return nil, err end
  local states, name, number, refused = {}, base, 1, nil
  for _, job in ipairs(list) do states[job.name] = job.state end
  while states[name] do
    local is_over = states[name] == "finished" or states[name] == "undone"
    if arguments.job or not is_over then refused = refused or name end
    number = number + 1
    name = ("%s-%d"):format(base:sub(1, 56), number)
  end
  if refused then return taken(arguments, refused, states[refused], name) end
  return name
end

-- What is wrong with how the input is given, as an error, or nil.
local function misuse(arguments)
  if (arguments.file == nil) == (arguments.agents == nil) then
    return select(2, fail("argument", "expected a file of rows, or --agents with a file of accounts"))
  end
  for _, flag in ipairs { "sweep", "ask" } do
    if arguments[flag] and not arguments.agents then
      return select(2, fail("argument", ("--%s: only with --agents"):format(flag)))
    end
  end
end

-- What a plan notes: the first differences one by one, the others counted.
local function noting(arguments, out, bar)
  local differences, log = 0, logging(arguments, bar)
  local function note(event)
    log(event)
    if event.type == "ways_differ" then
      differences = differences + 1
      if differences > show.SCREENFUL and not out.json then return end
    end
    show.note(out, bar(), event)
  end
  local function finish()
    if differences > show.SCREENFUL and not out.json then
      output.complain(("and %d more differences: --json tells all"):format(differences - show.SCREENFUL))
    end
  end
  return note, finish
end

-- Two bars, of which the second one takes the place of the first.
local function bars(out)
  local made = {}
  local function of(title)
    if made.title ~= title then
      if made.bar then made.bar:finish() end
      made.title = title
      made.bar = progress.new(title, { json = out.json, quiet = out.quiet, is_short = true })
    end
    return made.bar
  end
  return function(title) return title and of(title) or made.bar or of "listing queues" end
end

--- `aicc plan`
function M.plan(arguments, out)
  local err = misuse(arguments)
  if err then return nil, err end
  local store, name, reader, client, read_as
  store, err = store_of.open(arguments)
  if not store then return nil, err end
  name, err = name_for(arguments, store)
  if not name then return nil, err end
  local path = arguments.agents or arguments.file
  reader, err, read_as = (arguments.agents and jobs.read_agents or jobs.read)(path)
  if not reader then return nil, err end
  client, err = client_of.new(arguments, facts_of(arguments, name))
  if not client then return nil, err end
  local bar = bars(out)
  local on_note, finish = noting(arguments, out, bar)
  local job
  job, err = store[arguments.agents and "plan_agents" or "plan"](store, reader, {
    name = name, client = client, chunk = arguments.chunk, rate = arguments.rate,
    concurrency = arguments.concurrency, sweep = arguments.sweep, ask = arguments.ask,
    on_bad_line = function(line, problem)
      if out.json then out:emit { event = "bad_line", line = line, message = ways.text(problem) } end
      output.complain(("%s:%d: %s"):format(path, line, ways.text(problem)))
    end,
    on_progress = function(state)
      local is_asking = state.accounts ~= nil
      bar(is_asking and "asking for agents" or "listing queues"):update {
        total = state.accounts or state.queues, done = state.asked or state.listed, failed = 0, unknown = 0,
      }
    end,
    on_note = on_note,
  })
  bar():finish()
  client:close()
  finish()
  if not job then return nil, err end
  queues_of_job.plan(out, job, show.command("apply", arguments, job.name), read_as, arguments.rate)
end

-- ---- apply, resume, undo ----

-- Whether the run may begin: what is beyond the blast radius needs --force, and then a yes. Also whether somebody said that yes:
-- without one, --force is not for what the queues may have become since.
local function may_begin(arguments, job, verb)
  local state, queues, beyond, err
  state, err = job:status()
  if not state then return nil, err end
  queues, beyond = job:queues(verb)
  if not queues then return nil, beyond end
  if not beyond or state.state == "finished" and verb ~= "undo" or state.state == "undone" then return true end
  if not arguments.force then return fail("guard", beyond.message .. "; --force is for when that is meant") end
  if arguments.yes then return true, true end
  if not terminal.is_there() then return fail("guard", beyond.message .. "; without a terminal it needs --yes too") end
  local accounts = 0
  for _, queue in ipairs(queues) do accounts = accounts + queue.about end
  local question = verb == "undo" and "Bind again the released of" or "Release"
  local ahead
  ahead, err = job:progress(verb)
  if not ahead then return nil, err end
  local typed, problem = terminal.ask(("This takes %s.\n%s %s of %s? Type yes: "):format(
    effort.text(ahead.requests, arguments.rate), question, output.count(accounts, "agent"), output.count(#queues, "queue")))
  if not typed then return nil, problem end
  if typed:lower() == "yes" then return true, true end
  return fail("guard", "not confirmed; nothing was sent")
end

-- The error of a run that ended in the middle, as a failing store ends it: with the command to go on with.
local function with_go_on(err, go_on)
  if err.kind == "store" then err.go_on = go_on end
  return err
end

local function work(arguments, out, verb)
  local job, client, err, may, confirmed
  job, err = store_of.job(arguments)
  if not job then return nil, err end
  may, confirmed = may_begin(arguments, job, verb)
  if not may then return nil, confirmed end
  client, err = client_of.new(arguments, facts_of(arguments, job.name))
  if not client then return nil, err end
  local bar = progress.new(job.name, { json = out.json, quiet = out.quiet, emit = function(event) out:emit(event) end })
  local log = logging(arguments, function() return bar end)
  local summary
  summary, err = job[verb](job, {
    client = client, force = arguments.force and (arguments.yes or confirmed), rate = arguments.rate,
    concurrency = arguments.concurrency,
    on_progress = function(counts) bar:update(counts) end,
    on_note = function(note)
      log(note)
      show.note(out, bar, note)
    end,
  })
  bar:finish()
  client:close()
  local go_on = show.command(verb == "undo" and "undo" or "resume", arguments, job.name)
  if not summary then return nil, with_go_on(err, go_on) end
  show.summary(out, job, summary, verb, go_on)
  return status.of_summary(summary)
end

--- `aicc apply`
function M.apply(arguments, out) return work(arguments, out, "apply") end

--- `aicc resume`
function M.resume(arguments, out) return work(arguments, out, "resume") end

--- `aicc undo`
function M.undo(arguments, out) return work(arguments, out, "undo") end

-- ---- the rest ----

--- `aicc jobs`
function M.jobs(arguments, out)
  local store, err = store_of.open(arguments)
  if not store then return nil, err end
  local list
  list, err = store:list()
  if not list then return nil, err end
  show.jobs(out, list)
end

--- `aicc forget`
function M.forget(arguments, out)
  local store, err = store_of.open(arguments)
  if not store then return nil, err end
  local done
  done, err = store:forget(arguments.job)
  if not done then return nil, err end
  out:result({ event = "forgotten", job = arguments.job }, function() out:line("forgot the job %s", arguments.job) end)
end

return M
