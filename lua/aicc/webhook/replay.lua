--- Requests that come again: whoever repeats a request id gets the answer that was given to the first, for a while.
--
-- Kept are only answers that would stay the same: of a call that may yet succeed there is none, and its repetition is a new try.
-- @module aicc.webhook.replay

local core = require "aicc.core"

local MAX_ANSWER = 32 * 1024 -- bytes; a longer one is not kept

local Replay = {}
Replay.__index = Replay

--- Begins a request.
-- @tparam string id what its sender calls it: 1 to 128 bytes
-- @tparam string request all that makes it this request and no other
-- @treturn ?string "new": go on, and call `finish`; "known": the answer follows; "busy": the first one has no answer yet;
--   "other": another request had that id
-- @treturn ?integer status
-- @treturn ?string answer
function Replay:begin(id, request)
  local key, mark = self.name .. " " .. id, core.hash(request)
  if self.shared:add(key, mark, self.patience) then return "new" end
  local kept = self.shared:get(key)
  if not kept then return "busy" end -- it ended just now
  if kept:sub(1, #mark) ~= mark then return "other" end
  local status, answer = kept:match("^ (%d+) (.*)$", #mark + 1)
  if not status then return "busy" end
  return "known", tonumber(status), answer
end

--- Ends a request that was new.
-- @tparam string id
-- @tparam string request
-- @tparam ?integer status nil if the answer is not to be kept
-- @tparam ?string answer
function Replay:finish(id, request, status, answer)
  local key = self.name .. " " .. id
  if status and #answer <= MAX_ANSWER then
    if self.shared:set(key, ("%s %d %s"):format(core.hash(request), status, answer), self.seconds) then return end
  end
  self.shared:delete(key)
end

local M = {}

--- Makes one.
-- @tparam table options `shared` (an `ngx.shared.DICT` or `aicc.shared`'s part); `name` (of its keys); `seconds` for which
--   answers are kept (600); `patience` (seconds after which a request without an answer is taken for lost; 90)
-- @treturn table
function M.new(options)
  return setmetatable({
    shared = options.shared, name = options.name, seconds = options.seconds or 600, patience = options.patience or 90,
  }, Replay)
end

return M
