-- The forms in which rows come, on every Lua: what is certain is read, what is not is a bad line or a file that is refused.

local input = require "aicc.jobs.input"

-- Reads a file of these bytes. Returns its rows, `line skill account` or `line problem` each, and as what it was read; or nil and
-- the error.
local function read(bytes)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  local reader, err, assumed = input.open(path)
  local rows = {}
  if reader then
    for line, skill, account in reader do
      rows[#rows + 1] = skill and ("%d %.0f %s"):format(line, skill, account) or ("%d: %s"):format(line, account)
    end
  end
  os.remove(path)
  if not reader then return nil, err end
  return rows, assumed
end

-- The first row of a file with this header line; or what is wrong with it.
local function row(text, header) return (read((header or "skill_id,user_account") .. "\n" .. text .. "\n"))[1] end

local function utf16(order, text)
  local mark = order == "little" and "\255\254" or "\254\255"
  return mark .. text:gsub(".", function(character) return order == "little" and character .. "\0" or "\0" .. character end)
end

describe("a line that does not fit the header line is bad", function()
  it("with more fields, unless those are empty", function()
    assert.matches("^2: 3 fields, but the header line has 2: 'agent7' is one too many", row "1,234,agent7")
    assert.matches("^2: 3 fields.*' John'", row "3,Smith, John")
    assert.matches("^2: 4 fields.*'x'", row "3,1001,,x")
    assert.equal("2 3 1001", row "3,1001,,")
    assert.equal("2 3 Smith, John", row '3,"Smith, John"')
    assert.matches("^2: 3 fields, but the header line has 2", row("3,1001,x", "skill_id,user_account,"))
  end)

  it("with fewer: nobody knows which is missing", function()
    local header = "name,skill_id,user_account,phone"
    assert.matches("^2: too few fields: 3, but the header line has 4", row("3,1001,555", header))
    assert.equal("2 3 1001", row("Smith,3,1001,", header))
  end)
end)

it("what a file says is shown as one line, whatever it has for a terminal", function()
  local _, err = read "skill_id,\27[2J\194\155x,1001\n"
  assert.equal("got 'skill_id, [2J  x,1001'", err.message:match "got .*")
  assert.matches("expected an integer, got '  3'", row "\194\1553,1001")
end)

describe("a NUL", function()
  it("makes its own line bad, and joins no others", function()
    local rows = assert(read "skill_id,user_account\n3,1001\0\n4,1002\n5,\0001003\n")
    assert.matches("^2: a NUL byte", rows[1])
    assert.same({ "3 4 1002" }, { rows[2] })
    assert.matches("^4: a NUL byte", rows[3])
    assert.equal(3, #rows)
  end)

  it("in UTF-16 without a mark is told as such", function()
    local _, err = read(utf16("little", "skill_id,user_account\n3,1\n"):sub(3))
    assert.matches("1: a NUL byte %(if it is UTF%-16: save it as CSV UTF%-8%)", err.message)
  end)
end)

describe("an account is refused", function()
  it("that begins or ends with a blank, seen or not", function()
    for _, blank in ipairs { " ", "\226\128\131", "\194\160", "\227\128\128" } do
      assert.matches("^2: the account .*blank", row("3,1001" .. blank):gsub("no%-break space", "blank"))
      assert.matches("^2: the account .*blank", row("3," .. blank .. "1001"):gsub("no%-break space", "blank"))
      assert.matches("^2 3 10", row("3,10" .. blank .. "01"))
    end
    assert.equal("2: the account begins or ends with a blank", row "3,1001 ")
  end)

  it("that has a mark which nobody sees, anywhere", function()
    for code, mark in pairs {
      ["200B"] = "\226\128\139", ["200E"] = "\226\128\142", ["202A"] = "\226\128\170", ["2069"] = "\226\129\169",
      FEFF = "\239\187\191",
    } do
      for _, account in ipairs { mark .. "1001", "1001" .. mark, "10" .. mark .. "01" } do
        local seen = account:gsub(mark, "<U+" .. code .. ">")
        assert.truthy(row("3," .. account):find(("^2: the account '%s' has a "):format(seen:gsub("%+", "%%+"))), account)
      end
    end
    assert.equal("2: the account '1001<U+200D>' has a zero-width joiner there", row "3,1001\226\128\141")
    assert.equal("2 3 a\226\128\141b", row "3,a\226\128\141b")
  end)

  it("that is a formula for a spreadsheet, quoted or not", function()
    assert.matches('^2: the account ="1001" is a formula', row '3,="1001"')
    assert.matches('^2: the account ="1001" is a formula', row '3,"=""1001"""')
    assert.matches('^2: skill_id: expected an integer, got \'="3"\'', row '="3",1001')
  end)

  it("with the same words from an iterator", function()
    for _, account in ipairs { "1001 ", "1001\194\160", '="1001"', "1E+10" } do
      local values = { account }
      local _, skill, problem = input.from(function() return 3, table.remove(values) end)()
      assert.is_nil(skill)
      assert.equal("2: " .. problem, row('3,"' .. account:gsub('"', '""') .. '"'))
    end
  end)
end)

describe("bytes that are not UTF-8", function()
  it("make their line bad, in whatever column", function()
    local rows = assert(read "skill_id,user_account,name\n3,1001,M\252ller\n4,1002,M\195\188ller\n5,100\2553,x\n")
    assert.equal("2: not UTF-8 (byte 0xFC): save it as CSV UTF-8", rows[1])
    assert.equal("3 4 1002", rows[2])
    assert.matches("^4: not UTF%-8 %(byte 0xFF%)", rows[3])
  end)

  it("are those that Unicode forbids too", function()
    for _, bytes in ipairs {
      "\192\128", "\193\191", "\224\159\191", "\237\160\128", "\237\176\128", "\240\143\191\191", "\244\144\128\128",
      "\245\128\128\128", "\226\130", "\128", "\195(",
    } do assert.matches("^2: not UTF%-8", row("3,a" .. bytes .. "b")) end
    for _, bytes in ipairs {
      "\195\188", "\224\160\128", "\237\159\191", "\238\128\128", "\240\144\128\128", "\244\143\191\191",
    } do
      assert.equal("2 3 a" .. bytes .. "b", row("3,a" .. bytes .. "b"))
    end
  end)
end)

describe("what is no file of rows is refused", function()
  it("with what it is", function()
    for pattern, bytes in pairs {
      ["Excel workbook.*CSV UTF%-8"] = "PK\3\4\20\0\6\0",
      ["it is an Excel workbook:"] = "\208\207\17\224\161\177\26\225\0\0",
      ["gzip"] = "\31\139\8\0", ["UTF%-32"] = "\255\254\0\0s\0\0\0",
      [":2: a JSON array"] = '\n[{"skill_id":3,"user_account":"1"}]',
      ["it is empty"] = "\239\187\191", ["got 'queue;agent'"] = "queue;agent\n3;1\n",
      ["longer than 1048576 bytes"] = ("x"):rep(1200000),
    } do
      local rows, err = read(bytes)
      assert.is_nil(rows)
      assert.equal("argument", err.kind)
      assert.matches(pattern, err.message)
    end
  end)
end)

describe("fields are separated", function()
  it("by semicolons or tabs, if the header line's are", function()
    local rows, assumed = read "skill_id;user_account;name\n3;1001;Smith, John\n4;1,5E+10;\n"
    assert.same({ "2 3 1001", "UTF-8, separated by semicolons" }, { rows[1], assumed })
    assert.matches("^3: .*spreadsheet", rows[2])
    rows, assumed = read "user_account\tskill_id\n1001\t3\n"
    assert.same({ "2 3 1001", "UTF-8, separated by tabs" }, { rows[1], assumed })
    assert.matches("^2: 3 fields", row("3;1001;x", "skill_id;user_account"))
  end)

  it("by what a spreadsheet's first line says", function()
    for separator, name in pairs { [";"] = "semicolons", [","] = "commas", ["\t"] = "tabs", ["|"] = "bars" } do
      local rows, assumed = read(("sep=%s\r\nskill_id%suser_account\r\n3%s1001\r\n"):format(separator, separator, separator))
      assert.same({ "3 3 1001", "UTF-8, separated by " .. name }, { rows[1], assumed })
    end
    assert.matches(":1: sep=x", select(2, read "sep=x\nskill_idxuser_account\n").message)
    assert.matches(":2: expected a header line", select(2, read "sep=;\nskill_id,user_account\n3,1\n").message)
  end)
end)

describe("UTF-16 with a mark is read", function()
  it("in both orders, across blocks, with characters of four bytes", function()
    for _, order in ipairs { "little", "big" } do
      local lines = { "skill_id\tuser_account\tname" }
      for i = 1, 20000 do lines[#lines + 1] = ("3\tagent%d\tx"):format(i) end -- 0.6 MB: many blocks
      local bytes = utf16(order, table.concat(lines, "\r\n") .. "\r\n4\t")
      local dog = order == "little" and "\61\216\54\220" or "\216\61\220\54" -- U+1F436
      local e = order == "little" and "\233\0" or "\0\233"
      for pad = 0, 1 do -- wherever the blocks' ends are, one of them is between the halves
        local rows, assumed = read(bytes .. dog:rep(30) .. e:rep(pad) .. utf16(order, "\t\r\n"):sub(3))
        assert.equal("UTF-16, separated by tabs", assumed)
        assert.same({ 20001, "2 3 agent1", "20001 3 agent20000" }, { #rows, rows[1], rows[20000] })
        assert.equal("20002 4 " .. ("\240\159\144\182"):rep(30) .. ("\195\169"):rep(pad), rows[20001])
      end
    end
  end)

  it("with pairs that a block's end parts", function()
    for pad = 0, 3 do
      local rows = read(utf16("little", "skill_id\tuser_account\n" .. ("\n"):rep(pad)) ..
        ("3\0\t\0" .. ("\61\216\54\220"):rep(20) .. "\n\0"):rep(2000))
      assert.equal(2000, #rows)
      for _, found in ipairs(rows) do assert.equal(("\240\159\144\182"):rep(20), found:match "%d+ 3 (.*)") end
    end
  end)

  it("but not if it is broken", function()
    local head = utf16("little", "skill_id\tuser_account\n3\t10")
    for _, rest in ipairs { "\61\216x\0\n\0", "\54\220\n\0", "\61\216", "1" } do
      local rows = read(head .. rest)
      assert.matches("^2: broken UTF%-16", rows[#rows])
    end
  end)
end)

describe("lines end", function()
  it("with CR alone, if the first one does", function()
    local rows, assumed = read 'skill_id,user_account,note\r3,1001,\r4,1002,"a\nb"\r\r5,1003,x\ry'
    assert.same({ "2 3 1001", "3 4 1002", "5 5 1003", "6: too few fields: 1, but the header line has 3" }, rows)
    assert.equal("UTF-8, separated by commas, lines ended by CR", assumed)
  end)

  it("not with CR alone where they end with LF", function()
    assert.equal("2: a line's end within the line", row "3,10\r4,01")
    assert.equal("2: a line's end within the line", row "3,1001\r\r")
    assert.equal("2 3 1001", row "3,1001\r")
  end)

  it("within quotes only in columns that are not ours", function()
    local rows = read 'skill_id,user_account,"a\nnote"\n3,1001,"one\n\ntwo ""x"", \n"\n4,"10\n02",x\n5,1003,"\r\n"\r\n6,1004,\n'
    assert.equal("3 3 1001", rows[1])
    assert.matches("^7: the account: .*control character", rows[2])
    assert.same({ "9 5 1003", "11 6 1004" }, { rows[3], rows[4] })
  end)

  it("even after a quote that is never closed: the next line is told of too", function()
    local rows = read('skill_id,user_account\n3,"1001\n4,1002\nx,1003\n' .. ("5,1004\n"):rep(20000) .. "6,1 \n")
    assert.same({ "2: a quote is not closed", "3 4 1002", "4: skill_id: expected an integer, got 'x'", "5 5 1004" },
      { rows[1], rows[2], rows[3], rows[4] })
    assert.same({ 20004, "20005: the account begins or ends with a blank" }, { #rows, rows[#rows] })
  end)

  it("and what is broken within quotes has its own line", function()
    local rows = read 'skill_id,user_account,note\n3,1001,"a\nb\255\nc"\n4,1002,\n'
    assert.same({ "3: not UTF-8 (byte 0xFF): save it as CSV UTF-8", "5 4 1002" }, rows)
  end)
end)

describe("names", function()
  it("of columns and fields are read in each usual spelling", function()
    for _, names in ipairs {
      { "skill_id", "user_account" }, { "skillId", "userAccount" }, { "SKILL_ID", "USER_ACCOUNT" },
      { "Skill ID", "User Account" }, { "skill-id", "User-Account" }, { " SkillID ", "useraccount" },
    } do
      assert.equal("2 3 1001", row("3,1001", table.concat(names, ",")))
      assert.same({ "1 3 1001" }, (read(('{"%s":3,"%s":"1001","x":[{"skill_id":4}]}'):format(names[1], names[2]))))
    end
  end)

  it("that come twice are refused, but for fields with the same value", function()
    for text, expected in pairs {
      ['{"skill_id":3,"skillId":3,"user_account":"1"}'] = "1 3 1",
      ['{"skill_id":3,"skillId":4,"user_account":"1"}'] = "1: two fields are called skill_id, with different values",
      ['{"skill_id":3,"user_account":"1","User Account":"2"}'] = "1: two fields are called user_account, with different values",
      ['{"skill_id":3,"skill_id":4,"user_account":"1"}'] = "1: the field skill_id comes twice",
      ['{"skill_id":3,"skill\\u005fid":4,"user_account":"\\"}"}'] = "1: the field skill_id comes twice",
      ['{"skill_id":3,"user_account":"a\\\\","x":{"skill_id":4}}'] = "1 3 a\\",
    } do assert.equal(expected, read(text)[1]) end
    assert.matches("two columns are called skill_id", select(2, read "skill_id,Skill ID,user_account\n3,3,a").message)
  end)

  it("in JSON Lines need values of their types", function()
    local rows, assumed = read('{"skill_id":null,"user_account":"1"}\n{"skill_id":3,"user_account":null}\n[1]\n' ..
      '{"skill_id":3.5,"user_account":"1"}\n')
    assert.same({ "1: skill_id: expected an integer", "2: user_account: expected a string" }, { rows[1], rows[2] })
    assert.matches("^3: expected a JSON object", rows[3])
    assert.matches("^4: skill_id: expected an integer", rows[4])
    assert.equal("UTF-8, JSON Lines", assumed)
  end)
end)
