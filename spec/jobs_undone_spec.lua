-- What is said of a job that was undone: of nobody who is bound again, or may be, that they are released. Every format and every
-- count is compared with who is bound.

local cjson = require "cjson"
local status = require "aicc.cli.status"
local support = require "spec.support.jobs"
local words = require "aicc.jobs.report.words"

describe("a job that was undone #lua54", function()
  local server, store, job

  after_each(function()
    store:close()
    support.clean()
  end)

  local function written(format, failed)
    local parts = {}
    assert(job:write_report(function(text) parts[#parts + 1] = text end, { format = format, failed = failed }))
    return table.concat(parts)
  end

  -- account -> status, by format; of the accounts that are bound now.
  local READERS = {
    csv = function(text, told)
      assert.equal("skill_id,skill_name,user_account,status,code,message,attempts,finished_at", (text:match "^[^\n]*"))
      for account, said in text:gmatch "\n3,[^,]*,(a%d+),([%l_]+)," do told[account] = said end
    end,
    jsonl = function(text, told)
      for line in text:gmatch "[^\n]+" do
        local row = cjson.decode(line)
        told[row.user_account] = row.status
      end
    end,
    html = function(text, told)
      local facts = cjson.decode(text:match '<script type="application/json" id="facts">(.-)</script>')
      for block in text:gmatch '<script type="application/json" class="rows">(.-)</script>' do
        for _, row in ipairs(cjson.decode(block)) do told[row[3]] = facts.classes[row[4] + 1] end
      end
    end,
    markdown = function(text, told)
      local statuses = {}
      for name, word in pairs(words.NAMES) do statuses[word] = name end
      for account, said in text:gmatch "\n| %d+ | 3[^|]*| (a%d+) | ([%l ]+)" do
        told[account] = statuses[said:gsub(" +$", "")]
      end
    end,
  }

  local function sums(told)
    local counts = {}
    for _, said in pairs(told) do counts[said] = (counts[said] or 0) + 1 end
    return counts
  end

  -- Six pairs of weights, which the undo binds one after the other: bound, lost on the way and unknown, turned away and so still
  -- released; a1 and a40 were bound by somebody else.
  local function undo_in_part()
    server = support.sandbox { agents = { [3] = support.agents(100) } }
    local client = assert(server:client { retry = false })
    store = support.store()
    job = support.plan(store, client, support.range(3, 1, 40))
    assert(job:apply { client = client, rate = 0 })
    server:clear()
    server:bind(3, { { userAccount = "a1", agentWeight = 77 }, { userAccount = "a40" } })
    server:fault { operation = "bind_agents", from = 3, to = 3, close = "request", apply = true }
    server:fault { operation = "query_agents", from = 2, to = math.huge, status = 503, body = "" } -- nothing settles that
    server:fault { operation = "bind_agents", from = 4, to = math.huge, status = 403, body = "<html>" }
    return assert(job:undo { client = client, rate = 0 })
  end

  it("says of nobody who is bound again, or may be, that they are released: in each format", function()
    local summary = undo_in_part()
    local bound = support.weights(server, 3)
    local expected = job:status().counts
    assert.same({ 15, 6, 19 }, { expected.bound_again, expected.unknown, expected.released })
    assert.same(summary.counts, expected)
    for format, read in pairs(READERS) do
      local told = {}
      read(written(format), told)
      for i = 1, 40 do
        local said = told["a" .. i]
        if said == "released" then assert.is_nil(bound["a" .. i], format) end
        if said == "bound_again" then assert.is_string(bound["a" .. i], format) end
        assert.is_true(said == "released" or said == "bound_again" or said == "unknown", tostring(said))
      end
      local counts = sums(told)
      for name, count in pairs(expected) do assert.equal(count, counts[name] or 0, format .. " " .. name) end
    end
    assert.equal(4, status.of_summary(summary))
    assert.equal(expected.unknown, select(2, written("csv", true):gsub("\n3,", "")))
  end)

  it("has, beside the status, what that follows from", function()
    undo_in_part()
    local by_account = {}
    for row in job:report() do by_account[row.user_account] = row end
    local skipped = by_account.a1
    assert.same({ "bound_again", "skipped", 0 }, { skipped.status, skipped.undo, skipped.attempts })
    assert.equal("somebody else had bound the agent again", skipped.message)
    for _, row in pairs(by_account) do
      if row.status == "unknown" then assert.same({ "unknown", row.undo_message }, { row.undo, row.message }) end
      if row.code == "0" and row.undo == "restored" then assert.equal("success", row.message) end
    end
  end)

  it("says of who was bound by somebody else nothing of a request that was for others", function()
    server = support.sandbox { agents = { [3] = support.agents(100) } }
    local client = assert(server:client())
    store = support.store()
    job = support.plan(store, client, support.range(3, 1, 40))
    assert(job:apply { client = client, rate = 0 })
    server:bind(3, { { userAccount = "a7" } }) -- a1 and a13 have the weights that it had, and go in one request
    assert(job:undo { client = client, rate = 0 })
    for row in job:report() do
      if row.user_account == "a7" then
        assert.same({ "bound_again", "skipped", 0 }, { row.status, row.undo, row.attempts })
        assert.same({}, { row.code, row.undo_message, row.finished_at })
      else
        assert.same({ "bound_again", "restored", 1, "success" }, { row.status, row.undo, row.attempts, row.undo_message })
      end
    end
  end)

  it("is undone when all are, and says so in one sentence, as sums and in the command's words", function()
    server = support.sandbox { agents = { [3] = support.agents(100) } }
    local client = assert(server:client())
    store = support.store()
    job = support.plan(store, client, support.range(3, 1, 40, { { 3, "a1" } })) -- a1 twice: rows are counted, not agents
    assert(job:apply { client = client, rate = 0 })
    assert(job:undo { client = client, rate = 0 })
    assert.same({ bound_again = 41, released = 0, not_bound = 0, failed = 0, unknown = 0, pending = 0, planned = 0 },
      job:status().counts)
    assert.matches("undone; 41 lines: 41 bound_again", tostring(job:status()), 1, true)
    local page = written "html"
    assert.matches("Undone: 41 of 41 released rows bound again.", page, 1, true)
    assert.matches("<dt>Bound again</dt><dd>41 ", page, 1, true)
    assert.matches("<dt>Released</dt><dd>0 ", page, 1, true)
    assert.matches("| bound again | 41 |", written "markdown", 1, true)
    assert.is_nil(written("csv"):find("released", 1, true))
  end)
end)
