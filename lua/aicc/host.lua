--- Which program this Lua runs in, and where in it nobody may wait.
--
-- nginx and HAProxy answer many requests from one thread each: whoever blocks it, blocks them all. And not everywhere do they let
-- Lua wait by yielding.
-- @module aicc.host

local native = require "aicc.core"

local M = {}

-- A global of the host's, past whatever a program has set up to catch undeclared ones.
local function global(name)
  local value = rawget(_G, name)
  return type(value) == "table" and value or nil
end

--- The host with an event loop of its own that this Lua runs in.
-- @treturn ?string "nginx", "haproxy", or nil: none
function M.name()
  local ngx, core = global "ngx", global "core"
  if ngx and ngx.get_phase then return "nginx" end
  if core and core.msleep and core.register_action then return "haproxy" end
end

-- Whether HAProxy is still reading its configuration: its files run on the main thread, all else in coroutines.
local function haproxy_starts()
  local _, is_main = coroutine.running()
  return is_main
end

--- Where others would have to wait for a caller that blocks, in words.
-- While a configuration is read there are no others.
-- @treturn ?string
function M.shared_with()
  local name = M.name()
  if name == "nginx" then
    local phase = global("ngx").get_phase()
    return phase ~= "init" and ("nginx's %s phase"):format(phase) or nil
  elseif name == "haproxy" then
    return not haproxy_starts() and "HAProxy" or nil
  end
end

-- ---- where HAProxy lets nobody wait ----
--
-- HAProxy tells a function nowhere whether it may wait. One that waits where it may not is dropped without a word to it, when its
-- request may have left already. So those that are registered from here on can be recognised: each has a function of ours around
-- it, which is the outermost of its coroutine.

local kinds = setmetatable({}, { __mode = "k" })

local function recognise(registration, kind)
  local haproxy = global "core"
  local register = haproxy[registration]
  haproxy[registration] = function(name, f)
    local function outermost(...)
      local value = f(...)
      return value -- no tail call, or this function would be gone from the stack
    end
    kinds[outermost] = kind
    register(name, outermost)
  end
end

if M.name() == "haproxy" then
  recognise("register_fetches", "a sample fetch")
  recognise("register_converters", "a converter")
end

--- Where in HAProxy this is called, if Lua may not wait there.
-- @treturn ?string
function M.haproxy_cannot_wait()
  -- What waits, yields to HAProxy: in a coroutine that HAProxy resumes.
  if not native.in_haproxys_coroutine() then return haproxy_starts() and "HAProxy's start" or "a coroutine of your own" end
  if not next(kinds) then return end
  local level, outermost = 1, nil
  local frame = debug.getinfo(level, "f")
  while frame do
    level, outermost = level + 1, frame.func
    frame = debug.getinfo(level, "f")
  end
  return kinds[outermost]
end

return M
