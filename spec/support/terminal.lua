-- A terminal of 80 columns (tmux) in which the command runs, for specs to type into and to look at.

local socket = require "socket"

local terminal = {}

local function tmux(folder, arguments)
  local pipe = io.popen(("tmux -S %s/tmux %s 2>&1"):format(folder, arguments))
  local output = pipe:read "a"
  pipe:close()
  return output
end

--- What is on the screen, lines that wrapped joined.
function terminal.screen(folder) return tmux(folder, "capture-pane -p -J -t aicc") end

--- Waits until a pattern is on the screen (and `accept` likes it), for 15 seconds at most; returns the screen.
function terminal.wait_for(folder, pattern, accept)
  local screen
  for _ = 1, 300 do
    screen = terminal.screen(folder)
    if screen:find(pattern) and (not accept or accept(screen)) then return screen end
    socket.sleep(0.05)
  end
  error("never seen: " .. pattern .. "\n" .. screen)
end

--- A shell in a terminal, with the command's environment: a function that types a line.
function terminal.open(folder, server)
  local env = ("AICC_BASE_URL=%s AICC_APP_KEY=%s AICC_APP_SECRET=%s HOME=%s XDG_STATE_HOME=%s XDG_RUNTIME_DIR=%s"):format(
    server.base_url, server.app_key, server.app_secret, folder, folder, folder)
  tmux(folder, ("-u new-session -d -s aicc -x 80 -y 24 'env -u TMUX %s PS1=$ bash --norc'"):format(env))
  return function(text) tmux(folder, ("send-keys -t aicc '%s' Enter"):format(text)) end
end

--- Gives it another size.
function terminal.resize(folder, columns, lines) tmux(folder, ("resize-window -t aicc -x %d -y %d"):format(columns, lines)) end

--- Presses a key, by tmux's name of it.
function terminal.press(folder, key) tmux(folder, "send-keys -t aicc " .. key) end

--- What tmux knows of it, by one of its formats.
function terminal.ask(folder, format)
  return (tmux(folder, ("display-message -p -t aicc '%s'"):format(format)):gsub("\n$", ""))
end

--- Ends the terminals of these folders, if they have one.
function terminal.close(folders)
  for _, folder in ipairs(folders) do tmux(folder, "kill-server") end
end

return terminal
