-- Every operation under every fault: how many requests the server saw, what the caller is told, and which waits were asked for.
--
-- A cell reads "4 server unknown 0.2 0.4 0.8": four requests of that operation, an error of that kind and outcome, and the waits
-- (with random() = 1, so the longest possible). "1 ok applied_earlier" is a success with its outcome; a query and a token have
-- none. A fault lasts for all requests of the operation, unless it says `to`, and meets no other. In every cell what is told is
-- held against what the sandbox's state says. loops_matrix_spec runs the same file inside the event loops of others.

local aicc = require "aicc"
local faults = require "spec.support.faults"
local inside = require "spec.support.inside"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"

-- name, the API's operation, the cell's place in a row, the call
local OPERATIONS = {
  { "release", "release_agent_by_skill", 3, function(client) return client:release_agent_by_skill(3, { "1001", "1002" }) end },
  { "bind", "bind_agents", 3, function(client) return client:bind_agents(3, { "1001", "1009" }, { agent_weight = 7 }) end },
  { "release ALL", "release_agent_by_skill", 4, function(client) return client:release_agent_by_skill(3, aicc.ALL) end },
  { "query", "query_agents", 5, function(client) return client:query_agents(3) end, is_question = true },
  { "query of an agent", "query_agent", "agent", function(client) return client:query_agent "1001" end, is_question = true },
  { "query of queues", "query_skills", "skills", function(client) return client:query_skills() end, is_question = true },
  { "token", "token", 6, function(client) return client:access_token() end, is_question = true },
}

-- Who is bound, with weights, before anything, and after success.
local BEFORE = "1001/1 1002/1 1003/1"
local AFTER = { release = "1003/1", bind = "1001/7 1002/1 1003/1 1009/7", ["release ALL"] = "" } -- the others change nothing

local servers = {}

-- A server as new, of that shape; `unknown_accounts`: what it does with those that are not bound.
local function server_for(unknown_accounts, shape)
  local key = unknown_accounts or "ignore"
  servers[key] = servers[key] or assert(sandbox.start {
    agents = { [3] = { "1001", "1002", "1003" } }, unknown_accounts = unknown_accounts,
  })
  servers[key]:reset()
  servers[key]:shape(shape or {})
  return servers[key]
end

teardown(function()
  for _, server in pairs(servers) do server:stop() end
end)

local function bound(server)
  local shown = {}
  for n, agent in ipairs(server:agents(3)) do shown[n] = ("%s/%.0f"):format(agent.userAccount, agent.agentWeight) end
  return table.concat(shown, " ")
end

-- How often an operation was asked for, and with how many empty lists.
local function seen(server, operation)
  local count, empty = 0, 0
  for _, request in ipairs(server:requests()) do
    if request.operation == operation then count = count + 1 end
    if request.body:find('"userAccounts":[]', 1, true) then empty = empty + 1 end
  end
  return count, empty
end

-- What no fault may bring about, whatever the cell says.
local function check_honesty(where, name, server, told, result, err)
  local now = bound(server)
  if result then
    assert.equal(AFTER[name] or BEFORE, now, where .. ": said to be done")
  elseif err.outcome ~= "unknown" then
    assert.equal(BEFORE, now, where .. ": said not to be done")
  end
  assert.is_true(told.elapsed <= told.deadline, where .. ": the deadline")
end

