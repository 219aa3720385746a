-- What may be said to `aicc.jobs`: misuse raises at the caller's line, before anything is done.

local jobs = require "aicc.jobs"
local loop = require "aicc.loop"
local support = require "spec.support.jobs"

describe("misuse of aicc.jobs", function()
  local server, client, store

  before_each(function()
    server = support.sandbox { agents = { [3] = support.agents(100) } }
    client, store = assert(server:client()), support.store()
  end)
  after_each(function()
    store:close()
    client:close()
    support.clean()
  end)

  -- The function must raise that, at this file.
  local function refuses(expected, f, ...)
    local ok, problem = pcall(f, ...)
    assert.is_false(ok, expected)
    assert.equal("string", type(problem), tostring(problem))
    local place, message = problem:match "^([^:]*):%d+: (.*)$"
    assert.equal(expected, message)
    assert.truthy(place:find("jobs_options_spec.lua", 1, true), problem)
  end

  local function options(more)
    local all = { client = client, rate = 0 }
    for name, value in pairs(more) do all[name] = value end
    return all
  end

  local RATE = "rate: expected a number of requests a second from 0 (no limit), got "
  local CLIENT = "client: expected a client, as from aicc.new, got "

  -- { options, message }
  local BOTH = {
    { { ratte = 5 }, "unknown option 'ratte'" }, { { [1] = "night" }, "unknown option '1'" },
    { { client = {} }, CLIENT .. "another table" }, { { client = "x" }, CLIENT .. "string" },
    { { rate = -1 }, RATE .. "-1" }, { { rate = "5" }, RATE .. "string" }, { { rate = 0 / 0 }, nil },
    { { rate = math.huge }, RATE .. "inf" },
    { { concurrency = 0 }, "concurrency: expected an integer from 1, got 0" },
    { { concurrency = 1.5 }, "concurrency: expected an integer from 1, got 1.5" },
    { { concurrency = true }, "concurrency: expected an integer from 1, got boolean" },
    { { on_progress = "x" }, "on_progress: expected a function, got string" },
    { { on_note = {} }, "on_note: expected a function, got table" },
    { { interrupted = true }, "interrupted: expected a function, got boolean" },
  }

  it("in a plan raises where the plan was asked for", function()
    local cases = {
      { { force = true }, "unknown option 'force'" }, { { name = 5 }, "name: expected a string, got 5" },
      { { chunk = 0 }, "chunk: expected an integer from 1 to 10000, got 0" },
      { { chunk = "50" }, "chunk: expected an integer from 1 to 10000, got string" },
      { { on_bad_line = 1 }, "on_bad_line: expected a function, got 1" },
    }
    for _, case in ipairs(BOTH) do cases[#cases + 1] = case end
    for _, case in ipairs(cases) do
      local reader = support.rows(support.range(3, 1, 10))
      local expected = case[2] or RATE .. ("%.14g"):format(0 / 0)
      refuses(expected, function() assert(store:plan(reader, options(case[1]))) end)
    end
    refuses(CLIENT .. "nil", function() assert(store:plan(support.rows {}, {})) end)
    refuses(CLIENT .. "nil", function() assert(store:plan(support.rows {})) end)
    refuses("options: expected a table, got string", function() assert(store:plan(support.rows {}, "night")) end)
    refuses("reader: expected a function, got string", function() assert(store:plan("night.csv", options {})) end)
    assert.same({}, store:list())
    assert.same({}, server:requests())
  end)

  it("in a run raises where the run was asked for", function()
    local job = support.plan(store, client, support.range(3, 1, 10))
    local before = #server:requests()
    local cases = {
      { { name = "night" }, "unknown option 'name'" }, { { force = 1 }, "force: expected a boolean, got 1" },
      { { lease = 0 }, "lease: expected a number of seconds above 0, got 0" },
    }
    for _, case in ipairs(BOTH) do cases[#cases + 1] = case end
    for _, verb in ipairs { "apply", "resume", "undo" } do
      for _, case in ipairs(cases) do
        local expected = case[2] or RATE .. ("%.14g"):format(0 / 0)
        refuses(expected, function() assert(job[verb](job, options(case[1]))) end)
      end
    end
    refuses(CLIENT .. "nil", function() assert(job:apply()) end)
    assert.same({ before, "planned" }, { #server:requests(), job:status().state })
  end)

  it("elsewhere raises too", function()
    local job = support.plan(store, client, support.range(3, 1, 10))
    refuses("unknown option 'fialed'", function() assert(job:report { fialed = true }) end)
    refuses("failed: expected a boolean, got string", function() assert(job:report { failed = "yes" }) end)
    refuses("failed, unrestored: expected one of them", function() assert(job:report { failed = true, unrestored = true }) end)
    refuses("verb: expected apply, resume or undo, got redo", function() assert(job:queues "redo") end)
    refuses("name: expected a string, got nil", function() assert(store:job()) end)
    refuses("name: expected a string, got table", function() assert(store:forget {}) end)
    refuses("url: expected a string, got nil", function() assert(jobs.open()) end)
  end)

  it("inside the loop raises, and leaves no job behind", function()
    local job = support.plan(store, client, support.range(3, 1, 10))
    local message = "a job runs a loop of its own: not inside aicc.loop.run"
    local before = #server:requests()
    loop.spawn(function()
      refuses(message, function() assert(store:plan(support.rows(support.range(3, 1, 10)), options { name = "second" })) end)
      refuses(message, function() assert(job:apply(options {})) end)
    end)
    loop.run()
    assert.same({ before, 1 }, { #server:requests(), #store:list() })
    assert.equal(10, assert(job:apply(options {})).counts.released)
  end)

  it("after close is an error of kind closed, the store's and the client's", function()
    local job = support.plan(store, client, support.range(3, 1, 10))
    local other = assert(server:client())
    other:close()
    local before = #server:requests()
    local function kind(_, err) return err and err.kind end
    assert.equal("closed", kind(job:apply { client = other }))
    assert.equal("planned", job:status().state)
    local rows = assert(job:report())
    store:close()
    store:close()
    for name, f in pairs {
      apply = function() return job:apply(options {}) end, undo = function() return job:undo(options {}) end,
      status = function() return job:status() end, queues = function() return job:queues() end,
      report = function() return job:report() end, list = function() return store:list() end,
      job = function() return store:job "night" end, forget = function() return store:forget "night" end,
      plan = function() return store:plan(support.rows(support.range(3, 1, 10)), options { name = "second" }) end,
    } do
      assert.equal("closed", kind(f()), name)
    end
    local ok, err = pcall(rows)
    assert.same({ false, "closed" }, { ok, err.kind })
    assert.equal(before, #server:requests())
  end)
end)
