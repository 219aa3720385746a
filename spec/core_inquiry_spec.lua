-- The two questions about agents and queues, as bytes: what is sent beside the API's documentation, and what is kept of a reply.

local core = require "aicc.core"

local function sent(operation, arguments)
  local encoded, err = core.encode(operation, arguments, { token = "t" })
  return encoded and encoded.body, encoded and encoded.path or err
end

local function decode(operation, body, status)
  return core.decode(operation, { status = status or 200, body = body, headers = {} }, { token = "token-7f3a" })
end

describe("the request", function()
  it("for one agent is the documented one, or the same in requestParam", function()
    local body, path = sent("query_agent", { userAccount = "test123456" })
    assert.equal('{"userAccount":"test123456"}', body)
    assert.equal("/apiaccess/rest/cc-management/v1/agentAccount/query", path)
    assert.equal('{"requestParam":{"userAccount":"ü\\""}}', (sent("query_agent", { userAccount = 'ü"', form = "wrapped" })))
    assert.equal('{"pageNum":0,"pageSize":1}', (sent("query_agent", { form = "flat_anybody" })))
    assert.equal('{"requestParam":{"pageNum":0,"pageSize":1}}', (sent("query_agent", { form = "wrapped_anybody" })))
  end)

  it("for queues has its numbers in strings", function()
    local body, path = sent("query_skills", {})
    assert.equal('{"limit":"100","offset":"0"}', body)
    assert.equal("/apiaccess/rest/cc-management/v1/skill/querySkills", path)
    assert.equal('{"limit":"10","offset":"200","name":"Süd","skillIds":["3","9007199254740991"]}',
      (sent("query_skills", { limit = 10, offset = 200, name = "Süd", skillIds = { 3, 2 ^ 53 - 1 } })))
    assert.equal('{"requestParam":{"limit":"100","offset":"0"}}', (sent("query_skills", { form = "wrapped" })))
  end)

  it("is refused where a value is wrong, and says which", function()
    for _, case in ipairs {
      { "query_agent", { userAccount = "" }, "userAccount: expected 1 to 128 bytes, got an empty string" },
      { "query_agent", { userAccount = ("x"):rep(129) }, "userAccount: expected 1 to 128 bytes, got 129" },
      { "query_agent", { userAccount = "a\nb" }, "userAccount: expected no control characters" },
      { "query_agent", { userAccount = "\255" }, "userAccount: expected valid UTF%-8" },
      { "query_agent", { userAccount = "a", form = "round" }, "form: expected flat or wrapped, got 'round'" },
      { "query_skills", { name = "" }, "name: expected 1 to 100 bytes, got an empty string" },
      { "query_skills", { name = ("x"):rep(101) }, "name: expected 1 to 100 bytes, got 101" },
      { "query_skills", { skillIds = {} }, "skillIds: expected 1 to 100 integers, got 0" },
      { "query_skills", { skillIds = { 3, "4" } }, "skillIds%[2%]: expected an integer from 1 to 9007199254740991, got string" },
      { "query_skills", { skillIds = { 3, 0 } }, "skillIds%[2%]: expected an integer .* got 0" },
      { "query_skills", { skillIds = { 3.5 } }, "skillIds%[1%]: expected an integer .* got 3.5" },
      { "query_skills", { skillIds = { x = 3 } }, "skillIds%[1%]: expected an integer .* got nil" },
      { "query_skills", { limit = 101 }, "limit: expected an integer from 1 to 100, got 101" },
    } do
      local body, err = sent(case[1], case[2])
      assert.is_nil(body)
      assert.same({ "argument", "not_sent" }, { err.kind, err.outcome })
      assert.truthy(err.message:find(case[3]), err.message)
    end
    for _, case in ipairs { { "query_agent", {} }, { "query_agent", { userAccount = 1 } }, { "query_skills", { name = 3 } },
      { "query_skills", { skillIds = "3" } }, { "query_skills", { other = 1 } } } do
      assert.is_false((pcall(sent, case[1], case[2])))
    end
    local many = {}
    for n = 1, 101 do many[n] = n end
    assert.truthy(select(2, sent("query_skills", { skillIds = many })).message:find "got 101")
  end)
end)

