-- Whoever writes to several queues of a job does so in one order, so that two never wait for each other's rows: a worker that has
-- slept too long and comes back meets who undoes or forgets the job meanwhile.

local jobs = require "aicc.jobs"
local postgresql = require "spec.support.postgresql"
local processes = require "spec.support.processes"
local socket = require "socket"
local support = require "spec.support.jobs"

describe("all queues of a job at once in PostgreSQL #postgresql #slow #nosan #lua54", function()
  local database, folder, server, at

  before_each(function()
    -- Without an index rows are found as they lie, which is against their order below.
    database = postgresql.start(nil, "-c enable_indexscan=off -c enable_indexonlyscan=off")
    at = " --store '" .. database.url .. "'"
    server = support.sandbox { agents = { [3] = support.agents(20), [4] = support.agents(20), [5] = support.agents(20) } }
    folder = support.folder()
    support.csv(folder .. "/night.csv", support.range(3, 1, 2, support.range(4, 1, 2, support.range(5, 1, 2))))
    assert.equal(0, (support.run(folder, server, ("plan --rate 0 %s/night.csv"):format(folder) .. at)))
    assert.equal(0, (support.run(folder, server, "apply night --rate 0" .. at)))
  end)
  after_each(function()
    database.stop()
    support.clean()
  end)

  for _, verb in ipairs { "undo night --force --yes --rate 0", "forget night" } do
    it(("are written in their order by %s"):format(verb:match "%l+"), function()
      local store = assert(jobs.open(database.url))
      local queues = store.db:rows "SELECT id FROM queues ORDER BY id DESC"
      for _, queue in ipairs(queues) do store.db:run("UPDATE queues SET number = number WHERE id = ?", queue.id) end
      local other
      store.db:transaction(function(db)
        local function hold(queue) db:run("UPDATE queues SET epoch = epoch WHERE id = ?", queue.id) end
        hold(queues[3])
        other = processes.spawn(support.command(folder, server, verb .. at))
        local gives_up = socket.gettime() + 30
        repeat
          assert(socket.gettime() < gives_up, "it waits for nobody")
          socket.sleep(0.02)
        until db:row("SELECT COUNT(*) AS n FROM pg_locks WHERE NOT granted").n > 0
        hold(queues[2])
        hold(queues[1])
      end, store.db)
      store:close()
      local status, said = other:wait()
      assert.equal(0, status, said)
    end)
  end
end)
