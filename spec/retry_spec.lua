-- Retries: the decision itself as data, and what a client makes of it: waits, budget, deadline, 401.

local aicc = require "aicc"
local core = require "aicc.core"
local errors = require "aicc.error"
local retry = require "aicc.retry"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"

local RELEASE = "release_agent_by_skill"

---- the decision

-- What a row changes in the history; all else it has is an option.
local IN_HISTORY = { tried = "attempts", retries = "retries", once = "once", reauthenticated = "reauthenticated" }

-- Decides about an error; `more` has what differs from a first attempt of a release with time and budget to spare.
local function decide(err, more)
  local options = retry.complete(nil)
  options.budget, options.remaining, options.with_token, options.random = 100, 40, true, function() return 1 end
  local history = { attempts = 1, retries = 0, once = {} }
  for name, value in pairs(more or {}) do
    if IN_HISTORY[name] then history[IN_HISTORY[name]] = value else options[name] = value end
  end
  local action, wait, cost, key = retry.decide(errors.new(err), history, options)
  local words = { action, wait and ("%.3g"):format(wait), cost and ("cost %d"):format(cost), key }
  return table.concat(words, " ")
end

local function lost(more)
  local err = { kind = "network", outcome = "unknown", retryable = true }
  for name, value in pairs(more or {}) do err[name] = value end
  return err
end

local function throttled(more)
  local err = { kind = "throttled", status = 429, outcome = "rejected", retryable = true }
  for name, value in pairs(more or {}) do err[name] = value end
  return err
end

local refused = { kind = "auth", status = 401, outcome = "rejected" }

local DECISIONS = {
  -- transient: random() * min(20, 0.2 * 2^(n-1))
  { "retry 0.2 cost 10", lost() },
  { "retry 0.4 cost 10", lost(), { tried = 2, retries = 1 } },
  { "retry 0.8 cost 10", lost(), { tried = 3, retries = 2 } },
  { "retry 20 cost 10", lost(), { tried = 3, retries = 9 } },
  { "retry 0 cost 10", lost(), { random = function() return 0 end } },
  { "stop", lost(), { tried = 4, retries = 3 } },
  { "retry 1.6 cost 10", lost(), { tried = 4, retries = 3, attempts = 5 } },
  { "stop", lost(), { attempts = 1 } },
  { "stop", lost { retryable = false } },
  -- throttled: d/2 + random() * d/2, d = min(20, 2^(n-1))
  { "retry 1 cost 5", throttled() },
  { "retry 0.5 cost 5", throttled(), { random = function() return 0 end } },
  { "retry 2 cost 5", throttled(), { tried = 2, retries = 1 } },
  { "retry 20 cost 5", throttled(), { tried = 2, retries = 8 } },
  { "retry 10 cost 5", throttled(), { tried = 2, retries = 8, random = function() return 0 end } },
  -- Retry-After raises a wait, and never shortens it
  { "retry 7 cost 5", throttled { retry_after = 7 } },
  { "retry 1 cost 5", throttled { retry_after = 0 } },
  { "retry 0.8 cost 10", lost { retry_after = 0.5 }, { tried = 3, retries = 2 } },
  { "retry 39 cost 5", throttled { retry_after = 39 } },
  { "stop", throttled { retry_after = 40 } },
  { "retry 60 cost 5", throttled { retry_after = 60 }, { remaining = 100 } },
  { "stop", throttled { retry_after = 61 }, { remaining = 100 } },
  { "stop", throttled { retry_after = 11 }, { max_retry_after = 10 } },
  { "retry 10 cost 5", throttled { retry_after = 10 }, { max_retry_after = 10 } },
  -- no time, no budget
  { "stop", lost(), { remaining = 0.2 } },
  { "retry 0.2 cost 10", lost(), { remaining = 0.3 } },
  { "stop", lost(), { budget = 9 } },
  { "retry 1 cost 5", throttled(), { budget = 9 } },
  -- worth one more attempt and no more
  { "retry 0.2 cost 10 500", lost { kind = "server", status = 500 } },
  { "stop", lost { kind = "server", status = 500 }, { tried = 2, retries = 1, once = { ["500"] = true } } },
  { "retry 0.4 cost 10", lost { kind = "server", status = 502 }, { tried = 2, retries = 1, once = { ["500"] = true } } },
  { "retry 0.2 cost 10 tls", { kind = "tls", curl_code = 35, outcome = "not_sent", retryable = true } },
  { "stop", { kind = "tls", curl_code = 35, outcome = "not_sent", retryable = true },
    { tried = 2, retries = 1, once = { tls = true } } },
  { "stop", { kind = "tls", curl_code = 60, outcome = "not_sent" } },
  { "retry 0.2 cost 10 unusable", lost { kind = "protocol", status = 200 } },
  { "retry 0.2 cost 10", lost { kind = "protocol", status = 200, truncated = true } },
  -- 401
  { "reauthenticate 0 cost 0", refused },
  { "stop", refused, { tried = 2, reauthenticated = true } },
  { "stop", refused, { with_token = false } },
  { "stop", refused, { tried = 4 } },
  -- everybody
  { "stop", lost(), { everybody = true } },
  { "retry 0.2 cost 10", lost { outcome = "not_sent" }, { everybody = true } },
  { "retry 1 cost 5", throttled(), { everybody = true } },
  -- after a listing
  { "retry 0.2 cost 10", lost { retryable = false }, { settled = true } },
  { "stop", lost { retryable = false }, { settled = true, tried = 4 } },
  { "stop", lost { retry_after = 61 }, { settled = true } },
  { "stop", lost(), { settled = true, budget = 9 } },
  -- nothing to be gained
  { "stop", { kind = "business", status = 500, outcome = "rejected" } },
  { "stop", { kind = "bad_request", status = 400, outcome = "rejected" } },
}

