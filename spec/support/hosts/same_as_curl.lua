-- What calls come to through an example's egress is what they come to through libcurl, fault by fault; but for what a host tells
-- differently, which doc/hosts.md lists.

local aicc = require "aicc"
local assert = require "luassert"
local busted = require "busted"
local faults = require "spec.support.faults"

local describe, it, setup, teardown = busted.describe, busted.it, busted.setup, busted.teardown

-- The API's operation, a client's method, the accounts.
local CALLS = {
  { "release_agent_by_skill", "release_agent_by_skill", { "1001", "1002" } },
  { "release_agent_by_skill", "release_agent_by_skill", "ALL" },
  { "bind_agents", "bind_agents", { "1001" } },
  { "query_agents", "query_agents" },
  { "token", "access_token" },
  { "query_agent", "query_agent", "1001" },
  { "query_skills", "query_skills" },
}

-- What either egress makes of some replies: fault -> what each of CALLS comes to, as words; where the last two have none, it is
-- that of the query. An egress cannot tell a reply that makes no sense from a connection that broke.
local NO_REPLY = { "2 network unknown", "1 network unknown", "2 ok applied_earlier", "2 network unknown", "2 network unknown" }
local EITHER = {
  ["headers cut"] = NO_REPLY, ["no HTTP"] = NO_REPLY, ["endless headers"] = NO_REPLY,
}

-- Accounts as Lua source.
local function literal(accounts)
  if type(accounts) ~= "table" then return ("%q"):format(accounts or "") end
  local quoted = {}
  for i, account in ipairs(accounts) do quoted[i] = ("%q"):format(account) end
  return "{ " .. table.concat(quoted, ", ") .. " }"
end

-- A client's settings as Lua source: two attempts, with no time between them.
local function settings_for(row)
  local settings = "sleep = function() return true end, retry = { attempts = 2 }"
  return row.client and settings .. ", timeout = 0.25" or settings
end

-- What a client in this process says.
local function in_process(server, settings, call)
  local client = server:client((loadstring or load)("return {" .. settings .. "}")()) -- luacheck: ignore 143
  local method, accounts = call[2], call[3]
  local result, err
  if accounts == "ALL" then accounts = aicc.ALL end
  if method == "access_token" then
    result, err = client:access_token()
  elseif method == "query_agents" then
    result, err = client:query_agents(3)
  elseif method == "query_agent" then
    result, err = client:query_agent(accounts)
  elseif method == "query_skills" then
    result, err = client:query_skills()
  else
    result, err = client[method](client, 3, accounts)
  end
  client:close()
  if err then return err end
  return { ok = true, outcome = type(result) == "table" and result.outcome or nil }
end

-- Bytes as they are can only be sent without TLS.
local function is_raw(row) return row[2].raw ~= nil or row[2].endless == "headers" end

-- `different`: as EITHER, for this host alone; false: it has a spec of its own for that fault.
return function(scene, different)
  local there

  -- The requests that a call comes to under a fault, and what it says, as words.
  local function play(row, call, run)
    scene.server:reset()
    scene.server:shape(row.shape or {})
    scene.server:fault(faults.of(call[1], row[2]))
    local told = run(scene.server, settings_for(row), call)
    scene.server:release_held()
    return ("%d %s %s"):format(scene.count(call[1]), told.ok and "ok" or told.kind, tostring(told.outcome))
  end

  local function in_host(_, settings, call)
    return there:run(("return call(%s, %q, 3, %s)"):format(scene.options(settings), call[2], literal(call[3])))
  end

  local function declare(row)
    local cells = different[row[1]] or EITHER[row[1]]
    it((cells and "it is as doc/hosts.md says: " or "it is as through libcurl: ") .. row[1], function()
      for n, call in ipairs(CALLS) do
        local expected = cells and (cells[n] or cells[4]) or play(row, call, in_process)
        assert.equal(expected, play(row, call, in_host), call[2] .. " " .. tostring(call[3]))
      end
    end)
  end

  for _, way in ipairs { "over TLS", "without TLS" } do
    describe(way .. ",", function()
      setup(function()
        if way == "over TLS" then scene.start() else scene.start_plain() end
        there = scene.console.start()
      end)
      teardown(function()
        there:stop()
        scene.stop()
      end)
      for _, row in ipairs(faults) do
        if is_raw(row) == (way == "without TLS") and different[row[1]] ~= false then declare(row) end
      end
    end)
  end
end
