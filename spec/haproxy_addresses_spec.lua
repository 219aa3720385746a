-- Where HAProxy's example finds the API: a name with several addresses, of which some are dead, and which change.

local assert = require "luassert"
local console = require "spec.support.hosts.haproxy"
local named = require "spec.support.hosts.named"

describe("HAProxy's example with a name of several addresses #hosts", function()
  local scene = named {
    host = "haproxy", console = console, settings = { HOOK_ADDRESSES = "4" },
    -- One thread, for each remembers by itself that a token could not be had; and what succeeds is in the log, too.
    configure = function(text, port)
      return (text:gsub("parse%-resolv%-conf", "nameserver own 127.0.0.1:" .. port)
        :gsub("nbthread 2", "nbthread 1"):gsub("daemon notice", "daemon info"))
    end,
  }
  local start, hook, wait_for_api = scene.start, scene.hook, scene.wait_for_api

  it("a dead one is left alone, and nothing is sent twice", function()
    start "127.0.0.2 127.0.0.1" -- nobody listens at the first
    wait_for_api()
    for _ = 1, 40 do assert.equal(202, hook()) end
    assert.equal(40, scene.count "release_agent_by_skill")
    local log = scene.example:log()
    local _, refused = log:gsub("egress api/api%d [^\n]- 503 ", "")
    assert.is_true(refused >= 1 and refused <= 4, log)
    scene.example:wait_for_log "Server api/api%d is DOWN"
  end)

  it("aicc.ALL finds the one that lives too, once each", function()
    start "127.0.0.2 127.0.0.1"
    wait_for_api()
    local there = console.start()
    for _ = 1, 8 do
      local options = scene.options "retry = { attempts = 4 }"
      local told = there:run(("return call(%s, 'release_agent_by_skill', 3, 'ALL')"):format(options))
      assert.is_true(told.ok, told.message)
    end
    there:stop()
    assert.equal(8, scene.count "release_agent_by_skill")
    local log = scene.example:wait_for_log "Server api_afresh/api%d is DOWN"
    local _, refused = log:gsub("egress api_afresh/api%d [^\n]- 503 ", "")
    assert.is_true(refused >= 1 and refused <= 4, log)
  end)

  it("where none is alive it tries one all the same, once for each attempt, and a call is told not_sent", function()
    start "127.0.0.2 127.0.0.3"
    local there = console.start()
    for _ = 1, 10 do
      local told = there:run(("return call(%s, 'access_token')"):format(scene.options "retry = false"))
      assert.same({ "network", "not_sent" }, { told.kind, told.outcome })
    end
    there:stop()
    local log = scene.example:wait_for_log "egress api_last/api "
    assert.falsy(log:find "retries=[^0]", log)
  end)

  it("where the API has moved, calls go after a while, without a reload", function()
    start "127.0.0.2"
    assert.not_equal(202, hook())
    scene.names:write "127.0.0.1"
    wait_for_api()
  end)
end)
