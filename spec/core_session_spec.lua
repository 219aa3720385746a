-- A session: its calls and tickets, the window, and every way to end it. `core_options_spec` has what it is made with.

local collector = require "spec.support.collector"
local processes = require "spec.support.processes"
local core = require "aicc.curl"
local sandbox = require "aicc.sandbox"

local RELEASE = "release_agent_by_skill"
local ONE = { skillId = 3, userAccounts = { "1001" } }
local SUCCESS = { resultCode = "0", resultMessage = "success" }

local server, session, token

local function start(options)
  options = options or {}
  options.base_url, options.app_key = server.base_url, "sandbox-key"
  session = assert(core.session(options))
  token = assert(session:token { app_key = "sandbox-key", app_secret = "sandbox-secret" }).AccessToken
end

before_each(function()
  server = assert(sandbox.start { agents = { [3] = { "1001", "1002" } } })
end)

after_each(function()
  if session then session:close() end
  server:stop()
  session = nil
end)

local function hold() server:fault { operation = RELEASE, hold = true, to = math.huge } end

-- Steps until the server holds so many answers.
local function step_until_held(count)
  local give_up = core.now() + 20
  while server:stats().held < count and core.now() < give_up do session:step(0.005) end
  assert.equal(count, server:stats().held)
end

-- Steps until there is a result, and returns it.
local function next_result()
  local give_up = core.now() + 20
  repeat
    session:step(0.1)
    local ticket, result, err, facts = session:result()
    if ticket then return ticket, result, err, facts end
  until core.now() > give_up
  error "no result"
end

