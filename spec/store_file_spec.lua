-- The token store in files: what it trusts, what it writes, and many processes at once.

local child = require "spec.support.child"
local cjson = require "cjson"
local core = require "aicc.core"
local file_store = require "aicc.store.file"
local lfs = require "lfs"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"

local KEY = "0123456789abcdef"

local directory, remove

before_each(function() directory, remove = child.directory() end)
after_each(function() remove() end)

local function path(suffix) return directory .. "/" .. KEY .. suffix end

local function open() return assert(file_store.new { directory = directory }) end

local function entry(more)
  local now = core.now "boottime"
  local made = { token = "t", lifetime = 600, ends = now + 600, hard = now + 570, soft = now + 480 }
  for name, value in pairs(more or {}) do made[name] = value end
  return made
end

-- What is in the file, as a table; and a file with that in it.
local function read()
  local file = assert(io.open(path ".json"))
  local text = file:read "*a"
  file:close()
  return cjson.decode(text), text
end

local function write(text)
  local file = assert(io.open(path ".json", "w"))
  file:write(type(text) == "table" and cjson.encode(text) or text)
  file:close()
  os.execute("chmod 600 " .. path ".json")
end

local function mode(name) return child.shell("stat -c %a " .. name) end

describe("an entry", function()
  it("is there for the next process, in a file of its own that nobody else can read", function()
    assert(open():set(KEY, entry()))
    local got = assert(open():get(KEY))
    assert.equal("t", got.token)
    assert.same({ "600", "700" }, { mode(path ".json"), mode(directory) })
    assert.equal(KEY .. ".json", child.shell("ls -A " .. directory))
  end)

  it("carries the boot and both clocks, and no secret", function()
    assert(open():set(KEY, entry()))
    local names = {}
    for name in pairs(read()) do names[#names + 1] = name end
    table.sort(names)
    assert.same({ "boot", "ends", "ends_by_day", "hard", "lifetime", "soft", "token" }, names)
  end)

  it("that is forgotten is gone", function()
    local store = open()
    assert(store:set(KEY, entry()))
    store:set(KEY, nil)
    store:set(KEY, nil)
    assert.is_nil(store:get(KEY))
    assert.is_nil(child.shell("ls -A " .. directory))
  end)

  it("of a failure comes back as an error", function()
    local _, failure = scene.reply("token", 401)
    assert(open():set(KEY, { failure = failure, lifetime = 10, ends = core.now "boottime" + 10 }))
    local got = assert(open():get(KEY))
    assert.same({ "auth", 401 }, { got.failure.kind, got.failure.status })
    assert.truthy(tostring(got.failure):find "^aicc: token: HTTP 401")
  end)

  it("of a failure with fields of other types is an error without them", function()
    assert(open():set(KEY, entry()))
    local content = read()
    content.failure = { kind = "auth", outcome = "rejected", message = "a\27[2Jb", status = "401", retry_after = -5, more = {} }
    write(content)
    local failure = assert(open():get(KEY)).failure
    assert.equal("aicc: a [2Jb [auth, rejected]", tostring(failure))
    assert.same({ false }, { failure.retryable, failure.status, failure.retry_after, failure.more })
  end)

  it("is kept in memory while it is young, and read again on demand", function()
    local store = open()
    assert(store:set(KEY, entry()))
    assert(open():set(KEY, entry { token = "newer" }))
    assert.equal("t", store:get(KEY).token)
    assert.equal("newer", store:get(KEY, true).token)
    assert(store:set(KEY, entry { soft = core.now "boottime" - 1 }))
    assert(open():set(KEY, entry { token = "newest" }))
    assert.equal("newest", store:get(KEY).token)
  end)
end)

-- What makes of a good file a miss.
local MISSES = {
  { "another boot", function(e) e.boot = "another" end },
  { "no boot", function(e) e.boot = nil end },
  { "past by the machine's clock", function(e) e.ends = core.now "boottime" - 1 end },
  { "past by the time of day", function(e) e.ends_by_day = core.now "realtime" - 1 end },
  { "more than its lifetime left", function(e) e.ends = core.now "boottime" + 700 end },
  { "more than its lifetime left by the time of day", function(e) e.ends_by_day = core.now "realtime" + 700 end },
  { "no lifetime", function(e) e.lifetime = nil end },
  { "a lifetime that is text", function(e) e.lifetime = "600" end },
  { "no token", function(e) e.token = nil end },
  { "a token that could not be sent", function(e) e.token = "a\r\nX-Evil: 1" end },
  { "no windows", function(e) e.hard = nil end },
  { "a window beyond its end", function(e) e.hard = 1e300 end },
  { "a token of no bytes", function(e) e.token = "" end },
  { "a token of more bytes than a header's value may have", function(e) e.token = ("t"):rep(4097) end },
  { "a life of more than a day", function(e) e.lifetime, e.ends = 1e9, e.ends + 1e6 end },
  { "a failure of no kind", function(e) e.failure = { message = "m", outcome = "rejected" } end },
  { "a failure of an unknown outcome", function(e) e.failure = { kind = "auth", message = "m", outcome = "done" } end },
  { "a failure without a message", function(e) e.failure = { kind = "auth", outcome = "rejected" } end },
}

describe("a miss is", function()
  for _, row in ipairs(MISSES) do
    it(row[1], function()
      assert(open():set(KEY, entry()))
      local content = read()
      row[2](content)
      write(content)
      local got, problem = open():get(KEY)
      assert.is_nil(got)
      assert.is_nil(problem)
    end)
  end

  it("what is no entry", function()
    for _, text in ipairs { "", "{", "[]", "3", "null", '"t"', "\0\1\2", "{}", '{"token":{}}', ("["):rep(5000) } do
      write(text)
      local got, problem = open():get(KEY)
      assert.is_nil(got)
      assert.is_nil(problem)
    end
  end)
end)

describe("refused is", function()
  local function refused(why)
    local got, err = open():get(KEY)
    assert.is_nil(got)
    assert.equal("store", err.kind)
    assert.truthy(err.message:find(why, 1, true), err.message)
  end

  it("a file that others may read", function()
    assert(open():set(KEY, entry()))
    for _, bits in ipairs { "640", "604", "620", "666" } do
      os.execute("chmod " .. bits .. " " .. path ".json")
      refused "chmod 600"
    end
  end)

  it("a symbolic link", function()
    assert(open():set(KEY, entry()))
    os.rename(path ".json", path ".elsewhere")
    os.execute(("ln -s %s %s"):format(path ".elsewhere", path ".json"))
    refused "open"
  end)

  it("what is no regular file", function()
    os.execute("mkfifo -m 600 " .. path ".json")
    refused "not a regular file"
  end)

  it("what is too large", function()
    write((" "):rep(70000))
    refused "too large"
  end)

  it("somebody else's file", function()
    if child.shell "id -u" ~= "0" then return pending "needs root" end
    assert(open():set(KEY, entry()))
    os.execute("chown 12345 " .. path ".json")
    refused "another user"
  end)

  it("a directory that others may use, or that is none", function()
    os.execute("chmod 755 " .. directory)
    local store, err = file_store.new { directory = directory }
    assert.is_nil(store)
    assert.same({ "config", true }, { err.kind, err.message:find("chmod 700", 1, true) ~= nil })
    os.execute("chmod 700 " .. directory)
    write ""
    store, err = file_store.new { directory = path ".json" }
    assert.is_nil(store)
    assert.equal("config", err.kind)
    os.execute(("ln -s . %s/link"):format(directory))
    assert.is_nil(file_store.new { directory = directory .. "/link" })
  end)
end)

it("directories are made, with nobody else's rights", function()
  assert(file_store.new { directory = directory .. "/a/b" })
  assert.same({ "700", "700" }, { mode(directory .. "/a"), mode(directory .. "/a/b") })
end)

it("what cannot be kept can still be used, with a warning", function()
  local store, warned = open(), nil
  remove()
  local time = scene.standing()
  local client = scene.client(time, function(request)
    if request.operation == "token" then return { AccessToken = "t", Expires = "600" } end
    return scene.page {}
  end, { store = store, on_event = function(event) warned = event.type == "warning" and event.message or warned end })
  assert(client:query_agents(3))
  assert.truthy(warned:find "^token cache: ")
end)

---- processes

local SCRIPT = [[
  local aicc, store = require "aicc", require "aicc.store.file"
  local client = assert(aicc.new {
    base_url = os.getenv "BASE_URL", app_key = "sandbox-key", app_secret = os.getenv "SECRET",
    store = assert(store.new { directory = os.getenv "DIRECTORY" }),
  })
  local token, err = client:access_token()
  io.write(token or err.kind)
]]

local function token_calls(server)
  local count = 0
  for _, request in ipairs(server:requests()) do
    if request.operation == "token" then count = count + 1 end
  end
  return count
end

-- What so many processes with that secret write, and how many token calls they made.
local function run(count, secret)
  local server = assert(sandbox.start())
  local outputs = child.run_all(count, SCRIPT, { BASE_URL = server.base_url, SECRET = secret, DIRECTORY = directory })
  local calls = token_calls(server)
  server:stop()
  return outputs, calls
end

describe("processes:", function()
  it("fifty started at once fetch one token", function()
    local outputs, calls = run(50, "sandbox-secret")
    assert.equal(1, calls)
    assert.truthy(outputs[1]:find "^sandbox%-token%-1%-", outputs[1])
    for n = 2, 50 do assert.equal(outputs[1], outputs[n]) end
  end)

  it("a refusal is shared like a token", function()
    local outputs, calls = run(5, "mistaken")
    assert.same({ { "auth", "auth", "auth", "auth", "auth" }, 1 }, { outputs, calls })
  end)

  it("a holder that is killed while it fetches costs those who wait one fetch more", function()
    local server = assert(sandbox.start())
    server:fault { operation = "token", hold = true }
    local environment = { BASE_URL = server.base_url, SECRET = "sandbox-secret", DIRECTORY = directory }
    local pid, pipe = child.start(SCRIPT, environment)
    assert(server:wait_for { held = 1, timeout = 20 })
    local waiters = {}
    for n = 1, 5 do waiters[n] = select(2, child.start(SCRIPT, environment)) end
    core.sleep(0.3) -- they may be waiting by now; whether they are changes nothing
    assert.equal(1, token_calls(server))
    os.execute("kill -9 " .. pid)
    pipe:close()
    for _, waiter in ipairs(waiters) do
      assert.matches("^sandbox%-token%-2%-", waiter:read "*a")
      waiter:close()
    end
    assert.equal(2, token_calls(server))
    server:stop()
  end)

  it("a lock's holder that is killed costs nobody more than a fetch", function()
    local server = assert(sandbox.start())
    local client = assert(server:client { store = open() })
    local key = require("aicc.token").key { base_url = server.base_url, app_key = server.app_key }
    local pid, pipe = child.start(([[
      lock = require("aicc.core").lock_file(%q)
      print(lock and "locked") io.stdout:flush()
      while true do require("aicc.core").sleep(60) end
    ]]):format(directory .. "/" .. key .. ".lock"))
    assert.equal("locked", pipe:read "*l")
    assert.is_false(core.lock_file(directory .. "/" .. key .. ".lock"))
    os.execute("kill -9 " .. pid)
    pipe:close()
    assert(client:access_token())
    assert.equal(1, token_calls(server))
    client:close()
    server:stop()
  end)

  it("a lock that is never given up is waited for 20 s, and then costs a fetch", function()
    local time, fetched = scene.standing(), 0
    local client = scene.client(time, function()
      fetched = fetched + 1
      return { AccessToken = "t", Expires = "600" }
    end, { store = open() })
    local key = require("aicc.token").key { base_url = "https://api.example", app_key = "app-key" }
    local lock = assert(core.lock_file(directory .. "/" .. key .. ".lock"))
    local began = time.clock()
    assert.equal("t", client:access_token())
    local waited = time.clock() - began
    assert.is_true(waited >= 20 and waited < 20.1, tostring(waited))
    assert.equal(1, fetched)
    lock:release()
  end)

  it("a lock that is never given up leaves a short deadline enough for the call, in the time that was given", function()
    local time = scene.standing()
    local client = scene.client(time, function(request)
      if request.operation == "token" then return { AccessToken = "t", Expires = "600" } end
      return scene.reply(request.operation, 200, scene.SUCCESS)
    end, { store = open() })
    local key = require("aicc.token").key { base_url = "https://api.example", app_key = "app-key" }
    local lock = assert(core.lock_file(directory .. "/" .. key .. ".lock"))
    local began = time.clock()
    assert(client:release_agent_by_skill(3, { "1" }, { deadline = 12 }))
    assert.is_true(time.clock() - began >= 4 and time.clock() - began < 4.1)
    assert.is_true(#time.waits > 100)
    lock:release()
  end)

  it("a token that cannot be forgotten is not used again all the same", function()
    local store = open()
    local client = scene.client(scene.standing(), function(request)
      if request.operation == "token" then return { AccessToken = "new", Expires = "600" } end
      if request.token == "t" then return scene.reply(request.operation, 401) end
      return scene.page {}
    end, { store = store, clock = function() return core.now "boottime" end })
    local key = require("aicc.token").key { base_url = "https://api.example", app_key = "app-key" }
    assert(store:set(key, entry {}))
    store.set = function() return nil, "read-only" end
    assert(client:query_agents(3))
    assert.equal("new", assert(client:access_token()))
  end)

  it("an entry that cannot be forgotten is told of, and not used again", function()
    local store = open()
    assert(lfs.mkdir(path ".json")) -- what even root cannot remove as a file
    local done, problem = store:set(KEY, nil)
    assert.is_nil(done)
    assert.matches(KEY .. ".json", problem, 1, true)
    assert.is_nil((store:get(KEY)))
  end)

  it("a living token is used while another process fetches the next", function()
    local fetched = 0
    local store = open()
    local client = scene.client(scene.standing(), function(request)
      if request.operation == "token" then fetched = fetched + 1 end
      return request.operation == "token" and { AccessToken = "new", Expires = "600" } or scene.page {}
    end, { store = store, clock = function() return core.now "boottime" end })
    local key = require("aicc.token").key { base_url = "https://api.example", app_key = "app-key" }
    assert(store:set(key, entry { soft = core.now "boottime" - 1 }))
    local lock = assert(core.lock_file(directory .. "/" .. key .. ".lock"))
    assert.equal("t", client:access_token())
    assert.equal(0, fetched)
    lock:release()
    assert.equal("new", client:access_token())
  end)
end)

it("without a directory given: XDG_RUNTIME_DIR, else XDG_CACHE_HOME, else ~/.cache", function()
  local script = [[io.write(assert(require("aicc.store.file").new()).directory)]]
  local base = { XDG_RUNTIME_DIR = directory .. "/run", XDG_CACHE_HOME = directory .. "/cache", HOME = directory }
  assert.equal(directory .. "/run/aicc", child.run(script, base))
  base.XDG_RUNTIME_DIR = "relative"
  assert.equal(directory .. "/cache/aicc", child.run(script, base))
  base.XDG_CACHE_HOME = ""
  assert.equal(directory .. "/.cache/aicc", child.run(script, base))
  script = [[io.write(tostring((select(2, require("aicc.store.file").new()))))]]
  base.HOME, base.XDG_RUNTIME_DIR = "", ""
  assert.matches("neither XDG_CACHE_HOME nor HOME names one", child.run(script, base), 1, true)
end)
