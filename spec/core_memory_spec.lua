-- Memory runs out at the n-th allocation, for every n, once or from then on: Lua's, ours and libcurl's alike. Nothing crashes,
-- nothing leaks, and nothing is sent that was not asked for. A preloaded malloc does it, in a process of its own: so not under a
-- sanitizer, which has its own.

local compile = require "spec.support.compile"
local processes = require "spec.support.processes"
local sandbox = require "aicc.sandbox"

local PROLOGUE = [[
local nomem = package.loadlib(%q, "luaopen_nomem")()
local core = require "aicc.curl"
local URL = %q
local accounts = {}
for n = 1, 40 do accounts[n] = "agent-" .. n end
local ARGUMENTS = { skillId = 3, userAccounts = accounts }

-- Runs f with the n-th allocation failing, for n = 1, 2, ... until it needs fewer; returns how many rounds that took.
local function exhaust(f, forever)
  local n, clean = 0, 0
  repeat
    n = n + 1
    nomem.fail(n, forever)
    local good, result, err = pcall(f)
    local failed = nomem.stop()
    if not good then
      assert(tostring(result):find "memory", result)
    elseif result == nil then
      assert(type(err) == "table" and err.kind, "an error without a kind")
    end
    if failed == 0 then
      assert(good, result)
      clean = clean + 1
    end
  until clean == 3
  return n
end
]]

local server

setup(function() server = assert(sandbox.start { agents = { [3] = {} } }) end)
before_each(function() server:reset() end)
teardown(function()
  server:stop()
  compile.clean()
end)

local function run(script)
  local helper = compile.shared "nomem"
  local process = processes.lua(PROLOGUE:format(helper, server.base_url) .. script, { LD_PRELOAD = helper })
  local status, output = process:wait()
  assert.equal(0, status, output)
  return output
end

