-- The webhook of the examples, as its callers see it: in either host the same.

local assert = require "luassert"
local busted = require "busted"
local cjson = require "cjson"
local load = require "spec.support.hosts.load"
local processes = require "spec.support.processes"
local prometheus = require "spec.support.prometheus"
local socket = require "socket"

local describe, it, setup, teardown, before_each = busted.describe, busted.it, busted.setup, busted.teardown, busted.before_each

return function(scene)
  describe("the webhook", function()
    setup(function() scene.start { AICC_FORWARD_HEADERS = "X-Request-Id, traceparent", HOOK_OFFBOARD_QUEUES = "3 4" } end)
    teardown(scene.stop)
    before_each(function() scene.server:reset() end)

    it("unbinds an agent from the queues that the request names", function()
      local reply = load.send(scene.example:hook("1001", { 3, 4 }))
      assert.equal(202, reply.status)
      assert.same({ account = "1001", released = { 3, 4 } }, cjson.decode(reply.body))
      assert.truthy(reply.head:lower():find("content-type: application/json", 1, true))
      assert.same({ "1002", "1003" }, scene.server:accounts(3))
      assert.same({}, scene.server:accounts(4))
    end)

    it("reads an account as the URL has it", function()
      scene.server:bind(3, { "agent ü" })
      assert.equal(202, load.send(scene.example:hook("agent%20%C3%BC", { 3 })).status)
      assert.same({ "1001", "1002", "1003" }, scene.server:accounts(3))
      scene.server:bind(3, { "a/b" })
      local reply = load.send(scene.example:hook("a%2Fb", { 3 }))
      assert.same({ 202, '{"account":"a\\/b","released":[3]}\n' }, { reply.status, reply.body })
      assert.same({ "1001", "1002", "1003" }, scene.server:accounts(3))
    end)

    it("unbinds an agent who has left from the queues of its list, and tells of the others", function()
      local function leave(account, fields)
        local request = scene.example:hook(account, {}, fields)
        request.path, request.body = ("/agents/%s/offboarded"):format(account), fields and fields.body or ""
        return load.send(request)
      end
      local reply = leave "1001"
      assert.same({ 202, { "1002", "1003" }, {} }, { reply.status, scene.server:accounts(3), scene.server:accounts(4) })
      assert.same({
        account = "1001", released = { 3, 4 },
        weights = { { queue = 3, agent_weight = 1, skill_weight = 1 }, { queue = 4, agent_weight = 1, skill_weight = 1 } },
      }, cjson.decode(reply.body))
      scene.server:bind(5, { "1002" })
      reply = leave("1002", { body = "{}" })
      assert.same({ 207, { "1003" }, { "1002" } }, { reply.status, scene.server:accounts(3), scene.server:accounts(5) })
      assert.same({ { 3 }, { 5 } }, { cjson.decode(reply.body).released, cjson.decode(reply.body).kept })
      reply = leave "nobody"
      assert.same({ 422, "unknown_agent" }, { reply.status, cjson.decode(reply.body).error })
      assert.same({ 400, 401, 405, 404 }, {
        leave("1003", { body = '{"queues":[3]}' }).status, leave("1003", { headers = {} }).status,
        leave("1003", { method = "GET" }).status, leave("a/b").status,
      })
      assert.same({ "1003" }, scene.server:accounts(3))
      for _, request in ipairs(scene.server:requests()) do assert.falsy(request.body:find('"userAccounts":[]', 1, true)) end
    end)

    -- An answer is JSON, whoever gives it.
    local function assert_refused(status, reply, what)
      assert.equal(status, reply.status, what)
      assert.truthy(reply.head:lower():find("content-type: application/json", 1, true), reply.head)
      assert.equal("string", type(cjson.decode(reply.body).error))
    end

    it("refuses who does not know the secret, and what is no request, without asking the API", function()
      for _, case in ipairs {
        { 401, { headers = {} } }, { 401, { headers = { ["X-Hook-Secret"] = "hook-secret-7f3b" } } },
        { 400, { body = "{}" } }, { 400, { body = '{"queues":[]}' } }, { 400, { body = '{"queues":["3"]}' } },
        { 400, { body = "" } },
        { 400, { body = '{"queues":[0]}' } }, { 400, { body = '{"queues":[3.5]}' } }, { 413, { body = ("x"):rep(20000) } },
        { 404, { path = "/agents/1001" } }, { 404, { path = "/agents//signed-off" } }, { 405, { method = "GET" } },
        { 404, { path = "/agents/a/b/signed-off" } }, { 400, { path = "/agents/%FF/signed-off" } },
      } do
        local request = scene.example:hook("1001", { 3 }, case[2])
        request.method = request.method or "POST"
        assert_refused(case[1], load.send(request), cjson.encode(case[2]):sub(1, 200))
      end
      assert.equal(0, #scene.server:requests())
    end)

    it("says so to who speaks no HTTP", function()
      for _, header in ipairs { "no header", "X: " .. ("x"):rep(70000) } do
        local reply = load.send {
          port = scene.example.port, raw = "POST /agents/1001/signed-off HTTP/1.1\r\nHost: a\r\n" .. header .. "\r\n\r\n",
        }
        if scene.name == "openresty" then
          assert_refused(400, reply)
        else -- HAProxy has a text of its own for that, and from 3.2 on a status for a head that is too long
          assert.is_true(reply.status == 400 or #header > 65536 and reply.status == 431, reply.status)
        end
      end
    end)

    it("reads a body of 16,000 bytes, and no more", function()
      for size, status in pairs { [15990] = 202, [16000] = 202, [16001] = 413 } do
        local request = scene.example:hook("1001", { 3 })
        request.body = (" "):rep(size - #request.body) .. request.body
        assert.equal(status, load.send(request).status, size)
      end
    end)

    it("counts nobody as under way whose body has not come: 220 who send it slowly, without a secret, shut out nobody", function()
      local slow = {}
      for i = 1, 220 do
        slow[i] = assert(socket.connect("127.0.0.1", scene.example.port))
        slow[i]:send "POST /agents/1001/signed-off HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"
      end
      for _ = 1, 20 do assert.equal(202, load.send(scene.example:hook("1001", { 3 })).status) end
      for _, connection in ipairs(slow) do
        connection:settimeout(20) -- the hosts give it 5 s; nginx then hangs up without a word
        local line, problem = connection:receive "*l"
        assert.is_true(problem == "closed" or line and line:find(" 408 ", 1, true) ~= nil, problem or line)
        connection:close()
      end
    end)

    it("is not root", function()
      local pipe = io.popen("ps -o user= -p " .. scene.example:workers():gsub("%s+", ","))
      for line in pipe:lines() do
        local user = line:gsub(scene.name == "openresty" and "www%-data" or "haproxy", "+")
        assert.equal(io.popen("id -u"):read "*l" == "0" and "+" or io.popen("id -un"):read "*l", user)
      end
      pipe:close()
    end)

    -- A header that a request of the API had.
    local function header_of(request, name)
      for _, header in ipairs(request.headers) do
        if header[1]:lower() == name then return header[2] end
      end
    end

    local function with_headers(account, queues, headers)
      headers["X-Hook-Secret"] = "hook-secret-7f3a"
      return scene.example:hook(account, queues, { headers = headers })
    end

    it("answers a repeated X-Request-Id as it did at first, whichever worker gets it, and asks the API once", function()
      local request = with_headers("1001", { 3 }, { ["X-Request-Id"] = "again-1" })
      local first = load.send(request)
      assert.equal(202, first.status)
      local sent = #scene.server:requests()
      for _, reply in ipairs(load.run(load.many(20, request))) do
        assert.same({ 202, first.body }, { reply.status, reply.body })
      end
      assert.equal(sent, #scene.server:requests())
      assert.equal(422, load.send(with_headers("1002", { 3 }, { ["X-Request-Id"] = "again-1" })).status)
    end)

    it("gives the API the headers that AICC_FORWARD_HEADERS names, and no other", function()
      local trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
      load.send(with_headers("1001", { 3 }, { ["X-Request-Id"] = "id-7", Traceparent = trace, ["X-Other"] = "1" }))
      for _, request in ipairs(scene.server:requests()) do
        if request.operation == "release_agent_by_skill" then
          assert.same({ "id-7", trace }, { header_of(request, "x-request-id"), header_of(request, "traceparent") })
          assert.is_nil(header_of(request, "x-other"))
        else
          assert.is_nil(header_of(request, "x-request-id")) -- a token is fetched for others too
        end
      end
    end)

    it("logs why a call failed, in one line", function()
      scene.server:fault { operation = "release_agent_by_skill", status = 404, to = math.huge }
      assert.equal(422, load.send(with_headers("1001", { 3 }, { ["X-Request-Id"] = "id-8" })).status)
      local log = scene.example:wait_for_log "request=id%-8"
      assert.truthy(log:find("failed operation=release_agent_by_skill kind=not_found outcome=rejected attempts=1 status=404 " ..
        "code=%- elapsed=[%d.]+ queue=3 request=id%-8"), log)
      assert.falsy(log:gsub("curl [^\n]*", ""):find("hook-secret-7f3a", 1, true))
    end)

    it("tells what went wrong for which queue, and what may have been done", function()
      load.run(load.many(20, scene.example:hook("1001", { 3 }))) -- there are tokens now
      scene.server:clear()
      scene.server:fault {
        operation = "release_agent_by_skill", from = 2, status = 500, body = '{"resultCode":"1","resultMessage":"no"}',
      }
      local reply = load.send(scene.example:hook("1001", { 3, 4 }))
      local answer = cjson.decode(reply.body)
      assert.equal(422, reply.status)
      assert.same({ 3 }, answer.released)
      assert.same({ 4, "business", "rejected" }, { answer.failed[1].queue, answer.failed[1].error, answer.failed[1].outcome })
    end)

    it("counts, in numbers that Prometheus reads, all workers or threads together", function()
      local example, server = scene.example, scene.server
      load.run(load.many(20, example:hook("1001", { 3 }))) -- there are tokens now
      local before, released = example:metrics(), example:released()
      load.run(load.many(20, example:hook("1001", { 3 })))
      server:fault { operation = "release_agent_by_skill", from = 1, to = 1, status = 504 }
      load.send(example:hook("1001", { 3 }))
      server:fault { operation = "release_agent_by_skill", from = 1, to = 1, status = 429 }
      load.send(example:hook("1001", { 3 }))
      local after = example:metrics()
      local function more(name) return (after[name] or 0) - (before[name] or 0) end
      local labels = 'operation="release_agent_by_skill"'
      assert.equal(22, example:released() - released)
      assert.equal(22, more('aicc_calls_total{kind="none",' .. labels .. ',outcome="applied"}'))
      assert.equal(1, more('aicc_attempts_total{kind="server",' .. labels .. ',outcome="unknown"}'))
      assert.equal(1, more('aicc_retries_total{kind="server",' .. labels .. "}"))
      assert.equal(1, more("aicc_throttles_total{" .. labels .. "}"))
      assert.equal(24, more("aicc_attempt_seconds_count{" .. labels .. "}"))
      assert.equal(22, more("aicc_call_seconds_count{" .. labels .. "}"))
      assert.equal(22, more 'hook_answers_total{status="202"}')
      assert.truthy(more("aicc_call_seconds_sum{" .. labels .. "}") > 0.5) -- the wait after the 429
      assert.equal(0, after["aicc_in_flight{" .. labels .. "}"])
    end)

    it("tells how many requests are under way", function()
      local example, server = scene.example, scene.server
      load.send(example:hook("1001", { 3 }))
      server:clear()
      server:fault { operation = "release_agent_by_skill", hold = true, to = 5 }
      local name, during, ends = 'aicc_in_flight{operation="release_agent_by_skill"}', nil, socket.gettime() + 20
      local polls = { next = function()
        return not during and socket.gettime() < ends and { port = example.port, path = "/metrics" } or nil
      end, on_reply = function(reply)
        local seen = prometheus.read(reply.body)[name]
        if seen ~= 5 then return end
        during = seen
        server:release_held()
      end }
      load.run(load.many(5, example:hook("1001", { 3 })), polls)
      assert.equal(5, during)
      assert.equal(0, example:metrics()[name])
    end)

    it("is ready, and counts wrong secrets, until it does not listen to that address any more", function()
      assert.equal(200, load.send({ port = scene.example.port, path = "/ready" }).status)
      for _ = 1, 20 do -- some came before
        local reply = load.send(scene.example:hook("1001", { 3 }, { headers = { ["X-Hook-Secret"] = "guess" } }))
        if reply.status == 429 then break end
        assert.equal(401, reply.status)
      end
      local reply = load.send(scene.example:hook("1001", { 3 }))
      assert.equal(429, reply.status)
      assert.truthy(reply.head:lower():find("retry-after: 60\r\n", 1, true), reply.head)
      assert.equal(10, scene.example:metrics()['hook_answers_total{status="401"}'])
      scene.stop() -- that is for a minute
      scene.start { HOOK_OFFBOARD_QUEUES = "" } -- this time without a list of queues
      local request = scene.example:hook("1001", {})
      request.path, request.body = "/agents/1001/offboarded", ""
      assert_refused(403, load.send(request))
      assert.same({ "1001", "1002", "1003" }, scene.server:accounts(3))
    end)

    it("is ready while there is a token and the egress answers, which asks the API nothing", function()
      local server, example = scene.server, scene.example
      local function ready() return load.send { port = example.port, path = "/ready" } end
      local function wait_for(status) -- what was said before is said for 2 s more
        local ends, reply = socket.gettime() + 20, ready()
        while reply.status ~= status and socket.gettime() < ends do
          socket.sleep(0.02)
          reply = ready()
        end
        assert.equal(status, reply.status, reply.body)
        return reply.body
      end
      load.run(load.many(20, example:hook("1001", { 3 }))) -- there are tokens
      server:clear()
      assert.truthy(wait_for(200):find('"token":"ok","egress":"ok"', 1, true))
      local egress = example:egress():sub(6)
      os.rename(egress, egress .. ".away")
      assert.truthy(wait_for(503):find('"ready":false,"token":"ok","egress":"network"', 1, true))
      os.rename(egress .. ".away", egress)
      wait_for(200)
      -- Of HAProxy's two threads, whose tokens are their own, one may have had none.
      assert.is_true(scene.count "token" <= (scene.name == "haproxy" and 1 or 0))
      assert.equal(scene.count "token", #server:requests())
      assert.equal(202, load.send(example:hook("1001", { 3 })).status)
    end)

    it("leaves the API alone after ten failures in a row, all workers together, and comes back by itself", function()
      local server, example = scene.server, scene.example
      load.run(load.many(20, example:hook("1001", { 3 }))) -- there are tokens now
      server:clear()
      server:fault { operation = "release_agent_by_skill", status = 404, to = 1 } -- no failure of the API's
      load.send(example:hook("1001", { 3 }))
      server:fault { operation = "release_agent_by_skill", status = 403, body = "<html>", to = math.huge } -- not tried again
      for _ = 1, 10 do assert.equal(502, load.send(example:hook("1001", { 3 })).status) end
      for _ = 1, 10 do
        local reply = load.send(example:hook("1001", { 3 }))
        assert.equal(503, reply.status)
        assert.truthy(reply.head:lower():find("retry%-after: [1-5]\r\n"), reply.head)
      end
      assert.equal(11, scene.count "release_agent_by_skill")
      local ready
      for _ = 1, 150 do -- what was said before is said for 2 s more
        ready = load.send { port = example.port, path = "/ready" }
        if ready.status == 503 then break end
        socket.sleep(0.02)
      end
      assert.equal(503, ready.status, ready.body)
      assert.equal(200, load.send({ port = example.port, path = "/health" }).status)
      server:reset()
      local reply
      for _ = 1, 400 do
        reply = load.send(example:hook("1001", { 3 }))
        if reply.status == 202 then break end
        assert.equal(503, reply.status)
        socket.sleep(0.02)
      end
      assert.equal(202, reply.status)
      for _, other in ipairs(load.run(load.many(20, example:hook("1001", { 3 })))) do assert.equal(202, other.status) end
    end)

    it("serves HTTP/2", function()
      local port = scene.example.port
      if scene.name == "openresty" then
        port = load.free_port()
        scene.example:configure(function(text)
          return (text:gsub("(listen 127.0.0.1:%d+;)", ("%%1 listen 127.0.0.1:%d http2;"):format(port), 1))
        end)
      end
      local pipe = io.popen(([[curl -sS -m 10 --http2-prior-knowledge -w ' %%{http_version} %%{http_code}' ]] ..
        [[-d '{"queues":[3]}' -H 'X-Hook-Secret: hook-secret-7f3a' http://127.0.0.1:%d/agents/1001/signed-off]]):format(port))
      local output = pipe:read "*a"
      pipe:close()
      assert.truthy(output:find "2 202$", output)
      assert.same({ "1002", "1003" }, scene.server:accounts(3))
    end)
  end)

  it("one command says what is missing before it starts anything", function()
    local script = [[work=$(mktemp -d); mkdir "$work/bin"
      ln -s /usr/sbin/* /usr/bin/* "$work/bin/" 2>/dev/null
      rm -f "$work/bin/nginx" "$work/bin/haproxy"
      sed 's|^PATH=.*|PATH='"$work/bin"'|' .ci/deps >"$work/deps"; chmod 755 "$work/deps"
      sed "s|^cd .*|cd $PWD|; s|^.ci/deps|$work/deps|" examples/%s/run >"$work/run"
      WORK="$work/x" PATH="$work/bin" sh "$work/run" 2>&1; echo "status $?"; ls "$work"; rm -rf "$work"]]
    local pipe = io.popen(script:format(scene.name))
    local output = pipe:read "*a"
    pipe:close()
    assert.truthy(output:find("^aicc: missing: " .. (scene.name == "openresty" and "nginx" or "haproxy") .. "\n"), output)
    assert.truthy(output:find("status 1\nbin\ndeps\nrun\n", 1, true), output)
  end)

  it("one command starts it, with a sandbox of its own, and ends both", function()
    local listen = "127.0.0.1:" .. load.free_port()
    local command = ("timeout 60 examples/%s/run 2>/dev/null"):format(scene.name)
    local running = processes.spawn(command, { LISTEN = listen, HOOK_SECRET = "s" })
    local line
    repeat line = running:line() until not line or line:find "^curl"
    local reply
    for _ = 1, 100 do
      reply = load.send { port = listen:match "%d+$", path = "/agents/1001/signed-off", body = '{"queues":[3,4]}',
        headers = { ["X-Hook-Secret"] = "s" } }
      if reply.status then break end
      socket.sleep(0.05)
    end
    running:signal "TERM"
    local status = running:wait()
    assert.is_true(status == 0 or status == 143, status)
    assert.equal(202, reply.status)
    assert.is_nil(load.send({ port = listen:match "%d+$", path = "/health" }).status)
  end)
end
