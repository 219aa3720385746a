-- The command on a terminal: of 80 columns (tmux), where nothing wraps and a line is redrawn in place; and what it asks there.

local socket = require "socket"
local support = require "spec.support.jobs"

describe("the command on a terminal #terminal #lua54", function()
  after_each(support.clean)

  local function tmux(folder, arguments)
    local pipe = io.popen(("tmux -S %s/tmux %s 2>&1"):format(folder, arguments))
    local output = pipe:read "a"
    pipe:close()
    return output
  end

  local function wait_for(folder, pattern)
    local screen
    for _ = 1, 300 do
      screen = tmux(folder, "capture-pane -p -J -t aicc")
      if screen:find(pattern) then return screen end
      socket.sleep(0.05)
    end
    error("never seen: " .. pattern .. "\n" .. screen)
  end

  it("stays within its 80 columns", function()
    local big = math.tointeger(2 ^ 53 - 1)
    local server = support.sandbox {
      agents = { [big] = support.agents(3000), [4] = support.agents(100) }, refuse_accounts = { a7 = true },
    }
    local folder = support.folder()
    support.csv(folder .. "/night.csv", support.range(4, 1, 100, support.range(big, 1, 1500)))
    local env = ("AICC_BASE_URL=%s AICC_APP_KEY=%s AICC_APP_SECRET=%s HOME=%s XDG_STATE_HOME=%s XDG_RUNTIME_DIR=%s"):format(
      server.base_url, server.app_key, server.app_secret, folder, folder, folder)
    tmux(folder, ("new-session -d -s aicc -x 80 -y 24 'env -u TMUX %s PS1=$ bash --norc'"):format(env))
    local function type_in(text) tmux(folder, ("send-keys -t aicc '%s' Enter"):format(text)) end
    local seen = {}
    type_in(("clear; bin/aicc plan %s/night.csv --rate 0"):format(folder))
    seen[#seen + 1] = wait_for(folder, "Apply it")
    type_in "clear; bin/aicc apply night --force --rate 8"
    seen[#seen + 1] = wait_for(folder, "Type yes")
    type_in "yes"
    -- The bar while it moves: always one line of it.
    local bars = {}
    wait_for(folder, "night [2-9]%d%d/1600")
    for _ = 1, 30 do
      local screen = tmux(folder, "capture-pane -p -J -t aicc")
      seen[#seen + 1] = screen
      local count = select(2, screen:gsub("night %d+/1600", ""))
      assert.equal(1, count, screen)
      bars[screen:match "night %d+/[^\n]*"] = true
      socket.sleep(0.05)
    end
    local different = 0
    for bar in pairs(bars) do
      different = different + 1
      assert.is_true(#bar <= 79, bar)
    end
    assert.is_true(different > 3, different .. " bars\n" .. seen[#seen])
    seen[#seen + 1] = wait_for(folder, "1600 rows: .*failed")
    type_in "clear; bin/aicc undo night --force --yes --rate 0"
    seen[#seen + 1] = wait_for(folder, "released rows: ")
    type_in "clear; bin/aicc status night; bin/aicc jobs; bin/aicc --help | head -14"
    seen[#seen + 1] = wait_for(folder, "undone: ")
    tmux(folder, "kill-server")
    for _, screen in ipairs(seen) do
      -- With -J tmux joins what has wrapped.
      for line in screen:gmatch "[^\n]+" do assert.is_true(#line:gsub("%s+$", "") <= 80, line) end
    end
    if os.getenv "AICC_SHOW" then print(seen[1], seen[2], seen[12], seen[#seen - 1], seen[#seen]) end
  end)

  it("asks for the queue's number before it empties one", function()
    local server = support.sandbox { agents = { [3] = { "a1", "a2", "a3" } } }
    local folder = support.folder()
    local function type_in(text)
      local command = support.command(folder, server, "release --skill 3 --all"):gsub('"', '\\"')
      local _, _, status = os.execute(('printf "%s\\n" | script -qefc "%s" /dev/null >/dev/null'):format(text, command))
      return status
    end
    assert.equal(8, type_in "4")
    assert.equal(3, #server:accounts(3))
    assert.equal(0, type_in "3")
    assert.equal(0, #server:accounts(3))
  end)
end)
