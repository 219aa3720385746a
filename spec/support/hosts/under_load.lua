-- The webhook under load: it delays nobody, fetches no token twice, loses no call, and tells no secret. In either host the same.

local assert = require "luassert"
local busted = require "busted"
local load = require "spec.support.hosts.load"
local socket = require "socket"

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
      assert.is_true(last < 5, "all done in " .. last) -- one after the other they take 10 s
      assert.is_true(slowest < 0.25, "p99 " .. slowest) -- half of a call: who had to wait for one would have waited longer
    end)

    it("a cold start with 100 calls fetches one token, or one for each thread", function()
      assert_all_done(load.run(load.many(100, scene.example:hook("1001", { 3 }))), 100)
      local tokens = scene.count("token")
      print(("\n    %s: %d token call(s) for 100 calls"):format(scene.name, tokens))
      assert.is_true(tokens <= (scene.name == "haproxy" and 2 or 1), tokens .. " tokens")
      assert.equal(100, scene.count("release_agent_by_skill"))
    end)

    it("a token is fetched for everybody: the caller who leaves meanwhile takes nothing along", function()
      scene.example:configure(function(text)
        return (text:gsub("worker_processes 2", "worker_processes 1"):gsub("nbthread 2", "nbthread 1")
          :gsub("\nhttp {\n", "\nhttp {\n  lua_check_client_abort on;\n")
          :gsub("\ndefaults\n", "\ndefaults\n  option abortonclose\n", 1))
      end)
      scene.server:fault { operation = "token", delay = 1, to = ALWAYS }
      local leaver = socket.connect("127.0.0.1", scene.example.port)
      local body = '{"queues":[3]}'
      leaver:send(("POST /agents/1001/signed-off HTTP/1.1\r\nHost: a\r\nX-Hook-Secret: hook-secret-7f3a\r\n" ..
        "Content-Length: %d\r\n\r\n%s"):format(#body, body))
      while scene.count "token" == 0 do socket.sleep(0.01) end
      leaver:close()
      local replies = load.run(load.many(5, scene.example:hook("1001", { 3 })))
      assert_all_done(replies, 5)
      for _, reply in ipairs(replies) do assert.is_true(reply.seconds < 3, reply.seconds) end
      assert.equal(1, scene.count "token")
    end)

    it("50 callers at a dead token endpoint ask it a few times, and share what it says; afterwards all is well", function()
      scene.server:fault { operation = "token", status = 503, to = ALWAYS }
      local ends, answered = socket.gettime() + 3, 0
      local callers = { parallel = 50, next = function()
        return socket.gettime() < ends and scene.example:hook("1001", { 3 }) or nil
      end, on_reply = function(reply)
        answered = answered + 1
        assert.is_true(reply.status == 502 or reply.status == 503, reply.body) -- 503: the hook's breaker has noticed
      end }
      load.run(callers)
      local asked = scene.count "token"
      print(("\n    %s: %d token requests for %d calls in 3 s"):format(scene.name, asked, answered))
      assert.is_true(asked <= (scene.name == "haproxy" and 24 or 14), asked .. " token requests")
      assert.equal(0, scene.count "release_agent_by_skill")
      scene.server:reset()
      local reply
      for _ = 1, 500 do
        reply = load.send(scene.example:hook("1001", { 3 }))
        if reply.status == 202 then break end
        socket.sleep(0.02)
      end
      assert.equal(202, reply.status, reply.body)
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
      if scene.name == "haproxy" then -- it has no more to say at that level than at another
        assert.truthy(log:find(' webhook webhook/<lua.signed_off> .- 202 .- "POST /agents/1001/signed%-off HTTP/1.1"'), log)
        assert.truthy(log:find(' egress api/api%d* .- "POST /api%S+ HTTP/1.1"'), log)
      else
        assert.truthy(log:find("[debug]", 1, true))
      end
      local secrets = { scene.server.app_secret, "hook-secret-7f3a", "sandbox-token" }
      for _, secret in ipairs(secrets) do
        assert.falsy(log:gsub("curl [^\n]*", ""):find(secret, 1, true), secret)
      end
    end)

    -- What doc/hosts.md warns of: the caller's secret and the token are in headers. The app secret is in no header.
    it("told to write down headers, still never writes the app secret", function()
      local headers
      if scene.name == "openresty" then
        scene.example:configure(function(text) return (text:gsub("error_log stderr %a+", "error_log stderr debug")) end)
        headers = { 'http header: "X-Hook-Secret: hook-secret-7f3a"', 'http header: "Authorization: Bearer sandbox-token' }
      else
        scene.stop()
        scene.start({}, "-d")
        headers = { "x-hook-secret: hook-secret-7f3a", "authorization: Bearer sandbox-token" }
      end
      assert.equal(202, load.send(scene.example:hook("1001", { 3 })).status)
      local log = scene.example:log()
      for _, header in ipairs(headers) do assert.truthy(log:find(header, 1, true), header) end
      assert.falsy(log:find(scene.server.app_secret, 1, true))
    end)
  end)
end
