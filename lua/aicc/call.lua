--- One public call: its deadline, its limits, and how it ends early.
--
-- The deadline covers everything: tokens, attempts, the waits between them and settling. All parts of a call measure it by the
-- same clock, which specs can replace.
-- @module aicc.call

local core = require "aicc.core"
local errors = require "aicc.error"

local Call = {}
Call.__index = Call

--- Seconds until the deadline; negative after it.
-- @tparam ?boolean for_change for an attempt that changes something: without what is kept for settling
-- @treturn number
function Call:remaining(for_change)
  return self.began + (for_change and self.deadline_for_change or self.deadline) - self.clock()
end

--- Seconds since the call began.
-- @treturn number
function Call:elapsed() return self.clock() - self.began end

--- A part of this call that it can do without: a single attempt, in no more than a quarter of the time that is left.
-- @tparam string operation
-- @treturn table a call
function Call:aside(operation)
  return setmetatable({
    operation = operation, timeout = math.min(self.timeout, self:remaining() / 4), retry = { attempts = 1 },
    attempts = 0, began = self.began,
  }, getmetatable(self))
end

--- The error of a call whose time is up.
-- @tparam ?string operation
-- @treturn table
function Call:expired(operation)
  return errors.new {
    kind = "deadline", operation = operation or self.operation,
    message = ("the deadline of %g s leaves no time for it"):format(self.deadline),
  }
end

--- The error of a call that Ctrl-C ended while it waited.
-- @tparam ?string operation
-- @treturn table
function Call:interrupted(operation)
  return errors.new { kind = "aborted", operation = operation or self.operation, message = "interrupted while waiting" }
end

local M = {}

local setmetatable = setmetatable -- each call needs it

--- Makes limits of calls. Calls read them as fields of their own, so that a client's are made once and not copied for each call.
-- @tparam table fields `deadline` (seconds for a call), `timeout` (seconds for an attempt), `retry` (complete), `headers` (of the
--   caller's, for the API), `clock` (function: seconds, from any beginning)
-- @treturn table the same
function M.limits(fields)
  local deadline = fields.deadline
  -- Of a short deadline no more than half is kept for settling, or nothing could ever be sent.
  fields.deadline_for_change = deadline - math.min(math.max(5, 0.2 * deadline), deadline / 2)
  fields.__index = fields
  for name, method in pairs(Call) do fields[name] = fields[name] or method end -- found at once
  return fields
end

--- Whether arguments are for everybody in a queue: whether their accounts are `aicc.ALL`.
-- @tparam table|userdata arguments of the API's fields, or prepared of them
-- @treturn boolean
function M.is_for_everybody(arguments)
  if type(arguments) == "userdata" then return arguments.everybody end
  return arguments.userAccounts == core.ALL
end

--- Begins a call.
-- @tparam string operation
-- @tparam table limits from `limits`
-- @tparam ?table|userdata arguments where the call is a request itself
-- @treturn table
function M.new(operation, limits, arguments)
  return setmetatable({ operation = operation, arguments = arguments, attempts = 0, began = limits.clock() }, limits)
end

return M
