--- `aicc status`: how far a job is, once or again and again.
-- @module aicc.cli.job_status

local errors = require "aicc.error"
local show = require "aicc.cli.show"
local store_of = require "aicc.cli.store"
local watch = require "aicc.cli.watch"

local M = {}

local function fail(kind, message) return nil, errors.new { kind = kind, message = message } end

-- The seconds between two looks, or nil if it is to be looked at once. What follows --watch may be the job.
local function read_watch(arguments)
  local given = arguments.watch and arguments.watch[1]
  if given and not arguments.job and not given:find "^%d*%.?%d*$" then arguments.job, given = given, nil end
  if not arguments.job then return fail("argument", "missing argument 'job'\nTry `aicc help status`.") end
  if not arguments.watch then return nil end
  local seconds = given and tonumber(given) or not given and 1
  if seconds and seconds >= 0.1 and seconds <= 3600 then return seconds end
  return fail("argument", ("--watch: expected seconds from 0.1 to 3600, got '%s'"):format(given))
end

-- What tells how far a job is, again and again. The store is opened anew after it has failed, and where it can only be read: such
-- a SQLite file is taken as it is when it is opened.
local function source_of(arguments)
  local store
  return function()
    local job, told, err
    if store and store:is_read_only() then
      store:close()
      store = nil
    end
    if not store then store, err = store_of.open(arguments) end
    if not store then return nil, err end
    job, err = store:job(arguments.job)
    if job then told, err = job:progress() end
    if err and err.kind == "store" then
      store:close()
      store = nil
    end
    return told, err
  end
end

-- Those of the queues that are not done.
local function unfinished(queues)
  local list = {}
  for _, queue in ipairs(queues) do
    if queue.state ~= "done" then list[#list + 1] = queue end
  end
  return list
end

--- `aicc status`
function M.status(arguments, out)
  local seconds, err = read_watch(arguments)
  if err then return nil, err end
  if seconds then
    local told, streamed
    told, err, streamed = watch.run(source_of(arguments), seconds, out, function(verb)
      return table.concat(show.command(verb, { store = arguments.store }, arguments.job), " ")
    end)
    if not told or err then return nil, err end
    if streamed then return end
  end
  local job
  job, err = store_of.job(arguments)
  if not job then return nil, err end
  local state
  state, err = job:status()
  if not state then return nil, err end
  local queues
  queues, err = job:queues()
  if not queues then return nil, err end
  if seconds then queues = unfinished(queues) end -- the others were seen
  show.status(out, state, queues)
end

return M
