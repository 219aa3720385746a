-- Calls that begin while another one of the same client is under way: from its own event hook, in another coroutine, in a
-- finalizer. What one call keeps (its arguments, its attempts, its limits) is none of another's. And what a call leaves behind.

local aicc = require "aicc"
local cjson = require "cjson"
local collector = require "spec.support.collector"
local loop = require "aicc.loop"
local sandbox = require "aicc.sandbox"

local RELEASE = "release_agent_by_skill"

local server

before_each(function() server = assert(sandbox.start { agents = { [3] = { "1001" } } }) end)
after_each(function() server:stop() end)

local function new_client(options)
  local given = { retry = { base = 1e-6 } }
  for name, value in pairs(options or {}) do given[name] = value end
  return assert(server:client(given))
end

-- The releases that arrived, in words, sorted: "3: 1001 1002".
local function arrived()
  local words = {}
  for _, request in ipairs(server:requests()) do
    if request.operation == RELEASE then
      local body = cjson.decode(request.body)
      words[#words + 1] = ("%d: %s"):format(body.skillId, table.concat(body.userAccounts, " "))
    end
  end
  table.sort(words)
  return words
end

-- What a result tells of its call.
local function told(result) return ("%d: %d in %d"):format(result.skill_id, result.accounts, result.attempts) end

-- In plain Lua 5.1 nothing yields inside a hook, which is called protected.
local WAYS = _VERSION == "Lua 5.1" and not rawget(_G, "jit") and { "alone" } or { "alone", "in the loop" }

describe("a call that another one's hook makes", function()
  for _, way in ipairs(WAYS) do
    it("is a call of its own, whatever it interrupts, " .. way, function()
      -- The hook calls at each event of the outer call, whose first attempt fails: the second request, since the hook's is the
      -- first.
      server:fault { operation = RELEASE, from = 2, status = 503 }
      local client, depth, inner, events = nil, 0, {}, {}
      client = new_client { on_event = function(event)
        if event.operation ~= RELEASE or depth > 0 then return end
        events[#events + 1] = event.type
        depth = 1
        local accounts = {}
        for n = 1, #events do accounts[n] = ("%d-%d"):format(#events, n) end
        inner[#inner + 1] = told(assert(client:release_agent_by_skill(#events + 10, accounts, { timeout = 5 + #events })))
        depth = 0
      end }
      local outer
      local function call() outer = assert(client:release_agent_by_skill(3, { "1001", "1002" })) end
      if way == "alone" then
        call()
      else
        loop.spawn(call)
        loop.run()
      end
      assert.equal("send attempt retry send attempt call", table.concat(events, " "))
      assert.equal("3: 2 in 2", told(outer))
      assert.same({ "11: 1 in 1", "12: 2 in 1", "13: 3 in 1", "14: 4 in 1", "15: 5 in 1", "16: 6 in 1" }, inner)
      assert.equal(0, client.hook_errors)
      assert.same({
        "11: 1-1", "12: 2-1 2-2", "13: 3-1 3-2 3-3", "14: 4-1 4-2 4-3 4-4", "15: 5-1 5-2 5-3 5-4 5-5",
        "16: 6-1 6-2 6-3 6-4 6-5 6-6", "3: 1001 1002", "3: 1001 1002",
      }, arrived())
      client:close()
    end)
  end
end)

describe("calls of one client in several coroutines", function()
  it("each send their own, again too, whatever the caller does to its lists meanwhile", function()
    local TASKS, FAILURES = 8, 12
    server:fault { operation = RELEASE, from = 1, to = FAILURES, status = 503 }
    local client = new_client { max_in_flight = 3, retry = { attempts = 20, base = 1e-6, budget = 1000 } }
    local results, lines = {}, {}
    for n = 1, TASKS do
      loop.spawn(function()
        local accounts = {}
        for i = 1, n do accounts[i] = ("%d-%d"):format(n, i) end
        lines[n] = ("%d: %s"):format(n, table.concat(accounts, " "))
        loop.spawn(function() -- once the call waits
          for i = 1, n + 1 do accounts[i] = "another" end
        end)
        local options = n % 2 == 0 and { timeout = n, deadline = 20 + n, retry = { attempts = 20 + n } } or nil
        results[n] = told(assert(client:release_agent_by_skill(n, accounts, options)))
      end)
    end
    loop.run()
    local times = {}
    for _, line in ipairs(arrived()) do times[line] = (times[line] or 0) + 1 end
    local sum = 0
    for n = 1, TASKS do
      assert.equal(("%d: %d in %d"):format(n, n, times[lines[n]]), results[n])
      sum, times[lines[n]] = sum + times[lines[n]], nil
    end
    assert.is_nil(next(times))
    assert.equal(TASKS + FAILURES, sum)
    client:close()
  end)

  it("end with their own errors", function()
    server:fault { operation = RELEASE, to = math.huge, status = 400 }
    local client, errs = new_client(), {}
    for n = 1, 4 do
      loop.spawn(function() errs[n] = select(2, client:release_agent_by_skill(n, { "a", "b", n > 2 and "c" or nil })) end)
    end
    loop.spawn(function() errs[5] = select(2, client:release_agent_by_skill(5, aicc.ALL)) end)
    loop.run()
    for n = 1, 5 do
      local err = errs[n]
      local accounts = n == 5 and "nil" or n > 2 and "3" or "2"
      assert.equal(("bad_request %d %s 1"):format(n, accounts),
        ("%s %d %s %d"):format(err.kind, err.skill_id, tostring(err.accounts), err.attempts))
    end
    client:close()
  end)

  it("that runs out of time leaves the others alone", function()
    server:fault { operation = RELEASE, from = 1, hold = true }
    local client, results, late = new_client(), {}, nil
    loop.spawn(function()
      late = assert(client:release_agent_by_skill(3, { "1001" }, { timeout = 0.3, retry = false }))
    end)
    for n = 1, 3 do
      loop.spawn(function()
        repeat loop.sleep(0.005) until server:wait_for { held = 1, timeout = 0 }
        for i = 1, 3 do
          local line = told(assert(client:release_agent_by_skill(10 * n + i, { "a", "b" })))
          table.insert(results, line) -- now: in `results[#results + 1] = call()` others come between the two
        end
      end)
    end
    loop.run()
    server:release_held()
    assert.equal("3: 1 in 1", told(late))
    assert.equal("applied_earlier", late.outcome)
    table.sort(results)
    local wanted = {}
    for n = 1, 3 do
      for i = 1, 3 do wanted[#wanted + 1] = ("%d: 2 in 1"):format(10 * n + i) end
    end
    assert.same(wanted, results)
    client:close()
  end)
end)

describe("a finalizer #lua54", function()
  local busy, failed, made

  -- Garbage whose finalizer does something, in the middle of whatever makes the next value.
  local function litter(f)
    for _ = 1, 3 do
      made = made + 1
      setmetatable({}, { __gc = function()
        if busy then return end
        busy = true
        local ok, problem = pcall(f)
        if not ok then failed = problem end
        busy = false
      end })
    end
  end

  before_each(function() busy, failed, made = false, nil, 0 end)
  after_each(function() collector.usual() end)

  it("may make a call of the same client", function()
    local client, outer, inner = new_client(), {}, {}
    assert(client:access_token())
    local function call() inner[#inner + 1] = told(assert(client:release_agent_by_skill(7, { "f", "g", "h" }))) end
    collector.eager()
    for n = 1, 12 do
      litter(call)
      outer[n] = told(assert(client:release_agent_by_skill(3, { "1001", "1002" })))
    end
    collector.usual()
    assert.is_nil(failed)
    assert.is_true(#inner >= 12, #inner)
    for _, line in ipairs(outer) do assert.equal("3: 2 in 1", line) end
    for _, line in ipairs(inner) do assert.equal("7: 3 in 1", line) end
    local wanted = {}
    for _ = 1, 12 do wanted[#wanted + 1] = "3: 1001 1002" end
    for _ = 1, #inner do wanted[#wanted + 1] = "7: f g h" end
    assert.same(wanted, arrived())
    client:close()
  end)

  it("may make one inside a task of the loop, which gets its own answer all the same", function()
    server:stop()
    server = assert(sandbox.start { agents = { [3] = { "1001" } }, refuse_queues = { [7] = true } })
    local client, kinds = new_client(), {}
    assert(client:access_token())
    local function call()
      local _, err = client:release_agent_by_skill(7, { "f" })
      kinds[#kinds + 1] = err.kind
    end
    for _ = 1, 4 do
      loop.spawn(function()
        for _ = 1, 5 do
          litter(call)
          assert.equal("3: 1 in 1", told(assert(client:release_agent_by_skill(3, { "1001" }))))
          litter(call)
          loop.sleep(0.002)
        end
      end)
    end
    collector.eager()
    loop.run()
    collector.usual()
    assert.is_nil(failed)
    assert.is_true(#kinds >= 20, #kinds)
    for _, kind in ipairs(kinds) do assert.equal("business", kind) end
    client:close()
  end)

  it("may spawn, and no task is lost", function()
    local TASKS, CALLS = 8, 50
    local client, spawned, ran, done = new_client { max_in_flight = 4 }, 0, 0, 0
    assert(client:access_token())
    local function spawn()
      spawned = spawned + 1
      loop.spawn(function() ran = ran + 1 end)
    end
    for n = 1, TASKS do
      loop.spawn(function()
        for _ = 1, CALLS do
          litter(spawn)
          assert.equal(("%d: 1 in 1"):format(n), told(assert(client:release_agent_by_skill(n, { "1001" }))))
          done = done + 1
        end
      end)
    end
    -- Cycle upon cycle, in small steps: so that finalizers come wherever something is allocated, in a turn of the session too.
    if _VERSION == "Lua 5.4" then collectgarbage("incremental", 100, 400, 8) end
    loop.run()
    collector.usual()
    loop.run() -- what was spawned at the very end
    assert.is_nil(failed)
    assert.is_true(spawned > 100, spawned)
    assert.same({ spawned, TASKS * CALLS }, { ran, done })
    client:close()
  end)
end)

describe("a call leaves", function()
  -- The bytes of Lua's that a call allocates, what it returns included, where nothing is collected meanwhile.
  local function bytes_of(calls, f)
    collectgarbage()
    collectgarbage "stop"
    local before = collectgarbage "count"
    f(calls)
    local after = collectgarbage "count"
    collectgarbage "restart"
    return (after - before) * 1024
  end

  it("at most 500 bytes of garbage, and in the loop no more than a tenth beyond #lua54", function()
    if _VERSION ~= "Lua 5.4" then return end -- a table has other sizes elsewhere
    local client = new_client()
    local accounts = { "1001", "1002" }
    local function call(count)
      for _ = 1, count do client:release_agent_by_skill(3, accounts) end
    end
    local function in_loop(count)
      for _ = 1, 4 do loop.spawn(call, count / 4) end
      loop.run()
    end
    call(20)
    in_loop(80)
    local alone = bytes_of(100, call) / 100
    local together = (bytes_of(400, in_loop) - bytes_of(200, in_loop)) / 200 -- without what the tasks themselves take
    assert.is_true(alone > 300 and alone <= 500, alone)
    assert.is_true(together > 300 and together <= 550, together)
    client:close()
  end)
end)
