-- Reading rows: CSV, JSON Lines, iterators; every bad line is told of; memory does not grow with the rows.

local input = require "aicc.jobs.input"
local support = require "spec.support.jobs"

describe("rows #lua54", function()
  after_each(support.clean)

  local function read(text)
    local path = support.folder() .. "/rows"
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    local reader, err = input.open(path)
    if not reader then return nil, err end
    local rows = {}
    for line, skill, account in reader do rows[#rows + 1] = { line, skill, account } end
    return rows
  end

  it("are read from CSV with a BOM, CRLF, quotes and either spelling of the names", function()
    assert.same({ { 2, 3, "1001" }, { 4, 3, 'a "b", c' }, { 5, 2 ^ 53 - 1, "x" } },
      read '\239\187\191"userAccount",other,skillId\r\n1001,,3\r\n\r\n"a ""b"", c",1,3\r\nx,y, 9007199254740991')
    assert.same({ { 2, 1, "a" } }, read "skill_id,user_account\n1,a\n")
  end)

  it("are read from JSON Lines", function()
    assert.same({ { 1, 3, "1001" }, { 2, 2 ^ 53 - 1, "日本" } },
      read '{"skill_id":3,"user_account":"1001"}\n{"skillId":9007199254740991,"userAccount":"日本"}\n')
  end)

  it("that are bad are told one by one", function()
    local rows = read(table.concat({
      "skill_id,user_account", "3", "0,a", "3.5,a", "x,a", "9007199254740992,a", "3,", "3,1E+10", "3,1.5e+7", '3,"a', '3,"a"b',
      "3,a\1", "3,\255", "3, a", "3," .. ("x"):rep(129), "3,fine",
    }, "\n"))
    for i, row in ipairs(rows) do
      assert.equal(i + 1, row[1])
      if i < #rows then
        assert.is_nil(row[2])
        assert.is_string(row[3])
      end
    end
    assert.same({ 16, 3, "fine" }, rows[#rows])
    assert.matches("spreadsheet", rows[7][3])
  end)

  it("that a spreadsheet made of accounts are bad, with a decimal comma too", function()
    for _, account in ipairs { "1E+10", "1.5e+7", '"1,5E+10"' } do
      local rows = read("skill_id,user_account\n3," .. account .. "\n")
      assert.is_nil(rows[1][2])
      assert.matches("spreadsheet", rows[1][3])
    end
  end)

  it("from a report lose its one quote before = + - and @, and no other", function()
    local rows = read "skill_id,user_account\n3,\"'+861001\"\n3,'=x\n3,''-1\n3,'x\n3,'\n3,+1\n"
    local accounts = {}
    for i, row in ipairs(rows) do accounts[i] = row[3] end
    assert.same({ "+861001", "=x", "'-1", "'x", "'", "+1" }, accounts)
  end)

  describe("that cannot be read to the end", function()
    -- A file that breaks off after these blocks.
    local function broken(blocks)
      local original = io.open
      io.open = function() -- luacheck: ignore
        local at = 0
        return { read = function()
          at = at + 1
          if blocks[at] then return blocks[at] end
          return nil, "Input/output error", 5
        end }
      end
      local reader, err = input.open "rows.csv"
      io.open = original -- luacheck: ignore
      return reader, err
    end

    it("are an error, not fewer rows", function()
      local reader, err = broken {}
      assert.is_nil(reader)
      assert.same({ "argument", "rows.csv: cannot be read after line 0: Input/output error" }, { err.kind, err.message })
      reader = assert(broken { "skill_id,user_account\n3,a\n4,1" })
      assert.same({ 2, 3, "a" }, { reader() })
      local ok, problem = pcall(reader)
      assert.is_false(ok)
      assert.same({ "argument", "rows.csv: cannot be read after line 2: Input/output error" }, { problem.kind, problem.message })
    end)

    it("become no job", function()
      local server = support.sandbox { agents = { [3] = support.agents(100) } }
      local store = support.store()
      local job, err = store:plan(assert(broken { "skill_id,user_account\n3,a1\n4,1" }),
        { client = assert(server:client()), name = "night" })
      assert.is_nil(job)
      assert.equal("argument", err.kind)
      assert.same({}, store:list())
      assert.equal(0, #server:requests())
      store:close()
    end)
  end)

  it("in JSON of another type are bad", function()
    local rows = read('{"skill_id":3,"user_account":1001}\n{"skill_id":"3","user_account":"a"}\n[1]\n' ..
      '{"skill_id":3.5,"user_account":"a"}\n')
    assert.equal(4, #rows)
    for _, row in ipairs(rows) do assert.is_nil(row[2]) end
  end)

  it("need a header that names both columns", function()
    for _, header in ipairs { "skill,account\n3,a", "", "skill_id\n3", "skill_id,skillId,user_account\n3,3,a" } do
      local rows, err = read(header)
      assert.is_nil(rows)
      assert.equal("argument", err.kind)
    end
    assert.equal("argument", select(2, input.open "/nowhere/x.csv").kind)
  end)

  it("may come from an iterator, whose wrong types are bad lines", function()
    local values, at = { { 3, "a" }, { "3", "a" }, { 3, 1001 }, { 3.5, "a" } }, 0
    local rows = {}
    for line, skill, account in input.from(function()
      at = at + 1
      if values[at] then return values[at][1], values[at][2] end
    end) do rows[#rows + 1] = { line, skill, account } end
    assert.same({ 1, 3, "a" }, rows[1])
    for i = 2, 4 do assert.is_nil(rows[i][2]) end
  end)

  it("are a stream: 200,000 take no memory", function()
    local at = 0
    local reader = input.from(function()
      at = at + 1
      if at <= 200000 then return 3, "agent" .. at end
    end)
    local function memory_after(count)
      for _ = 1, count do reader() end
      collectgarbage()
      collectgarbage()
      return collectgarbage "count" -- KiB
    end
    local before = memory_after(1000)
    -- Lua's table of strings may be as large as 2 MiB then, and shrinks in its own time; 199,000 kept accounts alone take 8.
    assert.is_true(memory_after(199000) - before < 3000)
  end)
end)
