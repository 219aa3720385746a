-- A pause that one worker was told to make, as the others find it in the store.

local pause = require "aicc.jobs.db.pause"
local support = require "spec.support.jobs"

describe("the pause of a job #lua54", function()
  local store

  before_each(function()
    store = support.store()
    store.db:run "INSERT INTO jobs (name, state, chunk, lines, created_at) VALUES ('night', 'running', 50, 0, '')"
  end)

  after_each(function()
    store:close()
    support.clean()
  end)

  it("is nothing before a 429", function() assert.is_nil(pause.get(store.db, { id = 1 })) end)

  it("tells for how long, and how fast to go on; the longer pause counts", function()
    local job = { id = 1 }
    pause.set(store.db, job, 1000, 2.5)
    local left, rate = pause.get(store.db, job)
    assert.is_true(left > 500 and left <= 1000)
    assert.equal(2.5, rate)
    pause.set(store.db, job, 10, 0.1)
    assert.equal(2.5, select(2, pause.get(store.db, job)))
    pause.set(store.db, job, 3000, 1.25)
    left, rate = pause.get(store.db, job)
    assert.is_true(left > 2000 and left <= 3000)
    assert.equal(1.25, rate)
  end)

  it("is over once its time is", function()
    store.db:run "UPDATE jobs SET paused_until = 1000, slowed_rate = 1000"
    assert.is_true(pause.get(store.db, { id = 1 }) < -1000000)
    pause.set(store.db, { id = 1 }, 1000, 2)
    assert.is_true(pause.get(store.db, { id = 1 }) > 0)
  end)
end)
