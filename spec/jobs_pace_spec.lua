-- The rate of a job, by a clock of the spec's own.

local pace = require "aicc.jobs.pace"

describe("the pace #lua54", function()
  local now, sent, answers, paced, pauses, ends
  local RELEASE, QUERY = { operation = "release_agent_by_skill" }, { operation = "query_agents" }

  local function make(rate)
    now, sent, answers, pauses, ends = 100, {}, {}, {}, {}
    paced = pace.new({
      attempt = function()
        sent[#sent + 1] = now
        local err = table.remove(answers, 1)
        if err then return nil, err end
        return {}
      end,
      sleep = function(_, seconds) now = now + seconds return true end,
    }, {
      rate = rate, clock = function() return now end, refuse = function() end,
      on_pause = function(seconds, slowed) pauses[#pauses + 1] = ("%g s, %g/s"):format(seconds, slowed) end,
      on_end = function(err) ends[#ends + 1] = err end,
    })
  end

  local function send(count)
    for _ = 1, count do paced:attempt(RELEASE, "t", 15, 300) end
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

  it("lets no burst go after a pause", function()
    make(10)
    answers = { throttled }
    send(12)
    for n = 3, 12 do assert.is_true(math.abs(sent[n] - sent[2] - (n - 2) / 5) < 0.01, n .. " came too early") end
  end)

  it("does not wait longer for a pause of its own that it is told of, a little late", function()
    make(8)
    answers = { { kind = "throttled", retry_after = 3 } }
    send(1)
    paced:heed(3.15, 4)
    send(1)
    assert.is_true(math.abs(sent[2] - sent[1] - 3) < 0.01, sent[2] - sent[1] .. " s")
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
      if depth < 3 then paced:attempt(RELEASE, "t", 15, 300) end
      return attempt(...)
    end
    paced:attempt(RELEASE, "t", 15, 300)
    assert.equal(3, #sent)
    assert.equal(4, paced.slowed)
  end)

  it("heeds a pause that another worker was told to make", function()
    make(8)
    send(2)
    paced:heed(3, 4)
    send(25)
    assert.is_true(sent[3] >= 103)
    assert.is_true(math.abs(sent[27] - sent[3] - 24 / 4) < 0.01, "the slower rate, and no burst")
    assert.same({}, pauses)
    now = now + 10
    paced:heed(103 - now, 4) -- as it is still in the store
    local from = now
    send(5 + 8)
    assert.is_true(math.abs(now - from - 1) < 0.1, "the set rate again")
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
    paced.refuse = function(refused)
      asked = asked + 1
      return asked > 2 and pace.refusal(refused, "stop") or nil
    end
    local reply, err = paced:attempt(RELEASE, "t", 15, 300)
    assert.is_nil(reply)
    assert.same({ "aborted", "not_sent" }, { err.kind, err.outcome })
    assert.equal(5, #sent)
  end)

  it("tells of a pause once, and of the rate after it", function()
    make(8)
    answers = { { kind = "throttled", retry_after = 3 } }
    send(2)
    assert.same({ "3 s, 4/s" }, pauses)
  end)

  it("ends where a 429 asks for more than the patience of 60 seconds: nobody waits, and nothing is sent any more", function()
    make(0)
    answers = { { kind = "throttled", retry_after = 86400 } }
    local _, err = paced:attempt(RELEASE, "t", 15, 300)
    assert.equal("throttled", err.kind)
    assert.same({ err }, ends)
    local began = now
    local reply, refusal = paced:attempt(RELEASE, "t", 15, 300)
    assert.is_nil(reply)
    assert.same({ "aborted", "not_sent" }, { refusal.kind, refusal.outcome })
    assert.same({ 1, began }, { #sent, now })
    assert.same({}, pauses)
  end)

  it("counts the wait as part of the deadline", function()
    make(0)
    answers = { { kind = "throttled", retry_after = 50 } }
    paced:attempt(RELEASE, "t", 15, 300)
    local began = now
    local reply, err = paced:attempt(QUERY, "t", 15, 30)
    assert.is_nil(reply)
    assert.same({ "deadline", "not_sent" }, { err.kind, err.outcome })
    assert.equal(began, now)
    local got
    local attempt = paced.transport.attempt
    paced.transport.attempt = function(...)
      got = { select(2, ...) }
      return attempt(...)
    end
    paced:attempt(QUERY, "t", 15, 60)
    assert.same({ QUERY, "t" }, { got[1], got[2] })
    assert.is_true(math.abs(got[4] - 10) < 0.5 and got[3] == got[4], got[4])
  end)
end)
