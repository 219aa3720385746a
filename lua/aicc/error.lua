--- Errors: tables with a kind, and with what the server may have done.
--
-- The C core makes the same tables with the same metatable, so a caller never needs to know which side found the fault.
-- Fields and kinds: see `aicc.new` and doc/errors.md.
-- @module aicc.error

local core = require("aicc.native").load "aicc.core"

local M = {}

--- Makes an error.
-- @tparam table fields kind and message; outcome is "not_sent" and retryable is false unless told
-- @treturn table the same table, now an error
function M.new(fields)
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
  return setmetatable(copy, core.error_meta)
end

--- Whether a value is one of our errors.
-- @param value anything
-- @tparam ?string kind and of that kind
-- @treturn boolean
function M.is_error(value, kind)
  return type(value) == "table" and getmetatable(value) == core.error_meta and (kind == nil or value.kind == kind)
end

return M
