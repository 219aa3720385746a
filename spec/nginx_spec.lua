-- aicc in nginx: what both hosts show (spec/support/hosts), and what is nginx's own.

local assert = require "luassert"
local console = require "spec.support.hosts.nginx"
local scene = require "spec.support.hosts.scene"
local same_as_curl = require "spec.support.hosts.same_as_curl"
local settings = require "spec.support.hosts.settings"
local through_egress = require "spec.support.hosts.through_egress"
local under_load = require "spec.support.hosts.under_load"
local webhook = require "spec.support.hosts.webhook"
local load = require "spec.support.hosts.load"
local processes = require "spec.support.processes"
local socket = require "socket"

-- nginx takes an interim reply for the reply, and a chunked body that ends too early for one that ends.
local DIFFERENT = {
  ["chunk cut"] = {
    "1 ok applied_earlier", "1 ok applied_earlier", "1 ok applied_earlier", "2 protocol unknown", "2 protocol unknown",
  },
  ["no last chunk"] = { "1 ok applied", "1 ok applied", "1 ok applied", "1 ok nil", "1 ok nil" },
  ["100 Continue before it"] = {
    "1 ok applied_earlier", "1 ok applied_earlier", "1 ok applied_earlier", "1 http unknown", "1 http unknown",
  },
}

-- From 1.23 on it takes two for no reply.
local version = io.popen("nginx -v 2>&1"):read("*a")
local major, minor = version:match "/(%d+)%.(%d+)"
if major == "1" and tonumber(minor) >= 23 then
  DIFFERENT["two Content-Length"] = {
    "2 ok applied_earlier", "1 ok applied_earlier", "2 ok applied_earlier", "2 network unknown", "2 network unknown",
  }
end

-- An egress that answers a connection's requests but the last, at which it goes away: the third of the first connection, and then
-- always the second. It tells what it got.
local DYING_EGRESS = [[
import os, socket
path = "%s/dying.sock"
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
os.chmod(path, 0o666)
listener.listen(8)
print("listening", flush=True)
last = 3
while True:
  connection, _ = listener.accept()
  for n in range(1, last + 1):
    data = b""
    while b"\r\n\r\n" not in data: data += connection.recv(65536)
    head, body = data.split(b"\r\n\r\n", 1)
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length: body += connection.recv(65536)
    is_token = b"tokenByAkSk" in head
    print("token" if is_token else "query", n, flush=True)
    if n == last: break
    answer = b'{"AccessToken":"t","Expires":"3600"}' if is_token else b'{"resultCode":"0","count":1,"data":[{"userAccount":"1"}]}'
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nX-Aicc-Egress: answered\r\nContent-Length: %%d\r\n\r\n"
      %% len(answer) + answer)
  connection.close()
  last = 2
]]

