-- Who is not bound, gone or to be bound again: told, and acted on, by a proof only (doc/semantics.md, section 3).
--
-- The queue has three pages. Between the first two of a reading somebody else unbinds one agent and binds another: the count
-- stays as it is, everybody moves up by one, and a101 is on no page; in the next reading it is a102, then a103.

local status = require "aicc.cli.status"
local support = require "spec.support.jobs"

describe("absence #lua54", function()
  local server, client, store
  local due, reading, first -- which readings are disturbed; the number of this one; whom the next one loses

  local function names(from, to)
    local list = {}
    for n = from, to do list[#list + 1] = ("a%03d"):format(n) end
    return list
  end

  -- From now on everybody moves up between the first two pages of the readings with these numbers.
  local function shift(...)
    due, reading = {}, 0
    for _, number in ipairs { ... } do due[number] = true end
  end

  -- Right before each request.
  local function move_up(request)
    if request.operation ~= "query_agents" then return end
    if request.arguments.pageNum == 0 then reading = (reading or 0) + 1 end
    if request.arguments.pageNum == 1 and due[reading] then
      server:unbind(3, { ("a%03d"):format(first) })
      server:bind(3, { { userAccount = ("z%03d"):format(first) } })
      first = first + 1
    end
  end

  local function start(options)
    server = support.sandbox(options or { agents = { [3] = names(1, 250) } })
    first, due = 1, {}
    client = support.hooked(assert(server:client { retry = false }), move_up)
    store = support.store()
  end

  after_each(function()
    store:close()
    support.clean()
  end)

  local function rows(...)
    local list = {}
    for _, account in ipairs { ... } do list[#list + 1] = { 3, account } end
    return list
  end

  local function count(operation) return #support.bodies(server, operation) end

  local function statuses(job)
    local list = {}
    for row in assert(job:report()) do list[row.line] = row.status end
    return table.concat(list, " ")
  end

  local function apply(job, options)
    local all = { client = client, rate = 0 }
    for name, value in pairs(options or {}) do all[name] = value end
    return assert(job:apply(all))
  end

  local function plan(list, options) return support.plan(store, client, list, options) end

  local function status_of(summary) return status.of_summary(summary) end

  describe("from a queue, in a plan,", function()
    it("takes a second reading where a row is missing", function()
      start()
      shift(1)
      local job = plan(rows("a050", "a101", "a250"))
      assert.equal("planned planned planned", statuses(job))
      assert.equal(6, count "query_agents")
      local queue = job:queues()[1]
      assert.same({ 3, 0, 0 }, { queue.bound, queue.not_bound, queue.unseen })
    end)

    it("takes none where nobody is missing, and one where somebody is not bound", function()
      start()
      plan(rows("a050", "a250"), { name = "all" })
      assert.equal(3, count "query_agents")
      local job = plan(rows("a050", "nobody"))
      assert.equal(3 + 6, count "query_agents")
      assert.equal("planned not_bound", statuses(job))
    end)

    it("is not told without a proof", function()
      start()
      shift(1, 2, 3)
      local job = plan(rows("a101", "a102", "a103", "a103"))
      assert.equal("planned planned planned planned", statuses(job))
      local queue = job:queues()[1]
      assert.same({ 2, 0, 1 }, { queue.bound, queue.not_bound, queue.unseen })
      local summary = apply(job)
      assert.same({ 4, "finished", 0 }, { summary.counts.released, summary.state, status_of(summary) })
    end)
  end)

  it("from a queue is not told without a proof when it is applied, and found out when it is resumed", function()
    start()
    local before = support.weights(server, 3)
    local job = plan(rows("a050", "a103", "nobody", "a200"))
    local notes = {}
    shift(1, 2, 3)
    local summary = apply(job, { on_note = function(note) notes[#notes + 1] = note end })
    assert.equal("released pending pending released", statuses(job))
    assert.same({ "running", 6 }, { summary.state, status_of(summary) })
    assert.same({ 0, 1 }, { notes[1].lost, notes[1].unseen })
    assert.matches("no listing proves whether 2 agents are bound", job:queues()[1].message)
    -- No reading was as the one before; who was not sent is not told released with those around.
    assert.is_string(support.weights(server, 3).a103)
    summary = apply(job)
    assert.equal("released released not_bound released", statuses(job))
    assert.same({ "finished", 0 }, { summary.state, status_of(summary) })
    assert.is_nil(support.weights(server, 3).a103)
    assert.equal(3, assert(job:undo { client = client, rate = 0 }).undo.restored)
    assert.equal(before.a103, support.weights(server, 3).a103)
  end)

  it("is not told by a server that takes no notice of the page's number", function()
    start()
    support.show_only(server, names(1, 100), 250)
    local job = plan(rows("a050", "a150"))
    local summary = apply(job)
    assert.equal("released pending", statuses(job))
    assert.same({ "running", 6 }, { summary.state, status_of(summary) })
    server:clear()
    assert.same({ "finished", 2 }, { apply(job).state, job:status().counts.released })
  end)

  it("is found out of lines among those that were sent, also of twins", function()
    start { agents = { [3] = names(1, 40) } }
    support.show_only(server, { "a002", "a005", "a020", "a021" }, 40)
    local job = plan(rows("a001", "a002", "a003", "a004", "A003", "a005", "a006", "A001", "gone"), { chunk = 2 })
    local notes = {}
    apply(job, { on_note = function(note) notes[#notes + 1] = note end })
    assert.equal("pending released pending pending pending released pending pending pending", statuses(job))
    assert.equal("queue_stopped", notes[1].type) -- nothing is other than planned
    local queue = job:queues()[1]
    assert.same({ 2, 0, 7, "stopped" }, { queue.bound, queue.not_bound, queue.unseen, queue.state })
    server:clear()
    local summary = apply(job)
    assert.equal(("released "):rep(8) .. "not_bound", statuses(job))
    assert.same({ "finished", 8 }, { summary.state, summary.counts.released })
    local sent = {}
    for _, body in ipairs(support.bodies(server, "release_agent_by_skill")) do
      for _, account in ipairs(body.userAccounts) do sent[#sent + 1] = account end
    end
    assert.same({ "a001", "a003", "a004", "a006" }, sent) -- each once
    assert.equal(8, assert(job:undo { client = client, rate = 0 }).undo.restored)
    assert.equal(40, #server:accounts(3))
  end)

  it("that was none: who is found among those that were sent is not forgotten by an interrupt", function()
    start { agents = { [3] = names(1, 40) } }
    support.show_only(server, { "a002", "a020", "a021" }, 40)
    local job = plan(rows("a001", "a002"))
    apply(job)
    assert.equal("pending released", statuses(job))
    server:clear()
    -- Its intent is noted, and nothing of it sent.
    local summary = apply(job, { interrupted = function()
      return store.db:row("SELECT COUNT(*) AS n FROM chunks WHERE state = 'sent'").n > 0
    end })
    assert.same({ "aborted", 0 }, { summary.stopped.kind, count "release_agent_by_skill" })
    assert.equal("pending released", statuses(job))
    assert.equal("finished", apply(job).state)
    assert.equal("released released", statuses(job))
  end)

  it("that is not proved is told by the command", function()
    start { agents = { [3] = names(1, 40) } }
    support.show_only(server, { "a002", "a020", "a021" }, 40)
    local folder = support.folder()
    support.csv(folder .. "/night.csv", rows("a001", "a002", "a003"))
    local code, out = support.run(folder, server, "plan " .. folder .. "/night.csv")
    assert.equal(0, code)
    assert.matches("1 agent to release, 0 not bound %(%d+ requests so far%)\n2 agents not shown, which proves nothing", out)
    local err
    code, out, err = support.run(folder, server, "apply night --rate 0")
    assert.equal(6, code)
    assert.matches("3 rows: 1 released, 2 pending", out)
    assert.matches("queue 3 is left alone: no listing proves whether 2 agents are bound", err)
  end)

  describe("of whom a request was refused before", function()
    local job

    local function refuse(fault)
      start()
      job = plan(rows("a101", "a102", "a103"))
      fault.operation, fault.to = "release_agent_by_skill", math.huge
      server:fault(fault)
    end

    it("is not told without a proof", function()
      refuse { status = 403, body = "<html>" }
      assert.equal("blocked", apply(job).stopped.kind)
      assert.equal("pending pending pending", statuses(job))
      server:clear()
      shift(1, 2, 3)
      local summary = apply(job)
      assert.equal("released released pending", statuses(job))
      assert.same({ "running", 6 }, { summary.state, status_of(summary) })
      server:clear()
      apply(job)
      assert.equal("released released released", statuses(job))
    end)

    it("keeps them apart from what is sent", function()
      start { agents = { [3] = names(1, 40) } }
      job = plan(rows("a001", "a002", "a003", "a004", "a005"))
      for _, shown in ipairs { { "a001", "a002", "a003" }, { "a001", "a002", "a003", "a004" } } do
        server:clear()
        server:fault { operation = "release_agent_by_skill", to = math.huge, status = 403, body = "<html>" }
        for i = 11, 20 do shown[#shown + 1] = "a0" .. i end
        support.show_only(server, shown, 40)
        assert.equal("blocked", apply(job).stopped.kind)
        assert.equal("pending pending pending pending pending", statuses(job))
      end
      server:clear()
      assert.equal("finished", apply(job).state)
      for _, body in ipairs(support.bodies(server, "release_agent_by_skill")) do assert.is_true(#body.userAccounts > 0) end
      assert.same(names(6, 40), server:accounts(3))
    end)

    it("does not pass for a release", function()
      refuse { close = "request" }
      server:fault { operation = "query_agents", from = 4, to = math.huge, status = 502 }
      apply(job)
      assert.equal("unknown unknown unknown", statuses(job))
      server:clear()
      shift(1, 2, 3)
      local summary = apply(job)
      assert.equal("released released unknown", statuses(job))
      assert.same({ "running", 1 }, { summary.state, status_of(summary) })
      apply(job)
      assert.equal("released released released", statuses(job))
    end)

    it("passes for a release by two readings", function()
      refuse { status = 500, body = '{"resultCode":"1","resultMessage":"no"}', apply = true }
      local before = count "query_agents"
      apply(job)
      assert.equal("released released released", statuses(job))
      assert.equal(3 + 6, count "query_agents" - before)
    end)

    it("does not pass for a release right after it", function()
      refuse { status = 500, body = '{"resultCode":"1","resultMessage":"no"}' }
      shift(2, 3, 4)
      local summary = apply(job) -- the first one is not that which settles
      assert.equal("failed failed unknown", statuses(job))
      assert.equal(1, status_of(summary))
      apply(job)
      assert.equal("failed failed failed", statuses(job))
    end)
  end)

  describe("from a queue, in an undo,", function()
    local job

    local function released()
      start()
      job = plan(rows("a050", "a101", "a103"))
      assert.equal(3, apply(job).counts.released)
      for _, account in ipairs { "a101", "a103" } do server:bind(3, { { userAccount = account, agentWeight = 77 } }) end
      server:bind(3, { { userAccount = "a000" } })
    end

    it("is asked for twice: who is bound again is left as they are", function()
      released()
      shift(1)
      local summary = assert(job:undo { client = client, rate = 0 })
      assert.same({ "undone", 1, 2 }, { summary.state, summary.undo.restored, summary.undo.skipped })
      assert.equal("77/1", support.weights(server, 3).a101)
    end)

    it("is certain enough where the server counts more than it shows", function()
      start { agents = { [3] = names(1, 40) } }
      job = plan(rows("a001", "a002"))
      apply(job)
      support.show_only(server, names(3, 30), 40)
      local summary = assert(job:undo { client = client, rate = 0 })
      assert.same({ "undone", 2 }, { summary.state, summary.undo.restored })
    end)

    it("keeps it from its end where a release is in doubt", function()
      start { agents = { [3] = names(1, 40) } }
      job = plan(rows("a001", "a002"))
      server:fault { operation = "release_agent_by_skill", to = math.huge, close = "request", apply = true }
      server:fault { operation = "query_agents", from = 2, to = math.huge, status = 502 }
      assert.equal(2, apply(job).counts.unknown)
      server:clear()
      support.show_only(server, names(3, 30), 40)
      local summary = assert(job:undo { client = client, rate = 0 })
      assert.same({ "undoing", 2, 6 }, { summary.state, summary.counts.unknown, status_of(summary) })
      assert.matches("what comes of some releases is not known", job:queues()[1].message)
      server:clear()
      summary = assert(job:undo { client = client, rate = 0 })
      assert.same({ "undone", 2 }, { summary.state, summary.undo.restored })
    end)

    it("binds nobody while no two readings agree", function()
      released()
      server:clear()
      shift(1, 2, 3)
      local summary = assert(job:undo { client = client, rate = 0 })
      assert.same({ "undoing", 0, 6 }, { summary.state, summary.undo.restored, status_of(summary) })
      assert.equal(0, count "bind_agents")
      assert.equal("undone", assert(job:undo { client = client, rate = 0 }).state)
      assert.equal("77/1", support.weights(server, 3).a103)
    end)
  end)
end)
