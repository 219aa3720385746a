-- Replies that are read without the decoder mean what they mean with it: each is decoded by both, those of random pieces too.

local core = require "aicc.core"

-- What a success with that body comes to: the table, or nil.
local function decoded(body)
  return (core.decode("token", { status = 200, body = body, headers = {} }))
end

-- The same by the decoder: a number is none of a flat object's values.
local function expected(body)
  local object = decoded((body:gsub("^([\239\187\191%s]*){", '%1{"zz":1,', 1)))
  if object then object.zz = nil end
  return object
end

describe("a flat object", function()
  for _, body in ipairs {
    '{"AccessToken":"t"}', ' {\r\n\t"AccessToken" : "t" , "a" : "" }\n ', '{"AccessToken":"t","AccessToken":"u"}',
    '{"AccessToken":"t","":"成功"}', '{"AccessToken":"t","a":"\127\255"}', '{"AccessToken":"t","schema":"x"}',
    '{"AccessToken":"t","a":"b","c":"d","e":"f","g":"h","i":"j","k":"l","m":"n"}',
    '{"AccessToken":"t","a":"b","c":"d","e":"f","g":"h","i":"j","k":"l","m":"n","o":"p"}',
    '{"AccessToken":"t","a":"\\u0041\\""}',
    '{"AccessToken":"t","a":"\\u0041\\n"}', '{"AccessToken":"t","a":1,"b":true,"c":null,"d":[],"e":{}}', '{}',
    '{"AccessToken":"t"',
    '{"AccessToken":"t",}', '{"a":"b","AccessToken":"t","a":"c"}', '{"AccessToken":"t","a":"x","b":"y","ab":"z","":"w"}',
    '{"AccessToken":"t"}x', '{"AccessToken":"t"}\0', '{"AccessToken":"t"}}', '{"AccessToken":"t" "a":"b"}',
    '{"AccessToken" "t"}',
    '{"AccessToken":"t","a":"\n"}', '{"AccessToken":"t","a":"\0"}',
    '{"AccessToken":"t","a"}', "{'AccessToken':'t'}", "", "{", '{"',
    '\239\187\191{"AccessToken":"t"}', '{"AccessToken":"t",,"a":"b"}', '\v{"AccessToken":"t"}', '[{"AccessToken":"t"}]',
  } do
    it("is what the decoder says: " .. ("%q"):format(body):gsub("[%c\127-\255]", "?"), function()
      assert.same(expected(body), decoded(body))
    end)
  end

  it("of random pieces is what the decoder says", function()
    local pieces = {
      "{", "}", '"', ":", ",", " ", "\n", "\\", '"AccessToken"', '"AccessToken":"t"', '"a":"b"', '"a":', '"b"', "1", "null",
      "[", "]", "\0", "\t", "ä", '{"AccessToken":"t",', "true", '\\"', '"schema":"s"',
    }
    local state, read = 20261126, 0
    local function random(most)
      state = state * 16807 % 2147483647
      return state % most + 1
    end
    for _ = 1, 40000 do
      local chosen = {}
      for n = 1, random(9) do chosen[n] = pieces[random(#pieces)] end
      local body = table.concat(chosen)
      if random(3) > 1 then body = '{"AccessToken":"t",' .. body .. "}" end
      local result, wanted = decoded(body), expected(body)
      if (result == nil) ~= (wanted == nil) then error(("%q"):format(body)) end
      if result then
        read = read + 1
        assert.same(wanted, result)
      end
    end
    assert.is_true(read > 100)
  end)
end)

-- A release's reply that says what the documents say of a success is taken for one at a glance; one more field has it looked at.
describe("a documented success", function()
  local function both(body, fields)
    local result, err = core.decode("release_agent_by_skill", { status = 200, body = body, headers = {} }, fields)
    local wanted, wanted_err = core.decode("release_agent_by_skill", {
      status = 200, body = body:gsub("{", '{"zz":1,', 1), headers = {},
    }, fields)
    if wanted then wanted.zz = nil end
    return { result, err and err.message }, { wanted, wanted_err and wanted_err.message }
  end

  for _, body in ipairs {
    '{"resultCode":"0","resultMessage":"success"}', ' { "resultMessage" : "success" , "resultCode" : "0" } ',
    '{"resultCode":"0"}', '{"resultMessage":"success"}', '{"resultCode":"00","resultMessage":"success"}',
    '{"resultCode":"1","resultMessage":"success"}',
    '{"resultCode":"","resultMessage":"success"}', '{"resultCode":"0","resultMessage":"successful"}',
    '{"resultCode":"0","resultMessage":"bearer-1"}', '{"resultCode":"0","resultMessage":"success","a":"bearer-1"}',
    '{"resultCode":"0","resultMessage":"success","resultCode":"1"}', '{"resultCode":"0","returnCode":"1"}',
    '{"resultcode":"0","resultMessage":"success"}', '{"resultCode":0,"resultMessage":"success"}',
    '{"resultCode":"0","resultMessage":"success"', '{"resultCode":"0","resultMessage":"success"}}',
  } do
    it("means what it means beside another field: " .. body, function()
      local found, wanted = both(body, { token = "bearer-1", app_key = "key-1", app_secret = "secret-1" })
      assert.same(wanted, found)
    end)
  end

  it("is none with another status, or cut short", function()
    local body = '{"resultCode":"0","resultMessage":"success"}'
    for _, reply in ipairs { { status = 500 }, { status = 201 }, { status = 200, truncated = true } } do
      reply.body, reply.headers = body, {}
      assert.is_nil((core.decode("release_agent_by_skill", reply)))
    end
  end)
end)
