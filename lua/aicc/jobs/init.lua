--- Bulk jobs whose every step is in a database before it is taken: plan, apply, report, resume, undo.
--
--     local jobs = require "aicc.jobs"
--     local store = assert(jobs.open "sqlite:/var/lib/aicc/jobs.db")
--     local job = assert(store:plan(assert(jobs.read "night.csv"), { name = "night", client = client }))
--     local summary = assert(job:apply { client = client })
--     for row in job:report() do print(row.line, row.user_account, row.status) end
--
-- All that is known of a job is in the store, and written before it is acted on: whatever ends a run, even `kill -9` or a power
-- cut, `job:resume` goes on from there, and sends nothing again that has its result. What may go wrong is returned as `nil, err`;
-- see `aicc.error`. An option that is unknown, of a wrong type or out of its range is misuse, and raises; so does a plan or a run
-- inside `aicc.loop`, since each runs that loop itself.
-- @module aicc.jobs

require("aicc.native").load "aicc.core" -- before all that needs it: this explains a wrong build

local agents = require "aicc.jobs.db.agents"
local check = require "aicc.jobs.options"
local counts = require "aicc.jobs.db.counts"
local errors = require "aicc.error"
local input = require "aicc.jobs.input"
local job_lock = require "aicc.jobs.job_lock"
local jobs = require "aicc.jobs.db.jobs"
local lifecycle = require "aicc.jobs.lifecycle"
local open = require "aicc.jobs.db.open"
local plan = require "aicc.jobs.plan"
local progress = require "aicc.jobs.progress"
local queue_claims = require "aicc.jobs.queue_claims"
local report = require "aicc.jobs.report"
local shown = require "aicc.jobs.shown"

local M = {}

-- ---- a job ----

local Job = { __name = "aicc.jobs.job" }
Job.__index = Job

function Job:__tostring() return "aicc.jobs.job (" .. self.name .. ")" end

local VERBS = { apply = true, resume = true, undo = true }

-- Runs a job. `verb` is what messages call that. What is wrong in the options is raised at the line of whoever called our caller,
-- which therefore makes no tail call.
local function run(self, kind, verb, given)
  local all, err = check.sending(given, "run", 3)
  if not all then return nil, err end
  all.verb = verb
  return shown.summary(errors.protect(kind, self.db, self.name, all))
end

--- Releases the job's rows.
-- @tparam table options
-- @tparam table options.client from `aicc.new`
-- @tparam[opt=false] boolean options.force beyond the blast radius too: more than 500 agents, or more than half of a queue
-- @tparam[opt=5] number options.rate requests a second; 0 for no limit
-- @tparam[opt=4] integer options.concurrency queues at once; never more than the client's `max_in_flight` (8)
-- @tparam ?function options.on_progress called with `total`, `done`, `failed`, `unknown` (accounts), often: be quick
-- @tparam ?function options.on_note called with what is worth a line: `type` is "difference", "queue_stopped" or "throttled" (all
--   wait for `seconds`, then go on at `rate`)
-- @tparam ?function options.interrupted returns true when the run is to end between two commits
-- @tparam ?number options.listed_within queues that this process listed for the plan, with this client, at most so many seconds
--   ago are not listed again before their first write (an undo takes no notice of it). Whom somebody else unbinds in between
--   then counts as released by the job, and an undo would bind them again: so it is for programs that plan and apply at once
-- @tparam ?number options.lease seconds for which a worker of a PostgreSQL job has a queue to itself before others take it over:
--   30, or 15 more than an attempt of the client's may take
-- @treturn ?table summary: `state`, `lines`, `counts` (status -> rows), `stopped` (an error, if the run was ended), `troubles`
--   (errors of queues that were left alone), `requests`
-- @treturn ?table the error, where nothing was begun
function Job:apply(options)
  local summary, err = run(self, lifecycle.apply, "applied", options)
  return summary, err
end

