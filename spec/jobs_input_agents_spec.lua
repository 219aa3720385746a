-- Input that names people or queues rather than pairs of numbers: accounts alone, and queues by name. On every Lua.

local input = require "aicc.jobs.input"

-- Reads a file of these bytes: what the reader gives for each line, joined by " | "; or nil and the error.
local function read(open, bytes)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  local reader, err, assumed = open(path)
  local lines = {}
  if reader then
    for line, first, second, third in reader do
      local shown = type(first) == "number" and ("%.0f"):format(first) or tostring(first)
      local values = { line, shown, second and tostring(second), third }
      lines[#lines + 1] = table.concat(values, " | ")
    end
  end
  os.remove(path)
  if not reader then return nil, err end
  return lines, assumed
end

local function accounts(bytes) return read(input.open_accounts, bytes) end
local function rows(bytes) return read(input.open, bytes) end

describe("a file of agents", function()
  it("has one column that is ours, whatever else there is, in each form", function()
    assert.same({ "2 | 1001", "4 | 1002" }, accounts "user_account\n1001\n\n1002\n")
    assert.same({ "2 | 1001" }, accounts "\239\187\191name;User Account;left\r\n\"Li; Lei\";1001;x\r\n")
    assert.same({ "1 | 1001", "2 | 中" }, accounts '{"userAccount":"1001","name":"x"}\n{"user_account":"中"}\n')
    assert.same({ "2 | +86", "3 | =x" }, accounts "user_account\n'+86\n'=x\n") -- as reports put it
  end)

  it("that is one of rows is refused: they say from which queue", function()
    for _, header in ipairs { "skill_id,user_account", "user_account;Skill Name" } do
      local lines, err = accounts(header .. "\n3" .. header:match "[,;]" .. "1001\n")
      assert.is_nil(lines)
      assert.matches("a column skill_%a+: these are rows, not agents", err.message)
    end
    assert.matches("^1 | nil | a field skill_id or skill_name", accounts('{"skill_id":3,"user_account":"1001"}\n')[1])
  end)

  it("tells each line that is bad", function()
    assert.matches("expected a header line with a column user_account, got '1001'", select(2, accounts "1001\n1002\n").message)
    local lines = accounts "user_account\n1E+10\n 1001\n1001,x\nfine\n"
    assert.matches("^2 | nil | .*spreadsheet", lines[1])
    assert.matches("^3 | nil | .*blank", lines[2])
    assert.matches("^4 | nil | 2 fields, but the header line has 1", lines[3])
    assert.equal("5 | fine", lines[4])
    assert.matches("^1 | nil | user_account: expected a string", accounts('{"user_account":1001}\n')[1])
  end)

  it("may be an iterator", function()
    local list, at = { "1001", 7, "1E+10" }, 0
    local reader = input.from_accounts(function()
      at = at + 1
      return list[at]
    end)
    assert.same({ 1, "1001" }, { reader() })
    assert.same({ 2, nil, "user_account: expected a string, got a number" }, { reader() })
    assert.matches("spreadsheet", (select(3, reader())))
    assert.is_nil(reader())
  end)
end)

describe("a queue in a file", function()
  it("may have a name, alone or beside its number", function()
    assert.same({ "2 | Support | 1001 | Support" }, rows "skill_name,user_account\nSupport,1001\n")
    assert.same({ "2 | 3 | 1001 | Support", "3 | Sales | 1002 | Sales", "4 | 4 | 1003" },
      rows "skill_id,skill_name,user_account\n3,Support,1001\n,Sales,1002\n4,,1003\n")
    assert.same({ "1 | 支持 | 1001 | 支持", "2 | 3 | 1002 | x", "3 | 3 | 1003", "4 | y | 1004 | y" },
      rows('{"skillName":"支持","user_account":"1001"}\n{"skill_id":3,"skill_name":"x","user_account":"1002"}\n' ..
        '{"skill_id":3,"skill_name":null,"user_account":"1003"}\n{"skill_id":null,"skill_name":"y","user_account":"1004"}\n'))
    assert.same({ "2 | =x | 1001 | =x" }, rows "skill_name,user_account\n'=x,1001\n")
    assert.same({ "2 | 12 | 1001 | 12" }, rows "skill_name,user_account\n12,1001\n") -- a name, though of digits
  end)

  it("is a bad line without either, or with a name that none can have", function()
    assert.matches("skill_id: expected an integer, got ''", rows("skill_id,skill_name,user_account\n,,1001\n")[1])
    assert.matches("skill_name: nothing in it", rows("skill_name,user_account\n,1001\n")[1])
    assert.matches("skill_name: 101 bytes", rows("skill_name,user_account\n" .. ("n"):rep(101) .. ",1001\n")[1])
    assert.matches("skill_name: a control character", rows("skill_name,user_account\na\tb,1001\n")[1])
    assert.matches("skill_name: expected a string", rows('{"skill_name":5,"user_account":"1001"}\n')[1])
    assert.matches("skill_id: expected an integer", rows('{"skill_id":"3","skill_name":"x","user_account":"1001"}\n')[1])
  end)
end)
