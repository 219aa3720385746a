-- Calls inside the event loops of others: cqueues, luv, Copas. What each call comes to is loops_matrix_spec's; here is who waits
-- for whom, who must not wait, and what is left of those who are abandoned.

local aicc = require "aicc"
local child = require "spec.support.child"
local core = require "aicc.core"
local loops = require "spec.support.loops"
local scene = require "spec.support.loop_scene"

local RELEASE = "release_agent_by_skill"

local here = scene()

-- How many descriptors this process has open, but for the pipe that tells.
local function open_files()
  here.collect()
  local pipe = io.popen "ls /proc/$PPID/fd 2>/dev/null | wc -l"
  local count = tonumber(pipe:read "*a")
  pipe:close()
  return count
end

local function times(n, f)
  local tasks = {}
  for i = 1, n do tasks[i] = f end
  return tasks
end

for _, missing in ipairs(loops.missing) do
  it("cannot be shown here: " .. missing .. " #loops", function() pending "this Lua has no such loop" end)
end

for _, loop in ipairs(loops) do
  describe("inside " .. loop.name .. " #loops", function()
    it("an answer that hangs holds up nobody: the loop ticks on", function()
      here.new_client { transport = loop.name }
      here.server:fault { operation = RELEASE, hold = true }
      local ticks = 0
      local results = loop.run({ here.release }, function()
        if here.server:stats().held == 1 then ticks = ticks + 1 end
        if ticks == 20 then here.server:release_held() end
      end)
      assert.equal("applied", results[1][1].outcome)
      assert.is_true(ticks >= 20)
    end)

    it("200 calls are under way at once, while it ticks, on one descriptor of the loop's", function()
      here.new_client { transport = loop.name, max_in_flight = 200 }
      assert(here.client:access_token())
      here.server:fault { operation = RELEASE, hold = true, to = math.huge }
      local ticks = 0
      local results = loop.run(times(200, here.release), function()
        if here.server:stats().held < 200 then return end
        ticks = ticks + 1
        if ticks == 10 then
          here.server:clear()
          here.server:release_held()
        end
      end)
      for n = 1, 200 do assert.equal("applied", results[n][1].outcome) end
      assert.equal(0, here.under_way())
    end)

    it("max_in_flight is what it is elsewhere, and all calls share those connections", function()
      here.new_client { transport = loop.name, max_in_flight = 3 }
      here.server:fault { operation = RELEASE, hold = true, to = math.huge }
      local most, ticks = 0, 0
      local results = loop.run(times(12, here.release), function()
        local held = here.server:stats().held
        most, ticks = math.max(most, held), held == 3 and ticks + 1 or ticks
        if ticks > 3 then here.server:release_held() end
      end)
      for n = 1, 12 do assert.equal("applied", results[n][1].outcome) end
      assert.equal(3, most)
      assert.is_true(here.server:stats().connections <= 4, here.server:stats().connections .. " connections")
    end)

    it("one fetches the token for all", function()
      here.new_client { transport = loop.name }
      loop.run(times(20, here.release))
      local tokens = 0
      for _, request in ipairs(here.server:requests()) do tokens = tokens + (request.operation == "token" and 1 or 0) end
      assert.equal(1, tokens)
    end)

    it("a retry waits by the loop, which ticks on", function()
      here.new_client { transport = loop.name, random = function() return 1 end }
      here.server:fault { operation = "query_agents", status = 503 }
      local ticks, began = 0, core.now()
      local results = loop.run({ function() return here.client:query_agents(3) end }, function()
        if #here.server:requests() == 2 then ticks = ticks + 1 end -- the token and the first try
      end)
      assert.equal(3, #results[1][1])
      assert.is_true(core.now() - began >= 0.2)
      assert.is_true(ticks >= 3, ticks .. " ticks")
    end)

    it("timeouts and deadlines end calls in time", function()
      here.new_client { transport = loop.name, timeout = 0.2, retry = { attempts = 1 } }
      assert(here.client:access_token())
      here.server:fault { operation = "query_agents", hold = true, to = math.huge }
      local began = core.now()
      local results = loop.run({
        function() return here.client:query_agents(3) end,
        function() return here.client:query_agents(3, { timeout = 30, deadline = 0.3 }) end,
      })
      assert.same({ "timeout", "timeout" }, { results[1][2].kind, results[2][2].kind })
      assert.is_true(core.now() - began >= 0.25)
      assert.is_true(results[1][2].elapsed < results[2][2].elapsed)
    end)

    it("closing the client tells those who wait, at once", function()
      here.new_client { transport = loop.name }
      here.server:fault { operation = RELEASE, hold = true, to = math.huge }
      local closed = false
      local results = loop.run({ here.release, here.release }, function()
        if here.server:stats().held == 2 and not closed then
          closed = true
          here.client:close()
        end
      end)
      for n = 1, 2 do assert.same({ "closed", "unknown" }, { results[n][2].kind, results[n][2].outcome }) end
      assert.is_nil((here.client.transport.polled.session:pollfd())) -- it went with the last of them
    end)

    it("closing the client tells those, too, who wait for another try or for another one's token", function()
      for _, operation in ipairs { "query_agents", "token" } do
        here.new_client { transport = loop.name, random = function() return 1 end }
        here.server:reset()
        here.server:clear()
        here.server:fault { operation = operation, status = 503, to = math.huge }
        local function query() return here.client:query_agents(3) end
        local closed_at
        local results = loop.run({ query, query, query }, function()
          local failed = 0
          for _, request in ipairs(here.server:requests()) do failed = failed + (request.status == 503 and 1 or 0) end
          if failed < (operation == "token" and 1 or 3) or closed_at then return end
          closed_at = core.now()
          here.client:close()
          here.client:close() -- what closes twice takes nothing away from those who are to be told
        end)
        for n = 1, 3 do assert.equal("closed", results[n][2].kind) end
        assert.is_true(core.now() - closed_at < 5)
      end
    end)

    it("what has been closed returns an error, and keeps no descriptor", function()
      local files = open_files()
      here.new_client { transport = loop.name }
      loop.run { here.release, here.release }
      here.client:close()
      local results = loop.run { here.release }
      assert.equal("closed", results[1][2].kind)
      here.client = nil
      assert.is_true(open_files() <= files + 4, "more is left than the loop's own, which may have been made in passing")
    end)

    it("one loop after the other uses the client, and so does who has no loop", function()
      here.new_client { transport = loop.name }
      for _ = 1, 3 do
        assert.equal("applied", loop.run({ here.release })[1][1].outcome)
        assert.equal("applied", here.release().outcome)
      end
      assert.equal("applied", (function()
        local result
        local own = require "aicc.loop"
        own.spawn(function() result = here.release() end)
        own.run()
        return result.outcome
      end)())
    end)

    it("a finalizer inside a task may not yield: its call is refused (or raises, in Lua 5.1), and disturbs nobody", function()
      here.new_client { transport = loop.name }
      assert(here.client:access_token())
      local refused, is_called
      local function finalize()
        is_called = true
        local _, err = here.client:release_agent_by_skill(4, { "9" })
        refused = err
      end
      local results = loop.run { function()
        local proxy = rawget(_G, "newproxy") and newproxy(true) -- luacheck: ignore
        getmetatable(proxy or setmetatable({}, { __gc = finalize })).__gc = finalize
        proxy = nil -- luacheck: ignore
        local raised
        for _ = 1, 3 do raised = raised or not pcall(collectgarbage) end -- plain Lua 5.1 raises what a finalizer raises
        local values = { coroutine.wrap(function() return coroutine.yield(1) end)() } -- what else the program yields
        local own = here.release()
        return own, values[1], raised
      end }
      local own, value, raised = results[1][1], results[1][2], results[1][3]
      assert.same({ true, 3, "applied", 1 }, { is_called, own.skill_id, own.outcome, value })
      if coroutine.isyieldable then
        assert.same({ "unsupported", "not_sent" }, { refused.kind, refused.outcome })
        assert.matches("by what may not yield", refused.message)
      else
        assert.is_true(raised)
      end
      assert.same({}, (here.client.transport.polled.owners))
      for _, request in ipairs(here.server:requests()) do assert.is_nil(request.body:find('"skillId":4', 1, true)) end
    end)

    it("the example does what it says", function()
      local output = child.run(("dofile 'examples/%s.lua'"):format(loop.name))
      local lines = {}
      for line in output:gmatch "[^\n]+" do lines[#lines + 1] = line end
      assert.matches(" on meanwhile$", table.remove(lines))
      table.sort(lines)
      local expected = {}
      for queue = 1, 10 do expected[queue] = ("queue %d: applied"):format(queue) end
      table.sort(expected)
      assert.same(expected, lines)
    end)

    it("a call after the other, from one task and many, leaves nothing behind", function()
      here.new_client { transport = loop.name }
      loop.run(times(5, function()
        for _ = 1, 20 do assert(here.release()) end
      end))
      assert.equal(0, here.under_way())
      assert.is_nil(next(here.client.transport.polled.owners))
      assert.is_nil(next(here.client.transport.polled.parked))
      here.collect()
      assert.is_nil(next(here.client.transport.polled.watchers))
    end)
  end)
end

it("a transport whose loop is not installed is a fault of configuration #loops", function()
  local path, cpath = package.path, package.cpath
  for _, name in ipairs { "cqueues", "luv", "copas" } do
    local modules, kept = { name, "aicc.transport." .. name, "aicc.transport.loops." .. name }, {}
    for n, module in ipairs(modules) do kept[n], package.loaded[module] = package.loaded[module] or false, nil end
    package.path, package.cpath = "lua/?.lua;lua/?/init.lua", ""
    local made, err = aicc.new { base_url = here.server.base_url, app_key = "app-key", app_secret = "secret", transport = name }
    package.path, package.cpath = path, cpath
    for n, module in ipairs(modules) do package.loaded[module] = kept[n] or nil end
    assert.same({ nil, "config" }, { made, err.kind })
    assert.matches("transport '" .. name .. "': the module .* is missing: .*lua%-" .. name, err.message)
  end
end)
