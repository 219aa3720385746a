--- The command line: commands, options, help.
-- @module aicc.cli.parser

local argparse = require "argparse"
local core = require "aicc.core"

local M = {}

-- ---- what arguments may be ----

local function integer(least, most)
  return function(text)
    local number = text:find "^%d+$" and #text <= 16 and tonumber(text)
    if number and number >= least and number <= most then return number end
    return nil, ("expected an integer from %.0f to %.0f, got '%s'"):format(least, most, text)
  end
end

local function rate(text)
  local number = text:find "^%d+%.?%d*$" and tonumber(text)
  if number then return number end
  return nil, ("expected requests per second (0 for no limit), got '%s'"):format(text)
end

-- Whether a URL seems to hold a password: user:password@host, with whatever a careless one has in it; or a parameter, libpq's
-- password= and sslpassword=, percent signs or not.
local function has_password(url)
  url = url:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end):lower()
  return url:gsub("^%a+://", ""):find ":.*@" or url:find "[?&]%s*%w*password%s*="
end

-- What anybody on the machine can read in the list of processes is no place for a password. Nor is a message: it does not tell
-- what it was given.
local function store_url(text)
  if text:find "^sqlite:." then return text end
  if has_password(text) then return nil, "no password here: use ~/.pgpass, PGPASSWORD or AICC_STORE" end
  if text:find "^postgres%a*://" then return text end
  return nil, "expected sqlite:PATH or postgresql://…"
end

local skill = integer(1, 2 ^ 53 - 1)

local function output_path(text)
  if text ~= "" then return text end
  return nil, "expected a file"
end

local function log_path(text)
  if text ~= "" and text ~= "-" then return text end
  return nil, "expected a file"
end

-- A queue: digits are its number, all else its name. What only looks like a number is neither.
local function queue_of(text)
  if text:find "^0%d+$" then
    return nil, ("'%s' may be a queue's number or a name like one: give the number, without a zero before it"):format(text)
  end
  if text:find "^%d+$" then return skill(text) end
  if text:find "^[%s%c]*$" or text:find "%c" or #text > 100 then
    return nil, "expected a queue's number or its name (at most 100 bytes)"
  end
  if tonumber(text) then return nil, ("expected a queue's number, an integer, or its name, got '%s'"):format(text) end
  return text
end

