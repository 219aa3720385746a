-- jobs.lua - jobs when memory runs out (exhaust.lua): the store is sound afterwards and says what the server got, no request is
-- half or for everybody, and the same store goes on to the end, with each account sent once.

local aicc = require "aicc"
local core = require "aicc.core"
local jobs = require "aicc.jobs"
local sandbox = require "aicc.sandbox"
local dbi = require "DBI"

local FOLDER = assert(os.getenv "AICC_OOM_FOLDER", "AICC_OOM_FOLDER: no folder for stores")

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

-- Puts a copy of a store that is closed in the place of another one; without one, nothing.
local function copy(from, to)
  for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(to .. suffix) end
  if not from then return end
  local file = assert(io.open(from, "rb"))
  assert(core.create_file(to)) -- for nobody else
  local written = assert(io.open(to, "wb"))
  written:write((file:read "*a"))
  written:close()
  file:close()
end

local function scene(base_url)
  local self = { server = not base_url and assert(sandbox.start { agents = AGENTS }) or nil }
  self.url = base_url or self.server.base_url
  self.path = FOLDER .. "/jobs.db"

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

  function self.open(path) return assert(jobs.open("sqlite:" .. (path or self.path))) end

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

  -- Whole requests only, of those that are meant; each at most once.
  function self.check_requests()
    local seen = {}
    for _, request in ipairs(self.server:requests()) do
      if request.operation == "release_agent_by_skill" and request.body ~= "" then
        assert(BODIES[request.body], "another request: " .. request.body)
        assert(not seen[request.body], "sent twice: " .. request.body)
        seen[request.body] = true
      end
    end
  end

  -- The file is sound by SQLite's own judgement, and nobody holds it.
  function self.check_file()
    local connection = assert(dbi.Connect("SQLite3", self.path))
    connection:autocommit(true)
    local statement = assert(connection:prepare "PRAGMA integrity_check")
    assert(statement:execute())
    local told = statement:fetch(false)
    assert(told and told[1] == "ok", told and told[1] or "no answer")
    statement:close()
    for _, text in ipairs { "BEGIN IMMEDIATE", "ROLLBACK" } do
      local held = assert(connection:prepare(text))
      local done, problem = held:execute()
      assert(done, "the store is not free: " .. tostring(problem))
      held:close()
    end
    connection:close()
  end

  -- Goes on to the end with the same store, and then everything is as if memory had been enough.
  function self.finish_with(store, name)
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
    self.check_requests()
  end

  return self
end

-- What each scenario ends with.
local function close(this)
  this.client:close()
  this.store:close()
end

local scenarios = {}

-- A store that is opened, and a plan in it.
scenarios.plan = function(base_url)
  local it = scene(base_url)
  local function plan(store, client)
    return store:plan(rows(), { client = client, name = "night", rate = 0, chunk = 2, concurrency = 2 })
  end
  return {
    before = function()
      it.reset()
      copy(nil, it.path)
      return { store = it.open(), client = it.client() }
    end,
    run = function(this) return plan(this.store, this.client) end,
    after = function(this, told)
      this.client:close()
      for _, request in ipairs(it.server:requests()) do
        assert(request.operation == "query_agents" or request.operation == "token" or request.operation == "query_skills",
          request.operation)
      end
      it.check_file()
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
      it.check_file()
    end,
    close = close,
  }
end

-- A planned job in a store of its own, copied for each round.
local function with_plan(run)
  return function(base_url)
    local it = scene(base_url)
    local template = FOLDER .. "/planned.db"
    it.reset()
    copy(nil, template)
    local store, client = it.open(template), it.client()
    assert(store:plan(rows(), { client = client, name = "night", rate = 0, chunk = 2 }))
    store:close()
    client:close()
    return {
      before = function()
        it.reset()
        copy(template, it.path)
        return { store = it.open(), client = it.client() }
      end,
      run = function(this) return run(this.store, this.client) end,
      after = function(this, told)
        this.client:close()
        it.check_file()
        it.check_report(assert(this.store:job "night"))
        if told.good and told.result and not told.result.stopped and #told.result.troubles == 0 then
          assert(told.result.counts.released == 4 and told.result.counts.not_bound == 1, "told as done, and is not")
        end
        it.finish_with(this.store, "night")
        this.store:close()
        it.check_file()
      end,
      close = close,
    }
  end
end

scenarios.apply = with_plan(function(store, client)
  local job, err = store:job "night"
  if not job then return nil, err end
  return job:apply { client = client, rate = 0, force = true, concurrency = 2 }
end)

return scenarios
