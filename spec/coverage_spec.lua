-- What `make coverage` notes of Lua, and what it says of files and reasons. (`make check-coverage` runs it on a few specs.)

local coverage = require "spec.support.coverage"
local processes = require "spec.support.processes"

describe("the recorder of make coverage #lua54 #nosan", function()
  local folder, recorder

  local function run(command)
    local status, output = processes.spawn("sh -c " .. processes.quote(command)):wait()
    assert.equal(0, status, output)
  end

  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    recorder = folder .. "/recorder"
    run(("mkdir -p %s/lua/aicc"):format(folder))
    run(("cc -std=c99 -shared -fPIC $(pkg-config --cflags lua5.4) -DHITS='\"%s.hits\"' -Wl,--wrap=luaL_newstate -o %s.so %s")
      :format(recorder, recorder, "spec/support/coverage.c"))
  end)
  teardown(function() os.execute("rm -rf " .. folder) end)

  -- Runs a program, which is below lua/, with the recorder, and kills it once it says so. Returns the lines that were run.
  local function lines_of(program)
    local path = folder .. "/lua/aicc/program.lua"
    local file = assert(io.open(path, "w"))
    file:write(program)
    file:close()
    coverage.prepare(recorder .. ".hits", { "lua/aicc/other.lua", "lua/aicc/program.lua" })
    local process = processes.spawn("lua5.4 " .. path, {
      LUA_INIT_5_4 = ('package.loadlib("%s.so", "luaopen_coverage")()'):format(recorder),
    })
    local said = process:line()
    process:signal "KILL"
    process:wait()
    local noted, lines = coverage.read(recorder .. ".hits"), {}
    assert.falsy(noted["lua/aicc/other.lua"]:find "\1")
    for line in noted["lua/aicc/program.lua"]:gmatch "()\1" do lines[#lines + 1] = line - 1 end
    return lines, said
  end

  it("notes what is run in coroutines, and of a process that is killed", function()
    local lines, said = lines_of [[
local function never()
  return 1
end
coroutine.wrap(function()
  local inner = coroutine.create(function()
    io.write("in a coroutine ")
  end)
  coroutine.resume(inner)
end)()
if not never then
  never()
end
print("done") -- which flushes
while true do end]]
    assert.equal("in a coroutine done", said)
    assert.same({ 3, 4, 5, 6, 7, 8, 9, 10, 13 }, { table.unpack(lines, 1, 9) })
  end)

  it("goes on beside a hook of debug.sethook's, which gets what it asked for and no more", function()
    local lines, said = lines_of [[
local calls, lines = 0, 0
local function called() end
debug.sethook(function(event) if event == "line" then lines = lines + 1 else calls = calls + 1 end end, "c")
called()
called()
local hook, mask = debug.gethook()
debug.sethook()
local after = calls
called()
print(type(hook), mask, calls - after, lines, calls >= 2, debug.gethook() == nil)]]
    assert.equal("function\tc\t0\t0\ttrue\ttrue", said)
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, { table.unpack(lines, 1, 10) })
  end)

  it("allocates nothing of Lua's", function()
    local _, said = lines_of [[
collectgarbage "stop"
local n = 0
local before = collectgarbage "count"
for i = 1, 1000 do
  n = n + i
end
print(collectgarbage "count" - before)]]
    assert.equal("0.0", said)
  end)
end)

describe("what make coverage says", function()
  -- n lines, of which the last `missed` were not run.
  local function file(n, missed)
    local lines = {}
    for line = 1, n do lines[line] = line <= n - missed end
    return lines
  end

  local LINES = { ["src/a.c"] = file(100, 5), ["lua/b.lua"] = file(100, 6), ["lua/c.lua"] = file(20, 20) }
  local function exists(path) return LINES[path] ~= nil end

  local PATHS = { "src/a.c", "lua/b.lua", "lua/c.lua" }

  it("is each file's share, the lines of those below 95 % with the reason, and the sums", function()
    local report, wrong, needless = coverage.judge(PATHS, LINES, { ["lua/b.lua"] = "because", ["lua/c.lua"] = "hosts" }, exists)
    assert.same({
      "  95.0 %    100 lines  src/a.c",
      "  94.0 %    100 lines  lua/b.lua", "            not run: 95-100", "            because",
      "   0.0 %     20 lines  lua/c.lua", "            not run: 1-20", "            hosts",
      "  95.0 %    100 lines  all of c", "  78.3 %    120 lines  all of lua",
    }, report)
    assert.same({ {}, {} }, { wrong, needless })
  end)

  it("is wrong without a reason, and with one for a file that is gone; one that is not needed is told", function()
    local reasons = { ["src/a.c"] = "x", ["lua/b.lua"] = "y", ["src/gone.c"] = "z" }
    local _, wrong, needless = coverage.judge(PATHS, LINES, reasons, exists)
    assert.same({ "lua/c.lua has 0.0 %, and no reason", "src/gone.c has a reason, and is not there" }, wrong)
    assert.same({ "src/a.c has 95.0 %, and needs no reason" }, needless)
  end)
end)
