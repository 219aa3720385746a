-- Where nginx's example finds the API: a name that may be unknown, with several addresses, of which some are dead, and which
-- change.

local assert = require "luassert"
local console = require "spec.support.hosts.nginx"
local named = require "spec.support.hosts.named"
local socket = require "socket"

describe("nginx's example with a name of several addresses #hosts", function()
  -- nginx starts before anybody knows the name.
  local scene = named {
    host = "openresty", console = console, settings = {},
    configure = function(text, port)
      return (text:gsub('addresses.new "(api%.test:%d+)"', ('addresses.new("%%1", { { "127.0.0.1", %s } })'):format(port))
        :gsub("worker_processes 2", "worker_processes 1"):gsub("error_log stderr notice", "error_log stderr info"))
    end,
  }
  local start, hook, wait_for_api = scene.start, scene.hook, scene.wait_for_api

  local function refused()
    local _, n = scene.example:log():gsub("connect%(%) failed", "")
    return n
  end

  it("a name that nobody knows keeps nothing from starting, a call is told not_sent, and it is found once it is known", function()
    start ""
    local there = console.start()
    local told = there:run(("return call(%s, 'access_token')"):format(scene.options "retry = false"))
    there:stop()
    assert.same({ "network", "not_sent" }, { told.kind, told.outcome })
    assert.equal(0, #scene.server:requests())
    scene.example:wait_for_log "the address of api%.test is not to be had: name error"
    scene.names:write "127.0.0.1"
    wait_for_api()
  end)

  it("a dead one is left alone, nothing is sent twice, and connections are kept, but for aicc.ALL", function()
    start "127.0.0.2 127.0.0.1" -- nobody listens at the first
    wait_for_api()
    for _ = 1, 40 do assert.equal(202, hook()) end
    assert.equal(40, scene.count "release_agent_by_skill")
    assert.is_true(refused() <= 2, scene.example:log())
    local used, connections = {}, 0
    for _, request in ipairs(scene.server:requests()) do
      if not used[request.connection] then connections = connections + 1 end
      used[request.connection] = true
    end
    assert.is_true(connections <= 3, connections)

    scene.server:clear()
    local there = console.start()
    for _ = 1, 4 do
      local options = scene.options "retry = { attempts = 4 }"
      local told = there:run(("return call(%s, 'release_agent_by_skill', 3, 'ALL')"):format(options))
      assert.is_true(told.ok, told.message)
    end
    there:stop()
    local alone = {}
    for _, request in ipairs(scene.server:requests()) do
      if request.operation == "release_agent_by_skill" then
        assert.is_nil(used[request.connection])
        assert.is_nil(alone[request.connection])
        alone[request.connection] = true
      end
    end
    assert.equal(4, scene.count "release_agent_by_skill")
  end)

  it("where none is alive one is tried all the same, once for each attempt", function()
    start "127.0.0.2 127.0.0.3"
    scene.example:wait_for_log "start worker process"
    local there = console.start()
    local ends = socket.gettime() + 20
    while refused() == 0 do -- until the name is known
      assert.is_true(socket.gettime() < ends, scene.example:log())
      hook()
    end
    local before = refused()
    for _ = 1, 6 do
      local told = there:run(("return call(%s, 'access_token')"):format(scene.options "retry = false, store = 'memory'"))
      assert.same({ "network", "not_sent" }, { told.kind, told.outcome })
    end
    there:stop()
    assert.equal(before + 6, refused())
  end)

  it("where the API has moved, calls go after a while, without a reload; and what is known stays while nobody answers", function()
    start "127.0.0.2"
    assert.not_equal(202, hook())
    scene.names:write "127.0.0.1"
    wait_for_api()
    scene.names:write ""
    local ends = socket.gettime() + 20
    while not scene.example:log():find "the address of api%.test is not to be had: name error" do
      assert.is_true(socket.gettime() < ends, scene.example:log())
      assert.equal(202, hook())
    end
    assert.equal(202, hook())
  end)
end)