--- Goes on with what `apply` left: intents without results are settled by query, and sent again only where still bound.
-- Of a job that was never applied it is `apply`; of a finished one it tells the summary.
-- @tparam table options as for `apply`
-- @treturn ?table summary
-- @treturn ?table the error
function Job:resume(options)
  local summary, err = run(self, lifecycle.apply, "resumed", options)
  return summary, err
end

--- Binds again, with their own weights, whom the job released. It can be interrupted, and undone further.
-- @tparam table options as for `apply`
-- @treturn ?table summary, with `undo`: how many rows were `restored`, `skipped` (bound again since) or `failed`
-- @treturn ?table the error
function Job:undo(options)
  local summary, err = run(self, lifecycle.undo, "undone", options)
  return summary, err
end

--- How far the job is.
-- @treturn ?table `name`, `state`, `lines`, `counts` (status -> rows; they add up to `lines`; whom an undo has bound again is
--   `bound_again`, no longer `released`), `undo` (how many rows it dealt with in which way), `worker`, times; of a job
--   that is made from accounts also `agents`: `lines` of the input, and how many of them are `found` in queues, `no_agent`,
--   `no_queue`, `not_bound`, `failed`
-- @treturn ?table the error
function Job:status()
  return shown.status(errors.protect(function()
    local job, err = jobs.find(self.db, self.name)
    if not job then return nil, err end
    local all, undone = counts.all(self.db, job)
    return {
      name = job.name, state = job.state, lines = job.lines, counts = all,
      worker = queue_claims.workers_of(self.db, job), agents = agents.counts(self.db, job),
      undo = undone, created_at = job.created_at, started_at = job.started_at,
      finished_at = job.finished_at,
    }
  end))
end

--- How far the job is, queue by queue, in agents; and how many requests it takes at least until nothing is left. It costs less
-- than `status`, and keeps no worker waiting: for who looks every second.
-- @tparam ?string verb what is going to be done to it, "apply", "resume" or "undo"; what it is at if not given
-- @treturn ?table see `aicc.jobs.progress.of`
-- @treturn ?table the error
function Job:progress(verb)
  if verb ~= nil and not VERBS[verb] then error("verb: expected apply, resume or undo, got " .. tostring(verb), 2) end
  return shown.progress(errors.protect(function()
    local job, err = jobs.find(self.db, self.name)
    if not job then return nil, err end
    return progress.of(self.db, job, verb)
  end))
end

--- What the job is about, queue by queue.
-- @tparam ?string verb what is going to be done to it, "apply", "resume" or "undo": for an undo the blast radius counts whom it
--   has released
-- @treturn ?{table,...} see `aicc.jobs.plan.describe`
-- @treturn ?table how it is beyond the blast radius, if it is; or, after nil, the error
function Job:queues(verb)
  if verb ~= nil and not VERBS[verb] then error("verb: expected apply, resume or undo, got " .. tostring(verb), 2) end
  return shown.queues(errors.protect(function()
    local job, err = jobs.find(self.db, self.name)
    if not job then return nil, err end
    return plan.describe(self.db, job, verb)
  end))
end

--- One row per input line, in input order. What fails while rows are read is raised.
-- @tparam ?table wanted `failed`: only rows that are failed, unknown, pending or no_agent; or `unrestored`: only rows that
--   an undo could not bring back, or of which nobody knows whether it did
-- @treturn ?function iterator over tables with the columns of the report
-- @treturn ?table the error
function Job:report(wanted)
  wanted = check.options(wanted, "report", 2)
  if wanted.failed and wanted.unrestored then error("failed, unrestored: expected one of them", 2) end
  return shown.rows(errors.protect(function()
    local job, err = jobs.find(self.db, self.name)
    if not job then return nil, err end
    return report.rows(self.db, job, wanted.failed and "failed" or wanted.unrestored and "unrestored" or "all")
  end))
end