describe("the decision", function()
  for n, row in ipairs(DECISIONS) do
    it(("%d: %s for %s"):format(n, row[1], row[2].kind), function() assert.equal(row[1], decide(row[2], row[3])) end)
  end

  it("leaves its arguments alone", function()
    local history = setmetatable({}, { __index = { attempts = 1, retries = 0, once = setmetatable({}, { __newindex = error }) },
      __newindex = function() error "changed" end })
    local options = retry.complete(nil)
    options.budget, options.remaining, options.random = 100, 40, function() return 0.5 end
    for _ = 1, 2 do
      assert.equal(0.1, (select(2, retry.decide(errors.new(lost { kind = "server", status = 500 }), history, options))))
    end
  end)
end)

describe("the retry option", function()
  it("is completed, and false means a single attempt", function()
    assert.same(retry.defaults, retry.complete(nil))
    assert.equal(1, retry.complete(false).attempts)
    assert.equal(2, retry.complete({ attempts = 2 }).attempts)
    assert.equal(20, retry.complete({ attempts = 2 }).cap)
    assert.equal(4, retry.defaults.attempts)
  end)
end)

---- Retry-After

local function after(header, date)
  return scene.nth(2, scene.reply(RELEASE, 429, "", { ["Retry-After"] = header, Date = date })).retry_after
end

it("Retry-After is seconds, or a date read against the reply's own clock", function()
  assert.equal(0, after "0")
  assert.equal(120, after "120")
  assert.equal(2, after "1.5") -- rounded up
  assert.equal(30, after("Sun, 06 Nov 1994 08:50:07 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"))
  assert.equal(0, after("Sun, 06 Nov 1994 08:49:07 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"))
  assert.equal(30, after("Sunday, 06-Nov-94 08:50:07 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"))
  for _, odd in ipairs { "soon", "", "-3", "1e3", "0x10" } do assert.is_nil(after(odd), odd) end
  assert.equal(0, after "Sun, 06 Nov 1994 08:49:37 GMT") -- without a Date: this machine's clock
end)

---- a client's waits

it("a wait asked for that is too long is told, not slept", function()
  local time = scene.standing()
  local client = scene.client(time, function() return scene.reply(RELEASE, 429, "", { ["Retry-After"] = "61" }) end)
  local _, err = client:release_agent_by_skill(3, { "1" })
  assert.same({ "throttled", 61, 1, "rejected", true }, { err.kind, err.retry_after, err.attempts, err.outcome, err.retryable })
  assert.equal("", scene.waits(time))
end)

