-- aicc in HAProxy: what both hosts show (spec/support/hosts), and what is HAProxy's own.

local assert = require "luassert"
local console = require "spec.support.hosts.haproxy"
local scene = require "spec.support.hosts.scene"
local same_as_curl = require "spec.support.hosts.same_as_curl"
local settings = require "spec.support.hosts.settings"
local through_egress = require "spec.support.hosts.through_egress"
local under_load = require "spec.support.hosts.under_load"
local webhook = require "spec.support.hosts.webhook"
local host = require "spec.support.hosts.host"
local load = require "spec.support.hosts.load"
local sandbox = require "aicc.sandbox"

local LOST = { "2 ok applied_earlier", "1 ok applied_earlier", "2 ok applied_earlier", "2 network unknown", "2 network unknown" }
local DIFFERENT = {
  ["long body"] = { -- longer than a buffer
    "1 ok applied_earlier", "1 ok applied_earlier", "1 ok applied_earlier", "1 too_large unknown", "1 too_large unknown",
  },
  ["two Content-Length"] = LOST,
}

local function more(get)
  local RELEASE = "local told = call(%s, 'release_agent_by_skill', 3, { '1001' }) return told"

  it("works in actions", function()
    local server, _, there, options = get()
    assert.is_true(there:run(RELEASE:format(options()), "/action").ok)
    assert.same({ "1002", "1003" }, server:accounts(3))
  end)

  it("works in tasks", function()
    local server, _, there, options = get()
    assert.is_true(there:run(([[
      local told
      core.register_task(function() told = call(%s, 'release_agent_by_skill', 3, { '1001' }) end)
      while not told do core.msleep(10) end
      return told]]):format(options())).ok)
    assert.same({ "1002", "1003" }, server:accounts(3))
  end)

  for path, name in pairs { ["/fetch"] = "a sample fetch", ["/converter"] = "a converter" } do
    it("says in " .. name .. " that it cannot, and sends nothing", function()
      local server, _, there, options = get()
      local told = there:run(RELEASE:format(options()), path)
      assert.same({ "unsupported", "not_sent" }, { told.kind, told.outcome })
      assert.truthy(told.message:find("not possible in " .. name .. ": do it from an action, a service or a task", 1, true))
      assert.equal(0, #server:requests())
    end)
  end

  for made, how in pairs {
    ["coroutine.wrap"] = "coroutine.wrap(f)()",
    ["coroutine.create"] = "coroutine.resume(coroutine.create(f))", -- which is HAProxy's own from 2.8 on
  } do
    it("says so in a coroutine of somebody else's too, and does not wait there: " .. made, function()
      local server, _, there, options = get()
      local told = there:run(([[
        local told
        local client = assert(require("aicc").new(%s))
        local function f()
          local _, err = client:release_agent_by_skill(3, { "1001" })
          told = { kind = err.kind, outcome = err.outcome, message = err.message }
        end
        %s
        return told or {}]]):format(options(), how))
      assert.same({ "unsupported", "not_sent" }, { told.kind, told.outcome })
      assert.truthy(told.message:find("not possible in a coroutine of your own: do it from an action", 1, true), told.message)
      assert.equal(0, #server:requests())
    end)
  end
end

describe("in HAProxy #hosts", function()
  local here = scene("haproxy", console)
  webhook(here)
  settings(here.name)
  under_load(here)
  through_egress(here, more)
  same_as_curl(here, DIFFERENT)

  it("works after a chroot", function()
    if io.popen("id -u"):read "*l" ~= "0" then return pending "only root can chroot" end
    local server = assert(sandbox.start { tls = true, agents = { [3] = { "1001" } } })
    local example = host.example("haproxy", server, { AICC_EGRESS = "unix:/egress.sock" })
    example:configure(function(text) return (text:gsub("# chroot /var/lib/haproxy", "chroot " .. example.work)) end)
    local reply = load.send(example:hook("1001", { 3 }))
    example:stop()
    server:stop()
    assert.equal(202, reply.status, reply.body)
  end)
end)
