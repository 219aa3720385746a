-- core.append_to: lines that several may append to one file, each in a single write; and which files it refuses.

local core = require "aicc.core"
local lfs = require "lfs"

describe("a file that lines are appended to", function()
  local folder, path

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    path = folder .. "/log"
  end)
  after_each(function() os.execute("rm -rf " .. folder) end)

  local function read()
    local file = assert(io.open(path))
    local text = file:read "*a"
    file:close()
    return text
  end

  local function write(text)
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
  end

  it("is made 0600, and gets whole lines, of two who have it open in turn", function()
    local one, other = assert(core.append_to(path, '{"')), assert(core.append_to(path, '{"'))
    assert.equal("rw-------", lfs.attributes(path, "permissions"))
    assert.is_true(one:line '{"a":1}')
    assert.is_true(other:line(('{"b":"%s"}'):format(("x"):rep(100000))))
    assert.is_true(one:line '{"c":3}')
    one:close()
    one:close() -- once more does nothing
    other:close()
    assert.equal(('{"a":1}\n{"b":"%s"}\n{"c":3}\n'):format(("x"):rep(100000)), read())
  end)

  it("gets a line of its own where the last one has no end, whoever left it so, and whenever", function()
    write '{"cut'
    local file = assert(core.append_to(path, '{"'))
    assert.is_true(file:line '{"a":1}')
    local other = assert(io.open(path, "a"))
    other:write '{"cut'
    other:close()
    assert.is_true(file:line '{"b":2}')
    assert.equal('{"cut\n{"a":1}\n{"cut\n{"b":2}\n', read())
  end)

  it("is refused where it is something else", function()
    for text, expected in pairs { ["skill_id,user\n"] = false, ["{"] = true, [""] = true, ['{"x'] = true, ["{x"] = false } do
      write(text)
      local file, problem = core.append_to(path, '{"')
      assert.equal(expected, file ~= nil, text)
      if not file then assert.equal(path .. ": there is something else in it", problem) end
      assert.equal(text, read())
    end
    assert(os.execute("chmod 602 " .. path))
    assert.same({ nil, path .. ": everybody may write to it: chmod o-w" }, { core.append_to(path, "") })
    assert.same({ nil, folder .. ": cannot open: Is a directory" }, { core.append_to(folder, "") })
    assert(os.execute(("ln -s log %s/link; mkfifo %s/pipe"):format(folder, folder)))
    assert.same({ nil, folder .. "/link: it is a symbolic link: name the file that it leads to" },
      { core.append_to(folder .. "/link", "") })
    assert.same({ nil, folder .. "/pipe: it is not a regular file" }, { core.append_to(folder .. "/pipe", "") })
    assert.has_error(function() core.append_to("a\0b", "") end)
  end)

  it("tells misuse, and is closed when nobody has it any more", function()
    local file = assert(core.append_to(path, ""))
    assert.has_error(function() file:line(nil) end)
    file:close()
    local ran, problem = pcall(file.line, file, "x")
    assert.is_false(ran)
    assert.matches("it is closed", problem)
    local function count()
      collectgarbage()
      collectgarbage()
      local n = 0
      for _ in lfs.dir "/proc/self/fd" do n = n + 1 end
      return n
    end
    local before = count()
    for _ = 1, 20 do core.append_to(path, "") end
    assert.equal(before, count())
  end)
end)
