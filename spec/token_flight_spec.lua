-- One flight: what those who wait for somebody else's token get of it, and what they do not.

local call = require "aicc.call"
local errors = require "aicc.error"
local loop = require "aicc.loop"
local memory = require "aicc.store.memory"
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