-- Makes the call; returns the cell, the result and the error.
local function play(row, operation, more)
  local name, id, _, call = operation[1], operation[2], operation[3], operation[4]
  local where = row[1] .. ", " .. name
  local server, time = server_for(nil, row.shape), scene.skipping()
  server:fault(faults.of(id, row[2], more))
  local client = assert(server:client(inside.options(scene.options(time, row.client))))
  local began = time.clock()
  local result, err = inside.call(call, client)
  check_honesty(where, name, server, { elapsed = time.clock() - began, deadline = 60 }, result, err)
  client:close()
  server:release_held()
  local count, empty = seen(server, id)
  assert.is_true(name == "release ALL" or empty == 0, where .. ": nobody said everybody")
  local told = err or (not operation.is_question and result)
  if told then assert.equal(count, told.attempts, where .. ": attempts") end
  local words = { count, err and err.kind or "ok" }
  words[#words + 1] = told and told.outcome or nil
  words[#words + 1] = #time.waits > 0 and scene.waits(time) or nil
  return table.concat(words, " "), result, err, server
end

describe("the matrix:", function()
  for _, row in ipairs(faults) do
    for _, operation in ipairs(OPERATIONS) do
      it(row[1] .. ", " .. operation[1], function()
        assert.equal(faults.cell(row, operation[3]), (play(row, operation)))
      end)
    end
  end
end)

-- The faults after which nobody knows, once only, and applied or not: the truth is found out.
describe("what may have been applied is settled:", function()
  for _, row in ipairs(faults) do
    if row[4] and row[4]:find "unknown" and row[2].close ~= "headers" and not row.unsettled then
      it(row[1], function()
        for _, operation in ipairs { OPERATIONS[1], OPERATIONS[2], OPERATIONS[3] } do
          local _, result = play(row, operation, { to = 1, apply = true })
          assert.truthy(result, operation[1])
          local everybody = operation[1] == "release ALL"
          local _, again, err, server = play(row, operation, { to = 1, apply = false })
          if everybody then
            assert.equal("unknown", err.outcome)
            assert.same({ 1, 1 }, { seen(server, operation[2]) })
            assert.same({ "1001", "1002", "1003" }, err.still_bound)
          else
            assert.equal("applied", again.outcome, operation[1])
          end
        end
      end)
    end
  end
end)

it("what was applied and then refused is settled too", function()
  local server, time = server_for "refuse", scene.skipping()
  server:fault { operation = "release_agent_by_skill", status = 504, apply = true }
  local client = assert(server:client(inside.options(scene.options(time))))
  local result = assert(inside.call(client.release_agent_by_skill, client, 3, { "1001", "1002" }))
  client:close()
  assert.same({ "applied_earlier", 2 }, { result.outcome, result.attempts })
  assert.equal("1003/1", bound(server))
end)

describe("what cannot be settled stays unknown:", function()
  for _, row in ipairs(faults) do
    if row[5] and row[5]:find "unknown" or row[3]:find "rejected" then
      it("the query meets " .. row[1], function()
        for _, apply in ipairs { true, false } do
          local server, time = server_for(nil, row.shape), scene.skipping()
          server:fault { operation = "release_agent_by_skill", close = "request", apply = apply, to = math.huge }
          server:fault(faults.of("query_agents", row[2]))
          local client = assert(server:client(inside.options(scene.options(time, row.client))))
          local result, err = inside.call(client.release_agent_by_skill, client, 3, { "1001" })
          client:close()
          server:release_held()
          -- A 401 that is gone, or a wait that was worth it: then it was settled after all.
          if result then
            assert.is_true(apply and server:accounts(3)[1] == "1002")
          else
            assert.equal("unknown", err.outcome)
          end
        end
      end)
    end
  end
end)

-- What goes wrong before a request is written. Here nobody needs to ask for a token first.
local NOBODY = "4 network not_sent 0.2 0.4 0.8"
local NO_NAME = ("x"):rep(64) .. ".invalid" -- a label too long for the DNS: no resolver asks anybody about it

local UNREACHABLE = {
  { "connection refused", NOBODY, function()
    local server = assert(sandbox.start())
    server:stop()
    return { base_url = server.base_url }
  end },
  { "name unknown", NOBODY, function() return { base_url = "https://" .. NO_NAME } end },
  { "proxy's name unknown", NOBODY, function()
    return { base_url = "https://localhost:1", proxy = "http://" .. NO_NAME .. ":3128" }
  end },
  { "certificate expired", "1 tls not_sent", { days = -1 } },
  { "certificate self-signed", "1 tls not_sent", { self_signed = true }, ca_file = false },
  { "certificate of another name", "1 tls not_sent", { names = { "other.example" }, addresses = {} } },
  { "authority unknown", "1 tls not_sent", {}, ca_file = false },
  { "no TLS there", "2 tls not_sent 0.2", function()
    local server = server_for()
    return { base_url = "https://127.0.0.1:" .. server.port }
  end },
}

-- Options that lead there, and the server to be stopped.
local function way_to(row)
  local where = row[3]
  if type(where) == "function" then return where() end
  local server = assert(sandbox.start { tls = true, certificate = where })
  return { base_url = server.base_url, ca_file = row.ca_file ~= false and server.ca_file or nil }, server
end

describe("unreachable:", function()
  for _, row in ipairs(UNREACHABLE) do
    it(row[1], function()
      local way, server = way_to(row)
      for _, operation in ipairs(OPERATIONS) do
        local time = scene.skipping()
        local options = scene.options(time, { app_key = "app-key", app_secret = "secret" })
        if operation[1] ~= "token" then options.store = scene.with_token() end
        for name, value in pairs(way) do options[name] = value end
        local client = assert(aicc.new(inside.options(options)))
        local result, err = inside.call(operation[4], client)
        client:close()
        assert.is_nil(result, operation[1])
        local words = { err.attempts, err.kind, err.outcome }
        if #time.waits > 0 then words[4] = scene.waits(time) end
        assert.equal(row[2], table.concat(words, " "), operation[1] .. ": " .. tostring(err))
      end
      if server then
        assert.equal(0, #server:requests())
        server:stop()
      end
    end)
  end
end)
