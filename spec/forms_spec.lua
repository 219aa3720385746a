-- The two forms of a listing's request: which one is used, and what an empty listing proves in either.

local aicc = require "aicc"
local core = require "aicc.core"
local errors = require "aicc.error"
local forms = require "aicc.forms"
local loop = require "aicc.loop"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"
local support = require "spec.support.jobs"

local ALWAYS = math.huge
local RELEASE, QUERY = "release_agent_by_skill", "query_agents"

---- the rule, as a table

local function refusal(kind) return errors.new { kind = kind, operation = QUERY, message = kind .. "!", outcome = "rejected" } end

-- An answer by its name: agents' names, or "empty", "empty of 5", or the kind of an error.
local function answer(word)
  if word == "empty" then return scene.page {} end
  if word:find "^empty of" then return scene.page({}, tonumber(word:match "%d+")) end
  if word:find "^a%d" then return scene.page { word } end
  if word == "nameless" then return scene.page { { workNo = 1 } } end
  return nil, refusal(word)
end

-- Lists once with what is known, from a server that gives these answers (`nowhere`: to a request without a queue). Returns what
-- came, the forms that were asked in, the form for the other pages, and the error if there is one.
local function first(known, flat, wrapped, nowhere)
  local asked, answers = {}, { flat = flat, wrapped = wrapped }
  local reply, err, form = known:first(function(in_form)
    asked[#asked + 1] = in_form
    return answer(answers[in_form] or nowhere or "bad_request")
  end)
  local told = err and err.kind
  if reply then
    told = #reply.data == 0 and "empty of " .. reply.count or reply.data[1].userAccount or "nameless"
  end
  return told, table.concat(asked, " "), form, err
end

describe("the first page", function()
  -- { flat, wrapped, what comes of it, the forms that were asked in, the answer to a request without a queue }
  for _, row in ipairs {
    { "a1", "never", "a1", "flat" }, { "nameless", "never", "nameless", "flat" },
    { "bad_request", "a1", "a1", "flat wrapped" }, { "business", "a1", "a1", "flat wrapped" },
    { "empty", "a1", "a1", "flat wrapped" }, { "empty", "nameless", "nameless", "flat wrapped" },
    { "empty", "empty", "empty of 0", "flat wrapped" },
    { "bad_request", "bad_request", "bad_request", "flat wrapped" }, { "business", "business", "business", "flat wrapped" },
    { "business", "bad_request", "business", "flat wrapped" }, { "bad_request", "business", "business", "flat wrapped" },
    -- Somebody is counted whom nobody sees: no proof of anything.
    { "empty", "empty of 5", "empty of 5", "flat wrapped" }, { "empty of 5", "empty", "empty of 5", "flat wrapped" },
    -- What fails in another way says nothing of the form.
    { "server", "never", "server", "flat" }, { "protocol", "never", "protocol", "flat" },
    { "throttled", "never", "throttled", "flat" },
    { "empty", "server", "server", "flat wrapped" }, { "empty", "timeout", "timeout", "flat wrapped" },
    { "business", "network", "network", "flat wrapped" }, { "empty", "protocol", "protocol", "flat wrapped" },
    { "empty", "aborted", "aborted", "flat wrapped" }, { "empty", "forbidden", "forbidden", "flat wrapped" },
    { "empty", "bad_request", "empty of 0", "flat wrapped" }, { "bad_request", "empty", "empty of 0", "flat wrapped" },
    -- Nobody in one form, a business failure in the other: the queue is empty if the server tells the one from nonsense.
    { "empty", "business", "empty of 0", "flat wrapped flat_nowhere", "business" },
    { "business", "empty", "empty of 0", "flat wrapped wrapped_nowhere", "business" },
    { "business", "empty", "empty of 0", "flat wrapped wrapped_nowhere", "a1" },
    { "business", "empty of 5", "empty of 5", "flat wrapped wrapped_nowhere", "business" },
    -- Else what was refused was the form that it knows, and the refusal is all that is known of the queue.
    { "business", "empty", "business", "flat wrapped wrapped_nowhere", "empty" },
    { "empty", "business", "business", "flat wrapped flat_nowhere", "empty" },
    { "business", "empty", "server", "flat wrapped wrapped_nowhere", "server" },
    { "empty", "business", "aborted", "flat wrapped flat_nowhere", "aborted" },
  } do
    it(("is %s: flat %s, wrapped %s, neither %s"):format(row[3], row[1], row[2], row[5] or "not asked for"), function()
      local told, asked = first(forms.new "auto", row[1], row[2], row[5])
      assert.same({ row[3], row[4] }, { told, asked })
    end)
  end

  it("believes what another call has found out meanwhile", function()
    for _, flat in ipairs { "business", "empty" } do
      local known = forms.new "auto"
      local reply, err = known:first(function(in_form)
        if in_form == "flat" then return answer(flat) end
        first(known, "a1", "never")
        return answer "empty"
      end)
      assert.equal(flat, err and err.kind or #reply.data == 0 and "empty")
    end
  end)

  it("names both reasons where both forms are refused", function()
    local _, _, _, err = first(forms.new "auto", "bad_request", "business")
    assert.equal("refused in both forms of the request: flat: bad_request!; in requestParam: business!", err.message)
    assert.same({ "business", "rejected" }, { err.kind, err.outcome })
    local known = forms.new "auto"
    first(known, "bad_request", "empty") -- now wrapped is asked first
    local asked
    _, asked, _, err = first(known, "business", "bad_request")
    assert.equal("wrapped flat", asked)
    assert.equal("refused in both forms of the request: flat: business!; in requestParam: bad_request!", err.message)
  end)

  it("comes in the form that worked before; in one that has shown somebody, nobody is nobody", function()
    local known = forms.new "auto"
    assert.same({ "empty of 0", "flat wrapped", "wrapped" }, { first(known, "bad_request", "empty") })
    assert.same({ "empty of 0", "wrapped flat", "wrapped" }, { first(known, "bad_request", "empty") })
    assert.same({ "a1", "wrapped", "wrapped" }, { first(known, "never", "a1") })
    assert.same({ "empty of 0", "wrapped", "wrapped" }, { first(known, "never", "empty") })
    for _, kind in ipairs { "business", "bad_request" } do
      local told, in_forms = first(known, "never", kind)
      assert.same({ kind, "wrapped" }, { told, in_forms })
    end
  end)

  it("confirms no form by agents without accounts", function()
    local known = forms.new "auto"
    first(known, "nameless", "never")
    assert.same({ "a1", "flat wrapped", "wrapped" }, { first(known, "empty", "a1") })
  end)

  it("comes in one form alone, if that is said", function()
    assert.same({ "empty of 0", "flat", "flat" }, { first(forms.new "flat", "empty", "never") })
    assert.same({ "empty of 0", "wrapped", "wrapped" }, { first(forms.new "wrapped", "never", "empty") })
    local told, in_forms = first(forms.new "flat", "business", "never")
    assert.same({ "business", "flat" }, { told, in_forms })
  end)
end)

---- over a real server

local server, client

local function start(shape, options, count)
  local agents = {}
  for n = 1, count or 2 do agents[n] = ("a%03d"):format(n) end
  local all = { agents = { [3] = agents } }
  for name, value in pairs(shape) do all[name] = value end
  server = assert(sandbox.start(all))
  client = assert(server:client(scene.options(scene.skipping(), options)))
end

local function stop()
  client:close()
  server:stop()
end

-- The forms in which pages were asked for, in turn: "f0 w0 w1"; "n" is a request without a queue.
local function asked()
  local words = {}
  for _, request in ipairs(server:requests()) do
    if request.operation == QUERY then
      local number = request.body:find("skillId", 1, true) and request.body:match '"pageNum":(%d+)'
      words[#words + 1] = number and (request.body:find("requestParam", 1, true) and "w" or "f") .. number or "n"
    end
  end
  return table.concat(words, " ")
end

local SERVERS = {}
for _, form in ipairs { "both", "flat", "wrapped" } do
  for _, wrong in ipairs { "400", "business", "empty" } do
    SERVERS[#SERVERS + 1] = { query_form = form, wrong_form = wrong }
  end
end

it("every kind of server shows its agents; who is not there is not, and who is there is not gone", function()
  for _, shape in ipairs(SERVERS) do
    for _, everybody in ipairs { false, true } do
      local where = ("%s, %s, %s"):format(shape.query_form, shape.wrong_form, tostring(everybody))
      start(shape)
      server:fault { operation = RELEASE, close = "request", to = ALWAYS } -- not done, and not answered
      local accounts = everybody and aicc.ALL or { "a001", "a002" }
      local result, err = client:release_agent_by_skill(3, accounts)
      assert.is_nil(result, where)
      assert.same({ "unknown", { "a001", "a002" } }, { err.outcome, err.still_bound }, where)
      stop()
      start(shape) -- nobody has been seen yet: the queue is empty once it is done
      server:fault { operation = RELEASE, close = "request", apply = true, to = ALWAYS }
      assert.equal("applied_earlier", assert(client:release_agent_by_skill(3, accounts)).outcome, where)
      stop()
      start(shape)
      assert.equal(2, #assert(client:query_agents(3)), where)
      assert.same({}, assert(client:query_agents(4)), where)
      stop()
    end
  end
end)

it("a form, once found, is for all pages, for later calls, and for every copy of the client", function()
  for _, shape in ipairs { { query_form = "wrapped" }, { query_form = "wrapped", wrong_form = "empty" } } do
    start(shape, nil, 150)
    assert.equal(150, #assert(client:query_agents(3)))
    assert.equal("f0 w0 w1", asked())
    local other = client:through(function(transport) return transport end)
    assert.same({}, assert(other:query_agents(4)))
    for agent, err in client:each_agent(3) do assert(agent, tostring(err)) end
    assert.equal("f0 w0 w1 w0 w0 w1", asked())
    stop()
  end
end)

it("each_agent finds the form too", function()
  for _, shape in ipairs(SERVERS) do
    start(shape, nil, 101)
    local seen = 0
    for agent, err in client:each_agent(3) do
      assert(agent, tostring(err))
      seen = seen + 1
    end
    assert.equal(101, seen, shape.query_form .. " " .. shape.wrong_form)
    stop()
  end
end)

it("a failure of a moment, or of a queue, is no form that is not known, though a lenient server then sees nobody", function()
  for _, times in ipairs { 1, ALWAYS } do
    start { query_form = "flat", wrong_form = "empty" }
    server:fault { operation = RELEASE, close = "request", to = ALWAYS }
    local fault = { operation = QUERY, status = 500, body = '{"resultCode":"1","resultMessage":"busy"}' }
    if times == 1 then
      server:fault(fault)
    else -- every flat request, and no other, is refused: as for a queue that one may not see
      for n = 1, 20, 3 do
        fault.from, fault.to = n, n
        server:fault(fault)
      end
    end
    local result, err = client:release_agent_by_skill(3, { "a001" })
    assert.is_nil(result)
    assert.equal("unknown", err.outcome)
    assert.equal("f0 w0 n", asked():sub(1, 7))
    assert.matches("cannot be told: resultCode 1: busy", err.message)
    stop()
  end
end)

it("what tells a lenient server from a strict one is no empty object, which either may refuse", function()
  local who = { token = "t", app_key = "app-key", base_url = "https://api.example" }
  client = scene.client(scene.standing(), function(request)
    if request.operation == RELEASE then return nil, scene.lost(RELEASE) end
    local body = core.encode(QUERY, request.arguments, who).body
    if body == "{}" then return scene.reply(QUERY, 400, '{"resultCode":"1","resultMessage":"no parameters"}') end
    -- Of this queue it can tell nothing; in what it does not know it finds no queue, and so nobody.
    if body:find '^{"skillId"' then return scene.reply(QUERY, 500, '{"resultCode":"1","resultMessage":"try later"}') end
    return scene.reply(QUERY, 200, '{"resultCode":"0","count":0,"data":[]}')
  end)
  local result, err = client:release_agent_by_skill(3, { "a001" })
  assert.same({ nil, "unknown" }, { result, err.outcome })
  assert.matches("cannot be told: resultCode 1: try later", err.message)
end)

it("a listing that fails in the other form is no empty queue", function()
  start { query_form = "wrapped", wrong_form = "empty" }
  server:fault { operation = RELEASE, close = "request", to = ALWAYS }
  server:fault { operation = QUERY, from = 2, to = ALWAYS, status = 502 }
  local result, err = client:release_agent_by_skill(3, { "a001" })
  assert.is_nil(result)
  assert.equal("unknown", err.outcome)
  assert.matches("cannot be told: HTTP 502", err.message)
  stop()
end)

it("a form that is set is the only one", function()
  for form, wrong in pairs { flat = "wrapped", wrapped = "flat" } do
    start({ query_form = form }, { query_form = form })
    assert.equal(2, #assert(client:query_agents(3)))
    assert.same({}, assert(client:query_agents(4)))
    assert.equal(form == "flat" and "f0 f0" or "w0 w0", asked())
    stop()
    start({ query_form = wrong }, { query_form = form })
    local _, err = client:query_agents(3)
    assert.same({ "bad_request", 1 }, { err.kind, err.attempts })
    stop()
  end
end)

it("calls of one loop share what any of them finds #loop", function()
  start { query_form = "wrapped", wrong_form = "empty" }
  local counts = {}
  assert.equal(2, #assert(client:query_agents(3)))
  for n = 1, 4 do
    loop.spawn(function() counts[n] = #assert(client:query_agents(n + 2)) end)
  end
  loop.run()
  assert.same({ 2, 0, 0, 0 }, counts)
  assert.equal("f0 w0 w0 w0 w0 w0", asked())
  stop()
end)

it("jobs find the form, and nobody is said not to be bound for the want of it #lua54", function()
  for _, shape in ipairs {
    { query_form = "wrapped", wrong_form = "empty" }, { query_form = "flat", wrong_form = "empty" },
    { query_form = "wrapped", wrong_form = "business", account_field = "accountCode", schema = "all", numbers = "string" },
  } do
    local all = { agents = { [3] = support.agents(120), [4] = support.agents(2) } }
    for name, value in pairs(shape) do all[name] = value end
    local api, store = support.sandbox(all), support.store()
    local planning = assert(api:client())
    local rows = support.range(4, 1, 2, support.range(5, 1, 1, support.range(3, 1, 60)))
    local job = support.plan(store, planning, rows)
    planning:close()
    local fresh = assert(api:client()) -- the command's runs are processes of their own
    local summary = assert(job:apply { client = fresh, rate = 0, force = true })
    assert.same({ "finished", 62, 1 }, { summary.state, summary.counts.released, summary.counts.not_bound })
    api:bind(3, { { userAccount = "a1", agentWeight = 9, skillWeight = 9 } }) -- by somebody else, meanwhile
    local third = assert(api:client())
    local undone = assert(job:undo { client = third, rate = 0, force = true })
    assert.same({ "undone", 61, 1 }, { undone.state, undone.undo.restored, undone.undo.skipped })
    assert.same({ 120, "9/9" }, { #api:accounts(3), support.weights(api, 3).a1 })
    fresh:close()
    third:close()
    store:close()
    support.clean()
  end
end)

---- how sure costs how much

it("5,000 agents are listed, and a release whose answer is lost is known to be done, in 2 x pages + 2 requests", function()
  start({}, { retry = false }, 5000)
  server:fault { operation = RELEASE, close = "request", apply = true }
  assert.equal("applied_earlier", assert(client:release_agent_by_skill(3, { "a2500" })).outcome)
  local pages, requests = 50, #server:requests()
  io.stdout:write(("\n%d pages: a release whose answer was lost is known to be done after %d requests\n"):format(pages, requests))
  assert.is_true(requests <= 2 * pages + 2, requests .. " requests")
  assert.equal(4999, #server:accounts(3))
  stop()
end)
