-- The webhook under load: it delays nobody, fetches no token twice, loses no call, and tells no secret. In either host the same.

local assert = require "luassert"
local busted = require "busted"
local load = require "spec.support.hosts.load"

local describe, it, before_each, after_each = busted.describe, busted.it, busted.before_each, busted.after_each

local ALWAYS = math.huge

-- A 202 for each.
local function assert_all_done(replies, expected)
  assert.equal(expected, #replies)
  for _, reply in ipairs(replies) do assert.equal(202, reply.status, reply.body) end
end

local function p99(replies)
  local seconds = {}
  for i, reply in ipairs(replies) do
    assert.equal(200, reply.status)
    seconds[i] = reply.seconds
  end
  table.sort(seconds)
  return seconds[math.ceil(#seconds * 0.99)]
end

return function(scene)
  describe("under load", function()
    before_each(function() scene.start() end)
    after_each(scene.stop)

    it("20 calls at once on one worker delay nobody", function()
      scene.example:alone()
      load.send(scene.example:hook("1001", { 3 }))
      scene.server:fault { operation = "release_agent_by_skill", delay = 0.5, to = ALWAYS }
      local done, last = 0, 0
      local calls = load.many(20, scene.example:hook("1001", { 3 }))
      local polls = { next = function() return done < 20 and { port = scene.example.port, path = "/health" } or nil end }
      calls.on_reply = function(reply) done, last = done + 1, math.max(last, reply.seconds) end
      local answers, health = load.run(calls, polls)
      assert_all_done(answers, 20)
      local slowest = p99(health)
      print(("\n    %s: 20 calls in %.2f s; %d polls meanwhile, p99 %.1f ms"):format(scene.name, last, #health, slowest * 1000))
      assert.is_true(last < 1.5, "all done in " .. last)
      assert.is_true(slowest < 0.020, "p99 " .. slowest)
    end)

    it("a cold start with 100 calls fetches one token, or one for each thread", function()
      assert_all_done(load.run(load.many(100, scene.example:hook("1001", { 3 }))), 100)
      local tokens = scene.count("token")
      print(("\n    %s: %d token call(s) for 100 calls"):format(scene.name, tokens))
      assert.is_true(tokens <= (scene.name == "haproxy" and 2 or 1), tokens .. " tokens")
      assert.equal(100, scene.count("release_agent_by_skill"))
    end)

    it("a reload loses no call", function()
      local calls = load.many(300, scene.example:hook("1001", { 3 }), 10)
      local done, workers = 0, scene.example:workers()
      scene.server:fault { operation = "release_agent_by_skill", delay = 0.05, to = ALWAYS }
      calls.on_reply = function()
        done = done + 1
        if done % 80 == 0 then scene.example:reload() end
      end
      assert_all_done(load.run(calls), 300)
      assert.equal(300, scene.count("release_agent_by_skill"))
      assert.are_not.equal(workers, scene.example:workers())
    end)

    it("writes no secret into a log at debug level", function()
      -- The main log: in nginx.conf the two servers have logs of their own, which may not be that chatty.
      scene.example:configure(function(text)
        return (text:gsub("error_log stderr notice", "error_log stderr debug", 1):gsub("daemon notice", "daemon debug"))
      end)
      load.send(scene.example:hook("1001", { 3 }))
      scene.server:fault { operation = "release_agent_by_skill", close = "request", to = 1 }
      load.send(scene.example:hook("1001", { 3 }))
      local log = scene.example:log()
      assert.is_true(scene.name == "haproxy" or log:find("[debug]", 1, true) ~= nil)
      for _, secret in ipairs { scene.server.app_secret, "hook-secret-7f3a", "sandbox-token" } do
        assert.falsy(log:gsub("curl [^\n]*", "", 1):find(secret, 1, true), secret)
      end
      if scene.name == "openresty" then
        scene.example:configure(function(text) return (text:gsub("error_log stderr %a+", "error_log stderr debug")) end)
        load.send(scene.example:hook("1001", { 3 }))
        assert.truthy(scene.example:log():find("http header: \"X-Hook-Secret", 1, true)) -- what the two lines are there for
        assert.falsy(scene.example:log():find(scene.server.app_secret, 1, true))
      end
    end)
  end)
end
