--- The log of a run (`--log FILE`, AICC_LOG): JSON Lines, one for each request, each pause, and the run's beginning and end.
--
-- What a line has is in doc/jobs.md. No account and no secret is in it, but for what the API's own messages say. It is below
-- all that waits, retries or refuses: a line is a request that was handed to the network. Lines are appended one by one, each in
-- a single write (`core.append_to`), so runs may share a file; it is never renamed or cut here.
-- @module aicc.cli.log

local call = require "aicc.call"
local core = require "aicc.core"
local errors = require "aicc.error"
local json = require "aicc.json"
local output = require "aicc.cli.output"
local own_files = require "aicc.cli.own_files"

local Log = {}
Log.__index = Log

local M = {}

local FIRST = '{"time":"' -- how each line begins, so that a file of something else is not added to
local LONGEST = 500       -- bytes of a message

-- The order in a line.
local NAMES = {
  "time", "run", "event", "command", "job", "operation", "skill_id", "accounts", "everybody", "page", "attempt", "outcome",
  "status", "kind", "code", "message", "elapsed_ms", "seconds", "rate", "concurrency", "left", "requests", "unwritten", "pid",
  "host", "version", "exit_status",
}

-- ---- lines ----

-- UTC, with milliseconds.
local function time()
  local now = core.now "realtime"
  local seconds = math.floor(now)
  return os.date("!%Y-%m-%dT%H:%M:%S", seconds) .. (".%03dZ"):format(math.floor((now - seconds) * 1000))
end

local function milliseconds(seconds) return math.floor(seconds * 10000 + 0.5) / 10 end

-- Writes a line. What cannot be written is counted, and told once: the run has more important things to do.
local function write(self, event, fields)
  if not self.file then return end
  fields.time, fields.run, fields.event, fields.job = time(), self.run, event, self.job
  if fields.message then fields.message = core.printable(fields.message, LONGEST) end
  local written, problem = self.file:line(json.object(fields, NAMES))
  if written then return end
  self.unwritten = self.unwritten + 1
  if self.unwritten == 1 then
    self.complain(("log %s: %s: lines are missing in it from here on; the command goes on"):format(self.path, problem))
  end
end

-- ---- requests ----

-- How many accounts a request is about: nil if it is about none, or about everybody.
local function accounts_of(request)
  if request.operation == "query_agent" then return 1 end
  local accounts = request.operation ~= "token" and request.arguments.userAccounts
  return type(accounts) == "table" and #accounts or nil
end

-- What came of a request: the fields of its line.
local function result_of(reply, err)
  if reply then
    return { outcome = "answered", status = 200, code = reply.resultCode or reply.returnCode,
      message = reply.resultMessage or reply.description }
  end
  return { outcome = err.outcome, status = err.status, kind = err.kind, code = err.result_code,
    message = err.result_message or err.message }
end

local function tell_request(self, request, elapsed, reply, err)
  local arguments, fields = request.arguments, result_of(reply, err)
  self.attempts[request] = (self.attempts[request] or 0) + 1
  if fields.outcome ~= "not_sent" then self.requests = self.requests + 1 end
  fields.operation, fields.attempt, fields.elapsed_ms = request.operation, self.attempts[request], milliseconds(elapsed)
  if fields.code ~= nil then fields.code = tostring(fields.code) end
  if type(fields.message) ~= "string" or fields.message == "" then fields.message = nil end
  if request.operation ~= "token" then
    fields.skill_id, fields.page = arguments.skillId, arguments.pageNum
    fields.accounts, fields.everybody = accounts_of(request), call.is_for_everybody(arguments) or nil
  end
  write(self, "request", fields)
end

local Logged = {} -- a transport around another one

function Logged:attempt(request, ...)
  local began = core.now()
  local reply, err, facts = self.transport:attempt(request, ...)
  tell_request(self.log, request, core.now() - began, reply, err)
  return reply, err, facts
end

-- All else is the transport's own.
local METHODS = {}

local function method(name)
  METHODS[name] = METHODS[name] or function(self, ...) return self.transport[name](self.transport, ...) end
  return METHODS[name]
end

function Logged:__index(name)
  if Logged[name] then return Logged[name] end
  local value = self.transport[name]
  return type(value) == "function" and method(name) or value
end

-- ---- what else is told ----

-- Of a client's events: what explains a gap between two requests, or what was odd.
local TOLD = {
  retry = function(event)
    return "wait", { operation = event.operation, kind = event.kind, seconds = math.floor(event.wait * 1000 + 0.5) / 1000 }
  end,
  settle = function(event) return "settle", { operation = event.operation, left = event.left, kind = event.kind } end,
  warning = function(event) return "warning", { message = event.message } end,
}
TOLD.throttle = TOLD.retry

--- Takes a client's events (`on_event`).
-- @tparam table event
function Log:hear(event)
  local told = TOLD[event.type]
  if told then write(self, told(event)) end
end

--- Tells that all requests of a run wait.
-- @tparam number seconds
-- @tparam number rate requests a second, afterwards
function Log:pause(seconds, rate) write(self, "pause", { seconds = seconds, rate = rate }) end

--- A client whose requests are told, each by a line.
-- @tparam table client
-- @treturn table
function Log:around(client)
  return client:through(function(transport) return setmetatable({ transport = transport, log = self }, Logged) end)
end

-- ---- beginning and ending ----

--- Opens the file, and tells that the run begins. Done before anything is sent.
-- @tparam ?table facts `job` (its name), `rate` (requests a second), `concurrency` (queues at once), where the run has them
-- @treturn ?boolean true
-- @treturn ?table the error
function Log:open(facts)
  local file, problem
  local own = own_files.problem(self.path, self.arguments)
  if own then problem = ("%s: %s"):format(self.path, own) else file, problem = core.append_to(self.path, FIRST) end
  if not file then
    return nil, errors.new { kind = "config", message = ("log %s; nothing was sent"):format(problem) }
  end
  local pid, host = core.process()
  facts = facts or {}
  self.file, self.job = file, facts.job
  write(self, "start", {
    command = self.command, rate = facts.rate, concurrency = facts.concurrency, pid = pid, host = host,
    version = core._VERSION,
  })
  return true
end

--- Tells how the run ended, and closes the file.
-- @tparam integer status the exit status
function Log:finish(status)
  if not self.file then return end
  local lost = self.unwritten
  write(self, "end", { exit_status = status, requests = self.requests, elapsed_ms = milliseconds(core.now() - self.began),
    unwritten = lost > 0 and lost or nil })
  self.file:close()
  self.file = nil
  if self.unwritten > 1 then
    self.complain(("log %s: %s are missing in it"):format(self.path, output.count(self.unwritten, "line")))
  end
end

--- Where the log is to be.
-- @tparam table arguments `log`
-- @treturn ?string its path; nil if there is to be none
-- @treturn ?string what says so
function M.path(arguments)
  if arguments.log then return arguments.log, "option --log" end
  local path = os.getenv "AICC_LOG"
  if path and path ~= "" then return path, "environment AICC_LOG" end
end

--- The log of a command that sends, not opened yet.
-- @tparam table arguments `log`, `command`
-- @treturn ?table nil if there is to be none
function M.new(arguments)
  local path = M.path(arguments)
  if not path then return nil end
  return setmetatable({
    path = path, arguments = arguments, command = arguments.command,
    run = core.hash(table.concat({ core.process() }, " ") .. core.random()):sub(1, 8),
    began = core.now(), requests = 0, unwritten = 0, attempts = setmetatable({}, { __mode = "k" }), complain = output.complain,
  }, Log)
end

return M
