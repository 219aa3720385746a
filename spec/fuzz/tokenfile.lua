-- tokenfile.lua - fuzzes a token store's file: an entry that can be used as it is, or a miss. Nothing in it makes a token live
-- longer than a day, or a call raise. The input is the file; BOOT stands for this boot's id, NOW for the clock's time and DAY
-- for the day's.

local core = require "aicc.core"
local file = require "aicc.store.file"
local fuzzing = require "spec.support.fuzzing"
local token = require "aicc.token"

local check = fuzzing.check

local home = assert(os.getenv "AICC_FUZZ_HOME", "AICC_FUZZ_HOME: no folder for a file") .. "/tokens"
local path = assert(file.new { directory = home }):path("key", ".json")

return function(input)
  local now, day = core.now "boottime", core.now "realtime"
  local text = input:gsub("BOOT", core.boot_id()):gsub("NOW", ("%.3f"):format(now)):gsub("DAY", ("%.3f"):format(day))
  if not core.read_file(path, 1e6, "own") then assert(core.write_file(path, "")) end -- nobody else may read it
  fuzzing.write(path, text)
  local store = assert(file.new { directory = home })
  local entry, err = store:get "key"
  check(err == nil, "refused for its content", err and err.message)
  if entry then
    check(entry.ends > now and entry.ends - now <= 86400 + 1, "an end", entry.ends - now)
    if entry.failure then
      fuzzing.check_error(entry.failure)
    else
      check(entry.token:find "^[!-~]+$" and #entry.token <= 4096, "a token that is no header", entry.token)
      check(entry.hard <= entry.ends, "a window behind the end", entry.hard, entry.ends)
    end
    check(not entry.failure or not entry.token, "a token, and a failure")
  end
  -- Whoever asks for a token gets that one, a failure that was kept, or a new one.
  local fetched = false
  local source = token.new {
    store = store, key = "key", timeout = 15, now = function() return now end, sleep = function() return true end,
    request = function()
      fetched = true
      return { AccessToken = "new", Expires = "600" }
    end,
    random = function() return 0.5 end, emit = function() end,
    transport = { yields = function() return false end, is_alive = function() return true end },
  }
  local got, problem = source:get { operation = "token", timeout = 15, deadline = 60, remaining = function() return 60 end,
    aside = function(self) return self end }
  if got then
    check(got == "new" and fetched or entry and got == entry.token, "a token from nowhere", got)
    check(fetched or now < entry.hard, "a dead token")
  else
    fuzzing.check_error(problem)
    check(entry and entry.failure, "no token, and no reason", problem.message)
  end
  source:invalidate "new"
end
