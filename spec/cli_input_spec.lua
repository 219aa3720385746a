-- What the command is given: options once, accounts by the same rules as in a file, files in the forms in which people have them.

local cjson = require "cjson"
local parser = require "aicc.cli.parser"
local support = require "spec.support.jobs"

describe("the command's input #lua54", function()
  local folder, server

  before_each(function()
    folder = support.folder()
    server = support.sandbox { agents = { [3] = support.agents(100), [4] = support.agents(100) } }
  end)
  after_each(support.clean)

  local function run(arguments, input) return support.run(folder, server, arguments, input) end

  -- Writes these bytes to a file; returns its path.
  local function file(name, bytes)
    local path = folder .. "/" .. name
    local handle = assert(io.open(path, "wb"))
    handle:write(bytes)
    handle:close()
    return path
  end

  it("is called in a complaint as it was typed", function()
    local path = file("night.csv", "skill_name,user_account\nNowhere,a1\n")
    for arguments, complaint in pairs {
      ["plan - --concurrency 65"] = "--concurrency: expected an integer from 1 to 64, got '65'",
      ["plan - --rate fast"] = "--rate: expected requests per second (0 for no limit), got 'fast'",
      ["bind --skill 3 --agent-weight 0 a1"] = "--agent-weight: expected an integer from 1 to ",
      ["agents --skill 03"] = "--skill: '03' may be a queue's number",
      ["queues --ids 3,x"] = "--ids: expected an integer from 1 to ",
      ["queues --name " .. ("x"):rep(101)] = "--name: expected 1 to 100 bytes, got 101",
      ["bind --skill 3 " .. ("a1 "):rep(51)] = "accounts: expected at most 50 accounts, got 51",
      ["jobs --store x"] = "--store: expected sqlite:PATH or postgresql://",
      ["status night"] = "there is no job 'night': `aicc jobs` lists them\n",
      ["forget night"] = "there is no job 'night': `aicc jobs` lists them\n",
      ["plan " .. path] = path .. ":2: skill_name: no queue is called 'Nowhere': `aicc queues` lists them\n",
    } do
      local status, out, err = run(arguments)
      assert.same({ 2, "", "aicc: " .. complaint }, { status, out, err:sub(1, #complaint + 6) })
    end
    local command = support.command(folder, server, "jobs")
    command = command:gsub("^env %-u AICC_STORE %-u AICC_LOG", "env -u AICC_LOG AICC_STORE=x")
    assert.equal("aicc: AICC_STORE: expected sqlite:PATH or postgresql://…\n", io.popen(command .. " 2>&1"):read "a")
  end)

  it("is wrong usage if an option comes twice", function()
    local status, out, err = run "release --skill 3 --skill 4 a1"
    assert.same({ 2, "" }, { status, out })
    assert.matches("option '%-%-skill' must be used at most 1 time", err)
    assert.equal(2, (run "release --skill 3 --skill=3 a1"))
    assert.equal(0, #server:requests())
  end)

  it("is so for every option of every command, but those that are lists", function()
    local lists = { ["release --agent"] = true, ["release --except"] = true, ["queues --ids"] = true }
    local values = { ["--store"] = "sqlite:x", ["--format"] = "csv" }
    local arguments = { plan = { "f" }, apply = { "j" }, resume = { "j" }, undo = { "j" }, status = { "j" }, report = { "j" },
      forget = { "j" }, release = { "--skill", "3" }, bind = { "--skill", "3", "a" }, agents = { "--skill", "3" },
      token = { "--check" }, agent = { "a" } }
    local tried = 0
    for _, command in ipairs(parser.build()._commands) do
      for _, option in ipairs(command._options) do
        local long = option._aliases[#option._aliases]
        if long ~= "--help" and not lists[command._name .. " " .. long] then
          local words = { command._name }
          for _, word in ipairs(arguments[command._name] or {}) do words[#words + 1] = word end
          for _ = 1, 2 do
            words[#words + 1] = long
            if option._maxargs > 0 then words[#words + 1] = values[long] or "3" end
          end
          local ok, problem = parser.build():pparse(words)
          assert.is_false(ok, table.concat(words, " "))
          assert.matches("must be used", problem)
          tried = tried + 1
        end
      end
    end
    assert.is_true(tried > 60)
  end)

  it("is refused as an account if a file's would be, before anything is sent", function()
    for account, pattern in pairs {
      ["'a1 '"] = "begins or ends with a blank", ["$(printf 'a1\\302\\240')"] = "no%-break space", ["'=\"1001\"'"] = "formula",
      ["1E+10"] = "spreadsheet", ["$(printf 'a1\\377')"] = "valid UTF%-8", ["''"] = "empty",
    } do
      for _, command in ipairs { "release", "bind" } do
        local status, out, err = run(("%s --skill 3 a2 %s"):format(command, account))
        assert.same({ 2, "" }, { status, out })
        assert.matches("account 2: .*" .. pattern, err)
      end
    end
    assert.equal(0, #server:requests())
    assert.equal(8, (run "release --skill 3")) -- none at all is the guard's
  end)

  it("is refused as a whole if a row does not fit its header, and nothing is sent", function()
    for _, row in ipairs { "1,234,agent7", "3,Smith, John", "3,a1\0\n4,a2" } do
      local status, _, err = run("plan " .. file("bad.csv", "skill_id,user_account\n" .. row .. "\n"))
      assert.equal(2, status)
      assert.matches("bad.csv:2: ", err)
    end
    assert.equal(0, #server:requests())
  end)

  it("is read as Excel saves it, and the plan says as what", function()
    local text = "Skill ID\tUser Account\tNote\r\n3\ta1\tx\r\n4\ta2\t\r\n"
    local path = file("night.txt", "\255\254" .. text:gsub(".", "%0\0"))
    local status, out, err = run("plan " .. path)
    assert.same({ 0, "" }, { status, err })
    assert.matches("^read as UTF%-16, separated by tabs\n", out)
    out = select(2, run("plan --json --job again " .. path))
    local last
    for line in out:gmatch "[^\n]+" do last = cjson.decode(line) end
    assert.same({ "plan", "UTF-16, separated by tabs", 2 }, { last.event, last.read_as, last.bound })
    out = select(2, run("plan " .. file("plain.csv", "skill_id,user_account\n3,a1\n")))
    assert.is_nil(out:find("read as", 1, true))
    assert.equal(0, (run "apply night"))
    assert.same({ 99, 99 }, { #server:accounts(3), #server:accounts(4) })
  end)

  it("is a workbook: refused with 2 and what to do", function()
    local status, _, err = run("plan " .. file("night.xlsx", "PK\3\4\20\0"))
    assert.equal(2, status)
    assert.matches("night.xlsx: it is an Excel workbook.*CSV UTF%-8", err)
  end)
end)
