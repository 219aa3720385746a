-- What an account list and a skill id may be, at the core's level (doc/semantics.md, section 1): what is wrong is refused
-- before any byte leaves, and nothing but core.ALL ever becomes the empty array.

local cjson = require "cjson"
local core = require "aicc.curl"
local sandbox = require "aicc.sandbox"

local RELEASE = "release_agent_by_skill"

local server, session, before

-- Every way from a table to the API, and whether it takes the whole table.
local WAYS = {
  { "core.check", function(arguments) return core.check(RELEASE, arguments) end },
  {
    "core.prepare", function(arguments) return core.prepare(RELEASE, 1, arguments.skillId, arguments.userAccounts) end,
    takes_values = true, -- as a method of the client's: it calls them as such a method does
  },
  { "core.encode", function(arguments) return core.encode(RELEASE, arguments, { token = "t", app_key = "app-key" }) end },
  { "session:release", function(arguments) return session:release_agent_by_skill("t", arguments) end },
  { "core.release", function(arguments) return core.release_agent_by_skill(session, "t", arguments) end },
  { "session:start", function(arguments) return session:start(RELEASE, "t", arguments) end },
}

setup(function()
  server = assert(sandbox.start { agents = { [3] = { "1001" } } })
  session = assert(core.session { base_url = server.base_url, app_key = "sandbox-key" })
end)

teardown(function()
  session:close()
  server:stop()
end)

-- Whatever was refused: nobody has even connected.
before_each(function() before = server:stats() end)
after_each(function()
  assert.equal(0, session:step(0))
  assert.same(before, server:stats())
end)

local function body_of(arguments)
  return assert(core.encode(RELEASE, arguments, { token = "t" })).body
end

local function list(accounts) return { skillId = 3, userAccounts = accounts } end
local function skill(id) return { skillId = id, userAccounts = { "1001" } } end

-- Looks like a list of one, if asked politely.
local function pretender()
  return setmetatable({}, {
    __index = function() return "1001" end, __len = function() return 1 end,
    __pairs = function() return next, { "1001" } end, __tostring = function() return "aicc.ALL" end,
    __name = "aicc.ALL", __metatable = "aicc.ALL",
  })
end

-- { name, arguments, kind, what the message says (plain) }
local REFUSED = {
  { "no list", { skillId = 3 }, "guard", "userAccounts: expected at least one account, got nil" },
  { "an empty list", list {}, "guard", "userAccounts: expected at least one account, got an empty list" },
  { "cjson's empty array", list(cjson.decode "[]"), "guard", "userAccounts: expected at least one account" },
  { "an empty table with ALL's looks", list(pretender()), "guard", "userAccounts: expected at least one account" },
  { '{ nil, "a" }', list { nil, "a" }, "argument", "userAccounts[1]: expected a string, got nil" },
  { '{ "a", nil, "b" }', list { "a", nil, "b" }, "argument", "userAccounts[2]: expected a string, got nil" },
  { '{ "a", x = "b" }', list { "a", x = "b" }, "argument", 'userAccounts["x"]: expected only the keys' },
  { '{ x = "b" }', list { x = "b" }, "argument", 'userAccounts["x"]: expected only the keys' },
  { '{ [0] = "a", "b" }', list { [0] = "a", "b" }, "argument", "userAccounts[0]: expected only the keys" },
  { '{ "a", [-1] = "b" }', list { "a", [-1] = "b" }, "argument", "userAccounts[-1]: expected only the keys" },
  { '{ "a", [1.5] = "b" }', list { "a", [1.5] = "b" }, "argument", "userAccounts[1.5]: expected only the keys" },
  { '{ "a", [true] = "b" }', list { "a", [true] = "b" }, "argument", "userAccounts[boolean]: expected only the keys" },
  { '{ "a", ["2"] = "b" }', list { "a", ["2"] = "b" }, "argument", 'userAccounts["2"]: expected only the keys' },
  { '{ "a", [2^60] = "b" }', list { "a", [2 ^ 60] = "b" }, "argument", "userAccounts[2]: expected a string, got nil" },
  { "{ 1001 }", list { 1001 }, "argument", "userAccounts[1]: expected a string, got number" },
  { '{ "a", 1001.0 }', list { "a", 1001.0 }, "argument", "userAccounts[2]: expected a string, got number" },
  { "{ {} }", list { {} }, "argument", "userAccounts[1]: expected a string, got table" },
  { "{ true }", list { true }, "argument", "userAccounts[1]: expected a string, got boolean" },
  { "{ core.ALL }", list { core.ALL }, "argument", "userAccounts[1]: expected a string, got" },
  { '{ "" }', list { "" }, "argument", "userAccounts[1]: expected 1 to 128 bytes, got an empty string" },
  { "129 bytes", list { ("a"):rep(129) }, "argument", "userAccounts[1]: expected 1 to 128 bytes, got 129" },
  { "a large bad one late in a long list", list { "a", "b", "c", ("x"):rep(10 ^ 6) }, "argument", "userAccounts[4]: " },
  { "skillId 0", skill(0), "argument", "skillId: expected an integer from 1 to 9007199254740991, got 0" },
  { "skillId -1", skill(-1), "argument", "skillId: expected an integer from 1 to 9007199254740991, got -1" },
  { "skillId 3.5", skill(3.5), "argument", "skillId: expected an integer from 1 to 9007199254740991, got 3.5" },
  { "skillId 2^53", skill(2 ^ 53), "argument", "skillId: expected an integer from 1 to 9007199254740991, got 9007" },
  { "skillId maxinteger", skill(math.maxinteger or 2^63), "argument", "skillId: expected an integer" },
  { "skillId mininteger", skill(math.mininteger or -2^63), "argument", "skillId: expected an integer" },
  { "skillId infinity", skill(math.huge), "argument", "skillId: expected an integer" },
  { "skillId -infinity", skill(-math.huge), "argument", "skillId: expected an integer" },
  { "skillId NaN", skill(0 / 0), "argument", "skillId: expected an integer from 1 to 9007199254740991, got NaN" },
  { "skillId -NaN", skill(-(0 / 0)), "argument", "skillId: expected an integer from 1 to 9007199254740991, got NaN" },
}

