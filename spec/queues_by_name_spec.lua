-- The tenant's queues by name, as a client reads them through a real server: pages, names, and where it is not allowed.

local loop = require "aicc.loop"
local sandbox = require "aicc.sandbox"
local scene = require "spec.support.scene"

local server, client, time

local function start(options, more)
  time = scene.skipping()
  server = assert(sandbox.start(options))
  client = assert(server:client(scene.options(time, more)))
end

after_each(function()
  client:close()
  server:stop()
end)

local function bodies(operation) return scene.bodies(server, operation) end

local function named(count)
  local queues = {}
  for n = 1, count do queues[n] = ("queue %03d"):format(n) end
  return queues
end

local function ids_of(queues)
  local ids = {}
  for n, queue in ipairs(queues) do ids[n] = queue.skillId end
  return ids
end

local function upto(count)
  local ids = {}
  for n = 1, count do ids[n] = n end
  return ids
end

describe("query_skills", function()
  it("has every queue, page by page, with what is documented of it", function()
    start { queues = named(250), agents = { [251] = { "1001" } } }
    local queues = assert(client:query_skills())
    assert.same(upto(251), ids_of(queues))
    assert.same({ skillId = 2, name = "queue 002", description = "", mediaTypeId = 5 }, queues[2])
    assert.equal('{"limit":"100","offset":"0"} {"limit":"100","offset":"100"} {"limit":"100","offset":"200"}',
      bodies "query_skills")
    assert.matches("^251 queues: 1 queue 001, 2 queue 002, ", tostring(queues))
  end)

  it("reads every shape", function()
    for _, shape in ipairs {
      { schema = "all" }, { numbers = "string" }, { query_form = "flat" }, { query_form = "wrapped" },
      { query_form = "wrapped", wrong_form = "business" }, { query_form = "wrapped", wrong_form = "empty" },
    } do
      shape.queues = named(101)
      start(shape)
      assert.same(upto(101), ids_of(assert(client:query_skills())))
      client:close()
      server:stop()
    end
    start {}
    assert.same({}, assert(client:query_skills()))
  end)

  it("finds by name and by number, in as many requests as it takes", function()
    start { queues = named(250) }
    assert.same({ 7 }, ids_of(assert(client:query_skills { name = "e 007" })))
    local ids = {}
    for n = 1, 201 do ids[n] = 300 - n end
    ids[202] = 299
    local queues = assert(client:query_skills { ids = ids })
    assert.equal(152, #queues) -- 250 down to 99
    local _, requests = bodies("query_skills"):gsub("skillIds", "")
    assert.equal(4, requests) -- a page that is full may go on
    server:clear()
    assert.same({ 3 }, ids_of(assert(client:query_skills { ids = { 3, 999, 3 } })))
    assert.equal('{"limit":"100","offset":"0","skillIds":["3","999"]}', bodies "query_skills")
  end)

  it("is not what two readings agree on, where the API counts more queues than it shows", function()
    start { queues = named(230) }
    server:fault { operation = "query_skills", from = 2, to = math.huge, body = '{"returnCode":"0","total":230,"data":[]}' }
    local queues, err = client:query_skills()
    assert.same({ nil, "protocol" }, { queues, err.kind })
    server:clear()
    server:fault { operation = "query_skills", to = 2, body = '{"returnCode":"0","total":230,"data":[{"skillId":3}]}' }
    assert.same({ 3 }, ids_of(assert(client:query_skills { ids = { 3 } }))) -- the total may be of all
  end)

  it("keeps to the numbers that were asked for, where the server does not listen", function()
    start { queues = named(3) }
    server:fault { operation = "query_skills",
      body = '{"returnCode":"0","total":3,"data":[{"skillId":1},{"skillId":2},{"skillId":3}]}', to = 9 }
    assert.same({ 2 }, ids_of(assert(client:query_skills { ids = { 2, 5 } })))
    local seen = {}
    for queue in client:each_skill { ids = { 2, 5 } } do seen[#seen + 1] = queue.skillId end
    assert.same({ 2 }, seen)
  end)

  it("an empty list of numbers is not every queue", function()
    start { queues = named(3) }
    for _, filter in ipairs { { ids = {} }, { ids = { 3, "4" } }, { ids = { 0 } }, { ids = { [2] = 3 } }, { ids = { x = 1 } },
      { name = "" }, { name = ("x"):rep(101) } } do
      local queues, err = client:query_skills(filter)
      assert.is_nil(queues)
      assert.same({ "argument", "not_sent", "query_skills" }, { err.kind, err.outcome, err.operation })
      local queue, problem = client:each_skill(filter)()
      assert.same({ false, "argument" }, { queue, problem.kind })
    end
    for _, wrong in ipairs { 3, { ids = 3 }, { name = 3 }, { nmae = "x" } } do
      local ok, message = pcall(function() client:query_skills(wrong) end)
      assert.is_false(ok)
      assert.matches("^spec/queues_by_name_spec.lua:%d+: ", message)
    end
    assert.equal(0, #server:requests())
  end)

  it("is read again when it changes, and is an error when it never holds still", function()
    local pages, made = nil, 1000
    local function listen(event)
      if event.type ~= "attempt" or event.operation ~= "query_skills" then return end
      pages = pages + 1
      if pages > client.changes then return end
      made = made + 1
      server:bind(made, { "1001" })
    end
    pages = 0
    start({ queues = named(150) }, { on_event = listen })
    client.changes = 1
    assert.equal(151, #assert(client:query_skills()))
    assert.equal(4, pages)
    pages, client.changes = 0, 9
    local queues, err = client:query_skills()
    assert.is_nil(queues)
    assert.same({ "protocol", "unknown", "query_skills" }, { err.kind, err.outcome, err.operation })
    assert.matches("the list of queues changed", err.message)
    pages, client.changes = 0, 1
    local last
    for queue, problem in client:each_skill() do if not queue then last = problem end end
    assert.equal("protocol", last.kind)
  end)

  it("is an error where the server shows the first page for ever", function()
    start {}
    local page = {}
    for n = 1, 100 do page[n] = ('{"skillId":%d}'):format(n) end
    server:fault { operation = "query_skills", to = 99,
      body = ('{"returnCode":"0","total":150,"data":[%s]}'):format(table.concat(page, ",")) }
    local queues, err = client:query_skills()
    assert.is_nil(queues)
    assert.same({ "protocol", "unknown" }, { err.kind, err.outcome })
  end)

  it("goes on after a page with fewer than were asked for", function()
    start {}
    local function reply(from, to)
      local page = {}
      for n = from, to do page[#page + 1] = ('{"skillId":%d}'):format(n) end
      return ('{"returnCode":"0","total":30,"data":[%s]}'):format(table.concat(page, ","))
    end
    for n = 1, 3 do
      server:fault { operation = "query_skills", from = n, to = n, body = reply(n * 10 - 9, n * 10) }
    end
    assert.same(upto(30), ids_of(assert(client:query_skills())))
    assert.equal('{"limit":"100","offset":"0"} {"limit":"100","offset":"10"} {"limit":"100","offset":"20"}',
      bodies "query_skills")
  end)

  it("asks once more after a 500, and says where it is not allowed", function()
    start { queues = named(2) }
    server:fault { operation = "query_skills", status = 500, body = '{"returnCode":"1","description":"exception"}' }
    assert.equal(2, #assert(client:query_skills()))
    server:fault { operation = "query_skills", status = 500, body = '{"returnCode":"1"}', from = 1, to = 2 }
    local _, err = client:query_skills()
    assert.same({ "server", "unknown", 2 }, { err.kind, err.outcome, err.attempts })
    for status, kind in pairs { [403] = "blocked", [404] = "not_found" } do
      server:clear()
      server:fault { operation = "query_skills", status = status }
      _, err = client:query_skills()
      assert.same({ kind, "rejected", 1 }, { err.kind, err.outcome, err.attempts })
    end
  end)

  it("has names as one line of UTF-8", function()
    start { queues = { "a\nb\27[31m", "客服中心" } }
    local queues = assert(client:query_skills())
    assert.same({ "a b [31m", "客服中心" }, { queues[1].name, queues[2].name })
  end)
end)

describe("each_skill", function()
  it("fetches a page when it is needed", function()
    start { queues = named(250) }
    local seen = {}
    for queue, err in client:each_skill() do
      assert.is_nil(err)
      seen[#seen + 1] = queue.skillId
      if #seen == 150 then break end
    end
    assert.equal(2, #server:requests() - 1) -- and a token
    assert.same(upto(150), seen)
    seen = {}
    for queue in client:each_skill { name = "queue 2" } do seen[#seen + 1] = queue.skillId end
    assert.equal(51, #seen)
  end)

  it("ends with an error, once", function()
    start { queues = named(150) }
    server:fault { operation = "query_skills", from = 2, status = 403 }
    local next_queue, count, last = client:each_skill(), 0, nil
    while true do
      local queue, err = next_queue()
      if queue == nil then break end
      if queue then count = count + 1 else last = err end
    end
    assert.same({ 100, "blocked" }, { count, last.kind })
    assert.is_nil(next_queue())
  end)

  it("works inside a loop #loop", function()
    start { queues = named(150), agents = { [3] = { "BOB" } } }
    local counts, agents = {}, {}
    for n = 1, 3 do
      loop.spawn(function()
        agents[n] = assert(client:query_agent "BOB").userAccount
        counts[n] = 0
        local next_queue = client:each_skill()
        while next_queue() do counts[n] = counts[n] + 1 end
      end)
    end
    loop.run()
    assert.same({ { 150, 150, 150 }, { "BOB", "BOB", "BOB" } }, { counts, agents })
  end)
end)