-- Numbers with commas between them.
local function numbers(text)
  local list = {}
  for part in (text .. ","):gmatch "([^,]*)," do
    local number, problem = skill(part)
    if not number then return nil, problem end
    list[#list + 1] = number
  end
  return list
end

-- Has what is said of an option's value begin with the option, as it is typed.
local function name_itself(option)
  local convert, name = option.convert, option._aliases[#option._aliases]
  function option.convert(self, read)
    return convert(self, function(text)
      local value, problem = read(text)
      if value == nil and problem then problem = ("%s: %s"):format(name, problem) end
      return value, problem
    end)
  end
  return option
end

-- Makes what is given twice wrong usage, for options and flags that are added from here on: of two queues, say, only one would be
-- meant, and nobody knows which. What is wrong with an option's value names the option.
local function refuse_repetition(command)
  for _, kind in ipairs { "option", "flag" } do
    local add = command[kind]
    command[kind] = function(...) return name_itself(add(...):overwrite(false)) end
  end
end

-- ---- options that several commands have ----

local function everywhere(command)
  command:option("--store", "Job store: sqlite:PATH or postgresql://…"):convert(store_url):argname "URL"
  command:flag("--json", "One JSON object a line, for machines.")
  command:flag("-q --quiet", "Print errors only.")
  return command
end

-- Of a command that sends.
local function logged(command)
  command:option("--log", "Append a line of JSON for each request, pause, and run."):convert(log_path):argname "FILE"
  return command
end

local function paced(command)
  command:option("--rate", "Requests per second; 0 for no limit. Default: 5."):convert(rate):argname "N"
  command:option("--concurrency", "Queues at once. Default: 4."):convert(integer(1, 64)):argname "N"
  return command
end

local function guarded(command)
  logged(command)
  command:flag("--force", "Also beyond the blast radius: more than 500 agents, or\nmore than half of a queue.")
  command:flag("-y --yes", "With --force: do not ask before going beyond it. Needed\nwhere there is no terminal to ask on.")
  return paced(command)
end

local function queue(command, is_optional)
  command:option("--skill", "The queue's number (skillId), or its name if only one\nqueue has it."):convert(queue_of)
    :count(is_optional and "?" or 1):argname "ID"
  return command
end

-- ---- the commands ----

-- name, description, examples, how it is filled in
local COMMANDS = {
  { "plan", "Read rows, look at their queues, and say what a job would do.\nChanges nothing.", [[
  aicc plan night.csv
  psql -c "copy (…) to stdout csv header" | aicc plan - --job night

The file has a header line with skill_id and user_account, separated by
commas, semicolons or tabs, or is JSON Lines with fields of these names;
in UTF-8, or UTF-16 with a mark. A report can be the file of a new job:
one quote before = + - or @, which it puts there, is taken off again.
A column skill_name may stand in for skill_id: a queue by its name.

  aicc plan --agents leavers.csv
  aicc plan --agents leavers.csv --sweep

The file has a column user_account. Each account's queues become rows.
The API is asked for each account: as many requests as accounts. Then,
as for rows, each queue that it names is listed: one request for each
100 agents of a queue. --sweep lists every queue of the tenant instead:
no request for the accounts, and at least one for each queue. Nobody
says that the queues which the API names for an account are complete;
the queues' listings are. --sweep --ask does both. An account that was
looked for in both ways, and with different results, is told.]],
    function(command)
      command:argument("file", "CSV or JSON Lines; - for standard input."):args "?"
      command:option("--agents", "A file of accounts, who are to leave all of their\nqueues."):argname "FILE"
      command:flag("--sweep", "With --agents: list every queue instead of asking the\nAPI for each account.")
      command:flag("--ask", "With --sweep: ask for each account too, and say where\nthe two ways differ.")
      command:option("--job", "The job's name. Default: the file's."):argname "NAME"
      command:option("--chunk", "Accounts in a request. Default: 50."):convert(integer(1, 10000)):argname "N"
      paced(logged(command))
    end },
  { "apply", "Release a job's rows.", [[
  aicc apply night
  aicc apply night --force --yes --rate 2]],
    function(command) guarded(command):argument "job" end },
  { "resume", "Go on with a job that was interrupted, killed or stopped.", [[
  aicc resume night]],
    function(command) guarded(command):argument "job" end },
  { "undo", "Bind again, with their own weights, whom a job released.", [[
  aicc undo night --force]],
    function(command) guarded(command):argument "job" end },
  { "status", "Say how far a job is.", [[
  aicc status night --json
  aicc status night --watch
  aicc status night --watch 10 >>watch.txt]],
    function(command)
      command:argument("job"):args "?"
      command:option("--watch", "Look again every second, or every so many, until the\njob is done."):args "?"
        :argname "SECONDS"
    end },
  { "report", "Print what became of each row, in input order.", [[
  aicc report night >night-report.csv
  aicc report night --failed --format jsonl
  aicc report night --format html --output night.html

html is one file to hand on: totals, each queue, the requests of each
minute, what failed and why, and the rows, searchable. markdown is the
same for a ticket, with the first 1,000 rows.]],
    function(command)
      command:argument "job"
      command:option("--format", "csv (the default), jsonl (the default with --json),\nhtml or markdown.")
        :choices { "csv", "jsonl", "html", "markdown" }
      command:flag("--failed", "Only rows that are failed, unknown, pending or no_agent.")
      command:option("-o --output", "Write it to this file, which it replaces as a whole and\nnobody else may read.")
        :convert(output_path):argname "FILE"
    end },
  { "jobs", "List the jobs.", "  aicc jobs", function() end },
  { "forget", "Delete a job and all that is known of its rows.", "  aicc forget night",
    function(command) command:argument "job" end },
  { "release", "Unbind agents from a queue, at once and without a job.", [[
  aicc release --skill 3 1001 1002
  aicc release --skill Support --all
  aicc release --agent 1001 --agent 1002 --except 3]],
    function(command)
      logged(queue(command, true))
      command:option("--agent", "An account that is to leave all of its queues; more\nthan once for several."):count "*"
        :argname "ACCOUNT"
      command:option("--except", "With --agent: a queue in which they stay; more than\nonce for several."):convert(queue_of)
        :count "*":argname "ID"
      command:argument("accounts", "The agents' accounts."):args "*"
      command:flag("--all", "Everybody in the queue.")
      command:flag("-y --yes", "With --all or --agent: do not ask. Needed where there is\nno terminal to ask on.")
    end },
  { "bind", "Bind agents to a queue, or change their weights.", "  aicc bind --skill 3 1001 1002 --agent-weight 5",
    function(command)
      logged(queue(command))
      command:argument("accounts", "The agents' accounts, at most 50."):args "+"
      command:option("--agent-weight", "Larger is served first. Default: 1."):convert(skill):argname "N"
      command:option("--skill-weight", "Default: 1."):convert(skill):argname "N"
    end },
  { "agents", "List the agents of a queue.", "  aicc agents --skill 3", function(command) logged(queue(command)) end },
  { "agent", "Show who an agent is, and in which queues.", "  aicc agent 1001",
    function(command) logged(command):argument("account", "The agent's account.") end },
  { "queues", "List the queues.", [[
  aicc queues --name Support
  aicc queues --ids 3,4 --count]],
    function(command)
      command:option("--name", "Those whose names the API finds by this."):argname "TEXT"
      command:option("--ids", "Those of these numbers, with commas between them."):convert(numbers):count "*":argname "ID,..."
      command:flag("--count", "How many agents are in each: at least a request a queue.")
      command:option("--rate", "Requests per second; 0 for no limit. Default: 5."):convert(rate):argname "N"
      logged(command)
    end },
  { "token", "See whether the API gives a token.", "  aicc token --check",
    function(command) logged(command):flag("--check", "Fetch one, print nothing of it."):count(1) end },
  { "config",
    "Print each setting and where it comes from, secrets masked.\nFirst each file that was looked at. It works with nothing set.",
    "  aicc config", function() end },
  { "sandbox", "Serve the API on a loopback port, for trying, until Ctrl-C.", [[
  aicc sandbox --port 8080
  aicc sandbox --agents night.csv]],
    function(command)
      command:option("--port", "Default: any that is free."):convert(integer(0, 65535)):argname "N"
      command:option("--agents", "CSV of skill_id and user_account: who is bound."):argname "FILE"
      command:flag("--tls", "HTTPS, with a certificate made for this run.")
    end },
  { "help", "Show help, of a command too, with examples.", "  aicc help\n  aicc help plan",
    function(command) command:argument("topic", "The command to show help of."):args "?":argname "COMMAND" end },
}

-- Above all else in --help: what whoever looks for it most likely wants.
local MOST_USED = [[
Unbinds agents from skill queues of Huawei Cloud's contact centre.

What is done most:
  aicc plan night.csv                   what a job would do; changes nothing
  aicc apply night                      release the job's agents
  aicc status night --watch             how far it is, until it is done
  aicc resume night                     go on after an interruption
  aicc report night >night-report.csv   what became of each row
  aicc undo night                       bind them again
  aicc release --skill 3 1001 1002      at once, without a job
  aicc config                           the settings, and where they come from]]

local STATUSES = [[
Exit status: 0 done; 1 some rows failed or unknown; 2 usage or input;
3 configuration; 4 authorization; 5 all refused; 6 network or server;
7 throttled or deadline; 8 guard; 9 store; 130 interrupted (143, 129 by
SIGTERM, SIGHUP).]]

-- Like --help: it needs no command, and nothing follows it.
local function print_version()
  local lua = rawget(_G, "jit") and jit.version or _VERSION
  print(("aicc %s (%s, %s)"):format(core._VERSION, lua, require("aicc.transport.curl").version()))
  os.exit(0)
end

--- Builds the parser.
-- @treturn table an argparse parser; after parsing, `command` is the command's name
function M.build()
  local parser = argparse("aicc", MOST_USED)
  parser:epilog("aicc help COMMAND has examples.\n\n" .. STATUSES):command_target "command":require_command(true)
  parser:flag("--version", "Print the version, and those of Lua and libcurl."):action(print_version)
  parser:help_max_width(80):usage "Usage: aicc COMMAND [ARGUMENTS]"
  for _, row in ipairs(COMMANDS) do
    local command = parser:command(row[1]):summary(row[2]:match "^[^\n]*"):description(row[2]):epilog("Examples:\n" .. row[3])
    refuse_repetition(command)
    row[4](command)
    if row[1] ~= "help" then everywhere(command) end
  end
  return parser
end

return M