-- Bytes that are not UTF-8, or that no account has, each somewhere in an otherwise good name.
for name, bytes in pairs {
  ["a lone continuation byte"] = "\128", ["a lone lead byte"] = "\195", ["two bytes, the second ASCII"] = "\195(",
  ["three bytes cut short"] = "\226\130", ["four bytes cut short"] = "\240\159\152", ["an overlong slash"] = "\192\175",
  ["an overlong C1"] = "\193\191", ["overlong in three"] = "\224\128\175", ["overlong in four"] = "\240\128\128\175",
  ["a surrogate"] = "\237\160\128", ["the last surrogate"] = "\237\191\191", ["above U+10FFFF"] = "\244\144\128\128",
  ["a byte of UTF-16"] = "\255", ["Latin-1"] = "M\252ller",
} do
  for place, text in pairs { alone = bytes, within = "10" .. bytes .. "01", ["after eight"] = "12345678" .. bytes } do
    REFUSED[#REFUSED + 1] =
      { name .. " " .. place, list { "1001", text }, "argument", "userAccounts[2]: expected valid UTF-8" }
  end
end

for name, bytes in pairs {
  ["a NUL"] = "\0", ["a line feed"] = "\n", ["a carriage return"] = "\r", ["a tab"] = "\t", ["0x1F"] = "\031", ["DEL"] = "\127",
  ["U+0080"] = "\194\128", ["U+009F"] = "\194\159",
} do
  for place, text in pairs { alone = bytes, within = "10" .. bytes .. "01", ["in a long"] = "12345678" .. bytes .. "90abc" } do
    REFUSED[#REFUSED + 1] =
      { name .. " " .. place, list { "1001", text }, "argument", "userAccounts[2]: expected no control characters" }
  end
end

-- What is said of a field in one of the ways.
local function said(way, text)
  return way.takes_values and text:gsub("^skillId", "skill_id"):gsub("^userAccounts", "accounts") or text
end

describe("a wrong content", function()
  for _, case in ipairs(REFUSED) do
    it("is refused: " .. case[1], function()
      for _, way in ipairs(WAYS) do
        local result, err = way[2](case[2])
        assert.is_nil(result, way[1])
        assert.same({ case[3], "not_sent", false, RELEASE }, { err.kind, err.outcome, err.retryable, err.operation }, way[1])
        local expected = said(way, case[4])
        assert.equal(expected, err.message:sub(1, #expected), way[1])
        assert.is_nil(err.message:find "[%c\127-\255]")
      end
    end)
  end

  it("is told apart from ALL in words", function()
    assert.truthy(select(2, core.check(RELEASE, list {})).message:find("to unbind everybody, pass aicc.ALL", 1, true))
  end)
end)

-- { name, arguments, what is raised (plain) }
local RAISED = {
  { "no table at all", nil, "arguments: expected a table, got n", of_tables = true },
  { "a string for the arguments", "3", "arguments: expected a table, got string", of_tables = true },
  { "an account that is no list", list "1001", "userAccounts: expected a list of strings or aicc.ALL, got string" },
  { "a number for the list", list(5), "userAccounts: expected a list of strings or aicc.ALL, got number" },
  { "true for the list", list(true), "userAccounts: expected a list of strings or aicc.ALL, got boolean" },
  { "false for the list", list(false), "userAccounts: expected a list of strings or aicc.ALL, got boolean" },
  { "the word for everybody", list "aicc.ALL", "userAccounts: expected a list of strings or aicc.ALL, got string" },
  { "JSON's null", list(cjson.null), "userAccounts: expected a list of strings or aicc.ALL, got" },
  { "another userdata", list(io.stdout), "userAccounts: expected a list of strings or aicc.ALL, got" },
  { "no skillId", { userAccounts = { "1001" } }, "skillId: expected an integer, got nil" },
  { 'skillId "3"', skill "3", "skillId: expected an integer, got string" },
  { "skillId true", skill(true), "skillId: expected an integer, got boolean" },
  { "skillId of ALL", skill(core.ALL), "skillId: expected an integer, got" },
  { "a field misspelt", { skillId = 3, userAccounts = { "a" }, useraccounts = { "b" } }, "unknown field 'useraccounts'",
    of_tables = true },
  { "a field of another operation", { skillId = 3, userAccounts = { "a" }, agentWeight = 1 }, "unknown field 'agentWeight'",
    of_tables = true },
  { "an array item among the fields", { "a", skillId = 3, userAccounts = { "a" } }, "unknown field 'number'", of_tables = true },
}

describe("a wrong type", function()
  for _, case in ipairs(RAISED) do
    it("raises: " .. case[1], function()
      for _, way in ipairs(WAYS) do
        if not (case.of_tables and way.takes_values) then
          local good, message = pcall(way[2], case[2])
          assert.is_false(good, way[1])
          assert.truthy(tostring(message):find(said(way, case[3]), 1, true), way[1] .. ": " .. tostring(message))
        end
      end
    end)
  end

  it("is not forgiven for wearing ALL's metatable", function()
    local file = io.tmpfile()
    local own = debug.getmetatable(file)
    debug.setmetatable(file, debug.getmetatable(core.ALL))
    for _, way in ipairs(WAYS) do assert.is_false(pcall(way[2], list(file)), way[1]) end
    debug.setmetatable(file, own)
    file:close()
  end)

  it("raises for a token that is no string, or none", function()
    for _, token in pairs { "nil", false, 5, {}, core.ALL } do
      if token == "nil" then token = nil end
      assert.is_false(pcall(session.release_agent_by_skill, session, token, list { "a" }))
      assert.is_false(pcall(session.start, session, RELEASE, token, list { "a" }))
      assert.is_false(pcall(core.encode, RELEASE, list { "a" }, { token = token }))
    end
    for _, name in ipairs { "app_key", "tenant_space_id", "user_agent" } do
      assert.is_false(pcall(core.encode, RELEASE, list { "a" }, { token = "t", [name] = 5 }), name)
    end
  end)
end)

describe("a token", function()
  local LONGEST = ("t"):rep(4096)

  it("that cannot stand in a header is refused, and not shown", function()
    for _, token in ipairs { "", "two words", "a\r\nX: 1", "a\n", "\ra", "a\0b", "\t", "\195\169", "\127", LONGEST .. "t" } do
      for _, result in ipairs {
        { session:release_agent_by_skill(token, list { "a" }) }, { session:start(RELEASE, token, list { "a" }) },
        { core.encode(RELEASE, list { "a" }, { token = token }) },
      } do
        assert.is_nil(result[1])
        assert.same({ "argument", "not_sent" }, { result[2].kind, result[2].outcome })
        assert.truthy(result[2].message:find("token: expected 1 to 4096 visible ASCII characters", 1, true))
      end
    end
    assert.equal("Bearer " .. LONGEST, core.encode(RELEASE, list { "a" }, { token = LONGEST }).headers.Authorization)
  end)
end)

-- { name, arguments, body }
local WRITTEN = {
  { "the documented request", list { "1001", "1002" }, '{"skillId":3,"userAccounts":["1001","1002"]}' },
  { "everybody", list(core.ALL), '{"skillId":3,"userAccounts":[]}' },
  { "a duplicate once, where it first stood", list { "b", "a", "b", "A", "a" }, '{"skillId":3,"userAccounts":["b","a","A"]}' },
  { "3.0 as 3", skill(3.0), '{"skillId":3,"userAccounts":["1001"]}' },
  { "the largest skill", skill(2 ^ 53 - 1), '{"skillId":9007199254740991,"userAccounts":["1001"]}' },
  { "10^14 in digits", skill(1e14), '{"skillId":100000000000000,"userAccounts":["1001"]}' },
  { "128 bytes", list { ("a"):rep(128) }, '{"skillId":3,"userAccounts":["' .. ("a"):rep(128) .. '"]}' },
  { "quotes and backslashes", list { 'a"],"x', "a\\" }, '{"skillId":3,"userAccounts":["a\\"],\\"x","a\\\\"]}' },
  { "what looks like the empty array", list { "[]" }, '{"skillId":3,"userAccounts":["[]"]}' },
  { "UTF-8 of each length", list { "é€😀\194\160\244\143\191\191" },
    '{"skillId":3,"userAccounts":["é€😀\194\160\244\143\191\191"]}' },
}

describe("a good list", function()
  for _, case in ipairs(WRITTEN) do
    it("is written: " .. case[1], function() assert.equal(case[3], body_of(case[2])) end)
  end

  it("is checked into a copy, which is ALL itself for ALL", function()
    local given = list { "b", "a", "b" }
    local copy = assert(core.check(RELEASE, given))
    assert.same({ skillId = 3, userAccounts = { "b", "a" } }, copy)
    given.userAccounts[1] = "other"
    assert.equal("b", copy.userAccounts[1])
    assert.equal(core.ALL, core.check(RELEASE, list(core.ALL)).userAccounts)
    if math.type then assert.equal("integer", math.type(core.check(RELEASE, skill(3.0)).skillId)) end
  end)

  it("may be long, and is read raw", function()
    local long = {}
    for n = 1, 20000 do long[n] = "agent-" .. n % 15000 end
    local sent = cjson.decode(body_of(list(setmetatable(long, debug.getmetatable(pretender()))))).userAccounts
    assert.same({ 15000, "agent-1", "agent-0" }, { #sent, sent[1], sent[15000] })
  end)

  it("has each account once, in any order, of any length, however many there are", function()
    math.randomseed(2, 53)
    local ends = { "", "\\", "é", ("x"):rep(40) }
    for round = 1, 400 do
      local count, kinds, seen, given, wanted = math.random(1, 80), math.random(1, 3) * 60, {}, {}, {}
      for n = 1, count do
        local number = round % 4 == 0 and n or math.random(kinds) -- now and then in order
        local name = ("%0" .. math.random(1, 9) .. "d%s"):format(number, ends[round % 8 + 1] or ends[math.random(#ends)])
        given[n] = name
        if not seen[name] then wanted[#wanted + 1] = name end
        seen[name] = true
      end
      if round % 3 == 0 then table.sort(given, function(a, b) return a > b end) end
      if round % 3 == 0 then
        wanted = {}
        for n, name in ipairs(given) do if name ~= given[n - 1] then wanted[#wanted + 1] = name end end
      end
      assert.same(wanted, cjson.decode(body_of(list(given))).userAccounts)
      assert.same(wanted, core.check(RELEASE, list(given)).userAccounts)
    end
  end)

  it("in order has each account once, too", function()
    for count = 2, 20 do
      for twice = 1, count - 1 do
        local given, wanted = {}, {}
        for n = 1, count do
          wanted[n] = ("agent%04d"):format(n)
          given[#given + 1] = wanted[n]
          if n == twice then given[#given + 1] = wanted[n] end
        end
        assert.same(wanted, core.check(RELEASE, list(given)).userAccounts)
      end
    end
  end)

  it("becomes an empty array for nothing but ALL, whatever is thrown at it", function()
    math.randomseed(2, 53)
    local values = { "a", "b", "", "[]", 1, false, cjson.null, {}, "\255", "\n" }
    local keys = { 1, 2, 3, 0, -1, 1.5, "1", "n", true }
    local written = 0
    for _ = 1, 5000 do
      local accounts = {}
      for _ = 1, math.random(0, 4) do accounts[keys[math.random(math.random(#keys))]] = values[math.random(#values)] end
      local request, err = core.encode(RELEASE, list(accounts), { token = "t" })
      if request then
        written = written + 1
        assert.is_true(#cjson.decode(request.body).userAccounts > 0)
        assert.is_nil(request.body:gsub('"%[%]"', '"x"'):find("[]", 1, true))
      else
        assert.equal(next(accounts) == nil and "guard" or "argument", err.kind)
      end
    end
    assert.is_true(written > 100)
  end)
end)

describe("core.ALL", function()
  it("is one value, prints as what it is, and cannot be taken apart", function()
    assert.equal("aicc.ALL", tostring(core.ALL))
    assert.equal("userdata", type(core.ALL))
    assert.equal("aicc.ALL", getmetatable(core.ALL))
    assert.is_false(pcall(setmetatable, core.ALL, {}))
    package.loaded["aicc.core"] = nil
    assert.equal(core.ALL, require("aicc.core").ALL)
  end)

  it("is not for operations that have no everybody", function()
    local good, message = pcall(core.encode, "bind_agents", list(core.ALL), { token = "t" })
    assert.is_false(good)
    assert.truthy(message:find("userAccounts: expected a list of strings, got", 1, true))
    assert.equal("guard", select(2, core.encode("bind_agents", list {}, { token = "t" })).kind)
  end)
end)
