--- What a command prints: text for people, JSON for machines (one object a line), both on standard output; complaints on standard
-- error.
-- @module aicc.cli.output

local fold = require "aicc.cli.fold"
local json = require "aicc.json"
local later = require "aicc.cli.later"
local ways = require "aicc.cli.ways"

local Output = {}
Output.__index = Output

local M = {}

--- An object for machines.
-- @tparam table event
function Output:emit(event) -- luacheck: ignore self
  io.stdout:write(json.object(event), "\n")
end

--- A line for people, unless they want none.
-- @tparam string text may hold format directives for what follows
function Output:line(text, ...)
  if self.json or self.quiet then return end
  if select("#", ...) > 0 then text = text:format(...) end
  io.stdout:write(fold.text(text, fold.width(1)), "\n")
end

--- A line with a command to paste, unless they want none.
-- @tparam string prefix
-- @tparam {string,...} words
function Output:command(prefix, words)
  if not self.json and not self.quiet then io.stdout:write(fold.command(prefix, words, fold.width(1)), "\n") end
end

--- The result of a command: an object for machines, or what a function prints for people.
-- @tparam table event
-- @tparam function print
function Output:result(event, print)
  if self.json then self:emit(event) else print() end
end

--- A complaint.
-- @tparam string text
function M.complain(text)
  io.stdout:flush()
  io.stderr:write(fold.text("aicc: " .. text, fold.width(2)), "\n")
end

--- Says with which command to go on.
-- @tparam {string,...} words
-- @tparam[opt="to go on"] string what what that does
function M.go_on(words, what)
  io.stdout:flush()
  io.stderr:write(fold.command(("aicc: %s: "):format(what or "to go on"), words, fold.width(2)), "\n")
end

--- Says when to come back, if the API asked to be left alone.
-- @tparam table err
function M.come_back(err)
  local text = later.text(err)
  if text then M.complain(text) end
end

--- An error: a line for people on standard error; for machines, which read standard output, its fields.
-- @tparam table err `go_on`: a command, word by word; `ways`: several to choose from, each with its `name` (for machines), `what`
--   it does (for people) and `words`
function Output:failure(err)
  local message = ways.message(err)
  if not self.json then
    M.complain(message)
    M.come_back(err)
    if err.go_on then M.go_on(err.go_on) end
    for _, way in ipairs(err.ways or {}) do M.go_on(way.words, way.what) end
    return
  end
  local others = err.ways and {}
  for _, way in ipairs(err.ways or {}) do others[way.name] = table.concat(way.words, " ") end
  self:emit {
    event = "error", kind = err.kind, message = message, outcome = err.outcome, status = err.status,
    result_code = err.result_code, result_message = err.result_message, skill_id = err.skill_id,
    retry_after = err.retry_after, retry_at = later.at(err),
    go_on = err.go_on and table.concat(err.go_on, " ") or nil, ways = others,
  }
end

--- A plural.
-- @tparam integer count
-- @tparam string noun
-- @treturn string "1 row", "2 rows"
function M.count(count, noun) return ("%d %s%s"):format(count, noun, count == 1 and "" or "s") end

--- Makes one.
-- @tparam table arguments `json`, `quiet`
-- @treturn table
function M.new(arguments)
  return setmetatable({ json = arguments.json or false, quiet = arguments.quiet or false }, Output)
end

return M