-- The documents' own example, and more that a server might add.
local PERSONAL = '"phone":"+49 30 901820","ccRoleId":2,"sipAccount":"88880551","email":"t@example.com","idCard":"X7"'
local EXAMPLE = '{"phone":"+49 30 901821","data":[{"skills":[{"skillId":2,"agentWeight":1,"skillWeight":2,"agentName":"Y8"}],' ..
  '"agentType":11,' .. PERSONAL .. ',"userAccount":"test123456","userName":"test111"}],"resultCode":"0",' ..
  '"resultMessage":"get agent account info success"}'

-- Every string in a value, keys too.
local function strings_in(value, list)
  list = list or {}
  if type(value) == "table" then
    for key, item in pairs(value) do strings_in(key, list) strings_in(item, list) end
  else
    list[#list + 1] = tostring(value)
  end
  return table.concat(list, "\n")
end

describe("of an agent is kept", function()
  it("what the documents' example has, without what nobody here needs", function()
    assert.same({
      resultCode = "0", resultMessage = "get agent account info success",
      data = {
        { userAccount = "test123456", userName = "test111", agentType = 11,
          skills = { { skillId = 2, agentWeight = 1, skillWeight = 2 } } },
      },
    }, (decode("query_agent", EXAMPLE)))
  end)

  it("no telephone number and no address, whatever the reply is worth", function()
    local bodies = {
      EXAMPLE, EXAMPLE:sub(1, -3), (EXAMPLE:gsub('"skillId":2', '"skillId":0')), (EXAMPLE:gsub('"0"', '"1"')),
      (EXAMPLE:gsub('"userAccount":"test123456",', "")), '{"schema":' .. EXAMPLE .. "}", "[" .. EXAMPLE .. "]",
      (EXAMPLE:gsub('"data":%[(.*)%],"resultCode"', '"data":%1,"resultCode"')),
    }
    for _, status in ipairs { 200, 201, 400, 403, 404, 500, 502, 503 } do
      for n, body in ipairs(bodies) do
        local result, err = decode("query_agent", body, status)
        local shown = strings_in { result or err, tostring(result or err) }
        for _, secret in ipairs { "+49 30", "t@example.com", "88880551", "X7", "Y8" } do
          assert.falsy(shown:find(secret, 1, true), ("%d, body %d: %s"):format(status, n, shown))
        end
        assert.equal(result == nil, status ~= 200 or n ~= 1 and n ~= 6)
      end
    end
  end)

  it("what the other shapes say", function()
    local agent = { userAccount = "x", workNo = 7, skills = { { skillId = 2, agentWeight = 1, skillWeight = 2 } } }
    local same = '{"skillId":2,"agentWeight":1,"skillWeight":2}'
    for _, body in ipairs {
      '{"resultCode":0,"data":[{"userAccount":"x","workNo":7,"skills":[' .. same .. "]}]}",
      '{"schema":{"resultCode":"0","data":[{"accountCode":"x","workNo":"7","skills":[' .. same .. "," .. same .. "]}]}}",
      '{"data":[{"userAccount":"","accountCode":"x","workNo":7,' ..
        '"skills":[{"skillId":"2","agentWeight":"1","skillWeight":"2"}]}]}',
    } do
      assert.same(agent, assert(decode("query_agent", body)).data[1])
    end
    local odd = '{"data":[{"userAccount":"x","userName":["a"],"agentType":-1,"skills":[{"skillId":2,"agentWeight":"heavy"}]}]}'
    assert.same({ userAccount = "x", skills = { { skillId = 2 } } }, assert(decode("query_agent", odd)).data[1])
    local name = decode("query_agent", '{"data":[{"userAccount":"x","userName":"a\\nb\\u0007' .. ("ü"):rep(200) .. '"}]}')
    assert.equal("a b " .. ("ü"):rep(126), name.data[1].userName)
  end)

  it("that it does not say in which queues somebody is, which is not: in none", function()
    local function skills_of(json) return decode("query_agent", '{"data":[{"userAccount":"x"' .. json .. "}]}").data[1].skills end
    assert.is_nil(skills_of "")
    assert.is_nil(skills_of ',"skills":null')
    assert.same({}, skills_of ',"skills":[]')
  end)

  it("every queue once, in a time that does not grow with their square", function()
    local skills = {}
    for n = 1, 30000 do skills[n] = ('{"skillId":%d}'):format(n % 20000 + 1) end
    local began = os.clock()
    local result = assert(decode("query_agent", '{"data":[{"userAccount":"x","skills":[' .. table.concat(skills, ",") .. "]}]}"))
    assert.equal(20000, #result.data[1].skills)
    assert.is_true(os.clock() - began < 5, "it took seconds")
  end)

  it("nobody, where a success has nobody in it", function()
    for _, data in ipairs { "", ',"data":null', ',"data":[]' } do
      assert.same({}, assert(decode("query_agent", '{"resultCode":"0"' .. data .. "}")).data)
    end
  end)

  it("nothing, where it cannot be understood", function()
    for _, body in ipairs {
      '{"data":[]}', "{}", '{"resultCode":"0","data":7}', '{"resultCode":"0","data":"x"}', '{"resultCode":"0","data":{"a":1}}',
      '{"resultCode":"0","data":[7]}', '{"resultCode":"0","data":[null,{"userAccount":"x"}]}',
      '{"resultCode":"0","data":[{"userName":"x"}]}', '{"resultCode":"0","data":[{"userAccount":7}]}',
      '{"resultCode":"0","data":[{"userAccount":"x","skills":7}]}',
      '{"resultCode":"0","data":[{"userAccount":"x","skills":[7]}]}',
      '{"resultCode":"0","data":[{"userAccount":"x","skills":[{}]}]}', '{"resultCode":"0","data":[null]}',
      '{"resultCode":"0","data":[{"userAccount":"x"},null]}', '{"resultCode":"0","data":[{"userAccount":"x","skills":[null]}]}',
      '{"resultCode":"0","data":[{"userAccount":"x","skills":[{"skillId":2},null]}]}',
      '{"resultCode":"0","data":[{"userAccount":"x","skills":[{"skillId":2.5}]}]}',
      '{"resultCode":"0","data":[{"userAccount":"x","skills":[{"skillId":2,"agentWeight":1},{"skillId":2,"agentWeight":3}]}]}',
    } do
      local result, err = decode("query_agent", body)
      assert.is_nil(result, body)
      assert.same({ "protocol", "unknown" }, { err.kind, err.outcome }, body)
    end
  end)
end)

describe("of queues is kept", function()
  it("what the documents' example has", function()
    local result = decode("query_skills", '{"returnCode":"0","description":"…","total":2,"data":[' ..
      '{"skillId":3,"name":"Support","description":"","mediaTypeId":5,"maxWaitTime":60},' ..
      '{"skillId":"4","name":"a\\nb","mediaTypeId":"53"}]}')
    assert.same({
      returnCode = "0", description = "…", count = 2,
      data = {
        { skillId = 3, name = "Support", description = "", mediaTypeId = 5 }, { skillId = 4, name = "a b", mediaTypeId = 53 },
      },
    }, result)
  end)

  it("the failure that either name of the code tells", function()
    for body, message in pairs {
      ['{"returnCode":"1","description":"no"}'] = "no", ['{"resultCode":"1","resultMessage":"no"}'] = "no",
      ['{"returnCode":"0","resultCode":"1","description":"no"}'] = "no",
      ['{"returnCode":"1","resultCode":"0","resultMessage":"no"}'] = "no",
    } do
      local result, err = decode("query_skills", body)
      assert.is_nil(result)
      assert.same({ "business", "rejected", "1", message }, { err.kind, err.outcome, err.result_code, err.result_message }, body)
    end
  end)

  it("that a 500 is the server's own trouble here, whatever its body says", function()
    for _, body in ipairs { "", '{"returnCode":"1","description":"exception"}', '{"resultCode":"1"}' } do
      local _, err = decode("query_skills", body, 500)
      assert.same({ "server", "unknown", true }, { err.kind, err.outcome, err.retryable }, body)
    end
    assert.equal("business", select(2, decode("query_agent", '{"resultCode":"1"}', 500)).kind)
  end)

  it("nothing, where it cannot be understood", function()
    for _, body in ipairs {
      "{}", '{"returnCode":"0","data":[]}', '{"total":0,"data":[]}', '{"returnCode":"0","total":1}',
      '{"returnCode":"0","total":1,"data":[{"name":"x"}]}', '{"returnCode":"0","total":-1,"data":[]}',
      '{"returnCode":"0","total":1,"data":[null,{"skillId":3}]}', '{"returnCode":"0","total":1,"data":"x"}',
      '{"returnCode":"0","total":1,"data":[{"skillId":3},null]}', '{"returnCode":"0","total":0,"data":[null]}',
    } do
      local result, err = decode("query_skills", body)
      assert.is_nil(result, body)
      assert.same({ "protocol", "unknown", true }, { err.kind, err.outcome, err.retryable }, body)
    end
    assert.same({}, assert(decode("query_skills", '{"returnCode":"0","total":0}')).data)
  end)
end)
