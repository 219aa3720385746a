-- The loop of a program of its own, of which one thing fails for want of memory, once: who waits there is not forgotten, and
-- nobody is taken for one who waits. (spec/oom/loops.lua lets the memory of calls themselves run out.)

local config = require "aicc.config"
local core = require "aicc.core"
local curl = require "aicc.transport.curl"
local scene = require "spec.support.loop_scene"
local socket = require "socket"

local here = scene()

describe("a loop that has no memory #lua54", function()
  local how, watcher, transport, fails

  local function fail(what)
    if fails ~= what then return end
    fails = nil
    error("not enough memory", 0)
  end

  before_each(function()
    how, watcher, fails = { name = "a loop", instead = "nothing" }, nil, nil
    function how.here() return how end
    function how.park(waiter)
      waiter.thread = coroutine.running()
      coroutine.yield()
    end
    function how.wake(waiter)
      fail "wake"
      assert(coroutine.resume(waiter.thread))
    end
    function how.watch(_, made)
      fail "watch"
      watcher = made
    end
    function how.sleep()
      coroutine.yield()
      fail "sleep"
    end
    transport = assert(curl.new(assert(config.resolve {
      base_url = here.server.base_url, app_key = "sandbox-key", app_secret = "sandbox-secret", proxy = "",
    }), nil, how))
  end)
  after_each(function() transport:close() end)

  -- A coroutine that asks for a token, and what that came to.
  local function ask()
    local told = {}
    local thread = coroutine.create(function()
      told.ok, told.result, told.err = pcall(transport.attempt, transport, {
        operation = "token", arguments = { app_key = "sandbox-key", app_secret = "sandbox-secret" },
      }, nil, 5, 5)
    end)
    assert(coroutine.resume(thread))
    return told, thread
  end

  -- Takes turns until that is there.
  local function await(told)
    local give_up = core.now() + 20
    while told.ok == nil do
      assert(core.now() < give_up and watcher:is_needed(), "nobody wakes it")
      if watcher.session:timeout() == 0 or #socket.select({ watcher.session }, nil, 0.05) == 1 then watcher:turn() end
    end
    assert.is_true(told.ok, tostring(told.result))
    assert.is_string(told.result.AccessToken)
  end

  it("wakes later whom it could not wake", function()
    fails = "wake"
    local first, second = ask(), ask()
    await(first)
    await(second)
    assert.is_nil(fails)
    assert.is_false(watcher:is_needed())
    assert.equal(2, #here.server:requests())
  end)

  it("wakes later whom it could not wake, though the client is closed meanwhile", function()
    local told = ask()
    fails = "wake"
    while fails do
      assert.equal(1, #socket.select({ watcher.session }, nil, 20))
      watcher:turn()
    end
    transport:close()
    await(told)
    assert.is_false(watcher:is_needed())
    watcher:rest()
    assert.is_nil((watcher.session:pollfd()))
  end)

  it("that could not begin to wait, does for the next call", function()
    fails = "watch"
    local told = ask()
    assert.same({ false, "not enough memory" }, { told.ok, told.result })
    await(ask())
  end)

  it("whose waiting coroutine has died, has another one for the next call", function()
    local first = ask()
    local dead = coroutine.create(function() end)
    coroutine.resume(dead)
    watcher.thread, watcher = dead, nil
    local second = ask()
    await(second)
    await(first)
  end)

  it("has nobody wait who got an error where it waited for a time", function()
    local ok, problem
    local thread = coroutine.create(function()
      ok, problem = pcall(transport.sleep, transport, 1)
      coroutine.yield()
    end)
    assert(coroutine.resume(thread))
    assert.is_true(transport:is_alive(thread))
    fails = "sleep"
    assert(coroutine.resume(thread))
    assert.same({ false, "not enough memory" }, { ok, problem })
    assert.is_false(transport:is_alive(thread))
  end)
end)
