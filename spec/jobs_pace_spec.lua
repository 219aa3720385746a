-- The rate of a job, by a clock of the spec's own.

local pace = require "aicc.jobs.pace"

describe("the pace #lua54", function()
  local now, sent, answers, paced

  local function make(rate)
    now, sent, answers = 100, {}, {}
    paced = pace.new({
      attempt = function()
        sent[#sent + 1] = now
        local err = table.remove(answers, 1)
        if err then return nil, err end
        return {}
      end,
      sleep = function(_, seconds) now = now + seconds return true end,
    }, { rate = rate, clock = function() return now end, refuse = function() end })
  end

  local function send(count)
    for _ = 1, count do paced:attempt {} end
  end

  local throttled = { kind = "throttled" }

  it("lets a burst of five go, then so many a second", function()
    make(5)
    send(30)
    assert.equal(100, sent[5])
    assert.is_true(sent[6] > 100)
    assert.is_true(math.abs(sent[30] - 105) < 0.01)
    assert.equal(30, paced.requests)
  end)

  it("has no limit with a rate of 0", function()
    make(0)
    send(1000)
    assert.equal(100, now)
  end)

  it("makes all wait after a 429, then goes at half the rate until ten clean seconds have passed", function()
    make(10)
    answers = { throttled }
    send(2)
    assert.is_true(sent[2] - sent[1] >= 1)
    local from = now
    send(25)
    assert.is_true(now - from > 25 / 5 - 1.1, "half the rate")
    now = sent[2] + 10
    send(6)
    from = now
    send(50)
    assert.is_true(math.abs(now - from - 5) < 0.2, "the set rate again")
  end)

  it("waits as long as the 429 says", function()
    make(0)
    answers = { { kind = "throttled", retry_after = 7 } }
    send(2)
    assert.is_true(sent[2] - sent[1] >= 7)
  end)

  it("halves once for answers that were under way together", function()
    make(8)
    answers = { throttled, throttled, throttled }
    -- All three have left before the first answer is here.
    local attempt, depth = paced.transport.attempt, 0
    paced.transport.attempt = function(...)
      depth = depth + 1
      if depth < 3 then paced:attempt {} end
      return attempt(...)
    end
    paced:attempt {}
    assert.equal(3, #sent)
    assert.equal(4, paced.slowed)
  end)

  it("is shared by the workers there are", function()
    make(10)
    paced:share(2)
    send(5)
    local from = now
    send(20)
    assert.is_true(math.abs(now - from - 4) < 0.1)
  end)

  it("sends nothing any more once it is refused, not even after a wait", function()
    make(1)
    send(5)
    local asked = 0
    paced.refuse = function(request)
      asked = asked + 1
      return asked > 2 and pace.refusal(request, "stop") or nil
    end
    local reply, err = paced:attempt { operation = "release_agent_by_skill" }
    assert.is_nil(reply)
    assert.same({ "aborted", "not_sent" }, { err.kind, err.outcome })
    assert.equal(5, #sent)
  end)
end)
