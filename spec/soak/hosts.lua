-- The soak's nginx and HAProxy: the examples, on a sandbox with TLS, reloaded while hooks are called. None is lost: each is
-- answered 202, and the sandbox got a release for each.

local core = require "aicc.core"
local host = require "spec.support.hosts.host"
local load = require "spec.support.hosts.load"
local proc = require "spec.support.proc"
local remote = require "spec.soak.remote"

local hosts = {}

local Hosts = {}
Hosts.__index = Hosts

local CALLS, PARALLEL = 30, 5 -- of a round, for each host
local RELEASE = "release_agent_by_skill"

-- Waits until none of these workers is left.
local function wait_for_end(example, old)
  local gives_up = core.now() + 60
  repeat
    local is_left = false
    local now = example:workers()
    for pid in old:gmatch "%d+" do is_left = is_left or now:find("%f[%d]" .. pid .. "%f[%D]") ~= nil end
    if not is_left and now:find "%d" then return end
    core.sleep(0.02)
  until core.now() > gives_up
  error(example.name .. " keeps its old workers: " .. example:log():sub(-2000), 0)
end

--- Calls hooks, and reloads in the middle of it.
function Hosts:round()
  for _, example in ipairs(self.examples) do
    local before = self.server:tally()[RELEASE] or 0
    local calls, done, old = load.many(CALLS, example:hook("q3-001", { 3 }), PARALLEL), 0, example:workers()
    calls.on_reply = function()
      done = done + 1
      if done == math.floor(CALLS / 3) then example:reload() end
    end
    for _, reply in ipairs(load.run(calls)) do
      assert(reply.status == 202, ("%s answered %s: %s"):format(example.name, tostring(reply.status), tostring(reply.body)))
    end
    local got = self.server:tally()[RELEASE] - before
    assert(got == CALLS, ("%s: %d hooks, %d releases"):format(example.name, CALLS, got))
    wait_for_end(example, old)
    self.reloads, self.answered = self.reloads + 1, self.answered + CALLS
  end
  self.server:clear()
end

--- What is measured of them: the process that lives through reloads.
function Hosts:sample()
  local measures = {}
  for _, example in ipairs(self.examples) do
    local master = example:master()
    measures[example.name .. " master descriptors"] = proc.descriptors(master)
    measures[example.name .. " master resident"] = proc.resident(master)
  end
  return measures
end

function Hosts:stop()
  for _, example in ipairs(self.examples) do example:stop() end
  self.server:stop()
end

--- Starts both.
function hosts.start()
  host.lifetime = 24 * 3600
  local self = setmetatable({ server = remote.start "tls", examples = {}, reloads = 0, answered = 0, ALLOWED = {} }, Hosts)
  for _, name in ipairs { "openresty", "haproxy" } do
    self.examples[#self.examples + 1] = host.example(name, self.server)
    self.ALLOWED[name .. " master descriptors"], self.ALLOWED[name .. " master resident"] = 0, 2 * 1024 * 1024
  end
  return self
end

return hosts
