-- What a call came to whose answer was lost: listings, what they prove, and what is sent again.

local aicc = require "aicc"
local errors = require "aicc.error"
local aicc_pages = require "aicc.pages"
local scene = require "spec.support.scene"
local settle = require "aicc.settle"

local RELEASE = "release_agent_by_skill"

---- listings, from pages as data

-- The names from first to last: "a001", "a002", ...
local function names(first, last)
  local list = {}
  for n = first, last do list[#list + 1] = ("a%03d"):format(n) end
  return list
end

-- Lists from pages that are given one after the other, whatever number is asked for; returns the number of agents, or the error's
-- kind and outcome, and the pages' numbers.
local function list(pages, as_proof)
  local asked = {}
  local agents, err = aicc_pages.listing(function(number)
    asked[#asked + 1] = number
    local page = table.remove(pages, 1)
    if page.kind then return nil, errors.new(page) end
    return page
  end, as_proof)
  return agents and #agents or err.kind .. " " .. err.outcome, table.concat(asked, " ")
end

local function page(first, last, count) return scene.page(names(first, last), count) end

describe("a listing", function()
  it("is complete when every page gave the same count and as many are there", function()
    assert.same({ 0, "0" }, { list { page(1, 0) } })
    assert.same({ 3, "0" }, { list { page(1, 3) } })
    assert.same({ 99, "0" }, { list { page(1, 99) } })
    assert.same({ 100, "0 1" }, { list { page(1, 100), page(1, 0, 100) } })
    assert.same({ 101, "0 1" }, { list { page(1, 100, 101), page(101, 101, 101) } })
    assert.same({ 250, "0 1 2" }, { list { page(1, 100, 250), page(101, 200, 250), page(201, 250, 250) } })
  end)

  it("goes on after a full page, whatever was counted: it may be the page that was", function()
    assert.same({ 250, "0 1 2 0 1 2" }, { list({
      page(1, 100), page(101, 200, 100), page(201, 250, 50), page(1, 100), page(101, 200, 100), page(201, 250, 50) }, true) })
    assert.same({ 200, "0 1 2 0 1 2" }, { list({
      page(1, 100), page(101, 200, 100), page(1, 0), page(1, 100), page(101, 200, 100), page(1, 0) }, true) })
  end)

  it("goes on where a server gives less on a page than it was asked for", function()
    assert.same({ 120, "0 1 2" }, { list { page(1, 50, 120), page(51, 100, 120), page(101, 120, 120) } })
  end)

  it("is read again when the count changed between two pages", function()
    assert.same({ 149, "0 1 0 1" }, {
      list { page(1, 100, 150), page(102, 150, 149), page(2, 101, 149), page(102, 150, 149) },
    })
  end)

  it("is read again when somebody is missing though the count is the same", function()
    -- One was unbound and another bound: the page shifted by one and shifted back.
    assert.same({ 150, "0 1 2 0 1" }, {
      list { page(1, 100, 150), page(102, 150, 150), page(1, 0, 150), page(1, 100, 150), page(101, 150, 150) },
    })
  end)

  it("is read again when somebody is on two pages", function()
    assert.same({ 150, "0 1 0 1" }, {
      list { page(1, 100, 150), page(100, 149, 150), page(1, 100, 150), page(101, 150, 150) },
    })
  end)

  it("counts when two in a row are the same set, whatever the count says", function()
    assert.same({ 3, "0 1 0 1" }, { list { page(1, 3, 120), page(1, 0, 120), page(1, 3, 120), page(1, 0, 120) } })
    assert.same({ 3, "0 1 0 1 0 1" }, {
      list { page(1, 2, 5), page(1, 0, 5), page(1, 3, 5), page(1, 0, 5), page(1, 3, 5), page(1, 0, 5) },
    })
  end)

  it("is impossible after three different ones", function()
    for _, last in ipairs { 4, 2 } do
      assert.same({ "protocol unknown", "0 1 0 1 0 1" }, {
        list { page(1, 2, 5), page(1, 0, 5), page(1, 3, 5), page(1, 0, 5), page(1, last, 5), page(1, 0, 5) },
      })
    end
  end)

  it("is a proof on one page, or twice the same set and not fewer than were counted", function()
    assert.same({ 0, "0" }, { list({ page(1, 0) }, true) })
    assert.same({ 99, "0" }, { list({ page(1, 99) }, true) })
    assert.same({ 100, "0 1" }, { list({ page(1, 100), page(1, 0, 100) }, true) })
    -- One was unbound and another bound between the pages: a101 is on neither, and nothing else shows it.
    local first, second = page(1, 100, 150), scene.page(names(102, 151), 150)
    assert.same({ 150, "0 1" }, { list { first, second } })
    assert.same({ 150, "0 1 0 1 0 1" }, {
      list({ first, second, page(2, 101, 150), page(102, 151, 150), page(2, 101, 150), page(102, 151, 150) }, true),
    })
    -- One of those who are not shown is counted with the first page only.
    assert.same({ "protocol unknown", "0 1 0 1 0 1" }, {
      list({ page(1, 8, 9), page(1, 0, 9), page(1, 8, 9), page(1, 0, 8), page(1, 8, 9), page(1, 0, 8) }, true),
    })
    for _, short in ipairs { page(1, 0, 3), page(1, 2, 3) } do
      local nobody = page(1, 0, 3)
      local pages = #short.data == 0 and { short, short, short } or { short, nobody, short, nobody, short, nobody }
      assert.equal("protocol unknown", (list(pages, true)))
    end
  end)

  it("is none where the server shows the same page again, whatever number was asked for", function()
    for _, count in ipairs { 250, 100 } do -- what is counted may be the page
      for _, as_proof in ipairs { false, true } do
        local same = {}
        for n = 1, 6 do same[n] = page(1, 100, count) end
        assert.same({ "protocol unknown", "0 1 0 1 0 1" }, { list(same, as_proof) })
      end
    end
  end)

  describe("asked for as a proof where one is needed", function()
    -- As `list`, with a function; returns also what is known, and what the function was told.
    local function try(pages, is_needed)
      local told = {}
      local agents, err, known = aicc_pages.listing(function() return table.remove(pages, 1) end, function(found, agreed)
        told[#told + 1] = #found .. (agreed and " agreed" or "")
        return is_needed
      end)
      return agents and #agents or err.kind, known and known.is_proof, known and known.agreed, table.concat(told, ", "), #pages
    end

    local function shifted() return scene.page(names(102, 151), 150) end

    it("asks of several pages only, and reads no more than is needed", function()
      assert.same({ 3, true, false, "", 1 }, { try({ page(1, 3), page(1, 3) }, true) })
      assert.same({ 150, false, false, "150", 2 },
        { try({ page(1, 100, 150), shifted(), page(1, 100, 150), page(101, 150, 150) }, false) })
      assert.same({ 150, true, true, "150", 0 },
        { try({ page(1, 100, 150), page(101, 150, 150), page(1, 100, 150), page(101, 150, 150) }, true) })
    end)

    it("gives the last complete listing where none is a proof, and says so", function()
      assert.same({ 150, false, false, "150, 150, 150", 0 }, { try({
        page(1, 100, 150), shifted(), page(1, 100, 150), page(101, 150, 150), page(1, 100, 150), shifted() }, true) })
      -- The server counts five and shows three.
      local short = {}
      for n = 1, 6 do short[n] = n % 2 == 1 and page(1, 3, 5) or page(1, 0, 5) end
      assert.same({ 3, false, true, "3 agreed, 3 agreed", 0 }, { try(short, true) })
      -- It shows the first page only.
      local same = {}
      for n = 1, 6 do same[n] = page(1, 100, 250) end
      assert.same({ 100, false, true, "100 agreed, 100 agreed", 0 }, { try(same, false) })
    end)
  end)

  it("ends at an empty page, and with the first error", function()
    assert.same({ 6, "0 1 2 0 1 2" }, {
      list { page(1, 3, 500), page(4, 6, 500), page(1, 0, 500), page(1, 3, 500), page(4, 6, 500), page(1, 0, 500) },
    })
    assert.same({ "server unknown", "0 1" }, { list { page(1, 100, 150), { kind = "server", outcome = "unknown" } } })
  end)

  it("tells agents without an account apart by their number", function()
    assert.same({ 4, "0" }, { list { scene.page { { workNo = 1 }, { workNo = 2 }, "a", { workNo = 4 } } } })
  end)

  it("in which nobody has an account is not understood, however many pages it has", function()
    local first, second = {}, { "a" }
    for n = 1, 100 do first[n] = { workNo = n } end
    assert.same({ "protocol unknown", "0" }, { list { scene.page { { workNo = 1 } } } })
    assert.same({ "protocol unknown", "0 1" }, { list({ scene.page(first), page(1, 0, 100) }, true) })
    assert.same({ 101, "0 1" }, { list { scene.page(first, 101), scene.page(second, 101) } })
    assert.same({ "protocol unknown", "0 1" }, { list { scene.page(first, 101), scene.page({ { workNo = 101 } }, 101) } })
  end)
end)

---- what is left over

local function left(request, ...)
  local listings_left = { ... }
  local function one_more() return table.remove(listings_left, 1) end
  local agents = one_more()
  if not agents.kind and settle.is_to_be_seen_twice(request, agents) then agents = one_more() end
  if agents.kind then return agents, #listings_left end
  return table.concat(settle.left_over(request, scene.page(agents).data), " "), #listings_left
end

local function release(...) return { operation = RELEASE, arguments = { userAccounts = { ... } } } end

it("absent from a queue means: in no spelling", function()
  assert.equal("", (left(release("a", "b"), { "c" })))
  assert.equal("b", (left(release("a", "b"), { "c", "b" })))
  assert.equal("Agent", (left(release("Agent"), { "aGENT" })))
  assert.equal("", (left(release("\195\132"), { "\195\164" }))) -- only ASCII has two cases here
  assert.equal("7", (left(release("7"), { { workNo = 7 } })))
  assert.same({ kind = "x" }, (left(release("a"), { kind = "x" })))
end)

it("everybody is gone when two listings are empty", function()
  local everybody = { operation = RELEASE, everybody = true, arguments = { userAccounts = aicc.ALL } }
  assert.same({ "", 0 }, { left(everybody, {}, {}) })
  assert.same({ "a", 0 }, { left(everybody, {}, { "a" }) })
  assert.same({ "a b", 1 }, { left(everybody, { "a", "b" }, {}) })
  assert.same({ { kind = "x" }, 0 }, { left(everybody, {}, { kind = "x" }) })
end)

it("bound means: that very name, with those weights", function()
  local bind = { operation = "bind_agents", arguments = { userAccounts = { "a", "b" }, agentWeight = 2, skillWeight = 3 } }
  local function agent(account, agent_weight, skill_weight)
    return { userAccount = account, agentWeight = agent_weight, skillWeight = skill_weight }
  end
  assert.equal("", (left(bind, { agent("b", 2, 3), agent("a", 2, 3), agent("c", 1, 1) })))
  assert.equal("b", (left(bind, { agent("a", 2, 3), agent("b", 1, 3) })))
  assert.equal("b", (left(bind, { agent("a", 2, 3), agent("b", 2, 1) })))
  assert.equal("a b", (left(bind, { agent("A", 2, 3) })))
  assert.equal("a b", (left(bind, {})))
end)

---- the call

-- A client against a queue that a script plays: `answers` says for each release what is really released and what is told.
local function play(bound, answers, options)
  local time, sent = scene.standing(), {}
  local client = scene.client(time, function(request)
    if request.operation == "query_agents" then
      if answers.query then return answers.query() end
      return scene.page(bound)
    end
    local accounts = request.arguments.userAccounts
    sent[#sent + 1] = accounts == aicc.ALL and "ALL" or table.concat(accounts, " ")
    local answer = answers[#sent] or answers.default
    for n = #bound, 1, -1 do
      if (answer.releases or ""):find(bound[n], 1, true) then table.remove(bound, n) end
    end
    if answer.lost then return nil, scene.lost(RELEASE) end
    return scene.reply(RELEASE, answer.status or 200, answer.body or scene.SUCCESS)
  end, options)
  return client, sent, time
end

local LOST = { lost = true }
local REFUSED = { status = 500, body = '{"resultCode":"1","resultMessage":"not bound"}' }
local UNREADABLE = { body = "<html>" }

it("what is still bound is sent again, and nothing else", function()
  local client, sent, time = play({ "1", "2", "3", "9" }, {
    { body = "<html>", releases = "1" }, { body = "<html>", releases = "2" }, default = { releases = "3" },
  })
  local result = assert(client:release_agent_by_skill(3, { "1", "2", "3" }))
  assert.same({ "1 2 3", "2 3", "3" }, sent)
  assert.same({ "applied", 3, "0.2 0.4" }, { result.outcome, result.attempts, scene.waits(time) })
end)

it("a refusal after a lost answer is looked into", function()
  -- The lost one had released 1, and now the whole list is refused because 1 is not bound.
  local client, sent = play({ "1", "2" }, { { lost = true, releases = "1" }, REFUSED, { releases = "2" } })
  assert.equal("applied", assert(client:release_agent_by_skill(3, { "1", "2" })).outcome)
  assert.same({ "1 2", "1 2", "2" }, sent)
end)

it("what was refused as it is is not sent again", function()
  local client, sent = play({ "1", "2" }, { LOST, REFUSED })
  local _, err = client:release_agent_by_skill(3, { "1", "2" })
  assert.same({ "1 2", "1 2" }, sent)
  assert.same({ "business", "unknown", { "1", "2" }, 2 }, { err.kind, err.outcome, err.still_bound, err.attempts })
  assert.truthy(err.message:find("not done so far for 2 accounts", 1, true))
end)

it("a refusal with nothing lost before it is final, and nobody asks", function()
  local client, sent = play({ "1" }, { REFUSED, query = function() error "asked" end })
  local _, err = client:release_agent_by_skill(3, { "1" })
  assert.same({ { "1" }, "rejected" }, { sent, err.outcome })
  assert.is_nil(err.still_bound)
end)

it("sending again ends with the attempts", function()
  local client, sent = play({ "1", "2" }, { default = UNREADABLE })
  local _, err = client:release_agent_by_skill(3, { "1" })
  assert.same({ 4, "protocol", "unknown", { "1" } }, { #sent, err.kind, err.outcome, err.still_bound })
  sent[1] = nil
  client, sent = play({ "1" }, { default = UNREADABLE }, { retry = false })
  _, err = client:release_agent_by_skill(3, { "1" })
  assert.same({ 1, "unknown" }, { #sent, err.outcome })
end)

it("sending again is paid for like any retry", function()
  local client, sent = play({ "1" }, { default = UNREADABLE }, { retry = { budget = 15 } })
  client:release_agent_by_skill(3, { "1" })
  assert.equal(2, #sent)
end)

it("ALL is not sent again after a lost answer, and success takes two empty listings", function()
  local client, sent = play({ "1", "2" }, { { lost = true, releases = "1" } })
  local _, err = client:release_agent_by_skill(3, aicc.ALL)
  assert.same({ { "ALL" }, "timeout", "unknown", { "2" } }, { sent, err.kind, err.outcome, err.still_bound })

  client, sent = play({ "1" }, { { lost = true, releases = "1" } })
  local result = assert(client:release_agent_by_skill(3, aicc.ALL))
  assert.same({ { "ALL" }, "applied_earlier", 1 }, { sent, result.outcome, result.attempts })

  local listings = { {}, { "5" } }
  client, sent = play({}, { LOST, query = function() return scene.page(table.remove(listings, 1)) end })
  _, err = client:release_agent_by_skill(3, aicc.ALL)
  assert.same({ { "ALL" }, "unknown", { "5" } }, { sent, err.outcome, err.still_bound })
end)

it("ALL is sent again after a refusal that says so, until an answer is lost", function()
  local client, sent = play({ "1" }, { { status = 429, body = "" }, LOST })
  local _, err = client:release_agent_by_skill(3, aicc.ALL)
  assert.same({ { "ALL", "ALL" }, "unknown" }, { sent, err.outcome })
end)

it("a listing that cannot be had leaves it unknown, and says so", function()
  local client = play({ "1" }, { LOST, query = function() return scene.reply("query_agents", 403, "<html>") end })
  local _, err = client:release_agent_by_skill(3, { "1" }, { retry = false })
  assert.same({ "timeout", "unknown" }, { err.kind, err.outcome })
  assert.truthy(err.message:find("cannot be told: HTTP 403", 1, true))
  assert.is_nil(err.still_bound)
end)

it("what settling finds is told as an event", function()
  local events = {}
  local client = play({ "1", "2" }, { LOST, LOST }, { retry = { attempts = 2 }, on_event = function(event)
    if event.type == "settle" then events[#events + 1] = ("%s %s"):format(event.operation, event.left) end
  end })
  client:release_agent_by_skill(3, { "1", "2", "3" })
  assert.same({ RELEASE .. " 2" }, events)
end)

it("a queue that shifts unseen, or contradicts itself, proves nothing", function()
  for _, accounts in ipairs { { "a101" }, aicc.ALL } do
    for name, query in pairs {
      ["a shift"] = function(number)
        return number == 0 and scene.page(names(1, 100), 150) or scene.page(names(102, 151), 150)
      end,
      ["a contradiction"] = function() return scene.page({}, 3) end,
    } do
      local client = scene.client(scene.standing(), function(request)
        if request.operation == "query_agents" then
          -- Each reading is a little different from the one before.
          local reply = query(request.arguments.pageNum)
          if reply.data[1] then reply.data[1].userAccount = tostring(reply) end
          return reply
        end
        return nil, scene.lost(RELEASE)
      end, { retry = { attempts = 1 } })
      local result, err = client:release_agent_by_skill(3, accounts)
      assert.is_nil(result, name)
      assert.equal("unknown", err.outcome)
      assert.matches("cannot be told", err.message)
    end
  end
end)

it("an interruption while it is looked into is told as one", function()
  local client = play({ "1" }, { default = LOST, query = function()
    return nil, errors.new { kind = "aborted", operation = "query_agents", message = "interrupted" }
  end }, { retry = { attempts = 1 } })
  local _, err = client:release_agent_by_skill(3, { "1" })
  assert.same({ "aborted", RELEASE, "unknown" }, { err.kind, err.operation, err.outcome })
end)

it("what turns out to be done refunds what its retries cost", function()
  local client, sent = play({}, { default = LOST })
  for _ = 1, 10 do assert.equal("applied_earlier", assert(client:release_agent_by_skill(3, { "1" })).outcome) end
  assert.equal(40, #sent)
end)
