--- Errors: tables with a kind, and with what the server may have done.
--
-- The C core makes the same tables with the same metatable, so a caller never needs to know which side found the fault.
-- Fields and kinds: see `aicc.new` and doc/errors.md.
-- @module aicc.error

local core = require("aicc.native").load "aicc.core"

local M = {}

--- All kinds of errors, an array (doc/errors.md).
M.KINDS = {
  "guard", "argument", "config", "auth", "forbidden", "blocked", "bad_request", "not_found", "redirect", "too_large", "business",
  "unknown_agent", "throttled", "server", "http", "timeout", "network", "tls", "protocol", "deadline", "aborted", "closed",
  "unsupported", "store",
}

-- A message without what moves a terminal or is no UTF-8, whoever's words are in it: a file's name, a host's. Lines stay lines:
-- the command has messages of several.
local function printable(message)
  if type(message) ~= "string" or not message:find "[^\n\32-\126]" then return message end
  return (message:gsub("[^\n]+", function(line) return core.printable(line, #line) end))
end

--- Makes an error.
-- @tparam table fields kind and message, which becomes printable; outcome is "not_sent" and retryable is false unless told
-- @treturn table the same table, now an error
function M.new(fields)
  fields.message = printable(fields.message)
  fields.outcome = fields.outcome or "not_sent"
  fields.retryable = fields.retryable or false
  return setmetatable(fields, core.error_meta)
end

--- A copy of an error, so that what is shared between callers is not changed under them.
-- @tparam table err
-- @tparam ?table changes fields to set in the copy
-- @treturn table
function M.copy(err, changes)
  local copy = {}
  for name, value in pairs(err) do copy[name] = value end
  for name, value in pairs(changes or {}) do copy[name] = value end
  copy.message = printable(copy.message)
  return setmetatable(copy, core.error_meta)
end

--- Whether a value is one of our errors.
-- @param value anything
-- @tparam ?string kind and of that kind
-- @treturn boolean
function M.is_error(value, kind)
  return type(value) == "table" and getmetatable(value) == core.error_meta and (kind == nil or value.kind == kind)
end

--- Calls a function; an error of ours that it raises is returned: `nil, err`. Bugs go on as they are.
-- @tparam function f
-- @param ... its arguments
-- @return what f returned; or nil and the error
function M.protect(f, ...)
  local function caught(ok, ...)
    if ok then return ... end
    local problem = ...
    if M.is_error(problem) then return nil, problem end
    error(problem, 0)
  end
  return caught(pcall(f, ...))
end

-- A value in a line of fields.
local function shown(value)
  if value == nil then return "-" end
  if type(value) == "number" then return value % 1 == 0 and ("%.0f"):format(value) or ("%.3f"):format(value) end
  local text = tostring(value):gsub("[%c\127]", " ")
  return text:find "[ \"=]" and '"' .. text:gsub('[\\"]', "\\%0") .. '"' or text
end

--- What a log should say of a call that failed, in one line: `operation=… kind=… outcome=… attempts=… status=… code=…
-- elapsed=…`, then `more`, then `message=…` unless it holds what the API said, which may name people. No secret is in it.
-- @tparam table err
-- @tparam ?table more array of `{ name, value }`
-- @treturn string
function M.line(err, more)
  local fields = {
    { "operation", err.operation }, { "kind", err.kind }, { "outcome", err.outcome }, { "attempts", err.attempts },
    { "status", err.status }, { "code", err.result_code }, { "elapsed", err.elapsed },
  }
  for _, field in ipairs(more or {}) do fields[#fields + 1] = field end
  if not err.result_message and not err.body then fields[#fields + 1] = { "message", err.message } end
  local words = {}
  for i, field in ipairs(fields) do words[i] = field[1] .. "=" .. shown(field[2]) end
  return table.concat(words, " ")
end

return M
