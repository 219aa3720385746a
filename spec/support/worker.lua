-- A worker of a shared job, as a process: worker.lua STORE BASE_URL NAME RATE. Its leases are short, for specs
-- that wait for them to end.

local aicc = require "aicc"
local jobs = require "aicc.jobs"

local store = assert(jobs.open(arg[1]))
local client = assert(aicc.new {
  base_url = arg[2], app_key = "sandbox-key", app_secret = "sandbox-secret", user_agent = arg[3], timeout = 2,
})
local summary = assert(store:job("night"):apply {
  client = client, rate = tonumber(arg[4]), force = true, lease = 10, concurrency = 3,
})
print(summary.state, summary.counts.released, summary.stopped)
