-- A server that means harm: SECURITY.md's table, row by row, over a real connection. A client in a process of its own makes one
-- call as it should be, then one that is attacked. The attack is told by its kind and outcome, within the call's deadline, and
-- costs the process 4 MiB at most.

local openssl = require "spec.support.openssl"
local processes = require "spec.support.processes"
local sandbox = require "aicc.sandbox"

local DEADLINE = 1.5
local MEMORY = 4096 -- KiB

-- Calls as it should be, then once more with another client. Prints what came of that: kind and outcome (or "ok", and the
-- result's), how long it took, and by how many KiB the process grew.
local CLIENT = [[
local aicc = require "aicc"
local core = require "aicc.curl"
local function make(url, ca)
  return assert(aicc.new { base_url = url, ca_file = ca, app_key = "sandbox-key", app_secret = "sandbox-secret", timeout = 0.5,
    deadline = %g, retry = false, store = require "aicc.store.memory".new() })
end
local function call(client) return %s end
local function peak()
  for line in io.lines "/proc/self/status" do
    local size = line:match "^VmHWM:%%s+(%%d+)"
    if size then return tonumber(size) end
  end
end
assert(call(make(%s)))
collectgarbage()
local client, before, began = make(%s), peak(), core.now()
local result, err = call(client)
print(result and "ok" or err.kind, (result or err).outcome, core.now() - began, peak() - before)
print(tostring(result or err))
]]

local RELEASE, QUERY, TOKEN = 'client:release_agent_by_skill(3, { "1001" })', "client:query_agents(3)", "client:access_token()"

-- Ten thousand agents on the one page of a hundred that was asked for.
local function crowd()
  local agents = {}
  for n = 1, 10000 do agents[n] = ('{"userAccount":"agent-%05d"}'):format(n) end
  return ('{"resultCode":"0","count":10000,"data":[%s]}'):format(table.concat(agents, ","))
end

-- Page n of a queue that grows by as many agents as were read of it.
local function growing(n)
  local agents = {}
  for i = 1, 100 do agents[i] = ('{"userAccount":"agent-%07d"}'):format(n * 100 + i) end
  return ('{"resultCode":"0","count":%d,"data":[%s]}'):format((n + 2) * 100, table.concat(agents, ","))
end

-- The attack; the call that meets it; the kind and the outcome that it is told as; the sandbox's fault, for all requests from the
-- attacked one on, or what makes the body of the n-th of them.
local ATTACKS = {
  { "slow loris: a byte of the reply every 50 ms", RELEASE, "timeout", "unknown", { drip = 0.05 } },
  { "endless headers", RELEASE, "too_large", "unknown", { endless = "headers" } },
  { "an endless body", RELEASE, "too_large", "unknown", { endless = "body" } },
  { "1 GiB, chunked", RELEASE, "too_large", "unknown",
    { raw = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40000000\r\n" .. ("x"):rep(3 * 1024 * 1024) } },
  { "100,000 nested arrays", RELEASE, "protocol", "unknown", { body = '{"resultCode":"0","x":' .. ("["):rep(100000) } },
  { "a key twice, with two meanings", RELEASE, "protocol", "unknown", { body = '{"resultCode":"1","resultCode":"0"}' } },
  { "NUL bytes in the body", RELEASE, "protocol", "unknown", { body = '{"resultCode":"0\0","resultMessage":"a\0b"}' } },
  { "a redirect, for our headers to follow", RELEASE, "redirect", "rejected",
    { status = 307, headers = { Location = "http://127.0.0.2:1/steal" } } },
  { "a token with CR and LF in it", TOKEN, "protocol", "unknown",
    { body = '{"AccessToken":"t\\r\\nX-Evil: 1","Expires":"600"}' } },
  { "a token of a MiB", TOKEN, "too_large", "unknown",
    { body = '{"AccessToken":"' .. ("t"):rep(1024 * 1024) .. '","Expires":"600"}' } },
  { "HTTP/0.9", RELEASE, "protocol", "unknown", { raw = '{"resultCode":"0","resultMessage":"success"}' } },
  { "10,000 agents on a page of 100", QUERY, "protocol", "unknown", { body = crowd() } },
  { "a queue that grows for ever", QUERY, "protocol", "unknown", growing },
}

-- The same of a server that is not trusted: who it is.
local function sandbox_with(certificate)
  return function() return assert(sandbox.start { tls = true, certificate = certificate }) end
end

local IMPOSTORS = {
  { "another name's certificate", sandbox_with { names = { "elsewhere" }, addresses = {} } },
  { "a certificate that has expired", sandbox_with { days = -1 } },
  { "a downgrade to TLS 1.1", function() return openssl.serve "tls1_1" end },
}

local NAME = "is told of: "

local function assert_told(told, good, bad, call)
  local function address(server)
    return ("%q"):format(server.base_url) .. (server.ca_file and (", %q"):format(server.ca_file) or "")
  end
  local status, output = processes.lua(CLIENT:format(DEADLINE, call, address(good), address(bad))):wait()
  assert.equal(0, status, output)
  local kind, outcome, took, growth = output:match "^(%S+)\t(%S+)\t(%S+)\t(%S+)"
  assert.same(told, { kind, outcome }, output)
  assert.is_true(tonumber(took) < DEADLINE, output)
  assert.is_true(tonumber(growth) <= MEMORY or processes.is_slow, output)
end

describe("a hostile server", function()
  -- Each row of the table: what it is, what it says that is told, and the command that repeats it.
  it("is in SECURITY.md as it is here, with the command for each row", function()
    local rows, told = {}, {}
    for line in io.lines "SECURITY.md" do
      local attack, says, command = line:match "^| (.-) | (.-) | `(make test .-)` |$"
      if attack then rows[attack] = { says = says, command = command } end
    end
    for _, attack in ipairs(ATTACKS) do told[attack[1]] = ("`%s`, %s"):format(attack[3], attack[4]) end
    for _, impostor in ipairs(IMPOSTORS) do told[impostor[1]] = "`tls`, not sent" end
    for name, says in pairs(told) do
      local row = assert(rows[name], name .. " is not in the table")
      assert.equal(says, row.says:sub(1, #says))
      local filter, ran = assert(row.command:match "^make test SPEC=spec/hostile_spec.lua FILTER='(.-)'$", row.command), {}
      for other in pairs(told) do
        if ("a hostile server " .. NAME .. other):find(filter) then ran[#ran + 1] = other end
      end
      assert.same({ name }, ran, row.command)
      rows[name] = nil
    end
    assert.equal("make test SPEC=spec/core_once_spec.lua", rows["a second request on a connection that dies"].command)
    rows["a second request on a connection that dies"] = nil
    assert.same({}, rows)
  end)

  for _, attack in ipairs(ATTACKS) do
    it(NAME .. attack[1], function()
      local call, kind, outcome, fault = attack[2], attack[3], attack[4], attack[5]
      local server = assert(sandbox.start { agents = { [3] = { "1001", "1002" } } })
      local first = call == TOKEN and 2 or 4 -- two clients' tokens, and the first call of one, are as they should be
      if type(fault) == "table" then
        fault.from, fault.to = first, math.huge
        server:fault(fault)
      else
        for n = 0, 99 do server:fault { from = first + n, to = first + n, body = fault(n) } end
      end
      local ok, problem = pcall(assert_told, { kind, outcome }, server, server, call)
      server:stop()
      if not ok then error(problem, 0) end
    end)
  end

  for _, impostor in ipairs(IMPOSTORS) do
    it(NAME .. impostor[1], function()
      local good, bad = sandbox_with(nil)(), impostor[2]()
      local ok, problem = pcall(assert_told, { "tls", "not_sent" }, good, bad, RELEASE)
      good:stop()
      bad:stop()
      if not ok then error(problem, 0) end
    end)
  end
end)
