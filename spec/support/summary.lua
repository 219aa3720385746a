-- busted's own report, with a last line that a person and a CI can read: "N passed, M failed[, K skipped]".
--
-- The line goes to the file $AICC_TALLY too, if that is set. A run that crashed, or that a spec ended with os.exit, writes
-- neither: so a caller that wants the file knows that busted came to its end.

local busted = require "busted"
local term = require "term"

local function closing_line(passed, failed, skipped)
  return ("%d passed, %d failed%s\n"):format(passed, failed, skipped > 0 and (", %d skipped"):format(skipped) or "")
end

return function(options)
  local style = term.isatty(io.stdout) and "utfTerminal" or "plainTerminal"
  local handler = require("busted.outputHandlers." .. style)(options)
  local passed, failed, skipped = 0, 0, 0

  busted.subscribe({ "suite", "end" }, function() -- once for each round of --repeat
    passed = passed + handler.successesCount
    failed = failed + handler.failuresCount + handler.errorsCount
    skipped = skipped + handler.pendingsCount
    return nil, true
  end)

  busted.subscribe({ "exit" }, function()
    local line = closing_line(passed, failed, skipped)
    io.stdout:write(line)
    io.stdout:flush()
    local path = os.getenv "AICC_TALLY"
    if path then
      local file = assert(io.open(path, "w"))
      file:write(line)
      file:close()
    end
    return nil, true
  end)

  return handler
end
