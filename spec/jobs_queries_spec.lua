-- The queries that doc/jobs.md gives to copy, as they stand there, against a store with jobs of every kind.

local queries = require "spec.support.queries"
local support = require "spec.support.jobs"

describe("a query of doc/jobs.md #lua54", function()
  local store

  setup(function()
    local server = support.sandbox { agents = { [3] = support.agents(100), [4] = support.agents(100, "b") },
      refuse_accounts = { a2 = true } }
    local client = assert(server:client())
    store = support.store()
    local job = support.plan(store, client, { { 3, "a1" }, { 3, "a2" }, { 3, "1001" }, { 4, "b1" } })
    assert(job:apply { client = client, rate = 0 })
    store.db:run "UPDATE queues SET state = 'stopped', message = 'why' WHERE number = 2"
  end)

  teardown(function()
    store:close()
    support.clean()
  end)

  it("is there", function() assert.is_true(#queries.all() >= 5) end)

  for _, query in ipairs(queries.all()) do
    it("answers: " .. query.question, function()
      assert.is_true(#store.db:rows(query.sql) > 0)
    end)
  end

  it("gives the answers that are expected of it", function()
    local answers = {}
    for i, query in ipairs(queries.all()) do answers[i] = store.db:rows(query.sql) end
    local counts = {}
    for _, row in ipairs(answers[1]) do counts[row.status] = row["COUNT(*)"] end
    assert.same({ released = 2, failed = 1, not_bound = 1 }, counts)
    assert.same({ 1, 2, "a2" }, { #answers[2], answers[2][1].line, answers[2][1].user_account })
    assert.same({ { skill = 4, state = "stopped", message = "why" } }, answers[3])
    assert.equal("not_bound", answers[4][1].status)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%dZ$", answers[5][1].minute)
  end)
end)