describe("out of memory at any allocation #lua54", function()
  for mode, forever in pairs { ["once"] = "false", ["for good"] = "true" } do
    it("encode and check give a whole request or none, " .. mode .. " #nosan", function()
      local output = run([[
        local whole = core.encode("release_agent_by_skill", ARGUMENTS, { token = "t" }).body
        local rounds = exhaust(function()
          local request = core.encode("release_agent_by_skill", ARGUMENTS, { token = "t", app_key = "app-key" })
          local headers = request.headers
          assert(request.body == whole and headers.Authorization == "Bearer t" and headers["x-app-key"] == "app-key")
          return true
        end, ]] .. forever .. [[)
        rounds = rounds + exhaust(function()
          assert(#core.check("release_agent_by_skill", ARGUMENTS).userAccounts == 40)
          return true
        end, ]] .. forever .. [[)
        print(rounds)]])
      assert.is_true(tonumber(output) > 15, output)
    end)

    it("a request's bytes are whole or none, and so is an answer's result, " .. mode .. " #nosan", function()
      local output = run([[
        local who = { app_key = "app-key", authority = "host", prefix = "", version = "1.0" }
        local whole = core.http_request("release_agent_by_skill", ARGUMENTS, "t", who, "A: b\r\n")
        local rounds = exhaust(function()
          assert(core.http_request("release_agent_by_skill", ARGUMENTS, "t", who, "A: b\r\n") == whole)
          return true
        end, ]] .. forever .. [[)
        local reply = 'HTTP/1.1 200 OK\r\n\r\n{"resultCode":"0","count":1,"data":[{"workNo":4294967299,"x":null}]}'
        print(rounds + exhaust(function()
          assert(core.http_result("query_agents", reply, false, "t", who).data[1].workNo == 4294967299)
          return true
        end, ]] .. forever .. [[))]])
      assert.is_true(tonumber(output) > 15, output)
    end)

    it("decode gives a whole result or none, " .. mode .. " #nosan", function()
      local output = run([[
        local reply = { status = 200, body = '{"resultCode":"0","count":1,"data":[{"workNo":4294967299,"x":null}]}' }
        print(exhaust(function()
          assert(core.decode("query_agents", reply).data[1].workNo == 4294967299)
          local agent = core.decode("query_agent", { status = 200,
            body = '{"data":[{"userAccount":"1001","userName":"Ada","skills":[{"skillId":"3","agentWeight":7}],"phone":"1"}]}' })
          assert(agent.data[1].skills[1].agentWeight == 7 and agent.data[1].userName == "Ada")
          local queues = core.decode("query_skills", { status = 200,
            body = '{"returnCode":"0","total":1,"data":[{"skillId":3,"name":"Support"}]}' }, { token = "Support" })
          assert(queues.data[1].name == "***")
          assert(core.decode("query_agents", { status = 503, body = "secret" }, { token = "secret" }) == nil)
          return true
        end, ]] .. forever .. [[))]])
      assert.is_true(tonumber(output:match "^%d+") > 10, output)
    end)

    it("a session leaks nothing, from its making to its end, " .. mode .. " #nosan", function()
      server:fault { operation = "release_agent_by_skill", to = math.huge, status = 400 } -- no body: lua-cjson does leak
      local output = run([[
        local function live()
          local session <close>, problem = core.session { base_url = URL, app_key = "sandbox-key" }
          if not session then return nil, problem end
          local result, err = session:release_agent_by_skill("token", ARGUMENTS)
          for _ = 1, 2 do session:start("release_agent_by_skill", "token", ARGUMENTS) end
          session:step(5)
          session:result() -- of one
          session:turn(5, {}) -- of the other, unless it has not ended
          return result, err
        end
        for _ = 1, 3 do live() end
        local leaks, n, failed = 0, 0
        repeat
          n = n + 1
          local before, growth = math.huge, 0
          for _ = 1, 4 do -- a leak is what grows each time
            nomem.fail(n, ]] .. forever .. [[)
            pcall(live)
            failed = nomem.stop()
            collectgarbage() collectgarbage()
            local now = nomem.live()
            if now > before then growth = growth + 1 end
            before = now
          end
          if growth == 3 then leaks = leaks + 1 end
        until failed == 0
        print(n, leaks)]])
      local rounds, leaks = output:match "^(%d+)\t(%d+)$"
      assert.equal(0, tonumber(leaks))
      assert.is_true(tonumber(rounds) > 100, output)
    end)

    -- libcurl keeps a register of sockets then, and divides by zero (7.88) where an entry of it was lost.
    it("a session in somebody else's event loop ends what was begun, " .. mode .. " #nosan", function()
      server:fault { operation = "release_agent_by_skill", to = math.huge, status = 400 }
      run([[
        local function live()
          local session <close>, problem = core.session { base_url = URL, app_key = "sandbox-key", timeout = 5 }
          if not session or not session:pollfd() then return nil, problem end
          for _ = 1, 2 do session:start("release_agent_by_skill", "token", ARGUMENTS) end
          local left, turns = 2, 0
          while left > 0 do
            turns = turns + 1
            left = select(2, session:turn(0.1, {}))
            assert(turns < 500, "it does not end")
          end
        end
        for _ = 1, 3 do live() end
        local n, failed = 0, 0
        repeat
          n = n + 1
          nomem.fail(n, ]] .. forever .. [[)
          local good, problem = pcall(live)
          failed = nomem.stop()
          assert(good or tostring(problem):find "memory", problem)
        until failed == 0]])
    end)

    it("a loop whose run that ended is good for another, " .. mode .. " #nosan", function()
      run([[
        local aicc, loop = require "aicc", require "aicc.loop"
        local client = assert(aicc.new {
          base_url = URL, app_key = "sandbox-key", app_secret = "sandbox-secret", max_in_flight = 2, retry = false, deadline = 5,
        })
        assert(client:access_token())
        local ended = 0
        local function task()
          client:release_agent_by_skill(3, accounts)
          ended = ended + 1
        end
        local n, failed = 0, 0
        repeat
          n = n + 1
          for _ = 1, 3 do loop.spawn(task) end
          nomem.fail(n, ]] .. forever .. [[)
          local good, problem = pcall(loop.run)
          failed = nomem.stop()
          assert(good or tostring(problem):find "memory", problem)
          ended = 0
          for _ = 1, 3 do loop.spawn(task) end
          loop.run()
          assert(ended == 3, ended)
        until failed == 0]])
    end)

    it("a session sends the whole request or none, and works again, " .. mode .. " #nosan", function()
      local rounds = tonumber(run([[
        local session = assert(core.session { base_url = URL, app_key = "sandbox-key" })
        local token = assert(session:token { app_key = "sandbox-key", app_secret = "sandbox-secret" }).AccessToken
        local rounds = exhaust(function()
          local other <close>, problem = core.session { base_url = URL, app_key = "sandbox-key" }
          if not other then return nil, problem end
          return other:release_agent_by_skill(token, ARGUMENTS)
        end, ]] .. forever .. [[)
        print(rounds + exhaust(function() return session:release_agent_by_skill(token, ARGUMENTS) end, ]] .. forever .. [[))
        assert(session:release_agent_by_skill(token, ARGUMENTS))
        session:close()]]))
      local accounts, sent = {}, 0
      for n = 1, 40 do accounts[n] = '"agent-' .. n .. '"' end
      local whole = '{"skillId":3,"userAccounts":[' .. table.concat(accounts, ",") .. "]}"
      for _, request in ipairs(server:requests()) do
        -- One that broke off has no body; the token "token" is that of the test before, whose last requests nobody waited for.
        local is_late = request.header.authorization == "Bearer token"
        if request.operation ~= "token" and request.body ~= "" and not is_late then
          sent = sent + 1
          assert.same({ "release_agent_by_skill", whole, 200 }, { request.operation, request.body, request.status })
        end
      end
      assert.is_true(rounds > 100 and sent > 10, rounds .. " rounds, " .. sent .. " sent")
    end)
  end

  it("the first wait of a process needs none #nosan", function()
    assert.equal("0", run "nomem.fail(1, true) core.sleep(0.001) print((nomem.stop()))")
  end)
end)
