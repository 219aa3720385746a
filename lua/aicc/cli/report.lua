--- `aicc report`: to standard output, or to a file that is replaced as a whole.
-- @module aicc.cli.report

local core = require "aicc.core"
local errors = require "aicc.error"
local own_files = require "aicc.cli.own_files"
local store_of = require "aicc.cli.store"

local M = {}

local OFTEN = 4096 -- pieces after which Ctrl-C is looked for

local function failed(message) return errors.new { kind = "store", message = message } end

-- A function that writes pieces to a stream. It raises what goes wrong there, or that somebody has had enough.
local function writer(stream, name)
  local count = 0
  return function(text)
    local written, problem = stream:write(text)
    if not written then error(failed(("%s: %s"):format(name, problem)), 0) end
    count = count + 1
    if count % OFTEN == 0 and core.interrupted() then
      error(errors.new { kind = "aborted", message = "interrupted: the report is not whole" }, 0)
    end
  end
end

local DATABASE = "SQLite format 3\0" -- how its file begins

-- Whether a file, if there is one, is a database: the job store, as likely as not.
local function is_database(path)
  local file = io.open(path, "rb")
  local beginning = file and file:read(#DATABASE)
  if file then file:close() end
  return beginning == DATABASE
end

-- Writes the report to a draft, which then takes the file's place.
local function to_file(job, path, options, arguments)
  local own = own_files.problem(path, arguments)
  if own then return nil, failed(("--output: %s: %s, which would be replaced"):format(path, own)) end
  local draft, problem = core.draft_file(path) -- which refuses what is no regular file
  if not draft then return nil, failed("--output: " .. problem) end
  if is_database(path) then
    core.remove_file(draft)
    return nil, failed(("--output: %s: it is a database, which would be replaced"):format(path))
  end
  local file, opening = io.open(draft, "wb")
  if not file then
    core.remove_file(draft)
    return nil, failed("--output: " .. opening)
  end
  local done, err = job:write_report(writer(file, "--output: " .. path), options)
  local closed, closing = file:close()
  if done and not closed then done, err = nil, failed(("--output: %s: %s"):format(path, closing)) end
  if not done then
    core.remove_file(draft)
    return nil, err
  end
  local put, why = core.publish_file(draft, path)
  if not put then return nil, failed("--output: " .. why) end
  return true
end

--- `aicc report`
function M.report(arguments, out)
  local job, err = store_of.job(arguments)
  if not job then return nil, err end
  local options = { format = arguments.format or out.json and "jsonl" or "csv", failed = arguments.failed }
  local path = arguments.output ~= "-" and arguments.output
  local done
  if path then
    done, err = to_file(job, path, options, arguments)
  else
    done, err = job:write_report(writer(io.stdout, "standard output"), options)
  end
  if not done then return nil, err end
  if path then out:result({ event = "written", path = path }, function() out:line("%s", "wrote " .. path) end) end
end

return M
