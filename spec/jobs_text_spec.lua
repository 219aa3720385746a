-- A server's texts in the job store: cut where a character ends, and cleaned of what databases refuse.

local support = require "spec.support.jobs"
local text = require "aicc.jobs.db.text"

describe("a server's text", function()
  local seat = "座席不存在"

  -- { what comes, what is kept }
  for name, case in pairs {
    ["of one line stays"] = { "no such agent", "no such agent" },
    ["in Chinese stays"] = { seat, seat },
    ["of several lines becomes one"] = { "a\r\nb\0c\127", "a  b c " },
    ["too long is cut"] = { ("x"):rep(600), ("x"):rep(500) },
    ["too long is cut where a character ends"] = { seat:rep(40), seat:rep(33) .. "座" },
    ["that ends in mid-character lacks it"] = { "caf\195", "caf?" },
    ["in Latin-1 is legible"] = { "caf\233 ferm\233", "caf? ferm?" },
    ["with overlong forms, surrogates and beyond Unicode loses them"] = {
      "\192\175 \224\128\175 \237\160\128 \244\144\128\128 \255", "?? ??? ??? ???? ?",
    },
    ["at Unicode's ends stays"] = { "\194\160\224\160\128\237\159\191\238\128\128\240\144\128\128\244\143\191\191",
      "\194\160\224\160\128\237\159\191\238\128\128\240\144\128\128\244\143\191\191" },
    ["that is a number is its digits"] = { 1007, "1007" },
  } do
    it(name, function() assert.equal(case[2], text.line(case[1])) end)
  end

  it("that there is not stays away", function() assert.is_nil(text.line(nil)) end)
end)

describe("a job refused at length in Chinese #lua54", function()
  after_each(support.clean)

  it("keeps whole characters of it, in its rows and of its queue", function()
    local server = support.sandbox { agents = { [3] = support.agents(300) } }
    local store, client = support.store(), assert(server:client { retry = false })
    local job = support.refused(server, store, client)
    for _, message in ipairs { job:queues()[1].message, job:report { failed = true }().message } do
      assert.truthy(utf8.len(message), message) -- luacheck: ignore (not in Lua 5.1)
      assert.truthy(message:find("座席不存在座席不存在", 1, true))
    end
    client:close()
    store:close()
  end)
end)