it("a retry budget keeps a client from making an outage worse", function()
  local time = scene.standing()
  local is_down = true
  local client, transport = scene.client(time, function()
    if is_down then return scene.reply("query_agents", 503) end
    return scene.page { "1" }
  end)
  local counts = {}
  for n = 1, 5 do
    local before = #transport.sent
    client:query_agents(3)
    counts[n] = #transport.sent - before
  end
  assert.same({ 4, 4, 4, 2, 1 }, counts) -- 100 tokens, 10 a retry
  is_down = false
  for _ = 1, 10 do client:query_agents(3) end -- each gives one back
  is_down = true
  local before = #transport.sent
  client:query_agents(3)
  assert.equal(2, #transport.sent - before)
end)

it("a success refunds what its own retries cost", function()
  local time = scene.standing()
  local client, transport = scene.client(time, function(_, n)
    if n % 2 == 1 then return scene.reply("query_agents", 503) end
    return scene.page { "1" }
  end)
  for _ = 1, 50 do assert(client:query_agents(3)) end
  assert.equal(100, #transport.sent)
end)

---- the deadline

it("the deadline covers waits and attempts, whatever happens", function()
  local state = 42
  local function random()
    state = state * 16807 % 2147483647
    return state / 2147483647
  end
  local statuses = { 200, 200, 408, 429, 500, 502, 503, 401, 0 }
  for round = 1, 300 do
    local time = scene.standing()
    local client = scene.client(time, function(request)
      local status = statuses[1 + math.floor(random() * #statuses)]
      local seconds = random() * 30
      if status == 0 then
        return nil, scene.lost(request.operation), 1e9
      elseif status == 200 and request.operation == "query_agents" then
        return scene.page { "1", "2" }, nil, seconds
      end
      local headers = { ["Retry-After"] = random() < 0.3 and "9" or nil }
      local reply, err = scene.reply(request.operation, status, status == 200 and "{}" or "", headers)
      return reply, err, seconds
    end, { random = random })
    local deadline, began = 1 + random() * 80, time.clock()
    local accounts = round % 3 == 0 and aicc.ALL or { "1", "2" }
    client:release_agent_by_skill(3, accounts, { deadline = deadline })
    assert.is_true(time.clock() - began <= deadline + 1e-6, "round " .. round)
  end
end)

it("no release starts in what is kept for settling", function()
  for _, row in ipairs { { 60, 12 }, { 20, 5 }, { 10, 5 }, { 4, 2 } } do
    local deadline, kept = row[1], row[2]
    local time = scene.standing()
    local began, last = time.clock(), nil
    local client = scene.client(time, function(request)
      if request.operation == RELEASE then last = time.clock() + request.timeout end
      return nil, scene.nth(2, scene.reply(request.operation, 503)), deadline / 7
    end)
    client:release_agent_by_skill(3, { "1" }, { deadline = deadline, retry = { attempts = 50 } })
    assert.is_true(last - began <= deadline - kept + 1e-6, "deadline " .. deadline)
  end
end)

it("attempts are cut to what remains", function()
  local time = scene.standing()
  local client, transport = scene.client(time, function(request)
    return nil, scene.lost(request.operation), 1e9
  end)
  local _, err = client:query_agents(3, { deadline = 40 })
  assert.equal("timeout", err.kind)
  local timeouts = {}
  for n, request in ipairs(transport.sent) do timeouts[n] = ("%.1f"):format(request.timeout) end
  assert.same({ "15.0", "15.0", "9.4" }, timeouts) -- 40 - 15 - 0.2 - 15 - 0.4
end)

it("the deadline holds against a server that is really slow", function()
  local server = assert(sandbox.start { agents = { [3] = { "1" } } })
  for _, held in ipairs { "token", RELEASE, "query_agents", "both" } do
    server:reset()
    if held ~= "both" then server:fault { operation = held, hold = true, to = math.huge } end
    if held == "both" then server:fault { hold = true, from = 2, to = math.huge } end -- all but the token
    local client = assert(server:client { deadline = 0.5 })
    local call = held == "query_agents" and client.query_agents or client.release_agent_by_skill
    local began = core.now()
    local result, err = call(client, 3, held ~= "query_agents" and { "1" } or nil)
    local took = core.now() - began
    client:close()
    server:release_held()
    local told = { result and result.outcome or err.outcome, took < 0.5 + 0.2 }
    local expected = { token = "not_sent", [RELEASE] = "applied_earlier", query_agents = "unknown", both = "unknown" }
    assert.same({ expected[held], true }, told, ("%s: %.3f s"):format(held, took))
  end
  server:stop()
end)

---- 401

-- A client against a real server, which has its first token.
local function with_server(f)
  local server = assert(sandbox.start { agents = { [3] = { "1", "2" } } })
  local client = assert(server:client())
  assert(client:access_token())
  server:clear()
  local good, problem = pcall(f, server, client)
  client:close()
  server:stop()
  assert(good, problem)
end

local function operations_of(server)
  local names = {}
  for n, request in ipairs(server:requests()) do names[n] = request.operation:sub(1, 7) .. " " .. request.status end
  return table.concat(names, ", ")
end

describe("a refused token", function()
  it("is replaced once, and the call replayed once, at once", function()
    with_server(function(server, client)
      server:fault { operation = RELEASE, expire_tokens = true }
      local result = assert(client:release_agent_by_skill(3, { "1" }))
      assert.same({ "applied", 2 }, { result.outcome, result.attempts })
      assert.equal("release 401, token 200, release 200", operations_of(server))
    end)
  end)

  it("that is refused again is an error of kind auth, and is not kept", function()
    with_server(function(server, client)
      server:fault { operation = RELEASE, expire_tokens = true, to = 2 }
      local _, err = client:release_agent_by_skill(3, { "1" })
      assert.same({ "auth", 401, 2, "rejected" }, { err.kind, err.status, err.attempts, err.outcome })
      assert.equal("release 401, token 200, release 401", operations_of(server))
      server:clear()
      assert(client:release_agent_by_skill(3, { "1" }))
      assert.equal("token 200, release 200", operations_of(server))
    end)
  end)

  it("is not used again by a client that never retries", function()
    with_server(function(server, client)
      server:fault { operation = RELEASE, expire_tokens = true }
      local _, err = client:release_agent_by_skill(3, { "1" }, { retry = false })
      assert.same({ "auth", 1 }, { err.kind, err.attempts })
      assert(client:release_agent_by_skill(3, { "1" }, { retry = false }))
      assert.equal("release 401, token 200, release 200", operations_of(server))
    end)
  end)

  it("for which somebody else has fetched a newer one is just replayed", function()
    with_server(function(server, client)
      local loop = require "aicc.loop"
      server:fault { operation = RELEASE, expire_tokens = true, hold = true }
      server:fault { operation = RELEASE, hold = true, to = 2 }
      local results = {}
      for n = 1, 2 do
        loop.spawn(function() results[n] = client:release_agent_by_skill(3, { tostring(n) }) end)
      end
      loop.spawn(function()
        while server:stats().held < 2 do loop.sleep(0.005) end
        server:release_held()
      end)
      loop.run()
      assert.same({ 2, 2 }, { results[1].attempts, results[2].attempts })
      local fetched = 0
      for _, request in ipairs(server:requests()) do
        if request.operation == "token" then fetched = fetched + 1 end
      end
      assert.equal(1, fetched)
    end)
  end)
end)

it("a call's own retry options are the client's but for what they say", function()
  local time = scene.standing()
  local client = scene.client(time, function() return scene.reply("query_agents", 429) end, { retry = { throttle_base = 0.01 } })
  client:query_agents(3, { retry = { attempts = 3 } })
  assert.equal("0.01 0.02", scene.waits(time))
end)

it("a call that ends without another attempt tells of those before", function()
  local cases = {
    { "not_sent", function() return nil, errors.new { kind = "network", message = "refused", retryable = true } end },
    { "rejected", function() return scene.reply(RELEASE, 429) end },
    { "unknown", function() return scene.reply(RELEASE, 503) end },
  }
  for _, case in ipairs(cases) do
    local time = scene.standing()
    local client = scene.client(time, function(request)
      if request.operation == "query_agents" then return scene.reply("query_agents", 403) end
      return case[2]()
    end, { sleep = function() return false end })
    local _, err = client:release_agent_by_skill(3, { "1" })
    assert.same({ "aborted", case[1], 1 }, { err.kind, err.outcome, err.attempts })
    client = scene.client(time, function(request)
      if request.operation == "query_agents" then return scene.reply("query_agents", 403) end
      client.tokens.store.get = function() end -- and no other token is to be had
      if request.operation == "token" then return scene.reply("token", 401) end
      return case[2]()
    end)
    _, err = client:release_agent_by_skill(3, { "1" })
    assert.same({ "auth", case[1], 1 }, { err.kind, err.outcome, err.attempts }, tostring(err))
  end
end)
