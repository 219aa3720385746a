-- Random sequences of calls and faults: what must hold whatever happens.
--
-- Each sequence is made from a number, which a failure names: AICC_SEED=<number> runs that one alone, AICC_ROUNDS=<n> so many.

local aicc = require "aicc"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"

local ROUNDS = tonumber(os.getenv "AICC_ROUNDS") or 200
local CALLS = 5
local SEED = tonumber(os.getenv "AICC_SEED")
local EMPTY = '"userAccounts":[]'

-- A generator of our own, the same in every Lua: integers from 1 to n.
local function generator(seed)
  local state = seed % 2147483647
  if state == 0 then state = 1 end
  local function draw(n)
    state = state * 16807 % 2147483647
    return state % n + 1
  end
  for _ = 1, 5 do draw(2) end
  return draw
end

local function pick(draw, list) return list[draw(#list)] end

-- Faults after which nobody can know whether it was applied: they may apply it or not.
local UNTOLD = {
  { status = 504 }, { status = 502 }, { status = 500 }, { status = 408 }, { close = "request" }, { close = "reset" },
  { body = "" }, { body = "<html>" }, { body = "{}" }, { raw = "HTTP/1.1 200 OK\r\nContent-" }, { endless = "headers" },
}
-- Faults that say that nothing was done, and mean it.
local TOLD = {
  { status = 400 }, { status = 401 }, { status = 403 }, { status = 429 }, { status = 500, body = '{"resultCode":"1"}' },
  { status = 503, headers = { ["Retry-After"] = 1 } }, { close = "headers" }, { expire_tokens = true }, { cut = 3 },
}
local IDS = { "release_agent_by_skill", "bind_agents", "query_agents", "query_agent", "token" }

local function random_fault(draw)
  local fault = { operation = pick(draw, IDS), from = draw(4) }
  fault.to = fault.from + draw(3) - 1
  local is_told = draw(3) == 1
  for name, value in pairs(pick(draw, is_told and TOLD or UNTOLD)) do fault[name] = value end
  if not is_told then fault.apply = draw(2) == 1 end
  return fault
end

-- Lists that became empty by mistake, and lists that are none.
local NOT_A_LIST = {
  function() return nil end,
  function() return {} end,
  function() return { nil, "1001" } end,
  function() return { x = "1001" } end,
  function() return { [0] = "1001" } end,
  function() return { "" } end,
  function() return { 1001 } end,
  function() return { {} } end,
  function() return setmetatable({}, { __index = function() return "1001" end }) end,
}

local function random_list(draw)
  local list = {}
  for n = 1, draw(4) do list[n] = "100" .. draw(6) end
  return list
end

-- One call: its kind, a function that makes it, and the accounts that it names.
local function random_call(draw)
  local what = draw(13)
  if what <= 4 then
    local list = random_list(draw)
    return "list", function(client) return client:release_agent_by_skill(3, list) end, list
  elseif what <= 6 then
    return "all", function(client) return client:release_agent_by_skill(3, aicc.ALL) end
  elseif what == 7 then
    local list = random_list(draw)
    return "bind", function(client) return client:bind_agents(3, list, { agent_weight = draw(3) }) end, list
  elseif what == 8 then
    return "query", function(client) return client:query_agents(3) end
  elseif what == 9 or what == 10 then
    local account = "100" .. draw(6)
    return "offboard", function(client) return client:release_agent(account) end, { account }
  elseif what == 11 then
    local account = "100" .. draw(6)
    return "there and back", function(client)
      local result, err = client:release_agent(account)
      if not result then return nil, err end
      return client:restore_agent(result)
    end, { account }
  end
  local bad = pick(draw, NOT_A_LIST)()
  return "guard", function(client) return client:release_agent_by_skill(3, bad) end
end

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do set[name] = true end
  return set
end

-- Whether the queue is what the call wanted.
local function is_done(kind, list, before, now)
  if kind == "all" then return next(now) == nil end
  local wanted = {}
  for name in pairs(before) do wanted[name] = true end
  for _, name in ipairs(list) do wanted[name] = kind == "bind" or nil end
  for name in pairs(wanted) do if not now[name] then return false end end
  for name in pairs(now) do if not wanted[name] then return false end end
  return true
end

local same

-- What the server must have made of the one queue of a result, for what the result says of it.
local function check_offboarding(result, account, before, now, where)
  local queue = result.queues[1]
  if not queue then return assert.falsy(before[account], where) end
  for name in pairs(before) do assert.is_true(name == account or now[name], where .. ": somebody else") end
  if queue.outcome == "released" then assert.falsy(now[account], where .. ": said to be released") end
  if queue.outcome == "bound" then assert.truthy(now[account], where .. ": said to be bound") end
  if queue.outcome == "failed" or queue.outcome == "not_sent" then assert.is_true(same(before, now), where) end
end

function same(a, b)
  for name in pairs(a) do if not b[name] then return false end end
  for name in pairs(b) do if not a[name] then return false end end
  return true
end

-- How often the server saw the empty list, in how many attempts, and whether after an attempt that had no clear end.
local function count_empty(requests, events)
  local sent, attempts, is_unknown, again = 0, 0, false, false
  for _, request in ipairs(requests) do
    if request.body:find(EMPTY, 1, true) then sent = sent + 1 end
  end
  for _, event in ipairs(events) do
    if event.type == "attempt" and event.operation == "release_agent_by_skill" then
      attempts = attempts + 1
      again = again or is_unknown
      is_unknown = event.outcome == "unknown"
    end
  end
  return sent, attempts, again
end

local server

setup(function() server = assert(sandbox.start()) end)
teardown(function() server:stop() end)

local function play(seed)
  local draw, time = generator(seed), scene.skipping()
  local events = {}
  server:reset { [3] = { "1001", "1002", "1003", "1004" } }
  local client = assert(server:client(scene.options(time, {
    random = function() return draw(100) / 101 end, on_event = function(event) events[#events + 1] = event end,
  })))
  for n = 1, CALLS do
    server:clear()
    for _ = 1, draw(4) - 1 do server:fault(random_fault(draw)) end
    local kind, call, list = random_call(draw)
    local where = ("AICC_SEED=%d, call %d (%s)"):format(seed, n, kind)
    local before, began = set_of(server:accounts(3)), time.clock()
    events = {}
    local result, err = call(client)
    local now = set_of(server:accounts(3))
    local sent, attempts, again = count_empty(server:requests(), events)
    assert.is_true(kind == "all" or sent == 0, where .. ": the empty list, and nobody said aicc.ALL")
    assert.is_true(sent <= attempts, where .. ": the empty list twice for one attempt")
    assert.is_false(kind == "all" and again, where .. ": the empty list after an unknown outcome")
    assert.is_true(time.clock() - began <= 60, where .. ": the deadline")
    if kind == "guard" then
      assert.is_true(err.kind == "guard" or err.kind == "argument", where)
      assert.equal(0, #server:requests(), where)
    elseif kind == "query" then
      assert.is_true(same(before, now), where)
      local listed = {}
      for _, agent in ipairs(result or {}) do listed[agent.userAccount] = true end
      assert.is_true(not result or same(now, listed), where .. ": the listing")
    elseif kind == "offboard" or kind == "there and back" then
      if result then check_offboarding(result, list[1], before, now, where) end
      if err and kind == "offboard" then assert.is_true(same(before, now), where .. ": an error, and something was done") end
    elseif result then
      assert.is_true(is_done(kind, list, before, now), where .. ": said to be done")
    elseif err.outcome ~= "unknown" then
      assert.is_true(same(before, now), where .. ": said not to be done: " .. tostring(err))
    end
  end
  client:close()
end

it("holds for " .. (SEED and "seed " .. SEED or ROUNDS .. " random sequences"), function()
  for seed = SEED or 1, SEED or ROUNDS do play(seed) end
end)
