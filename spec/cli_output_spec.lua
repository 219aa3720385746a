-- What the command prints, and how often: text folded for a terminal, progress that holds up nobody.

local cjson = require "cjson"
local core = require "aicc.core"
local fold = require "aicc.cli.fold"
local progress = require "aicc.cli.progress"
local support = require "spec.support.jobs"
local columns_of = require "aicc.cli.width"

describe("text on a terminal #lua54", function()
  it("is folded at words, and elsewhere only where there are none", function()
    assert.equal("one two\n  three\n  four", fold.text("one two three four", 8))
    assert.equal("one two three four", fold.text("one two three four", 18))
    assert.equal("one two three four", fold.text("one two three four", nil))
    assert.equal("abcdefgh\n  ijklmn", fold.text("abcdefghijklmn", 8))
    assert.equal("a\nb", fold.text("a\nb", 8))
    assert.equal("中文中文\n  中文中\n  文", fold.text("中文中文中文中文", 8)) -- two columns each
  end)

  it("keeps commands so that they can be pasted", function()
    assert.equal("go: aicc resume \\\n  night --force", fold.command("go: ", { "aicc", "resume", "night", "--force" }, 20))
    assert.equal("go: aicc resume night", fold.command("go: ", { "aicc", "resume", "night" }, nil))
  end)

  it("shows both ends of long names", function()
    assert.equal("abcd...wxyz", columns_of.shortened("abcdefghijklmnopqrstuvwxyz", 11))
    assert.equal("abc", columns_of.shortened("abc", 11))
  end)

  it("counts two columns for Chinese, none for accents that stand by themselves", function()
    for text, columns in pairs { ["中文"] = 4, ["e\204\129t\204\129"] = 2, ["ﾊﾝ"] = 2, ["한국"] = 4, ["ＡＢ"] = 4, ["É–"] = 2,
        ["😀"] = 2, ["\239\187\191a"] = 1, [""] = 0, ["(中)"] = 4 } do
      assert.equal(columns, columns_of.of(text), text)
    end
  end)

  it("brings any name to exactly so many columns, and cuts no character", function()
    local names = { ("技术支持"):rep(8), ("a技"):rep(25), ("e\204\129"):rep(33), "x", "", ("n"):rep(100), ("中"):rep(33) .. "n" }
    for _, name in ipairs(names) do
      for columns = 8, 60 do
        local padded = columns_of.padded(name, columns)
        assert.equal(columns, columns_of.of(padded), padded)
        assert.is_nil(padded:find "\239\191\189")
        assert.equal(padded, core.printable(padded, 1000))
      end
    end
    assert.equal("技术...北京 ", columns_of.padded("技术支持中心北京", 12))
  end)

  it("gives a terminal nothing to obey", function()
    assert.equal(" [31mred [0m", columns_of.harmless "\27[31mred\27[0m")
    assert.equal("a b c  31m d", columns_of.harmless "a\nb\tc\194\15531m\127d")
    assert.equal("a?b??", columns_of.harmless "a\226\128\174b\226\129\166\226\128\168")
    assert.equal("a?b", columns_of.harmless "a\255b")
    assert.is_nil(columns_of.harmless(nil))
  end)
end)

