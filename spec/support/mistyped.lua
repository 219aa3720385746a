-- Mistakes that the types are there to find: `.ci/check-types` has lua-language-server look for them. Never run.
local aicc = require "aicc"
local jobs = require "aicc.jobs"
local loop = require "aicc.loop"
local metrics = require "aicc.metrics"
local sandbox = require "aicc.sandbox"

local client = assert(aicc.new { timeout = "15" }) --> assign-type-mismatch
client:release_agent_by_skill(3, "1001") --> param-type-mismatch
client:release_agent_by_skill("3", { "1001" }) --> param-type-mismatch
client:bind_agents(3, "1001") --> param-type-mismatch
client:release_agent_by_skil(3, {}) --> undefined-field
client:release_agent_by_skill(3, { "1001" }, { deadline = true }) --> assign-type-mismatch

local result, err = client:release_agent_by_skill(3, aicc.ALL)
print(result and result.outcom) --> undefined-field
print(err and err.kinds) --> undefined-field

loop.spawn "f" --> param-type-mismatch
loop.start() --> undefined-field

local server = assert(sandbox.start { tls = "yes" }) --> assign-type-mismatch
server:fault { close = "rest" } --> assign-type-mismatch
server:faults() --> undefined-field

local store = assert(jobs.open(5)) --> param-type-mismatch
store:forgot "night" --> undefined-field
metrics.new { shard = {} }
metrics.new():listen() --> undefined-field
