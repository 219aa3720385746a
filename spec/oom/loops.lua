-- loops.lua - calls in an event loop of somebody else's when memory runs out (exhaust.lua): nobody waits for ever, and what is
-- told is true. The loop is the smallest there is: cqueues, luv and Copas lose coroutines of their own, or end the process, where
-- they get no memory.

local aicc = require "aicc"
local config = require "aicc.config"
local core = require "aicc.core"
local curl = require "aicc.transport.curl"
local sandbox = require "aicc.sandbox"

local scenarios = {}

local PATIENCE = 3 -- turns for which there is no memory, until the loop's program gives up for a while

-- A loop that gives its one watcher turn after turn, and what calls need to wait in it (aicc.transport.polled).
local function new_loop()
  local loop = { watcher = false }
  local how = { name = "the loop", instead = "nothing" }
  function how.here() return coroutine.running() ~= loop.main and loop or nil end
  function how.park(waiter)
    waiter.thread = coroutine.running()
    coroutine.yield()
  end
  function how.wake(waiter) assert(coroutine.resume(waiter.thread)) end
  function how.watch(_, watcher) loop.watcher = watcher end
  function how.sleep(seconds) return core.sleep(seconds) end
  loop.main, loop.how = coroutine.running(), how
  function loop.turn()
    if not loop.watcher then return false end
    if loop.watcher:is_needed() then
      local watcher = loop.watcher
      watcher:turn()
      assert(not watcher.shared.is_short or watcher.session:timeout() <= 0.01, "nothing tells when to try again")
      core.sleep(0.001)
      return true
    end
    loop.watcher:rest()
    loop.watcher = false
    return false
  end
  return loop
end

local function waits(own) return own.thread and not own.ended and coroutine.status(own.thread) ~= "dead" end

scenarios.waiters = function(base_url)
  local server = not base_url and assert(sandbox.start { agents = { [3] = { "1001", "1002", "1003" } } }) or nil
  return {
    before = function()
      if server then server:reset() end
      local this = { told = {}, loop = new_loop() }
      local options = {
        base_url = base_url or server.base_url, app_key = "sandbox-key", app_secret = "sandbox-secret", proxy = "", deadline = 5,
        retry = { base = 0, throttle_base = 0 },
      }
      options.transport = assert(curl.new(assert(config.resolve(options)), nil, this.loop.how))
      this.client = assert(aicc.new(options))
      assert(this.client:access_token())
      for n = 1, 3 do
        local own = { thread = false, ended = false, raised = false, result = false, err = false }
        this.told[n] = own
        own.thread = coroutine.create(function()
          local ok, result, err = pcall(this.client.release_agent_by_skill, this.client, 3, { "100" .. n })
          own.raised, own.result, own.err, own.ended = not ok, ok and result, err, true
        end)
      end
      return this
    end,
    run = function(this)
      for n = 1, 3 do coroutine.resume(this.told[n].thread) end
      local short = 0
      while short < PATIENCE and this.loop.turn() do
        if this.loop.watcher.shared.is_short then short = short + 1 end
      end
      return true
    end,
    after = function(this)
      local till = core.now() + 3
      while core.now() < till and this.loop.turn() do end -- luacheck: ignore
      local is_bound = {}
      for _, account in ipairs(server:accounts(3)) do is_bound[account] = true end
      for n, own in ipairs(this.told) do
        assert(not waits(own), "nobody wakes number " .. n)
        if own.result then assert(not is_bound["100" .. n], "told as done") end
        if own.ended and not own.raised and not own.result then
          assert(own.err.outcome ~= "rejected" and (own.err.outcome ~= "not_sent" or is_bound["100" .. n]), tostring(own.err))
        end
      end
      this.client:close()
    end,
    close = function(this) this.client:close() end,
  }
end

return scenarios
