-- aicc status --watch on a terminal (tmux), while another process applies: redrawn in place, whatever size the terminal has.

local processes = require "spec.support.processes"
local support = require "spec.support.jobs"
local terminal = require "spec.support.terminal"
local width = require "aicc.cli.width"

describe("a job that is watched on a terminal #terminal #lua54", function()
  local folder, server, type_in

  before_each(function()
    local agents, names, rows = {}, {}, {}
    for q = 1, 30 do
      agents[q], names[q] = support.agents(120), (q % 2 == 0 and "技术支持 " or "Support ") .. q
      support.range(q, 1, 40, rows)
    end
    server = support.sandbox { agents = agents, queues = names, refuse_accounts = { a7 = true } }
    folder = support.folder()
    support.csv(folder .. "/night.csv", rows)
    assert.equal(0, (support.run(folder, server, ("plan --rate 0 --chunk 20 %s/night.csv"):format(folder))))
    type_in = terminal.open(folder, server)
  end)
  after_each(function()
    terminal.close(support.folders)
    support.clean()
  end)

  local function apply(rate)
    return processes.spawn(support.command(folder, server, "apply night --force --yes --rate " .. rate))
  end

  -- Whether one picture fills the screen, and nothing else is on it: from the first line on, and no line wraps.
  local function is_whole(screen, columns, rows)
    if not screen:find "^night: " or select(2, screen:gsub("\n", "")) > (rows or 24) then return false end
    for line in screen:gmatch "[^\n]+" do
      if width.of((line:gsub("%s+$", ""))) >= columns then return false end
    end
    return select(2, screen:gsub("night: %l", "")) == 1 and select(2, screen:gsub("queue  name", "")) == 1
  end

  local function assert_whole(screen) assert.is_true(is_whole(screen, 80), screen) end

  it("is redrawn in place while another process applies it, and leaves the terminal as it was", function()
    type_in "clear; echo before; bin/aicc status night --watch 0.2; echo status $?"
    local screen = terminal.wait_for(folder, "nobody has begun: aicc apply night")
    assert_whole(screen)
    -- Two pages each, two chunks each.
    assert.matches("\n0 of 1200 agents released, 1200 left\nat least 120 requests left: 24 s at 5 requests a second *\n", screen)
    assert.matches("\nand %d+ more: %d+ planned", screen)
    local worker = apply(25)
    local seen = {}
    repeat
      screen = terminal.wait_for(folder, "running, worked on by process " .. worker.pid .. " on [^\n]*\n%[#[#x?]*%.+%] +%d+%%")
      assert_whole(screen)
      seen[screen:match "\n(%d+) of 1200"] = true
      local count = 0
      for _ in pairs(seen) do count = count + 1 end
    until count >= 3 and screen:find "agents a second: [^\n]* until %d%d:%d%d:%d%d"
    if os.getenv "AICC_SHOW" then print(screen) end
    assert.matches("\nat least %d+ requests left: [%d smin]+ at 25 requests a second, until %d%d:%d%d:%d%d *\n", screen)
    assert.matches("\n *%d+  [^\n]* at work  [#.x?]+", screen)
    -- Another size.
    for _, size in ipairs { { 50, 12 }, { 110, 40 } } do
      terminal.resize(folder, size[1], size[2])
      -- The larger one has room for all queues.
      screen = terminal.wait_for(folder, size[2] > 30 and "\n +30  技" or "\nand %d%d more: ", function(text)
        return is_whole(text, size[1], size[2])
      end)
    end
    assert.matches("at work +[#.x?]+", screen)
    terminal.resize(folder, 80, 24)
    worker:signal "INT"
    assert.equal(130, (worker:wait()))
    assert_whole(terminal.wait_for(folder, "nobody works on it: aicc resume night"))
    assert.equal(1, (apply(0):wait())) -- a7 is refused everywhere
    screen = terminal.wait_for(folder, "status 0\n")
    assert.matches("before\nnight: finished\n1200 rows: 1170 released, 30 failed\n", screen)
    assert.is_nil(screen:find "agents a second")
  end)

  it("ends by Ctrl-C, with the terminal as it was", function()
    type_in "clear; echo before; bin/aicc status night --watch; echo status $?; echo shown"
    terminal.wait_for(folder, "nobody has begun")
    terminal.press(folder, "C-c")
    local screen = terminal.wait_for(folder, "shown\n")
    assert.matches("before\n[^\n]*aicc: interrupted; nobody works on the job\nstatus 130\nshown\n", screen)
    assert.equal("1", terminal.ask(folder, "#{cursor_flag}")) -- it is seen
    assert.equal("0", terminal.ask(folder, "#{alternate_on}"))
  end)

  it("leaves the terminal to the shell while Ctrl-Z has stopped it, and in the background, and comes back", function()
    local function assert_is_the_shells(screen)
      assert.matches("before\n", screen)
      assert.same({ "0", "1" }, { terminal.ask(folder, "#{alternate_on}"), terminal.ask(folder, "#{cursor_flag}") })
    end
    type_in "clear; set +H; echo before; bin/aicc status night --watch 0.1"
    terminal.wait_for(folder, "nobody has begun")
    terminal.press(folder, "C-z")
    assert_is_the_shells(terminal.wait_for(folder, "Stopped +"))
    type_in "bg >/dev/null; jobs -r"
    assert_is_the_shells(terminal.wait_for(folder, "Running +"))
    type_in "fg"
    assert_whole(terminal.wait_for(folder, "nobody has begun"))
    assert.equal("1", terminal.ask(folder, "#{alternate_on}"))
    -- Stopped so that it cannot put anything in order before: the shell writes on its screen, and it draws that anew.
    assert(os.execute(("pkill -STOP -P %d"):format(terminal.ask(folder, "#{pane_pid}"))))
    terminal.wait_for(folder, "Stopped +")
    type_in "fg"
    assert_whole(terminal.wait_for(folder, "^night: [^$]*nobody has begun", function(screen) return is_whole(screen, 80) end))
    terminal.press(folder, "C-c")
    assert_is_the_shells(terminal.wait_for(folder, "nobody works on the job"))
  end)

  it("is block after block where the terminal can do nothing", function()
    type_in "clear; TERM=dumb bin/aicc status night --watch 0.2 | cat; echo over"
    assert.equal(1, (apply(0):wait()))
    local screen = terminal.wait_for(folder, "over\n")
    assert.matches("30 +技术支持 30 +40 +39 +1 +done +#+x\nover\n", screen)
  end)
end)
