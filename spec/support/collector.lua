-- A collector that is always at work: what nobody holds is gone soon, and its memory somebody else's.
--
-- As `make check-gc` has it for whole runs, through LUA_INIT: AICC_COLLECTOR is "incremental" (a cycle for every few KiB that are
-- allocated) or "generational" (a minor one for each per cent). A spec that wants more asks for `eager`.

local collector = {}

local IS_54 = _VERSION == "Lua 5.4"

--- Sets the pause and the multiplier of steps (nil: leaves it); returns what they were. 5.5 has other words for it.
function collector.tune(pause, multiplier)
  if _VERSION == "Lua 5.5" then
    if multiplier then -- there 0 means steps that are a whole cycle, and how often they come is a matter of its own
      collectgarbage("param", "stepsize", multiplier >= 1000 and 1 or 200)
      multiplier = multiplier >= 1000 and 0 or multiplier
    end
    return pause and collectgarbage("param", "pause", pause), multiplier and collectgarbage("param", "stepmul", multiplier)
  end
  return pause and collectgarbage("setpause", pause), multiplier and collectgarbage("setstepmul", multiplier)
end

--- From now on every allocation that the collector looks at makes it go all the way. Too slow for more than some rows.
function collector.eager()
  if IS_54 then
    collectgarbage("incremental", 1, 1000, 100) -- the last one: steps of 2^100 bytes, which are a whole cycle
  else
    collector.tune(nil, 1000000)
  end
  collector.tune(0)
  collectgarbage() -- or what may still be allocated before the next cycle would come first
end

--- As this run has it: for most, as Lua has it.
function collector.usual()
  local mode = os.getenv "AICC_COLLECTOR"
  if IS_54 and mode == "generational" then
    collectgarbage("generational", 1, 1)
  elseif IS_54 then
    collectgarbage("incremental", 200, mode == "incremental" and 400 or 100, mode == "incremental" and 7 or 13)
  else
    collector.tune(nil, 200)
  end
  if mode ~= "generational" then collector.tune(mode == "incremental" and 0 or 200) end
  collectgarbage()
end

return collector
