-- Names on a terminal of 80 columns: of 100 bytes, in Chinese, with escape sequences; they stay aligned, and nothing obeys them.
-- And what release --agent asks there.

local support = require "spec.support.jobs"
local terminal = require "spec.support.terminal"
local width = require "aicc.cli.width"

describe("names on a terminal #terminal #lua54", function()
  local CHINESE = ("技术支持中心北京"):rep(5):sub(1, 99)
  local NAMES = { [3] = CHINESE, [4] = ("n"):rep(100), [5] = "Sales\27[31m\27]0;x\7red\226\128\174", [6] = ("a技"):rep(25),
    [9007199254740991] = "客服" }

  local function start()
    local agents = { [3] = { { userAccount = "1001", agentWeight = 5, skillWeight = 2 } } }
    for queue in pairs(NAMES) do agents[queue] = agents[queue] or { "1001", "1002" } end
    return support.sandbox { agents = agents, queues = NAMES, people = { ["1001"] = "李" .. ("雷"):rep(32) } }
  end

  after_each(function()
    terminal.close(support.folders)
    support.clean()
  end)

  -- The lines of a table on the screen, from the one that has these titles on.
  local function lines_of(screen, titles)
    local lines, is_in = {}, false
    for line in screen:gmatch "[^\n]+" do
      line = line:gsub("%s+$", "")
      is_in = is_in or line:find(titles) ~= nil
      if is_in and line:find "^%s*[%dq]" then lines[#lines + 1] = line end
    end
    return lines
  end

  -- In which column of the screen the last number of each line ends.
  local function assert_aligned(lines, count)
    assert.equal(count, #lines, table.concat(lines, "\n"))
    local ends = width.of(lines[1])
    for _, line in ipairs(lines) do
      assert.is_true(width.of(line) <= 79, line)
      assert.equal(ends, width.of(line), table.concat(lines, "\n"))
    end
  end

  it("of queues and of an agent's queues are aligned within 80 columns, and harmless", function()
    local server, folder = start(), support.folder()
    local type_in, seen = terminal.open(folder, server), {}
    local function look(command, pattern)
      type_in("clear; bin/aicc " .. command .. "; echo done.")
      seen[#seen + 1] = terminal.wait_for(folder, pattern)
      return seen[#seen]
    end
    local screen = look("agent 1001", "skill weight.*\ndone%.")
    assert_aligned(lines_of(screen, "skill weight"), 6)
    assert.matches("%.%.%.", screen)
    assert.matches("Sales %[31m %]0;x red%?", screen)
    screen = look("queues --count", "agents.*\ndone%.")
    assert_aligned(lines_of(screen, "queue +name"), 6)
    screen = look("release --agent 1001 --except 3", "Type yes: ")
    type_in "no"
    terminal.wait_for(folder, "nothing was sent")
    for line in screen:gmatch "[^\n]+" do assert.is_true(width.of((line:gsub("%s+$", ""))) <= 80, line) end
    if os.getenv "AICC_SHOW" then print(table.concat(seen, "\n----\n")) end
  end)

  it("of a plan's and a job's queues are aligned too", function()
    local server, folder = start(), support.folder()
    local file = assert(io.open(folder .. "/leavers.csv", "w"))
    file:write "user_account\n1001\n"
    file:close()
    local type_in = terminal.open(folder, server)
    type_in(("clear; bin/aicc plan --rate 0 --agents %s/leavers.csv; echo done."):format(folder))
    local screen = terminal.wait_for(folder, "Apply it.*\ndone%.")
    for line in screen:gmatch "[^\n]+" do assert.is_true(width.of((line:gsub("%s+$", ""))) <= 80, line) end
    local lefts = {}
    for line in screen:gmatch "[^\n]+" do
      local before = line:match "^(%s*%d+  .* %d+ +%d+ +%d+ +%d+)" or line:match "^(queue .* left)"
      if before then lefts[width.of(before)] = true end
    end
    local ends = {}
    for column in pairs(lefts) do ends[#ends + 1] = column end
    assert.equal(1, #ends, screen)
    if os.getenv "AICC_SHOW" then print(screen) end
  end)

  it("and accounts are shown before somebody leaves all of their queues: yes, no, Ctrl-C", function()
    local server, folder = start(), support.folder()
    local function answer(text)
      local command = support.command(folder, server, "release --agent 1001 --except 3"):gsub('"', '\\"')
      local pipe = io.popen(('printf "%s\\n" | script -qefc "%s" /dev/null; echo status $?'):format(text, command))
      local said = pipe:read "a"
      pipe:close()
      return tonumber(said:match "status (%d+)%s*$"), said
    end
    local status, said = answer "no"
    assert.equal(8, status, said)
    assert.matches("Release 1 agent from their queues %(4 bindings in all%)%? Type yes: ", said)
    assert.equal(2, #server:accounts(4))
    assert.equal(0, (answer "yes"))
    for _, queue in ipairs { 4, 5, 6, 9007199254740991 } do assert.same({ "1002" }, server:accounts(queue)) end
    assert.same({ "1001" }, server:accounts(3))
  end)
end)
