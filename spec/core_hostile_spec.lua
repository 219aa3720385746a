-- What Lua code can do to the C half from where nobody expects it: metatables, finalizers, hooks, bytes that end a C string.

local collector = require "spec.support.collector"
local core = require "aicc.curl"
local processes = require "spec.support.processes"
local sandbox = require "aicc.sandbox"

local RELEASE = "release_agent_by_skill"
local ONE = { skillId = 3, userAccounts = { "1001" } }

-- Each field that is not there is another string at each look, which nobody holds.
local function shifting()
  local looks = 0
  return setmetatable({}, { __index = function(_, name)
    looks = looks + 1
    return looks % 2 == 1 and name .. "-" .. looks or name .. "\r\nX-Evil: " .. looks
  end })
end

-- Calls f with a collector that makes a whole round at each allocation from then on; `finalize` is called in the first of them.
local function collecting(finalize, f, a, b, c)
  collectgarbage()
  collectgarbage "stop"
  local pause, multiplier = collector.tune(0, 2147483647) -- enough for a heap of any size: many specs came before
  if _VERSION ~= "Lua 5.2" and _VERSION ~= "Lua 5.3" then collectgarbage("incremental", 0, 1000, 30) end
  setmetatable({}, { __gc = finalize })
  collectgarbage "restart"
  if _VERSION == "Lua 5.2" then string.rep("owed", 50) end -- it looks before a thing is made
  local good, result, err = pcall(f, a, b, c)
  if _VERSION ~= "Lua 5.2" and _VERSION ~= "Lua 5.3" then collectgarbage("incremental", 200, 100, 13) end
  collector.tune(pause, multiplier)
  return good, result, err
end

describe("metatables", function()
  it("lend a request no token, and no header", function()
    assert.error_matches(function() core.encode(RELEASE, ONE, shifting()) end, "expected a token")
    local who = shifting()
    who.token = "t"
    local request = core.encode(RELEASE, ONE, who)
    assert.is_nil(request.headers["x-app-key"])
    assert.is_nil(request.headers["X-TenantSpaceID"])
    assert.truthy(request.headers["User-Agent"]:find "^aicc/")
  end)

  it("lend a reply no status, and no body", function()
    assert.error_matches(function()
      core.decode(RELEASE, setmetatable({}, { __index = function(_, name) return name == "status" and 200 or name end }))
    end, "number expected")
    local _, err = core.decode(RELEASE, setmetatable({ status = 502 }, { __index = function() return "lent" end }), shifting())
    assert.same({ "server" }, { err.kind, err.body })
  end)
end)

describe("a finalizer", function()
  if _VERSION == "Lua 5.1" then return end -- tables have none there

  it("that empties the tables of a reply leaves what was read from them whole", function()
    for n = 1, 20 do
      local token = "token-0815-" .. n
      local told = ("lost %d "):format(n):rep(9)
      local reply = { status = 503, headers = { ["Retry-After"] = tostring(n) }, body = told .. token }
      local who = { token = token, app_key = "key-0816-" .. n, app_secret = "secret-0817-" .. n }
      local good, result, err = collecting(function()
        reply.body, reply.headers["Retry-After"], who.token, who.app_key, who.app_secret = nil, nil, nil, nil, nil
      end, core.decode, RELEASE, reply, who)
      assert.same({ true, nil }, { good, result })
      -- What had not been read by then is not there.
      assert.truthy(err.retry_after == nil or err.retry_after == n, err.retry_after)
      assert.truthy(err.body == nil or err.body == told .. "***" or err.body == told .. token, err.body)
      assert.is_nil(reply.body)
    end
  end)

  it("that stops a sandbox in the middle of a call of it is an error of that call", function()
    local server = assert(sandbox.start())
    local raw = server.raw
    local good, message = collecting(function() server:stop() end, raw.call, raw, "count")
    assert.is_false(good)
    assert.truthy(tostring(message):find("it is stopped", 1, true), message)
  end)
end)

describe("a hook of the program's own, at every instruction,", function()
  it("ends no sleep, and hides no Ctrl-C", function()
    for _, signal in ipairs { false, true } do
      local process = processes.lua(([[
        local core = require "aicc.curl"
        local f = function() end
        io.stdout:setvbuf "line"
        debug.sethook(f, "cr", 1)
        print "ready"
        local began = core.now()
        local done = core.sleep(%s)
        local took = core.now() - began
        debug.sethook()
        print(done, took >= 0.2)]]):format(signal and "20" or "0.2"))
      assert.equal("ready", process:line())
      if signal then process:signal "INT" end
      local status, output = process:wait()
      if signal then
        assert.equal(1, status)
        assert.truthy(output:find "interrupted!", output)
      else
        assert.same({ 0, "true\ttrue" }, { status, output })
      end
    end
  end)

  it("may have been there first", function()
    local process = processes.lua [[
      debug.sethook(function() end, "cr", 1)
      local core = require "aicc.curl"
      print(core.sleep(0.05))]]
    assert.same({ 0, "true" }, { process:wait() })
  end)
end)

it("a NUL in a path is misuse: the file that is named is another than C would open", function()
  local path = os.tmpname()
  for name, call in pairs {
    read_file = function(p) return core.read_file(p, 100) end,
    write_file = function(p) return core.write_file(p, "content") end, create_file = core.create_file,
    make_directory = core.make_directory, remove_file = core.remove_file, lock_file = core.lock_file,
    draft_file = core.draft_file, publish_file = function(p) return core.publish_file(path, p) end,
  } do
    assert.error_matches(function() call(path .. "\0.txt") end, "expected a path without a NUL byte", 1, false, name)
  end
  assert.equal("", assert(core.read_file(path, 100)))
  os.remove(path)
end)

it("a FIFO as ca_file, or a file as ca_path, is refused at once", function()
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkfifo -m 600 " .. path))
  local process = processes.lua(([[
    local core = require "aicc.curl"
    for _, which in ipairs { "ca_file", "ca_path" } do
      local _, err = core.session { base_url = "https://api.example", [which] = which == "ca_file" and %q or "Makefile" }
      print(err.kind, err.message)
    end]]):format(path))
  local status, output = process:wait()
  os.remove(path)
  assert.same({ 0, ("config\tca_file: cannot read %s: it is not a regular file\n" ..
    "config\tca_path: cannot read Makefile: it is not a directory"):format(path) }, { status, output })
end)