local function lines_of(path)
  local lines = {}
  local file = io.open(path)
  if file then
    for line in file:lines() do lines[#lines + 1] = line end
    file:close()
  end
  return lines
end

local function more(get)
  local RELEASE = "return call(%s, 'release_agent_by_skill', 3, { '1001' })"

  for _, phase in ipairs { "rewrite", "access" } do
    it("works in the " .. phase .. " phase", function()
      local server, _, there, options = get()
      assert.is_true(there:run(RELEASE:format(options()), "/" .. phase).ok)
      assert.same({ "1002", "1003" }, server:accounts(3))
    end)
  end

  for _, phase in ipairs { "init_worker", "header_filter", "body_filter", "log" } do
    it("says in the " .. phase .. " phase that it cannot, and how to", function()
      local server, _, there, options = get()
      if phase ~= "init_worker" then there:run(RELEASE:format(options()), "/" .. phase) end -- the console does that by itself
      local told = there:told(phase)
      assert.same({ "unsupported", "not_sent" }, { told.kind, told.outcome })
      assert.truthy(told.message:find("nginx's " .. phase .. " phase: do it from a timer: assert(ngx.timer.at(0, ", 1, true))
      assert.truthy(told.message:find("lua_max_running_timers", 1, true))
      assert.equal(0, #server:requests())
    end)
  end

  it("says in a phase without timers that it cannot, and does not advise one", function()
    local server, _, there = get()
    os.execute("kill -HUP $(cat " .. there.work .. "/nginx.pid)") -- a worker ends, and has told why it cannot before that
    for phase, advice in pairs {
      init = "nginx is reading its configuration: do it from a timer that init_worker_by_lua_block starts",
      exit_worker = "the worker is about to end: do it before, or in another program",
    } do
      local told = there:told(phase)
      assert.same({ "unsupported", "not_sent" }, { told.kind, told.outcome })
      assert.truthy(told.message:find("not possible in nginx's " .. phase .. " phase: " .. advice, 1, true), told.message)
    end
    assert.equal(0, #server:requests())
  end)

  it("says in a TLS handshake's first phase that it cannot: there OpenSSL would have to wait", function()
    local server, _, there = get()
    os.execute("openssl s_client -unix " .. there.work .. "/tls.sock </dev/null >/dev/null 2>&1")
    local told = there:told "ssl_client_hello"
    assert.same({ "unsupported", "not_sent" }, { told.kind, told.outcome })
    assert.truthy(told.message:find("nginx's ssl_client_hello phase: do it from a timer", 1, true), told.message)
    assert.equal(0, #server:requests())
  end)

  it("works as that recipe says, and in light threads", function()
    local server, _, there, options = get()
    local told = there:run(([[
      local told
      assert(ngx.timer.at(0, function() told = call(%s, 'release_agent_by_skill', 3, { '1001' }) end))
      while not told do ngx.sleep(0.01) end
      local _, other = ngx.thread.wait(ngx.thread.spawn(call, %s, 'release_agent_by_skill', 3, { '1002' }))
      return { told.ok, other.ok }]]):format(options(), options()))
    assert.same({ true, true }, told)
    assert.same({ "1003" }, server:accounts(3))
  end)

  it("one of a worker's requests fetches the token for the others, without shared memory too", function()
    local server, _, there, options = get()
    server:fault { operation = "token", delay = 0.3, to = math.huge }
    local code = ([[local call = ...
      local aicc = require "aicc"
      package.loaded.shared = package.loaded.shared or assert(aicc.new(%s))
      return (package.loaded.shared:release_agent_by_skill(3, { '1001' }))]]):format(options "store = 'memory'")
    local replies = load.run(load.many(20, { port = there.port, path = "/lua", body = code }))
    for _, reply in ipairs(replies) do assert.truthy(reply.body:find("applied", 1, true), reply.body) end
    local tokens = 0
    for _, request in ipairs(server:requests()) do tokens = tokens + (request.operation == "token" and 1 or 0) end
    assert.equal(1, tokens)
  end)

  it("brings no libcurl into a worker", function()
    local _, example = get()
    for pid in example:workers():gmatch "%d+" do
      local maps = assert(io.open("/proc/" .. pid .. "/maps"))
      local text = maps:read "*a"
      maps:close()
      assert.truthy(text:find("/aicc/core.so", 1, true))
      for _, library in ipairs { "libcurl", "libldap", "libgnutls", "libkrb5", "aicc/curl.so" } do
        assert.falsy(text:find(library, 1, true), library)
      end
    end
  end)

  it("keeps its connection to the egress, but for aicc.ALL", function()
    local _, example, there, options = get()
    example:configure(function(text)
      return (text:gsub("\nhttp {\n", "\nhttp {\n  log_format connection '$connection';\n")
        :gsub("(listen unix:.-)access_log off;", "%1access_log egress.log connection;"))
    end)
    local function egress_connections(code, times)
      local before, of = #lines_of(example.work .. "/egress.log"), {}
      for _ = 1, times do assert.is_true(there:run(code).ok) end
      local lines, different = {}, 0
      for _ = 1, 500 do -- the log is written after the answer
        lines = lines_of(example.work .. "/egress.log")
        if #lines >= before + times then break end
        socket.sleep(0.02)
      end
      for i = before + 1, #lines do
        if not of[lines[i] ] then different = different + 1 end
        of[lines[i] ] = true
      end
      return different
    end
    local mine = options "store = 'shdict', retry = false"
    there:run(("return call(%s, 'access_token')"):format(mine))
    assert.is_true(egress_connections(("return call(%s, 'query_agents', 3)"):format(mine), 40) <= 2)
    assert.equal(5, egress_connections(("return call(%s, 'release_agent_by_skill', 3, 'ALL')"):format(mine), 5))
    assert.is_true(egress_connections(("return call(%s, 'query_agents', 3)"):format(mine), 10) <= 2)
    -- A reload closes them all: that costs no attempt.
    example:configure(function(text) return text end)
    assert.is_true(egress_connections(("return call(%s, 'query_agents', 3)"):format(mine), 10) <= 3)
  end)

  it("sends nothing again when a kept connection to the egress brings no answer", function()
    local _, example, there, options = get()
    local other = processes.spawn("python3 -c " .. processes.quote(DYING_EGRESS:format(example.work)))
    assert.equal("listening", other:line())
    local mine = options("store = 'memory', retry = false"):gsub("egress%.sock", "dying.sock")
    local told = there:run(([[
      local client = assert(require("aicc").new(%s))
      local told = {}
      for n = 1, 4 do
        local result, err = client:query_agents(3)
        told[n] = err and { err.kind, err.outcome, err.attempts } or #result
      end
      return told]]):format(mine))
    other:signal "TERM"
    local _, output = other:wait()
    -- The second call of a connection gets no answer.
    assert.same({ 1, { "network", "unknown", 1 }, 1, { "network", "unknown", 1 } }, told)
    assert.equal("token 1\nquery 2\nquery 3\nquery 1\nquery 2", output)
  end)

  it("the shared store keeps what is an entry, while it lives", function()
    local _, _, there = get()
    assert.same({ "t", "config", 0, 0, 0, "auth" }, there:run [[
      local store = require("aicc.store.shdict").new()
      local now, dict = require("aicc.core").now "boottime", ngx.shared.aicc
      local _, err = require("aicc.store.shdict").new { dict = "none" }
      local answers = {}
      store:set("k", { token = "t", lifetime = 600, ends = now + 600, hard = now + 500, soft = now + 400 })
      answers[1], answers[2] = store:get("k").token, err.kind
      store:set("k", { token = "t", lifetime = 600, ends = now - 1, hard = now - 2, soft = now - 3 })
      answers[3] = store:get "k" or 0
      dict:set("k", '{"token":"a\\r\\nb","ends":1e9,"hard":1e9,"soft":1e9}')
      answers[4] = store:get "k" or 0
      store:set("k", nil)
      answers[5] = store:get "k" or 0
      store:set("k", { failure = { kind = "auth", outcome = "rejected", message = "no" }, lifetime = 10, ends = now + 10 })
      answers[6] = require("aicc").is_error(store:get("k").failure) and store:get("k").failure.kind
      return answers]])
  end)

  it("the shared store's lock has an owner and an end", function()
    local _, _, there = get()
    assert.same({ true, false, false, true, true }, there:run [[
      local a, b = require("aicc.store.shdict").new(), require("aicc.store.shdict").new()
      local answers = { a:lock("l", 7), b:lock("l", 7) }
      b:unlock "l"
      answers[3] = b:lock("l", 7)
      answers[4] = ngx.shared.aicc:ttl "l lock" > 6 and ngx.shared.aicc:ttl "l lock" <= 7
      a:unlock "l"
      answers[5] = b:lock("l", 7)
      b:unlock "l"
      return answers]])
  end)

  it("the lock of a worker that died is everybody's at once", function()
    local _, _, there = get()
    local process = require("spec.support.processes").spawn "true"
    process:wait()
    assert.same({ true, false }, there:run(([[
      local dict, store = ngx.shared.aicc, require("aicc.store.shdict").new()
      dict:set("d lock", "%s 0.5", 20)
      local answers = { store:lock("d", 7) }
      store:unlock "d"
      dict:set("d lock", ngx.worker.pid() .. " 0.5", 20)
      answers[2] = store:lock("d", 7)
      dict:delete "d lock"
      return answers]]):format(process.pid)))
  end)

  it("a worker that is killed while it fetches the token leaves the others going on within 2 s", function()
    local server, _, _, options = get()
    local two = console.start(2)
    server:fault { operation = "token", delay = 20, to = 1 } -- the first one's; the second is answered at once
    local code = ([[local call = ...
      ngx.shared.told:incr("pid " .. ngx.worker.pid(), 1, 0)
      return call(%s, "access_token")]]):format(options "store = 'shdict'")
    local function of_lock()
      return two:run [[
        local told, dict = {}, ngx.shared.aicc
        for _, key in ipairs(dict:get_keys()) do
          if key:find " lock$" then told.fetches = tonumber(dict:get(key):match "^(%d+) ") end
        end
        told.both = #ngx.shared.told:get_keys() >= 2 + 2 -- init, init_worker and each worker's
        return told]]
    end
    -- Callers until both workers have some; then the one that fetches is killed.
    local killed, answers = nil, {}
    local callers = { parallel = 64, next = function(count)
      if killed or count > 0 then return nil end
      local told = of_lock()
      if told.fetches and told.both and #server:requests() > 0 then -- the delay is that request's, and nobody else's
        killed = socket.gettime()
        os.execute("kill -KILL " .. math.floor(told.fetches))
        return nil
      end
      return { port = two.port, path = "/lua", body = code }
    end, on_reply = function(reply)
      if reply.status then answers[#answers + 1] = { socket.gettime() - killed, reply.body } end
    end }
    load.run(callers)
    two:stop()
    assert.is_true(#answers > 0)
    for _, answer in ipairs(answers) do
      assert.truthy(answer[2]:find('"ok":true', 1, true), answer[2])
      assert.is_true(answer[1] < 2, answer[1])
    end
  end)

  it("a lock whose holder died costs a third of a call's time at most, and the lock's own end is an attempt's and 5 s", function()
    local server, _, there, options = get()
    server:fault { operation = "token", delay = 0.1, to = math.huge }
    local told = there:run(([[
      local dict, client = ngx.shared.aicc, assert(require("aicc").new(%s))
      local key = require("aicc.token").key(client.settings) .. " lock"
      dict:add(key, "dead")
      local began = ngx.now()
      local _, err = client:query_agents(3, { deadline = 1.5 })
      ngx.update_time()
      local waited = ngx.now() - began
      dict:flush_all()
      ngx.thread.spawn(function() client:access_token() end)
      ngx.sleep(0.05)
      return { ok = not err, waited = waited, ttl = dict:ttl(key) }]]):format(options "store = 'shdict', timeout = 2"))
    assert.is_true(told.ok)
    assert.is_true(told.waited >= 0.5 and told.waited < 1, told.waited)
    assert.is_true(told.ttl > 6 and told.ttl <= 7, told.ttl)
    local tokens = 0
    for _, request in ipairs(server:requests()) do tokens = tokens + (request.operation == "token" and 1 or 0) end
    assert.equal(2, tokens)
  end)
end

describe("in nginx #hosts", function()
  local here = scene("openresty", console)

  webhook(here)
  settings(here.name)
  under_load(here)
  through_egress(here, more)
  same_as_curl(here, DIFFERENT)
end)