describe("a call", function()
  it("gives the reply's own fields, by method or by function", function()
    start()
    assert.same(SUCCESS, session:release_agent_by_skill(token, ONE))
    assert.same(SUCCESS, core.release_agent_by_skill(session, token, { skillId = 3, userAccounts = core.ALL }))
    assert.equal("string", type(core.token(session, { app_key = "sandbox-key", app_secret = "sandbox-secret" }).AccessToken))
    assert.same({}, server:accounts(3))
  end)

  it("is started, stepped and read, with its ticket", function()
    start()
    assert.equal(0, select("#", session:result()))
    local first = assert(session:start(RELEASE, token, ONE))
    local second = assert(session:start("token", nil, { app_key = "sandbox-key", app_secret = "mistaken" }))
    assert.equal(0, first % 1)
    assert.is_true(second > first)
    local seen = {}
    for _ = 1, 2 do
      local ticket, result, err = next_result()
      seen[ticket] = result or err
    end
    assert.same(SUCCESS, seen[first])
    assert.same({ "auth", 401, "token" }, { seen[second].kind, seen[second].status, seen[second].operation })
    assert.same({ 0, false }, { session:step(0) })
    assert.equal(0, select("#", session:result()))
  end)

  it("can be waited for by anybody's loop: a descriptor, what for, how long", function()
    start()
    local fd, err = session:pollfd()
    if not fd then -- here is neither epoll nor kqueue: make check-posix
      assert.same({ "unsupported", "not_sent" }, { err.kind, err.outcome })
      return
    end
    assert.same({ fd, "r", false }, { session:getfd(), session:events(), session:dirty() })
    assert.is_nil(session:timeout()) -- nothing is under way
    assert(session:start(RELEASE, token, ONE))
    while session:step(0) > 0 do
      local seconds = session:timeout()
      assert.truthy(seconds == nil or seconds >= 0)
    end
    assert.same(SUCCESS, (select(2, session:result())))
    assert.equal(fd, session:pollfd())
  end)

  it("is one of many that a turn takes at once: ticket, result, error and facts of each, into a table that is kept", function()
    start { max_in_flight = 4 }
    local into, seen, tickets, left = { "old" }, {}, {}, 3
    assert.same({ 0, 0, false }, { session:turn(0, into) })
    tickets[1] = assert(session:start(RELEASE, token, ONE))
    tickets[2] = assert(session:start("token", nil, { app_key = "sandbox-key", app_secret = "mistaken" }))
    tickets[3] = assert(session:start(RELEASE, "unknown", ONE))
    while session:step(1) > 0 do end
    into[13], into[14] = "kept", "too"
    local count, running, interrupted = session:turn(1, into)
    assert.same({ 3, 0, false }, { count, running, interrupted })
    for at = 1, 4 * count, 4 do seen[into[at]] = { into[at + 1], into[at + 2], into[at + 3] } end
    assert.same({ SUCCESS, nil, false }, seen[tickets[1]])
    assert.same({ nil, "auth", 401 }, { seen[tickets[2]][1], seen[tickets[2]][2].kind, seen[tickets[2]][2].status })
    assert.same({ nil, "auth" }, { seen[tickets[3]][1], seen[tickets[3]][2].kind })
    assert.same({ "kept", "too" }, { into[13], into[14] })
    assert.same({ 0, 0, false }, { session:turn(0, into) })
    for n = 1, 3 do tickets[n] = session:start(RELEASE, token, ONE) end
    while left > 0 do -- what was in the table is replaced, nil for nil
      count, running = session:turn(5, into)
      assert.is_true(count > 0)
      left = left - count
      assert.equal(left, running)
      for at = 1, 4 * count, 4 do assert.same({ SUCCESS, nil, false }, { into[at + 1], into[at + 2], into[at + 3] }) end
    end
    assert.is_false(pcall(session.turn, session, -1, into))
    assert.is_false(pcall(session.turn, session, 0))
  end)

  it("taken by a turn is its waiter's, behind others; what nobody waits for is dropped", function()
    start { max_in_flight = 4 }
    local into, waiting, seen = { "first" }, {}, {}
    for n = 1, 3 do waiting[assert(session:start(RELEASE, token, ONE))] = "waiter " .. n end
    waiting[assert(session:start(RELEASE, "unknown", ONE))] = "unlucky"
    assert(session:start(RELEASE, token, ONE)) -- nobody's
    waiting[99] = "later"
    while session:step(1) > 0 do end
    local count = session:turn(0, into, 1, waiting)
    assert.equal(4, count)
    assert.same({ "first", [99] = "later" }, { into[1], [99] = waiting[99] })
    assert.equal("later", select(2, next(waiting)))
    assert.is_nil(next(waiting, 99))
    for at = 2, 4 * count, 4 do seen[into[at]] = { into[at + 1], into[at + 2], into[at + 3] } end
    for n = 1, 3 do assert.same({ SUCCESS, false, false }, seen["waiter " .. n]) end
    assert.same({ false, "auth", false }, { seen.unlucky[1], seen.unlucky[2].kind, seen.unlucky[3] })
    assert.is_nil(session:result())
    assert.is_false(pcall(session.turn, session, 0, into, 0, "x"))
  end)

  it("taken by a turn tells facts where they are asked for", function()
    start { facts = true }
    session:start(RELEASE, token, ONE)
    local into = {}
    repeat local count = session:turn(1, into) until count == 1
    assert.same({ SUCCESS, nil, true }, { into[2], into[3], into[4].reused })
  end)

  it("started without waiting has its place beside one that waits", function()
    start()
    hold()
    local held = assert(session:start(RELEASE, token, ONE))
    step_until_held(1)
    assert(session:token { app_key = "sandbox-key", app_secret = "sandbox-secret" })
    server:release_held()
    assert.same({ held, SUCCESS }, { next_result() })
  end)

  it("tells timings and sizes where facts are asked for", function()
    start { facts = true }
    session:start(RELEASE, token, ONE)
    local _, result, err, facts = next_result()
    assert.same({ SUCCESS, nil, true }, { result, err, facts.reused })
    assert.equal(#'{"skillId":3,"userAccounts":["1001"]}', facts.bytes_sent)
    assert.equal(#'{"resultCode":"0","resultMessage":"success"}', facts.bytes_received)
    assert.is_true(facts.elapsed >= facts.first_byte and facts.first_byte > 0)
  end)

  it("with ALL goes out on a fresh connection, any other on the kept one", function()
    start()
    local before = server:stats().connections
    assert(session:release_agent_by_skill(token, ONE))
    assert.equal(before, server:stats().connections)
    assert(session:release_agent_by_skill(token, { skillId = 3, userAccounts = core.ALL }))
    assert.equal(before + 1, server:stats().connections)
    assert(session:release_agent_by_skill(token, ONE))
    assert.equal(before + 1, server:stats().connections)
    assert(session:release_agent_by_skill(token, ONE, { fresh_connection = true }))
    assert.equal(before + 2, server:stats().connections)
  end)

  it("has limits of its own", function()
    start { timeout = 10 }
    hold()
    local began = core.now()
    local result, err = session:release_agent_by_skill(token, ONE, { timeout = 0.1 })
    assert.same({ nil, "timeout", "unknown", 28, true }, { result, err.kind, err.outcome, err.curl_code, err.retryable })
    result, err = session:release_agent_by_skill(token, ONE, { deadline = 0.1 })
    assert.same({ nil, "timeout", "unknown", 28 }, { result, err.kind, err.outcome, err.curl_code })
    assert.is_true(core.now() - began < 8)
    for _, limits in ipairs { { timeout = 0 }, { timeout = "1" }, { deadline = -1 }, { deadline = 0 / 0 }, { retries = 3 }, 5 } do
      assert.is_false(pcall(session.release_agent_by_skill, session, token, ONE, limits))
    end
  end)

  it("keeps apart what several tokens send at once", function()
    start()
    hold()
    local other = session:token({ app_key = "sandbox-key", app_secret = "sandbox-secret" }).AccessToken
    for n = 1, 6 do session:start(RELEASE, n % 2 == 0 and token or other, { skillId = n, userAccounts = { "a" } }) end
    step_until_held(6)
    for _, request in ipairs(server:requests()) do
      local skill = tonumber(request.body:match '"skillId":(%d+)')
      if skill then assert.equal("Bearer " .. (skill % 2 == 0 and token or other), request.header.authorization) end
    end
    server:release_held()
    for _ = 1, 6 do assert.same(SUCCESS, (select(2, next_result()))) end
  end)
end)

describe("the window", function()
  it("lets 8 of 100 calls out at once, and each gets its own answer", function()
    start { max_in_flight = 8 }
    hold()
    local tickets = {}
    for n = 1, 100 do tickets[assert(session:start(RELEASE, token, { skillId = n, userAccounts = { "a" } }))] = true end
    local ended = 0
    while ended < 100 do
      step_until_held(math.min(8, 100 - ended))
      server:release_held()
      for _ = 1, math.min(8, 100 - ended) do
        local ticket, result = next_result()
        assert.same({ true, SUCCESS }, { tickets[ticket], result })
        tickets[ticket] = nil
        ended = ended + 1
      end
    end
    assert.same({ 8, 101 }, { server:stats().max_in_flight, server:stats().requests })
    assert.is_true(server:stats().connections <= 8)
  end)

  it("ends calls whose deadline passes while they wait for room, and sends nothing of them", function()
    start { max_in_flight = 1 }
    hold()
    local first = session:start(RELEASE, token, ONE)
    step_until_held(1)
    local second = session:start(RELEASE, token, ONE, { deadline = 0.05 })
    local ticket, result, err = next_result()
    assert.same({ second, nil, "deadline", "not_sent" }, { ticket, result, err.kind, err.outcome })
    server:release_held()
    assert.same({ first, SUCCESS }, { next_result() })
    assert.equal(2, server:stats().requests)
  end)
end)

describe("cancel", function()
  it("drops a call that is under way, waiting, or over, and no other", function()
    start { max_in_flight = 1 }
    hold()
    local running, waiting, last = session:start(RELEASE, token, ONE), session:start(RELEASE, token, ONE),
      session:start(RELEASE, token, { skillId = 7, userAccounts = { "a" } })
    step_until_held(1)
    assert.is_true(session:cancel(waiting))
    assert.is_true(session:cancel(running))
    assert.is_false(session:cancel(running))
    assert.is_false(session:cancel(99))
    assert.is_false(session:cancel(0))
    assert.is_false(session:cancel(-1))
    assert.is_true(server:wait_for { requests = 2 })
    server:clear()
    assert.same({ last, SUCCESS }, { next_result() })
    assert.equal(7, tonumber(server:requests()[1].body:match '"skillId":(%d+)'))
    local over = session:start(RELEASE, token, ONE)
    while session:step(1) > 0 do end
    assert.is_true(session:cancel(over))
    assert.is_nil(session:result())
  end)
end)

describe("close", function()
  it("gives up what is under way; then every call says so", function()
    start { max_in_flight = 2 }
    hold()
    local tickets = {}
    for i = 1, 4 do tickets[i] = session:start(RELEASE, token, ONE) end
    step_until_held(2)
    session:close()
    session:close()
    assert.equal("aicc.session (closed)", tostring(session))
    assert.same({ 0, false }, { session:step(1) })
    assert.is_false(session:cancel(tickets[1]))
    for i, outcome in ipairs { "unknown", "unknown", "not_sent", "not_sent" } do -- two were on the wire, two in the queue
      local ticket, result, err = session:result()
      assert.same({ tickets[i], nil, "closed", outcome }, { ticket, result, err.kind, err.outcome })
    end
    assert.equal(0, select("#", session:result()))
    for _, outcome in ipairs {
      { session:release_agent_by_skill(token, ONE) }, { session:start(RELEASE, token, ONE) },
      { session:token { app_key = "sandbox-key", app_secret = "sandbox-secret" } },
    } do
      assert.same({ nil, "closed", "not_sent", false }, { outcome[1], outcome[2].kind, outcome[2].outcome, outcome[2].retryable })
    end
  end)

  it("comes with the end of a block, where Lua has it, of its connections too", function()
    local chunk = (loadstring or load)([[
      local core, base_url = ...
      local scoped <close> = assert(core.session { base_url = base_url })
      assert(tostring(scoped):find(base_url, 1, true))
      assert(scoped:token { app_key = "sandbox-key", app_secret = "sandbox-secret" })
      return scoped
    ]])
    if not chunk then return end
    local kept = chunk(core, server.base_url)
    assert.equal("closed", select(2, kept:token { app_key = "sandbox-key", app_secret = "sandbox-secret" }).kind)
  end)

  it("is the collector's too, in whatever state and order sessions are", function()
    for round = 1, 4 do
      local sessions = {} -- luacheck: ignore
      for n = 1, 8 do
        local one = assert(core.session { base_url = server.base_url, app_key = "sandbox-key", max_in_flight = 2 })
        if n > 1 then assert(one:token { app_key = "sandbox-key", app_secret = "sandbox-secret" }) end
        if n > 2 then for _ = 1, n do one:start(RELEASE, "unknown", ONE) end end -- some ended, some running, some waiting
        if n > 4 then one:step(0.01) end
        if n > 6 then one:result() end
        if n == 8 then one:close() end
        assert.is_nil(core.session { base_url = server.base_url, ca_file = "/nowhere" })                       -- half made
        local half = { base_url = server.base_url, app_key = "app-key", timeout = "soon" } -- less than half
        assert.is_false(pcall(core.session, half))
        sessions[n] = one
      end
      if round > 2 then server:stop() end
      for n = 1, 8 do
        sessions[round % 2 == 0 and n or 9 - n] = nil
        collectgarbage()
      end
      if round > 2 then server = assert(sandbox.start()) end
    end
  end)

  it("may come from a finalizer, in the middle of a call", function()
    local pause, multiplier = collector.tune(0, 1000)
    local answered, refused = 0, 0
    for n = 1, 60 do
      local one = assert(core.session { base_url = server.base_url })
      setmetatable({}, { __gc = function() one:close() end })
      for _ = 1, n do tostring {} end -- so that the collector comes at another place each time
      local result, err = one:start(RELEASE, "t" .. n, { skillId = 3, userAccounts = { "a" .. n } })
      if result then result, err = one:release_agent_by_skill("t" .. n, { skillId = 3, userAccounts = { "a" .. n } }) end
      assert.is_nil(result)
      if err.kind == "closed" then refused = refused + 1 else answered = answered + 1 end
      if err.kind ~= "closed" then assert.equal(401, err.status) end
    end
    collector.tune(pause, multiplier)
    assert.equal(60, answered + refused)
  end)

  it("is clean when the interpreter ends with everything open", function()
    for _, order in ipairs { "s, c = server, session", "c, s = session, server" } do
      local process = processes.lua([[
        local core, sandbox = require "aicc.curl", require "aicc.sandbox"
        local server = sandbox.start { tls = true }
        server:fault { operation = "release_agent_by_skill", hold = true, to = math.huge }
        local session = core.session { base_url = server.base_url, ca_file = server.ca_file, max_in_flight = 2 }
        assert(session:token { app_key = "sandbox-key", app_secret = "sandbox-secret" })
        for _ = 1, 5 do session:start("release_agent_by_skill", "t", { skillId = 3, userAccounts = { "a" } }) end
        session:step(0.01)
        ]] .. order .. [[ os.exit(0, true)]])
      assert.same({ 0, "" }, { process:wait() })
    end
  end)
end)
