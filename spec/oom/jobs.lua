-- jobs.lua - jobs when memory runs out (exhaust.lua): the store is sound afterwards and says what the server got, no request is
-- half or for everybody, and the same store goes on to the end, with each account sent once.

local aicc = require "aicc"
local jobs = require "aicc.jobs"
local sandbox = require "aicc.sandbox"

-- Where the stores are: each has `url`, `empty()` and `planned(plan)`, which make one for a round, `check()`, and `later()`: when
-- nobody has a lease any more.
local STORES = { sqlite = "spec/oom/sqlite.lua", postgresql = "spec/oom/postgresql.lua" }

-- Queue 3 has four agents, of whom three are to go; queue 4 one; z is bound nowhere.
local AGENTS = { [3] = { "a1", "a2", "a3", "b1" }, [4] = { "a1", "b1" } }
local ROWS = { { 3, "a1" }, { 3, "a2" }, { 4, "a1" }, { 3, "z" }, { 3, "a3" } }
local EXPECTED = { "released", "released", "released", "not_bound", "released" }
local BODIES = {
  ['{"skillId":3,"userAccounts":["a1","a2"]}'] = true, ['{"skillId":3,"userAccounts":["a3"]}'] = true,
  ['{"skillId":4,"userAccounts":["a1"]}'] = true,
}

local function rows()
  local at = 0
  return jobs.rows(function()
    at = at + 1
    if ROWS[at] then return ROWS[at][1], ROWS[at][2] end
  end)
end

local function plan(store, client)
  return store:plan(rows(), { client = client, name = "night", rate = 0, chunk = 2, concurrency = 2 })
end

local function scene(base_url, kind)
  local self = { server = not base_url and assert(sandbox.start { agents = AGENTS }) or nil }
  self.url = base_url or self.server.base_url
  self.store = dofile(STORES[kind])

  function self.client()
    return assert(aicc.new {
      base_url = self.url, app_key = "sandbox-key", app_secret = "sandbox-secret", deadline = 10, timeout = 5, proxy = "",
      retry = { base = 0, throttle_base = 0 },
    })
  end

  function self.reset()
    if self.server then return self.server:reset() end
    local client = self.client()
    for skill, accounts in pairs(AGENTS) do assert(client:bind_agents(skill, accounts)) end
    client:close()
  end

  function self.open() return assert(jobs.open(self.store.url)) end

  -- What a job's report must be beside what the server has.
  function self.check_report(job)
    local is_bound = { [3] = {}, [4] = {} }
    for skill, set in pairs(is_bound) do
      for _, account in ipairs(self.server:accounts(skill)) do set[account] = true end
    end
    local line = 0
    for row in job:report() do
      line = line + 1
      local skill, account = ROWS[line][1], ROWS[line][2]
      assert(row.skill_id == skill and row.user_account == account, "another row in the report")
      if row.status == "released" then assert(not is_bound[skill][account], "told as released: " .. account) end
      if row.status == "not_bound" then assert(account == "z", "told as not bound: " .. account) end
      assert(row.status ~= "failed", "told as failed: " .. account .. ": " .. tostring(row.message))
    end
    assert(line == #ROWS, "rows lost in the report")
  end

  -- The requests, by their numbers, that a run has left behind and the server is still at: a listing may show that they are to be
  -- sent again. (By their numbers: the body of such a one is not known yet.)
  local function unanswered()
    local open = {}
    for _, request in ipairs(self.server:requests()) do
      if not request.status then open[request.n] = true end
    end
    return open
  end

  -- Whole requests only, of those that are meant; each at most once, and once more behind one that was `open`.
  function self.check_requests(open)
    local seen = {}
    for _, request in ipairs(self.server:requests()) do
      if request.operation == "release_agent_by_skill" and request.body ~= "" then
        assert(BODIES[request.body], "another request: " .. request.body)
        assert(not seen[request.body], "sent twice: " .. request.body)
        seen[request.body] = not open[request.n]
      end
    end
  end

  -- Goes on to the end with the same store, and then everything is as if memory had been enough.
  function self.finish_with(store, name)
    self.store.later()
    local open = unanswered()
    local client = self.client()
    local job = assert(store:job(name))
    local summary, err = job:resume { client = client, rate = 0, force = true }
    client:close()
    assert(summary, tostring(err))
    assert(not summary.stopped, tostring(summary.stopped))
    local line = 0
    for row in job:report() do
      line = line + 1
      assert(row.status == EXPECTED[line], ("line %d is %s at the end: %s"):format(line, row.status, tostring(row.message)))
    end
    for skill in pairs(AGENTS) do
      assert(table.concat(self.server:accounts(skill), " ") == "b1", "somebody is bound at the end")
    end
    self.check_requests(open)
  end

  return self
end

-- What each scenario ends with.
local function close(this)
  this.client:close()
  this.store:close()
end

local scenarios = {}

-- A plan in a store that is empty.
local function with_nothing(store)
  return function(base_url)
    local it = scene(base_url, store)
    return {
      before = function()
        it.reset()
        it.store.empty()
        return { store = it.open(), client = it.client() }
      end,
      run = function(this) return plan(this.store, this.client) end,
      after = function(this, told)
        this.client:close()
        for _, request in ipairs(it.server:requests()) do
          assert(request.operation == "query_agents" or request.operation == "token" or request.operation == "query_skills",
            request.operation)
        end
        it.store.check()
        -- What was not finished is forgotten, and planned again.
        local job, missing = this.store:job "night"
        assert(job or missing.kind == "argument", tostring(missing))
        if told.good and told.result then it.check_report(assert(job)) end
        if job and not (told.good and told.result) then assert(this.store:forget "night") end
        local client = it.client()
        if not (told.good and told.result) then assert(plan(this.store, client)) end
        client:close()
        it.finish_with(this.store, "night")
        this.store:close()
        it.store.check()
      end,
      close = close,
    }
  end
end

-- A job that is planned already.
local function with_plan(store, run)
  return function(base_url)
    local it = scene(base_url, store)
    local function make(open)
      local client = it.client()
      assert(plan(open, client))
      client:close()
    end
    return {
      before = function()
        it.reset()
        it.store.planned(make)
        return { store = it.open(), client = it.client() }
      end,
      run = function(this) return run(this.store, this.client) end,
      after = function(this, told)
        this.client:close()
        it.store.check()
        it.check_report(assert(this.store:job "night"))
        if told.good and told.result and not told.result.stopped and #told.result.troubles == 0 then
          assert(told.result.counts.released == 4 and told.result.counts.not_bound == 1, "told as done, and is not")
        end
        it.finish_with(this.store, "night")
        this.store:close()
        it.store.check()
      end,
      close = close,
    }
  end
end

local function apply(store, client)
  local job, err = store:job "night"
  if not job then return nil, err end
  return job:apply { client = client, rate = 0, force = true, concurrency = 2 }
end

for store, suffix in pairs { sqlite = "", postgresql = ", postgresql" } do
  scenarios["plan" .. suffix] = with_nothing(store)
  scenarios["apply" .. suffix] = with_plan(store, apply)
end

return scenarios
