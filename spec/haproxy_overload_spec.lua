-- The example of HAProxy with more callers than it can serve, and for a long time: nobody else notices, nothing is left behind.

local assert = require "luassert"
local console = require "spec.support.hosts.haproxy"
local load = require "spec.support.hosts.load"
local scenes = require "spec.support.hosts.scene"
local socket = require "socket"

local RELEASE = "release_agent_by_skill"

describe("HAProxy's example with too many callers #hosts", function()
  local scene = scenes("haproxy", console)
  before_each(function() scene.start() end)
  after_each(scene.stop)

  local function p99(replies)
    local seconds = {}
    for i, reply in ipairs(replies) do seconds[i] = reply.seconds end
    table.sort(seconds)
    return seconds[math.ceil(#seconds * 0.99)]
  end

  it("500 at an API that hangs: 200 wait, 300 are told at once to come again, /health answers, and then all is well", function()
    local example, server = scene.example, scene.server
    load.run(load.many(20, example:hook("1001", { 3 }))) -- there are tokens
    server:clear()
    server:fault { operation = RELEASE, hold = true, to = math.huge }
    local calls, refused, served, slowest = load.many(500, example:hook("1001", { 3 })), 0, 0, 0
    calls.on_reply = function(reply)
      if reply.status == 503 then
        assert.truthy(reply.head:lower():find("retry%-after: 5\r\n"), reply.head)
        refused, slowest = refused + 1, math.max(slowest, reply.seconds)
      elseif reply.status == 202 then
        served = served + 1
      end
    end
    local polled = 0
    local polls = { next = function()
      if refused == 300 and polled == 500 then server:release_held() end
      polled = polled + 1
      return refused + served < 500 and { port = example.port, path = "/health" } or nil
    end }
    local answers, health = load.run(calls, polls)
    assert.equal(500, #answers)
    for _, reply in ipairs(health) do assert.equal(200, reply.status) end
    print(("\n    500 callers at an API that hangs: %d refused within %.2f s, %d served; %d polls, p99 %.1f ms"):format(
      refused, slowest, served, #health, p99(health) * 1000))
    assert.same({ 300, 200 }, { refused, served })
    assert.is_true(#health >= 500)
    server:reset()
    for _, reply in ipairs(load.run(load.many(100, example:hook("1001", { 3 })))) do assert.equal(202, reply.status) end
  end)

  it("a connection above the webhook's maxconn is neither refused nor answered until another one ends", function()
    local port = scene.example.port
    scene.example:configure(function(text) return (text:gsub("maxconn 900", "maxconn 8")) end)
    local function open()
      local connection = assert(socket.connect("127.0.0.1", port))
      connection:settimeout(20)
      connection:send "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
      return connection
    end
    local function answer(connection)
      local status, problem = connection:receive "*l"
      repeat until not status or connection:receive "*l" == ""
      return status and status:match " (%d+) " or problem
    end
    local taken = {}
    for i = 1, 8 do
      taken[i] = open()
      assert.equal("200", answer(taken[i]))
    end
    local ninth = open()
    ninth:settimeout(0.3)
    assert.equal("timeout", answer(ninth))
    taken[1]:close()
    ninth:settimeout(20)
    assert.equal("200", answer(ninth))
    ninth:close()
    for i = 2, 8 do taken[i]:close() end
    assert.equal(202, load.send(scene.example:hook("1001", { 3 })).status)
  end)

  it("with plain lua-load the counters are there too", function()
    scene.example:configure(function(text) return (text:gsub("\n  lua%-load%-per%-thread ", "\n  lua-load ")) end)
    load.run(load.many(40, scene.example:hook("1001", { 3 }), 4))
    assert.is_true(scene.example:released() >= 40)
  end)

  local function shell(command)
    local pipe = io.popen(command)
    local output = pipe:read "*a"
    pipe:close()
    return output
  end

  it("memory and descriptors stay as they are over many calls", function()
    local count = tonumber(os.getenv "AICC_CALLS") or 3000
    local pid = scene.example:workers():match "%d+"
    local function measure()
      local descriptors = tonumber(shell("ls /proc/" .. pid .. "/fd | wc -l"))
      return descriptors, tonumber(shell("cat /proc/" .. pid .. "/status"):match "VmRSS:%s*(%d+)")
    end
    local function run(calls)
      for _, reply in ipairs(load.run(load.many(calls, scene.example:hook("1001", { 3 }), 20))) do
        assert.equal(202, reply.status)
      end
      scene.server:clear()
    end
    run(count)
    local descriptors, memory = measure()
    run(2 * count)
    local descriptors_then, memory_then = measure()
    print(("\n    %d calls: %d kB, %d descriptors; %d later: %d kB, %d descriptors"):format(
      count, memory, descriptors, 2 * count, memory_then, descriptors_then))
    assert.is_true(descriptors_then <= descriptors + 40, descriptors_then)
    assert.is_true(memory_then <= memory + 6000, memory_then)
  end)
end)
