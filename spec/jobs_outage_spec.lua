-- Workers of a PostgreSQL job whose database, or whose way to it, fails in the middle: nothing is lost, and nobody is released a
-- second time. On a real server, which the spec starts; the sandbox counts what was sent.

local crew = require "spec.support.crew"
local jobs = require "aicc.jobs"
local lfs = require "lfs"
local postgresql = require "spec.support.postgresql"
local support = require "spec.support.jobs"

local QUEUES, ROWS, SIZE = 12, 60, 100

describe("workers of a job in PostgreSQL #postgresql #slow #nosan #lua54", function()
  local database, store

  setup(function() database = postgresql.start() end)
  teardown(function() database.stop() end)

  before_each(function() store = assert(jobs.open(database.url)) end)
  after_each(function()
    for _, job in ipairs(store:list()) do assert(store:forget(job.name)) end
    store:close()
    support.clean()
  end)

  -- Store, report and server agree, and each row's agent was released by one request.
  local function is_whole(server)
    local job = assert(store:job "night")
    local status = assert(job:status())
    assert.same({ "finished", QUEUES * ROWS }, { status.state, status.counts.released })
    for row in assert(job:report()) do assert.equal("released", row.status) end
    for q = 1, QUEUES do assert.equal(SIZE - ROWS, #server:accounts(q)) end
    assert.same({ QUEUES * ROWS, 1 }, { crew.count(server) })
  end

  it("end with the database's restart, and what they did is known to who goes on", function()
    local _, server, client = crew.scene(store, QUEUES, ROWS, SIZE)
    local workers = {}
    for i = 1, 2 do workers[i] = crew.worker(database.url, server.base_url, "worker" .. i, 60) end
    for i = 1, 2 do crew.wait_for(server, "worker" .. i, 5) end
    database.crash() -- and starts it again
    for _, worker in ipairs(workers) do
      local is_well, output = worker.finish()
      assert.is_false(is_well or false)
      assert.matches("job store: ", output)
    end
    store:close()
    store = assert(jobs.open(database.url))
    local before = crew.sent(server)
    local counts = assert(assert(store:job "night"):status()).counts
    assert.is_true(before >= 10 and before < QUEUES * ROWS / 10)
    -- What had its result is released, and all else is open: no request is lost between the two.
    assert.is_true(counts.released <= before * 10 and counts.released + counts.unknown >= before * 10)
    assert.equal(QUEUES * ROWS, counts.released + counts.unknown + counts.pending)
    assert(assert(store:job "night"):resume { client = client, rate = 0, force = true })
    is_whole(server)
  end)

  it("hang where the way to the database does, and others go on without them", function()
    local _, server = crew.scene(store, QUEUES, ROWS, SIZE)
    local folder = support.folder()
    assert(lfs.mkdir(folder .. "/way"))
    local way = io.popen(("echo $$; exec python3 spec/support/forwarder.py %s/way/.s.PGSQL.5432 %s/.s.PGSQL.5432 2>&1")
      :format(folder, database.folder))
    local pid = way:read "l"
    assert.equal("ready", way:read "l")
    local hanging = crew.worker("postgresql://aicc@/postgres?host=" .. folder .. "/way", server.base_url, "worker1", 60)
    crew.wait_for(server, "worker1", 5)
    assert(os.execute("kill -STOP " .. pid))
    assert.is_true((crew.worker(database.url, server.base_url, "worker2", 0).finish()))
    is_whole(server)
    local before = #server:requests()
    assert(os.execute("kill -CONT " .. pid))
    local is_well, output = hanging.finish()
    if not is_well then assert.matches("job store: ", output) end -- the server has ended a session inside a transaction
    assert.equal(before, #server:requests())
    is_whole(server)
    os.execute("kill " .. pid)
    way:close()
  end)

  -- In a network that can be cut, where this machine lets anybody make one. What waits for ever is killed after 20 seconds.
  it("wait for a way that swallows all, no longer than the store's URL says", function()
    local own = "unshare -n"
    if not os.execute(own .. " true 2>/dev/null") then own = "unshare -rn" end
    if not os.execute(own .. " true 2>/dev/null") then return pending "no network of its own can be made here" end
    local function outcome(kind, parameters)
      local command = "perl -e 'alarm 20; exec @ARGV' %s --pid --fork --kill-child %s spec/support/swallowed.lua %s %s '%s' 2>&1"
      local pipe = io.popen(command:format(own, arg and arg[-1] or "lua5.4", database.folder, kind, parameters))
      local output = pipe:read "a"
      pipe:close()
      return output
    end
    local limits = "tcp_user_timeout=2000&keepalives_idle=1&keepalives_interval=1"
    assert.matches("job store: .*timed out", outcome("question", limits))
    assert.matches("job store: .*timed out", outcome("answer", limits))
  end)

  it("that stand still for longer than a lease send nothing that has its result", function()
    local _, server = crew.scene(store, QUEUES, ROWS, SIZE)
    local workers = {}
    for i = 1, 2 do workers[i] = crew.worker(database.url, server.base_url, "worker" .. i, 60) end
    for i = 1, 2 do crew.wait_for(server, "worker" .. i, 5) end
    workers[1].signal "STOP"
    assert.is_true((workers[2].finish()))
    is_whole(server)
    local before = #server:requests()
    workers[1].signal "CONT"
    local is_well, output = workers[1].finish()
    if not is_well then assert.matches("job store: ", output) end
    assert.equal(before, #server:requests())
    is_whole(server)
  end)
end)
