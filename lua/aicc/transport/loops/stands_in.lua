--- Whether a coroutine stands in a function: it may have been closed, and may have gone on because it could not yield there.
-- @module aicc.transport.loops.stands_in

-- Nil before Lua 5.3, but for LuaJIT: there what may not yield raises when it tries to.
local is_yieldable = coroutine.isyieldable -- luacheck: ignore

-- Where a coroutine can always yield, one that is not dead stands where it waited.
return function(thread, f)
  if is_yieldable then return coroutine.status(thread) ~= "dead" end
  for level = 0, 5 do
    local frame = debug.getinfo(thread, level, "f")
    if not frame or frame.func == f then return frame ~= nil end
  end
  return false
end
