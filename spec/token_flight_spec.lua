-- One flight: what those who wait for somebody else's token get of it, and what they do not.

local call = require "aicc.call"
local errors = require "aicc.error"
local loop = require "aicc.loop"
local memory = require "aicc.store.memory"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"
local token = require "aicc.token"

-- Time stands still but for `pass`, so that nothing here depends on the machine's; tasks wait for each other in the loop.
local now, requests

local function pass(seconds) now = now + seconds end

-- A source whose n-th request is answered by `answers[n]`, a function that may wait in the loop.
local function source_of(answers)
  now, requests = 1000, 0
  return token.new {
    store = memory.new(), key = "k", now = function() return now end, random = function() return 1 end, timeout = 15,
    emit = function() end,
    sleep = function() return loop.sleep(0) end,
    transport = { yields = loop.is_inside, is_alive = function(_, thread) return loop.is_task(thread) end },
    request = function()
      requests = requests + 1
      return answers[requests]()
    end,
  }
end

local function new_call(deadline)
  return call.new("query_agents", call.limits {
    deadline = deadline or 60, timeout = 15, retry = {}, clock = function() return now end,
  })
end

-- Lets so many tasks ask at once; returns what each got.
local function ask(source, count, deadline)
  local got = {}
  for n = 1, count do
    loop.spawn(function() got[n] = { source:get(new_call(deadline)) } end)
  end
  loop.run()
  return got
end

local function issued(name)
  return function()
    loop.sleep(0)
    return { AccessToken = name, Expires = "600" }
  end
end

local function failed(fields)
  return function()
    loop.sleep(0)
    return nil, errors.new(fields)
  end
end

describe("a flight", function()
  it("that was interrupted is its leader's trouble: another one leads", function()
    local got = ask(source_of { failed { kind = "aborted", message = "interrupted" }, issued "t" }, 4)
    assert.same({ nil, "aborted" }, { got[1][1], got[1][2].kind })
    for n = 2, 4 do assert.same({ "t" }, got[n]) end
    assert.equal(2, requests)
  end)

  it("that failed gives each an error of its own", function()
    local got = ask(source_of { failed { kind = "network", message = "no connection" } }, 4)
    assert.equal(1, requests)
    for n = 1, 4 do
      local err = got[n][2]
      assert.same({ "network", "no connection" }, { err.kind, err.message })
      err.message = "mine" -- whoever gets one may write into it
    end
  end)

  it("that takes longer than an attempt can is given up by those who wait, who then fetch", function()
    local source, first = source_of {}, nil
    local answers = {
      function()
        for _ = 1, 100 do -- hangs until somebody else has asked
          loop.sleep(0)
          if requests > 1 then break end
        end
        return { AccessToken = "late", Expires = "600" }
      end,
      issued "t",
    }
    source.request = function()
      requests = requests + 1
      return answers[requests]()
    end
    loop.spawn(function() first = source:get(new_call()) end)
    local others = {}
    for n = 1, 3 do
      loop.spawn(function() others[n] = source:get(new_call()) end)
    end
    loop.spawn(function()
      loop.sleep(0)
      pass(20.5) -- an attempt's 15 s, and 5 more
    end)
    loop.run()
    assert.same({ "late", "t", "t", "t", 2 }, { first, others[1], others[2], others[3], requests })
  end)

  it("that does not is waited for", function()
    local source
    source = source_of { function()
      pass(19)
      loop.sleep(0)
      return { AccessToken = "t", Expires = "600" }
    end }
    local got = ask(source, 3)
    for n = 1, 3 do assert.same({ "t" }, got[n]) end
    assert.equal(1, requests)
  end)

  it("that fails late takes nobody's token away: one who was taken for dead gets what another has fetched", function()
    local source, first = source_of {}, nil
    source.transport.serves_strangers = true -- they would share that failure
    source.request = function()
      requests = requests + 1
      if requests > 1 then return { AccessToken = "t", Expires = "600" } end
      for _ = 1, 100 do
        loop.sleep(0)
        if requests > 1 then break end
      end
      return nil, errors.new { kind = "timeout", message = "no answer" }
    end
    loop.spawn(function() first = { source:get(new_call()) } end)
    loop.spawn(function()
      loop.sleep(0)
      pass(20.5)
      assert.equal("t", source:get(new_call()))
    end)
    loop.run()
    assert.same({ "t" }, first)
    assert.same({ "t" }, { source:get(new_call()) })
    assert.equal(2, requests)
  end)

  it("that the host could not start on its own is waited for without its bell, which nobody would ring", function()
    local source = source_of { issued "t" }
    source.transport.apart = function() return false end
    source.transport.bell = function() return { wait = function() error "nobody rings" end } end
    for n, answer in ipairs(ask(source, 3)) do assert.same({ "t" }, answer, n) end
    assert.equal(1, requests)
  end)

  -- In Lua 5.1 alone nobody waits inside a pcall; neither host has that.
  local waits_in_pcall = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil
  if not waits_in_pcall then return end

  it("that raises on its own raises in each who waits for it, who does not try for ever", function()
    local source = source_of {}
    source.transport.bell = function() end
    source.transport.apart = function(_, f)
      loop.spawn(function() pcall(f) end)
      return true
    end
    source.request = function()
      requests = requests + 1
      if requests > 20 then return { AccessToken = "t", Expires = "600" } end
      error("no such thing", 0)
    end
    local raised = {}
    for n = 1, 3 do
      loop.spawn(function() raised[n] = select(2, pcall(source.get, source, new_call())) end)
    end
    loop.run()
    assert.same({ "no such thing", "no such thing", "no such thing", 1 }, { raised[1], raised[2], raised[3], requests })
  end)
end)