describe("progress #lua54", function()
  local now, written

  local function make(mode, width)
    now, written = 1000, {}
    return progress.new("night", {
      mode = mode, clock = function() return now end, width = function() return width or 79 end,
      stream = { write = function(_, ...) written[#written + 1] = table.concat { ... } end, flush = function() end },
      emit = function(event) written[#written + 1] = cjson.encode(event) end,
    })
  end

  -- 100,000 rows in 10 seconds, each of them told of.
  local function work(bar)
    for i = 1, 100000 do
      now = now + 0.0001
      bar:update { total = 100000, done = i, failed = 0, unknown = 0 }
    end
    bar:finish()
  end

  for mode, most in pairs { bar = 103, lines = 10, events = 12, short = 0, none = 0 } do
    it(("writes at most %d times of 100,000 (%s)"):format(most, mode), function()
      work(make(mode))
      assert.is_true(#written <= most, #written .. " writes")
      assert.is_true(#written >= most * 0.9, #written .. " writes")
    end)
  end

  it("never says more than is done, nor that less is left", function()
    for _, case in ipairs { -- total, done, failed, unknown, seconds; what is told
      { 3, 1, 0, 0, 10, "night  33%% 1/3 0.1/s 0:20 left\n" }, { 3, 2, 0, 0, 3, "night  66%% 2/3 0.6/s 0:02 left\n" },
      { 1000, 999, 0, 0, 1, "night  99%% 999/1000 999/s 0:01 left\n" },
      { 3, 1, 1, 1, 2, "night 100%% 3/3 (1 failed, 1 unknown) 1.5/s\n" },
      { 10, 1, 0, 1, 100, "night  20%% 2/10 (1 unknown) 0.0/s 6:40 left\n" },
      { 100000, 10001, 0, 0, 4500, "night  10%% 10001/100000 2.2/s 12 h left\n" }, -- 40,495.5 s
      { 2, 3, 0, 0, 1, "night 100%% 3/2 3.0/s\n" }, -- a queue that shrank on the way
    } do
      local bar = make "lines"
      bar:update { total = case[1], done = 0, failed = 0, unknown = 0 }
      now = now + case[5]
      bar:update { total = case[1], done = case[2], failed = case[3], unknown = case[4] }
      assert.equal(case[6]:gsub("%%%%", "%%"), table.concat(written))
    end
    for total = 1, 40 do
      for done = 0, total do
        local bar = make("bar", 79)
        now = now + 1
        bar:update { total = total, done = done, failed = 0, unknown = 0 }
        local filled, empty, percent = written[1]:match "%[(#*)(%.*)%] *(%d+)%%"
        assert.is_true(#filled / (#filled + #empty) <= done / total and percent / 100 <= done / total)
        assert.equal(done == total, percent == "100")
      end
    end
  end)

  it("is never wider than the terminal, whatever the name", function()
    for _, width in ipairs { 79, 40, 20 } do
      local bar = make("bar", width)
      bar.title = ("night-"):rep(10)
      now = now + 1
      bar:update { total = 1000000, done = 1234, failed = 5, unknown = 0 }
      local line = written[1]:gsub("^\r", ""):gsub("\27%[K$", "")
      assert.is_true(#line <= width, line)
      if width == 79 then assert.matches("^night.*%.%.%..* 1239/1000000 %(5 failed%) %[#*%.*%]", line) end
    end
  end)
end)

describe("the command's output #lua54", function()
  local folder, server

  before_each(function()
    folder = support.folder()
    server = support.sandbox { agents = { [3] = support.agents(400) } }
  end)
  after_each(support.clean)

  local function run(arguments) return support.run(folder, server, arguments) end

  local function plan(list)
    support.csv(folder .. "/night.csv", list)
    assert.equal(0, (run("plan --rate 0 --chunk 5 " .. folder .. "/night.csv")))
  end

  it("for machines has progress, notes and a summary as events", function()
    plan(support.range(3, 1, 60))
    server:unbind(3, { "a1" })
    server:clear()
    server:fault { operation = "release_agent_by_skill", status = 429, headers = { ["Retry-After"] = "1" } }
    local _, out, err = run "apply night --json --rate 20"
    local events, last = {}, nil
    for line in out:gmatch "[^\n]+" do
      local event = cjson.decode(line)
      if event.event == "progress" then
        assert.same({ "number", "number", "number" }, { type(event.done), type(event.failed), type(event.unknown) })
        last = event
      end
      events[event.event] = event
    end
    assert.equal("", err)
    assert.same({ 59, 59 }, { last.total, last.done })
    assert.same({ 3, 1 }, { events.difference.skill_id, events.difference.lost })
    assert.equal(1, events.throttled.seconds)
    assert.equal(59, events.summary.counts.released)
  end)

  it("of a report is JSON Lines with --json", function()
    plan(support.range(3, 1, 2))
    local _, out = run "report night --json"
    assert.equal("planned", cjson.decode(out:match "[^\n]+").status)
    _, out = run "report night --json --format csv"
    assert.matches("^skill_id,", out)
  end)

  it("of a report can be planned again, account for account", function()
    local names = { "+861001", "=x", "-1", "@x", "'=x", "'x", 'a"b', "plain", "''+1" }
    local list = {}
    for i, name in ipairs(names) do list[i] = { 3, name } end
    local store = assert(require("aicc.jobs").open("sqlite:" .. folder .. "/jobs.db"))
    support.plan(store, assert(server:client()), list)
    store:close()
    local _, out = run(("report night --store sqlite:%s/jobs.db"):format(folder))
    local file = assert(io.open(folder .. "/again.csv", "w"))
    file:write(out)
    file:close()
    assert.equal(0, (run("plan --rate 0 " .. folder .. "/again.csv")))
    _, out = run "report again --json"
    local at = 0
    for line in out:gmatch "[^\n]+" do
      at = at + 1
      assert.equal(names[at], cjson.decode(line).user_account)
    end
    assert.equal(#names, at)
  end)

  it("of an undo tells a screenful of what is not restored, and no word of what it did not come to", function()
    plan(support.range(3, 1, 60))
    assert.equal(0, (run "apply night --rate 0"))
    local refused = {}
    for i = 1, 30 do refused["a" .. i] = true end
    server = support.sandbox { agents = { [3] = support.agents(0) }, refuse_accounts = refused }
    local status, out = run "undo night --rate 0"
    local lines = select(2, out:gsub("not restored: 3,a%d+: agent account", ""))
    assert.equal(1, status)
    assert.equal(20, lines)
    assert.matches("\nand 10 more: aicc report night %-%-json\n", out)
    assert.matches("60 released rows: 30 restored, 0 bound again already, 30 not restored\n", out)
  end)

  it("of an undo says of nobody that they are not restored of whom nobody knows", function()
    plan(support.range(3, 1, 3))
    assert.equal(0, (run "apply night --rate 0"))
    server:fault { operation = "bind_agents", to = math.huge, close = "request", apply = true }
    server:fault { operation = "query_agents", from = 9, to = math.huge, status = 403, body = "<html>" }
    local status, out = run "undo night --rate 0"
    assert.equal(4, status)
    assert.is_nil(("\n" .. out):find "\nnot restored")
    assert.equal(1, select(2, out:gsub("perhaps not restored: 3,a%d+: ", "")))
    assert.matches("3 released rows: 0 restored, 0 bound again already, 0 not restored, 1 unknown, 2 still to do\n", out)
  end)

  it("of an undo that was stopped lists nobody whose turn did not come", function()
    plan(support.range(3, 1, 60))
    assert.equal(0, (run "apply night --rate 0"))
    server:fault { operation = "bind_agents", to = math.huge, status = 403, body = "<html>" }
    local status, out = run "undo night --rate 0"
    assert.equal(4, status)
    assert.equal("60 released rows: 0 restored, 0 bound again already, 0 not restored, 60 still to do\n", out)
    out = select(2, run "status night")
    assert.matches("\napply finished %d", out)
  end)
end)

describe("the man page #lua54", function()
  local function read(path)
    local file = assert(io.open(path))
    local text = file:read "a"
    file:close()
    return text
  end

  it("knows every command and every option", function()
    local man = read("doc/aicc.1"):gsub("\\", "")
    for _, command in ipairs(require("aicc.cli.parser").build()._commands) do
      assert.is_truthy(man:find("aicc " .. command._name .. "[^%w]"), command._name .. " in the man page")
      for _, option in ipairs(command._options) do
        local long = option._aliases[#option._aliases]
        assert.is_truthy(man:find(long, 1, true), long .. " in the man page")
      end
    end
  end)
end)
