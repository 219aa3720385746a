--- The faults that specs set: which request meets which, and what it makes of the answer.
--
-- A fault without `status`, `body`, `raw`, `endless` or `close` leaves the natural answer in place, and the request is
-- applied like any other: `delay` and `hold` send that answer late (it was applied before), `cut` and `drip` spoil its
-- body, `headers` adds to it. The others replace the answer, and then nothing is applied, unless `apply` says so.
-- @module aicc.sandbox.faults

local Faults = {}
Faults.__index = Faults

local M = {}

--- Adds a fault.
-- @tparam table fault as from `options.fault`
function Faults:set(fault)
  fault.seen = 0
  self.list[#self.list + 1] = fault
end

--- Forgets all of them.
function Faults:clear() self.list = {} end

--- The first fault that a request meets. Each counts every request of its operation, whoever wins.
-- @tparam ?string operation
-- @treturn ?table
function Faults:match(operation)
  local winner
  for _, fault in ipairs(self.list) do
    if fault.operation == nil or fault.operation == operation then
      fault.seen = fault.seen + 1
      if not winner and fault.seen >= fault.from and fault.seen <= fault.to then winner = fault end
    end
  end
  return winner
end

--- Whether the natural answer is not what is sent.
-- @tparam table fault
-- @treturn boolean
function M.replaces(fault)
  return (fault.status or fault.body or fault.raw or fault.endless or fault.close) ~= nil
end

--- Whether the client gets no status line that the log could tell of.
-- @tparam table fault
-- @treturn boolean
function M.hides_status(fault)
  return fault.close ~= nil or fault.raw ~= nil or fault.endless == "headers"
end

-- The natural headers, but where the fault has its own of that name.
local function merge(headers, extra)
  local named, merged = {}, {}
  for _, header in ipairs(extra) do named[header[1]:lower()] = true end
  for _, header in ipairs(headers) do
    if not named[header[1]:lower()] then merged[#merged + 1] = header end
  end
  for _, header in ipairs(extra) do merged[#merged + 1] = header end
  return merged
end

--- The answer that leaves.
-- @tparam table fault
-- @tparam table reply the natural one
-- @treturn table as the fault spoils it
function M.spoil(fault, reply)
  local replaced = M.replaces(fault)
  return {
    status = replaced and (fault.status or 200) or reply.status,
    body = replaced and (fault.body or "") or reply.body,
    headers = fault.headers and merge(reply.headers, fault.headers) or reply.headers,
    delay = fault.delay, hold = fault.hold, close = fault.close, cut = fault.cut, raw = fault.raw,
    drip = fault.drip, endless = fault.endless,
  }
end

--- No faults yet.
-- @treturn table
function M.new() return setmetatable({ list = {} }, Faults) end

return M
