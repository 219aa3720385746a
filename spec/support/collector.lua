-- A collector that is always at work: what nobody holds is gone at the next allocation, and its memory soon somebody else's.

local collector = {}

local IS_54 = _VERSION == "Lua 5.4"

--- From now on every allocation that the collector looks at makes it go all the way.
function collector.eager()
  if IS_54 then
    collectgarbage("incremental", 1, 1000, 100) -- the third one: steps of 2^100 bytes, which are a whole cycle
    collectgarbage("setpause", 0)
  else
    collectgarbage("setpause", 0)
    collectgarbage("setstepmul", 1000000)
  end
  collectgarbage() -- or what may still be allocated before the next cycle would come first
end

--- As Lua has it.
function collector.usual()
  if IS_54 then
    collectgarbage("incremental", 200, 100, 13)
  else
    collectgarbage("setpause", 200)
    collectgarbage("setstepmul", 200)
  end
end

return collector
