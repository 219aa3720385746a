-- nginx with more callers than it can serve, and over many calls: nobody else notices, nothing is left behind.

local console = require "spec.support.hosts.nginx"
local load = require "spec.support.hosts.load"
local scene = require "spec.support.hosts.scene"

describe("nginx #hosts", function()
  local here = scene("openresty", console)

  describe("with 500 callers at an API that hangs", function()
    before_each(function() here.start() end)
    after_each(here.stop)

    it("/health answers every time, those over the bound are told to come again, and then all is well", function()
      local callers = load.many(500, here.example:hook("1001", { 3 }))
      load.send(here.example:hook("1001", { 3 }))
      here.server:fault { operation = "release_agent_by_skill", delay = 4, to = math.huge }
      local ended, statuses = 0, {}
      callers.on_reply = function(reply)
        ended = ended + 1
        statuses[reply.status or 0] = (statuses[reply.status or 0] or 0) + 1
        if reply.status == 503 then assert.truthy(reply.head:lower():find("retry%-after: 1\r"), reply.head) end
      end
      local polls = { next = function() return ended < 500 and { port = here.example.port, path = "/health" } or nil end }
      local _, health = load.run(callers, polls)
      local seconds = {}
      for i, reply in ipairs(health) do
        assert.equal(200, reply.status)
        seconds[i] = reply.seconds
      end
      table.sort(seconds)
      print(("\n    openresty: 500 callers, %d done, %d told to come again; %d polls, all answered, p99 %.1f ms"):format(
        statuses[202] or 0, statuses[503] or 0, #health, seconds[math.ceil(#seconds * 0.99)] * 1000))
      assert.same({ [202] = 200, [503] = 300 }, statuses)
      here.server:reset()
      local replies = load.run(load.many(100, here.example:hook("1001", { 3 }), 20))
      for _, reply in ipairs(replies) do assert.equal(202, reply.status) end
    end)
  end)

  describe("over many calls", function()
    before_each(function() here.start() end)
    after_each(here.stop)

    it("a worker's memory and descriptors stay what they are, and few connections go to the API", function()
      here.example:alone()
      local pid = here.example:workers():match "%d+"
      local on, connections = {}, 0
      local function run(calls)
        local replies = load.run(load.many(calls, here.example:hook("1001", { 3 }), 48))
        for _, reply in ipairs(replies) do assert.equal(202, reply.status) end
        for _, sent in ipairs(here.server:requests()) do
          if not on[sent.connection] then connections = connections + 1 end
          on[sent.connection] = true
        end
        here.server:clear()
        local pipe = io.popen("ls /proc/" .. pid .. "/fd | wc -l; sed -n 's/VmRSS:[^0-9]*//p' /proc/" .. pid .. "/status")
        local descriptors, kilobytes = pipe:read("*n", "*n")
        pipe:close()
        return descriptors, kilobytes
      end
      local descriptors, kilobytes = run(500)
      local descriptors_after, kilobytes_after = run(2000)
      assert.is_true(descriptors_after <= descriptors + 3 * 48, descriptors_after - descriptors)
      assert.is_true(kilobytes_after <= kilobytes + 2000, kilobytes_after - kilobytes)
      assert.is_true(connections <= 2 * 64, connections)
    end)
  end)
end)