---- one flight, with a real server

local server

after_each(function()
  if server then server:stop() end
  server = nil
end)

local function token_calls()
  local count = 0
  for _, request in ipairs(server:requests()) do
    if request.operation == "token" then count = count + 1 end
  end
  return count
end

describe("one flight:", function()
  it("100 coroutines on a cold cache fetch one token", function()
    server = assert(sandbox.start { agents = { [3] = { "1" } } })
    local client = assert(server:client())
    local done = 0
    for _ = 1, 100 do
      loop.spawn(function()
        assert(client:query_agents(3))
        done = done + 1
      end)
    end
    loop.run()
    client:close()
    assert.same({ 100, 1 }, { done, token_calls() })
  end)

  it("a refusal is shared too, each with an error of its own", function()
    server = assert(sandbox.start())
    local client = assert(server:client { app_secret = "mistaken" })
    local errs = {}
    for n = 1, 20 do
      loop.spawn(function() errs[n] = scene.nth(2, client:query_agents(n)) end)
    end
    loop.run()
    client:close()
    assert.equal(1, token_calls())
    for n = 1, 20 do assert.same({ "auth", n }, { errs[n].kind, errs[n].skill_id }) end
  end)

  it("the deadline of the one who fetches is nobody else's", function()
    server = assert(sandbox.start { agents = { [3] = { "1" } } })
    server:fault { operation = "token", hold = true }
    local client = assert(server:client())
    local hasty, patient
    loop.spawn(function() hasty = scene.nth(2, client:query_agents(3, { deadline = 1 })) end)
    loop.spawn(function() patient = client:query_agents(3) end)
    loop.run()
    client:close()
    server:release_held()
    assert.same({ "timeout", 1, 2 }, { hasty.kind, #patient, token_calls() })
  end)

  it("nor is a follower's deadline exceeded", function()
    server = assert(sandbox.start())
    server:fault { operation = "token", hold = true }
    local client = assert(server:client())
    local leader, follower, count
    loop.spawn(function() leader = client:query_agents(3) end)
    loop.spawn(function()
      while server:stats().held < 1 do loop.sleep(0.005) end
      follower = scene.nth(2, client:query_agents(3, { deadline = 0.1 }))
      count = token_calls()
      server:release_held()
    end)
    loop.run()
    client:close()
    assert.same({ {}, "deadline", "not_sent", 1 }, { leader, follower.kind, follower.outcome, count })
  end)

  it("while one refreshes, the others use the old token", function()
    server = assert(sandbox.start { token_lifetime = 600 })
    local time = scene.skipping()
    local client = assert(server:client { clock = time.clock, sleep = time.sleep, random = time.random })
    assert(client:access_token())
    time.pass(500)
    server:fault { operation = "token", hold = true }
    local order = {}
    for n = 1, 10 do
      loop.spawn(function()
        assert(client:query_agents(3))
        order[#order + 1] = n
        if #order == 9 then server:release_held() end
      end)
    end
    loop.run()
    client:close()
    assert.same({ 10, 1, 2 }, { #order, order[10], token_calls() }) -- the first one refreshed, and came last
  end)
end)

it("a fetch that an error went through holds up nobody, and keeps no lock", function()
  local locked = false
  local store = require("aicc.store.memory").new()
  function store.lock() -- as a file's: taken once, until it is given up
    local free = not locked
    locked = true
    return free
  end
  function store.unlock() locked = false end
  local time, broken, waits = scene.standing(), true, 0
  local source = token.new {
    store = store, key = "k", now = time.clock, random = time.random, timeout = 15, emit = function() end,
    sleep = function() waits = waits + 1 return true end,
    transport = { yields = function() return true end, is_alive = function() return false end },
    request = function()
      if broken then error "interrupted!" end
      return { AccessToken = "t", Expires = "600" }
    end,
  }
  local current = call.new("query_agents", call.limits { deadline = 60, timeout = 15, retry = {}, clock = time.clock })
  assert.is_false((pcall(source.get, source, current)))
  assert.is_true(locked)
  broken = false
  assert.equal("t", (source:get(current)))
  assert.is_false(locked)
  assert.equal(0, waits)
end)