--- Writes the report: as CSV or JSON Lines a line for each row; as HTML or Markdown a document, with sums, queues, the requests
-- of each minute, and what is not done by message. It is written in pieces, whatever its size; what `write` raises ends it.
-- @tparam function write called with each piece, a string
-- @tparam ?table options
-- @tparam[opt="csv"] string options.format "csv", "jsonl", "html" (a file that needs nothing else, with a script that searches
--   the rows) or "markdown" (of the rows the first 1,000)
-- @tparam[opt=false] boolean options.failed only rows that are failed, unknown, pending or no_agent; sums are those of all rows
-- @treturn ?boolean true
-- @treturn ?table the error
function Job:write_report(write, options)
  check.argument(write, "write", "function", 2)
  local wanted = check.options(options, "document", 2)
  wanted.format = wanted.format or "csv"
  return errors.protect(function()
    local job, err = jobs.find(self.db, self.name)
    if not job then return nil, err end
    report.write(self.db, job, wanted, write)
    return true
  end)
end

--- The accounts of a job that is made from accounts and that have no queue: in the order of the input, each once.
-- @treturn ?function iterator over tables: `line` (the input's), `user_account`, `status`, `message`; none for a job made from
--   rows
-- @treturn ?table the error
function Job:without_queue()
  return shown.rows(errors.protect(function()
    local job, err = jobs.find(self.db, self.name)
    if not job then return nil, err end
    return agents.without_queue(self.db, job)
  end))
end

local function handle(db, job) return setmetatable({ db = db, name = job.name }, Job) end

-- ---- a store ----

local Store = { __name = "aicc.jobs.store" }
Store.__index = Store

-- Not the URL: PostgreSQL's may have a password in it.
function Store:__tostring() return ("aicc.jobs.store (%s)"):format(self.db.path and "sqlite:" .. self.db.path or "PostgreSQL") end

-- A job's handle, once it is planned.
local function planned(self, reader, options)
  local job, err = plan.plan(self.db, options.name or "job-" .. os.date "!%Y%m%d-%H%M%S", reader, options)
  if not job then return nil, err end
  local made = handle(self.db, job)
  made.requests = job.requests
  return made
end

--- Plans a job: reads the rows, lists each queue, changes nothing. Rows may have queues' names: they are looked up.
-- @tparam function reader from `jobs.read` or `jobs.rows`
-- @tparam table options
-- @tparam table options.client
-- @tparam ?string options.name "job-" and the time, if not given
-- @tparam[opt=50] integer options.chunk accounts in a request
-- @tparam[opt=5] number options.rate requests a second; 0 for no limit
-- @tparam[opt=4] integer options.concurrency queues listed at once; never more than the client's `max_in_flight` (8)
-- @tparam ?function options.on_bad_line called with the line's number and what is wrong with it; else `err.lines` has them
-- @tparam ?function options.on_progress called with `listed` and `queues`
-- @tparam ?function options.on_note called with what is worth a line: `type` is "throttled", or "no_names" (`message`: why the
--   API does not tell what queues are called, where it does not)
-- @tparam ?function options.interrupted returns true when the plan is to be given up
-- @treturn ?table the job; its `requests` is how many the plan took
-- @treturn ?table the error
function Store:plan(reader, options)
  check.argument(reader, "reader", "function", 2)
  local all, err = check.sending(options, "plan", 2)
  if not all then return nil, err end
  return planned(self, reader, all)
end

--- Plans a job that releases agents from all of their queues: finds the queues of each account, which become rows, and goes on
-- as `plan` does.
--
-- The API is asked for each account (a request each), and each queue that it names is listed, as for a plan from rows; or, with
-- `sweep`, every queue of the tenant is listed instead: nobody says that what the API names for an account is complete. `ask`
-- with `sweep` does both. Where an account was looked for in both ways (on the listing of a queue that others are in, too) and
-- the two differ, that is noted, and what either way found is planned.
--
-- Accounts that end up without a queue have a line of their own in the report: `no_agent` (the API knows no agent of exactly
-- that account), `no_queue` (it names none), `failed` (it does not tell), `not_bound` (on no queue's listing, by proof).
-- @tparam function reader of accounts, from `jobs.read_agents` or `jobs.accounts`
-- @tparam table options as for `plan`; `on_progress` is called with `asked` and `accounts` first; `on_note` also with
--   "ways_differ" (`user_account`, `skill_id`; `is_named`: the API names the queue and its listing does not show the account, or
--   the other way round)
-- @tparam[opt=false] boolean options.sweep list every queue, instead of asking for each account
-- @tparam[opt=false] boolean options.ask ask for each account although `sweep` is given
-- @treturn ?table the job
-- @treturn ?table the error
function Store:plan_agents(reader, options)
  check.argument(reader, "reader", "function", 2)
  local all, err = check.sending(options, "agents", 2)
  if not all then return nil, err end
  all.of_agents = true
  return planned(self, reader, all)
end

--- The job of that name.
-- @tparam string name
-- @treturn ?table
-- @treturn ?table the error
function Store:job(name)
  check.argument(name, "name", "string", 2)
  local job, err = errors.protect(jobs.find, self.db, name)
  if not job then return nil, err end
  return handle(self.db, job)
end

--- Every job, oldest first.
-- @treturn ?{table,...} `name`, `state`, `lines`, `created_at`, `started_at`, `finished_at`
-- @treturn ?table the error
function Store:list() return shown.list(errors.protect(jobs.list, self.db)) end

-- Deletes a job that is ours.
local function forget(db, job)
  local others = not db.path and queue_claims.workers_of(db, job) -- PostgreSQL's workers do without the lock
  if others then return nil, job_lock.taken(job, others) end
  jobs.forget(db, job)
  job_lock.clean(db, job)
  return true
end

--- Deletes a job and all that is known of its rows: account names are personal data.
-- @tparam string name
-- @treturn ?boolean true
-- @treturn ?table the error: there is none, or somebody is planning it or working on it
function Store:forget(name)
  check.argument(name, "name", "string", 2)
  return errors.protect(function()
    local job, err = jobs.find(self.db, name)
    if not job then return nil, err end
    return job_lock.during(self.db, job, forget, self.db, job)
  end)
end

--- Whether it can only be read, as what is on a medium or in a folder that cannot be written. It then shows what was there when
-- it was opened.
-- @treturn boolean
function Store:is_read_only() return self.db.is_read_only == true end

--- Closes the connection.
function Store:close() self.db:close() end

Store.__close = Store.close

--- Opens a job store, and makes it if it is not there.
-- @tparam string url `sqlite:PATH`, or `postgresql://…` to share jobs between hosts
-- @treturn ?table its `warning`, if it has one, is to be shown to people: a SQLite file is on a network file system
-- @treturn ?table an error of kind "store" or "config"
function M.open(url)
  check.argument(url, "url", "string", 2)
  local db, err = open.open(url)
  if not db then return nil, err end
  return setmetatable({ db = db, warning = db.warning }, Store)
end

--- Opens a file of rows: CSV or JSON Lines, with the columns skill_id and user_account.
-- @function read
-- @tparam string path "-" for standard input
-- @treturn ?function a reader, for `store:plan`
-- @treturn ?table the error
-- @treturn ?string as what it is read: "UTF-16, separated by tabs"
M.read = input.open

--- Opens a file of accounts: CSV or JSON Lines, with the column user_account and none of queues.
-- @function read_agents
-- @tparam string path "-" for standard input
-- @treturn ?function a reader, for `store:plan_agents`
-- @treturn ?table the error
-- @treturn ?string as `read`
M.read_agents = input.open_accounts

--- A reader of accounts that an iterator makes.
-- @function accounts
-- @tparam function iterator each call returns an account, or nothing at the end
-- @treturn function a reader, for `store:plan_agents`
M.accounts = input.from_accounts

--- A reader of rows that an iterator makes.
-- @function rows
-- @tparam function iterator each call returns a skill id and an account, or nothing at the end
-- @treturn function a reader, for `store:plan`
M.rows = input.from

return M
