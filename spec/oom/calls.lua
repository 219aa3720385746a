-- calls.lua - single calls when memory runs out (exhaust.lua): a request is sent whole or not at all, what is told is true, and
-- the next call works.

local aicc = require "aicc"
local loop = require "aicc.loop"
local sandbox = require "aicc.sandbox"

local ACCOUNTS, BODY = { "1001", "1002" }, '{"skillId":3,"userAccounts":["1001","1002"]}'
local MANY = 130 -- agents, on two pages

local agents = {}
for n = 1, MANY do agents[n] = ("1%03d"):format(n) end

-- What the scenarios have in common. `changes`: bodies that a release may have.
local function scene(base_url)
  local self = { server = not base_url and assert(sandbox.start { agents = { [3] = agents, [4] = { "1001", "1002" } } }) or nil }
  self.url = base_url or self.server.base_url

  function self.client(more)
    local options = {
      base_url = self.url, app_key = "sandbox-key", app_secret = "sandbox-secret", deadline = 10, timeout = 5, proxy = "",
      retry = { base = 0, throttle_base = 0 },
    }
    for option, value in pairs(more or {}) do options[option] = value end
    return assert(aicc.new(options))
  end

  -- Everything as at the beginning.
  function self.reset()
    if self.server then self.server:reset() end
  end

  -- The requests of an operation that came whole. A request in between has given those before it the time to arrive.
  function self.whole(operation, bodies)
    local client = self.client()
    assert(client:query_agents(4))
    client:close()
    local whole = {}
    for _, request in ipairs(self.server:requests()) do
      if request.operation == operation and request.status then
        assert(not request.body:find("[]", 1, true), "an empty array: " .. request.body)
        assert(bodies[request.body], "another request: " .. request.body)
        whole[#whole + 1] = request
      end
    end
    return whole
  end

  -- Whether what is told of a change is what came of it. One that raised tells nothing.
  function self.check_change(told, bodies)
    local whole = self.whole("release_agent_by_skill", bodies)
    local is_bound = {}
    for _, account in ipairs(self.server:accounts(3)) do is_bound[account] = true end
    local gone = not is_bound["1001"] and not is_bound["1002"]
    assert(gone or is_bound["1001"] and is_bound["1002"], "half of a release")
    assert(#self.server:accounts(3) == MANY - (gone and 2 or 0), "somebody else is gone, too")
    if not told.good then return end
    if told.result then return assert(gone, "told as done, and is not: " .. tostring(told.result)) end
    local outcome = told.err.outcome
    assert(outcome ~= "rejected", "told as rejected: " .. tostring(told.err))
    assert(outcome ~= "not_sent" or not gone and #whole == 0, "told as not sent: " .. tostring(told.err))
  end

  -- The client works again.
  function self.check_works(client)
    local listed, err = client:query_agents(4)
    assert(listed, tostring(err))
  end

  return self
end

-- A scenario with a client that has a token, or none yet.
local function with_client(run, after, is_cold)
  return function(base_url)
    local it = scene(base_url)
    return {
      before = function()
        it.reset()
        local client = it.client()
        if not is_cold then assert(client:access_token()) end
        return client
      end,
      run = run,
      after = function(client, told)
        after(it, told)
        it.check_works(client)
        client:close()
      end,
      close = function(client) client:close() end,
    }
  end
end

local function check_release(it, told) it.check_change(told, { [BODY] = true }) end

local function release(client) return client:release_agent_by_skill(3, ACCOUNTS) end

local scenarios = {}

scenarios.release = with_client(release, check_release)
scenarios["first release"] = with_client(release, check_release, true)

-- From making the client to its end.
scenarios["whole release"] = function(base_url)
  local it = scene(base_url)
  return {
    before = function() it.reset() end,
    run = function()
      local client = it.client()
      local result, err = client:release_agent_by_skill(3, ACCOUNTS)
      client:close()
      return result, err
    end,
    after = function(_, told) check_release(it, told) end,
  }
end

scenarios.token = with_client(function(client) return client:access_token() end, function(_, told)
  if told.good then assert(told.result == nil or told.result:find "^sandbox%-token%-", tostring(told.result)) end
end, true)

-- All of a queue, or nothing.
scenarios.listing = with_client(function(client) return client:query_agents(3) end, function(_, told)
  if not told.good or not told.result then return end
  assert(#told.result == MANY, "a listing of fewer")
  for n, agent in ipairs(told.result) do assert(agent.userAccount == agents[n] and agent.agentWeight == 1, "another agent") end
end)

scenarios.everybody = with_client(function(client) return client:release_agent_by_skill(3, aicc.ALL) end, function(it, told)
  local gone, whole = #it.server:accounts(3) == 0, 0
  for _, request in ipairs(it.server:requests()) do
    if request.operation == "release_agent_by_skill" and request.status then
      assert(request.body == '{"skillId":3,"userAccounts":[]}', request.body)
      whole = whole + 1
    end
  end
  assert(whole <= 1 and gone == (whole == 1), "sent twice, or half")
  if not told.good then return end
  if told.result then return assert(gone, "told as done, and is not") end
  assert(told.err.outcome ~= "rejected" and (told.err.outcome ~= "not_sent" or not gone), tostring(told.err))
end)

scenarios.offboard = with_client(function(client) return client:release_agent("1001") end, function(it, told)
  local whole = it.whole("release_agent_by_skill", {
    ['{"skillId":3,"userAccounts":["1001"]}'] = true, ['{"skillId":4,"userAccounts":["1001"]}'] = true,
  })
  if not told.good then return end
  local bound = {}
  for _, skill in ipairs(it.server:queues_of "1001") do bound[skill.skillId] = true end
  if not told.result then
    return assert(told.err.outcome ~= "not_sent" or #whole == 0, "told as not sent: " .. tostring(told.err))
  end
  for _, queue in ipairs(told.result.queues) do
    assert(queue.outcome ~= "failed", "told as failed")
    if queue.outcome == "released" then assert(not bound[queue.skillId], "told as released") end
    if queue.outcome == "not_sent" then
      assert(bound[queue.skillId], "told as not sent: " .. tostring(queue.err))
    end
  end
end)

-- Three tasks in the loop, two of them at once. When the loop's run raises, all that was under way is given up; it can be run
-- again.
scenarios.batch = function(base_url)
  local it = scene(base_url)
  local BODIES = {}
  for n = 1, 3 do BODIES[('{"skillId":3,"userAccounts":["100%d"]}'):format(n)] = true end
  return {
    before = function()
      it.reset()
      local client = it.client { max_in_flight = 2 }
      assert(client:access_token())
      return { client = client, told = {} }
    end,
    run = function(this)
      for n = 1, 3 do
        loop.spawn(function()
          local result, err = this.client:release_agent_by_skill(3, { "100" .. n })
          this.told[n] = { result = result, err = err }
        end)
      end
      loop.run()
      return true
    end,
    after = function(this, told)
      if told.good then assert(this.told[1] and this.told[2] and this.told[3], "a task without an end") end
      local done = 0
      loop.spawn(function()
        it.check_works(this.client)
        done = done + 1
      end)
      while not pcall(loop.run) do done = done + 0 end -- what was given up may raise once more
      assert(done == 1, "the loop does not run again")
      it.whole("release_agent_by_skill", BODIES)
      for n = 1, 3 do
        local own = this.told[n]
        local is_bound = false
        for _, account in ipairs(it.server:accounts(3)) do is_bound = is_bound or account == "100" .. n end
        if own and own.result then assert(not is_bound, "told as done") end
        if own and own.err then
          assert(own.err.outcome ~= "rejected" and (own.err.outcome ~= "not_sent" or is_bound), tostring(own.err))
        end
      end
      this.client:close()
    end,
    close = function(this) this.client:close() end,
  }
end

return scenarios
