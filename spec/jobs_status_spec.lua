-- What a run's end says to the script that ran it: by what became of the rows that it was about.

local errors = require "aicc.error"
local status = require "aicc.cli.status"
local support = require "spec.support.jobs"

describe("the exit status of a run #lua54", function()
  after_each(support.clean)

  local function summary(fields)
    local made = {
      action = "release", troubles = {}, stopped = fields.stopped,
      counts = { released = 0, bound_again = 0, not_bound = 0, failed = 0, unknown = 0, pending = 0, planned = 0 },
      undo = { restored = 0, skipped = 0, failed = 0, unknown = 0 },
    }
    for _, part in ipairs { "counts", "undo" } do
      for name, value in pairs(fields[part] or {}) do made[part][name] = value end
    end
    if fields.undo then made.action = "bind" end
    return made
  end

  for name, case in pairs {
    ["0 where all was released"] = { 0, counts = { released = 3, not_bound = 1 } },
    ["1 where some failed"] = { 1, counts = { released = 3, failed = 1 } },
    ["1 where some are unknown"] = { 1, counts = { failed = 1, unknown = 1 } },
    ["1 where some are pending"] = { 1, counts = { released = 1, pending = 1 } },
    ["5 where every row was refused"] = { 5, counts = { failed = 3, not_bound = 1 } },
    ["0 where all was restored, whatever the release had refused"] = { 0,
      counts = { bound_again = 3, failed = 2, pending = 1 }, undo = { restored = 2, skipped = 1 } },
    ["0 where there was nothing to restore"] = { 0, counts = { failed = 2 }, undo = {} },
    ["1 where some binds were refused"] = { 1, counts = { bound_again = 2, released = 1 }, undo = { restored = 2, failed = 1 } },
    ["1 where some binds are unknown"] = { 1, counts = { released = 2, unknown = 1 }, undo = { failed = 2, unknown = 1 } },
    ["1 where some may have been released"] = { 1, counts = { bound_again = 2, unknown = 1 }, undo = { restored = 2 } },
    ["1 where some are still to be restored"] = { 1, counts = { bound_again = 2, released = 1 }, undo = { restored = 2 } },
    ["5 where every bind was refused"] = { 5, counts = { bound_again = 1, released = 2 }, undo = { skipped = 1, failed = 2 } },
    ["4 where it was stopped"] = { 4, counts = { released = 3 }, undo = { failed = 2 },
      stopped = errors.new { kind = "blocked", message = "" } },
  } do
    it("is " .. name, function() assert.equal(case[1], status.of_summary(summary(case))) end)
  end

  it("is that of the reason that matters most, whichever came first", function()
    local order = { "aborted", "store", "guard", "blocked", "config", "throttled", "network" }
    for first = 1, #order do
      for second = first + 1, #order do
        local one, other = errors.new { kind = order[first], message = "" }, errors.new { kind = order[second], message = "" }
        for _, pair in ipairs { { one, other }, { other, one } } do
          local made = summary { counts = { released = 1, failed = 1 }, stopped = pair[1] }
          made.troubles = { pair[2] }
          assert.equal(status.of_error(one), status.of_summary(made), order[first] .. " and " .. order[second])
        end
      end
    end
  end)

  it("tells of an undo by what it did", function()
    local store = support.store()
    local server = support.sandbox { agents = { [3] = support.agents(100) }, refuse_accounts = { a3 = true } }
    local client = assert(server:client())
    local job = support.plan(store, client, support.range(3, 1, 10))
    assert.equal(1, status.of_summary(assert(job:apply { client = client, rate = 0 })))
    assert.equal(0, status.of_summary(assert(job:undo { client = client, rate = 0 })))
    store:close()
  end)
end)
