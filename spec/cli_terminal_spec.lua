-- The command on a terminal: of 80 columns (tmux), where nothing wraps and a line is redrawn in place; and what it asks there.

local socket = require "socket"
local support = require "spec.support.jobs"
local terminal = require "spec.support.terminal"

describe("the command on a terminal #terminal #lua54", function()
  after_each(function()
    terminal.close(support.folders) -- a spec may have failed before it did
    support.clean()
  end)

  local wait_for, open_shell = terminal.wait_for, terminal.open

  -- With -J tmux joins what has wrapped.
  local function assert_narrow(screen)
    for line in screen:gmatch "[^\n]+" do assert.is_true(#line:gsub("%s+$", "") <= 80, line) end
  end

  it("stays within its 80 columns", function()
    local big = math.tointeger(2 ^ 53 - 1)
    local server = support.sandbox {
      agents = { [big] = support.agents(3000), [4] = support.agents(100) }, refuse_accounts = { a7 = true },
    }
    local folder = support.folder()
    support.csv(folder .. "/night.csv", support.range(4, 1, 100, support.range(big, 1, 1500)))
    local type_in, seen = open_shell(folder, server), {}
    type_in(("clear; bin/aicc plan %s/night.csv --rate 0"):format(folder))
    seen[#seen + 1] = wait_for(folder, "Apply it")
    type_in "clear; bin/aicc apply night --force --rate 8"
    seen[#seen + 1] = wait_for(folder, "Type yes")
    -- Thirty pages and one, the latter exactly full and so with another behind it; thirty chunks and two: 64, of which 5 at once.
    assert.matches("This takes at least 64 requests: 8 s at 8 requests a second%.\n", seen[#seen])
    type_in "yes"
    -- The bar while it moves: always one line of it.
    local bars = {}
    wait_for(folder, "night [2-9]%d%d/1600")
    for _ = 1, 30 do
      local screen = terminal.screen(folder)
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
    for _, screen in ipairs(seen) do assert_narrow(screen) end
    if os.getenv "AICC_SHOW" then print(seen[1], seen[2], seen[12], seen[#seen - 1], seen[#seen]) end
  end)

  it("folds what is longer, and shortens long names", function()
    local big = math.tointeger(2 ^ 53 - 1)
    local server = support.sandbox { agents = { [big] = support.agents(400) } }
    local folder = support.folder()
    support.csv(folder .. "/night.csv", support.range(big, 1, 100))
    local name = ("a-night-with-a-long-name-"):rep(3):sub(1, 64)
    assert.equal(0, (support.run(folder, server, ("plan %s/night.csv --rate 0 --job %s"):format(folder, name))))
    server:unbind(big, { "a1" })
    server:fault { operation = "release_agent_by_skill", to = math.huge, status = 403, body = "<html>" }
    local store = assert(require("aicc.jobs").open("sqlite:" .. folder .. "/aicc/jobs.db"))
    store.db:run "UPDATE jobs SET lines = 1000000"
    store:close()
    local type_in, seen = open_shell(folder, server), {}
    local function look(text, pattern)
      type_in("clear; " .. text)
      seen[#seen + 1] = wait_for(folder, pattern)
    end
    look(("bin/aicc apply %s --rate 50 --concurrency 3"):format(name), "to go on:[^$]*%-%-concurrency 3\n")
    assert.matches("not as planned: 0 more bound, 1 no more", seen[1])
    assert.matches("stopped: HTTP 403: not let in", seen[1])
    assert.matches("aicc: to go on: aicc resume \\\n  a%-night[%w-]* %-%-rate 50 \\\n", seen[1])
    look("bin/aicc jobs", "1000000 rows +%d+%-")
    assert.matches("\na%-night%-.*%.%.%.[%w-]+ running ", "\n" .. seen[2])
    look("bin/aicc status " .. name, "apply started")
    look("bin/aicc plan /nowhere", "No such file")
    -- What was typed wraps, of course.
    for _, screen in ipairs(seen) do assert_narrow((screen:gsub("%$ ?clear; [^\n]*", ""))) end
    if os.getenv "AICC_SHOW" then print(table.concat(seen, "\n----\n")) end
  end)

  it("asks before it goes beyond the blast radius, and takes no for an answer, and Ctrl-C", function()
    local server = support.sandbox { agents = { [3] = support.agents(10) } }
    local folder = support.folder()
    support.csv(folder .. "/night.csv", support.range(3, 1, 9))
    assert.equal(0, (support.run(folder, server, "plan --rate 0 " .. folder .. "/night.csv")))
    -- Waits until the command, which is the newest such process, sleeps in a read of its terminal: for ten seconds at most.
    local function await_reading()
      for _ = 1, 200 do
        local state = io.popen [[cat "/proc/$(pgrep -n -f 'bin/aicc [a-z]* night --force')/wchan" 2>/dev/null]]
        local where = state:read "a"
        state:close()
        if where:find "wait_woken" or where:find "tty" then return end
        socket.sleep(0.05)
      end
    end
    local function answer(keys, verb)
      local command = support.command(folder, server, verb .. " night --force --rate 0"):gsub('"', '\\"')
      local typing = os.tmpname()
      assert(os.execute(("rm %s && mkfifo %s"):format(typing, typing)))
      local pipe = io.popen(("script -qefc \"%s\" /dev/null <%s; echo status $?"):format(command, typing))
      local keyboard, output = assert(io.open(typing, "w")), ""
      repeat
        local byte = assert(pipe:read(1), output)
        output = output .. byte
      until output:find("Type yes: ", 1, true)
      await_reading()
      keyboard:write(keys)
      keyboard:flush()
      output = output .. pipe:read "a"
      pipe:close()
      keyboard:close()
      os.remove(typing)
      return tonumber(output:match "status (%d+)%s*$"), output
    end
    for _, no in ipairs { "no\n", "\n", "y\n" } do
      local status, output = answer(no, "apply")
      assert.equal(8, status, output)
      assert.matches("This takes at least 2 requests, without a limit to their rate%.%s+Release 9 agents of 1 queue%? Type yes: "
        .. ".*not confirmed; nothing was sent", output)
    end
    local status, output = answer("\3", "apply")
    assert.equal(130, status, output)
    assert.matches("interrupted; nothing was sent", output)
    assert.equal(10, #server:accounts(3))
    assert.equal(0, (answer("YES\n", "apply")))
    assert.equal(1, #server:accounts(3))
    assert.equal(8, (answer("no\n", "undo")))
    assert.equal(1, #server:accounts(3))
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
