-- The types for editors, library/aicc.lua, read strictly and compared with the code: options and what they may be, results,
-- errors, events. (names_spec has every name; `make check-types` asks lua-language-server, where there is one.)

local aicc = require "aicc"
local child = require "spec.support.child"
local config = require "aicc.config"
local errors = require "aicc.error"
local jobs = require "aicc.jobs"
local luacats = require "spec.support.luacats"
local names = require "spec.support.names"
local sandbox = require "aicc.sandbox"
local sandbox_options = require "aicc.sandbox.options"
local scene = require "spec.support.scene"

local types = names.types()

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

local function sorted(list)
  table.sort(list)
  return list
end

local function keys(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  return sorted(list)
end

local function literals(class, field) return sorted(luacats.literals(types, types.classes[class].fields[field].type)) end

describe("the file of types", function()
  it("is one of no code, for aicc, and each other module's stub leads to a class in it", function()
    assert.equal("aicc", types.module)
    local found = {}
    local pipe = assert(io.popen "find library/aicc -name '*.lua'")
    for path in pipe:lines() do
      local stub = read(path)
      local name = stub:match "^%-%-%-@meta ([%w_.]+)\n\n%-%-%-@type ([%w_.]+)\nlocal module\n\nreturn module\n$"
      assert.truthy(name and types.classes[name] and stub:find("@type " .. name .. "\n", 1, true), path)
      assert.equal("library/" .. name:gsub("%.", "/") .. ".lua", path)
      found[#found + 1] = name
    end
    pipe:close()
    assert.truthy(#found >= 12)
  end)

  it("is read by a reader that refuses what is wrong", function()
    local head = "---@meta x\n---@class a\n"
    assert.truthy(luacats.read(head).classes.a)
    for what, text in pairs {
      ["an unknown type"] = head .. "---@field b strin\n", ["a class twice"] = head .. "---@class a\n",
      ["a field twice"] = head .. "---@field b string\n---@field b string\n", ["a tag"] = head .. "---@felid b string\n",
      ["an open bracket"] = head .. "---@field b table<string\n", ["an open string"] = head .. '---@field b "x\n',
      ["a parameter too few"] = head .. "local A = {}\n---@param x string\nfunction A.f(x, y) end\n",
      ["a parameter's name"] = head .. "local A = {}\n---@param y string\nfunction A.f(x) end\n",
      ["a function of nobody's"] = head .. "function A.f() end\n", ["code"] = head .. "print(1)\n", ["no meta"] = "---@class a\n",
      ["a value of no alias"] = head .. '---| "x"\n', ["an optional in the middle"] = head .. "---@field b ?string\n",
    } do
      assert.is_false(pcall(luacats.read, text), what)
    end
  end)
end)

describe("the types of options", function()
  -- The reference must name an option's default wherever it has the option.
  local function tells(path, name, default)
    local count = 0
    for mark in read(path):gmatch("@tparam(%S*) %S+ options%." .. name .. "%f[^%w_]") do
      count = count + 1
      assert.equal(("[opt=%s]"):format(default), mark, path .. ": " .. name)
    end
    assert.is_true(count > 0, path .. ": " .. name)
  end

  local function each_has(class, wanted)
    local fields = {}
    for name in pairs(luacats.members(types, class)) do fields[#fields + 1] = name end
    assert.same(sorted(wanted), sorted(fields), class)
  end

  it("are those that there are, and no more", function()
    local settings = {}
    for i, row in ipairs(config.SCHEMA) do settings[i] = row[1] end
    each_has("aicc.Options", settings)
    each_has("aicc.RetryOptions", keys(require("aicc.retry").defaults))
    for what, class in pairs {
      start = "aicc.SandboxOptions", shape = "aicc.SandboxShape", certificate = "aicc.SandboxCertificate",
      agent = "aicc.SandboxAgent", queue = "aicc.SandboxQueue", person = "aicc.SandboxPerson", fault = "aicc.SandboxFault",
    } do
      each_has(class, keys(sandbox_options.FIELDS[what]))
    end
    for what, class in pairs {
      plan = "aicc.PlanOptions", agents = "aicc.PlanAgentsOptions", run = "aicc.RunOptions", report = "aicc.ReportOptions",
      document = "aicc.WriteReportOptions",
    } do
      local wanted = {}
      for name, row in pairs(require("aicc.jobs.options").OPTIONS) do wanted[#wanted + 1] = row[what] and name or nil end
      each_has(class, wanted)
    end
  end)

  it("have the words that are taken, and the types", function()
    for _, row in ipairs(config.SCHEMA) do
      local field = types.classes["aicc.Options"].fields[row[1]]
      assert.is_true(field.optional, row[1])
      if row.names then assert.same(keys(row.names), literals("aicc.Options", row[1])) end
      local wanted = ({ seconds = "number" })[row[2]] or row[2]
      if field.type.is == "name" then assert.equal(wanted, field.type.name, row[1]) end
      if row.env then assert.truthy(field.description:find(row.env, 1, true), row[1]) end
      local default = type(row.default) == "number" and tostring(row.default)
      if default then assert.truthy(field.description:find("%f[%d]" .. default .. "%f[^%d]"), row[1]) end
      if default then tells("lua/aicc/init.lua", row[1], default) end
    end
    for what, class in pairs { plan = "aicc.PlanOptions", run = "aicc.RunOptions" } do
      for name, row in pairs(require("aicc.jobs.options").OPTIONS) do
        if row[what] and row.default then
          assert.matches("%f[%d]" .. row.default .. "$", types.classes[class].fields[name].description, class .. " " .. name)
          tells("lua/aicc/jobs/init.lua", name, row.default)
        end
      end
    end
    for what, class in pairs { start = "aicc.SandboxOptions", shape = "aicc.SandboxShape", fault = "aicc.SandboxFault" } do
      for name, kind in pairs(sandbox_options.FIELDS[what]) do
        local words = {}
        for word in kind[2]:gmatch '"([%w_]+)"' do words[#words + 1] = word end
        local field = luacats.members(types, class)[name]
        if #words > 0 then assert.same(sorted(words), sorted(luacats.literals(types, field.type)), class .. " " .. name) end
      end
    end
  end)

  it("of calls are those that calls take", function()
    local server = assert(sandbox.start { agents = { [3] = { "1001" } } })
    local client = assert(server:client())
    for class, call in pairs {
      ["aicc.CallOptions"] = function(options) return client:release_agent_by_skill(3, { "1" }, options) end,
      ["aicc.BindOptions"] = function(options) return client:bind_agents(3, { "1" }, options) end,
      ["aicc.QueryOptions"] = function(options) return client:query_agents(3, options) end,
      ["aicc.OffboardOptions"] = function(options) return client:release_agent("1", options) end,
    } do
      for name in pairs(luacats.members(types, class)) do
        local _, problem = pcall(call, { [name] = print }) -- wrong, or not: but known
        assert.is_nil(tostring(problem):find("unknown option", 1, true), class .. ": " .. name)
      end
      assert.matches("unknown option 'nonsense'", select(2, pcall(call, { nonsense = 1 })))
    end
    client:close()
    server:stop()
  end)
end)

describe("the types of errors", function()
  it("have every kind that there is, as the code and doc/errors.md have", function()
    local kinds = sorted(luacats.literals(types, { is = "name", name = "aicc.Kind" }))
    local in_code = { throttled = true }
    local pipe = assert(io.popen "cat lua/aicc/*.lua lua/aicc/jobs/*.lua lua/aicc/*/*.lua lua/aicc/jobs/input/*.lua src/*.c")
    local text = pipe:read "*a"
    pipe:close()
    for kind in text:gmatch 'kind = "([%l_]+)"' do in_code[kind] = true end
    for kind in text:gmatch '{%d+, %d+, "([%l_]+)", AICC_' do in_code[kind] = true end -- of statuses (reply.c)
    for kind in text:gmatch '{CURLE_[%u%d_]+, "([%l_]+)"' do in_code[kind] = true end
    for kind in text:gmatch 'aicc_failure_init%([^;]-"([%l_]+)", AICC_%u+%)' do in_code[kind] = true end
    for kind in text:gmatch 'aicc_arguments_refuse%(call, "([%l_]+)"%)' do in_code[kind] = true end
    for kind in pairs(in_code) do
      local is_known = false
      for _, known in ipairs(kinds) do is_known = is_known or known == kind end
      assert.is_true(is_known, "in the code, not in the types: " .. kind)
    end
    assert.same(kinds, sorted { (table.unpack or unpack)(errors.KINDS) })
    local page = read "doc/errors.md"
    for _, kind in ipairs(kinds) do assert.truthy(page:find(("`%s`"):format(kind), 1, true), "not in errors.md: " .. kind) end
  end)

  it("have every field that the core gives an error", function()
    local fields = types.classes["aicc.Error"].fields
    for name in read("src/error.c"):gmatch 'set_%a+%(L, "([%l_]+)"' do assert.truthy(fields[name], name) end
    for name in read("src/error.c"):gmatch 'lua_setfield%(L, %-2, "(%l[%l_]+)"' do assert.truthy(fields[name], name) end
  end)
end)

describe("what happens has the types' fields and no others:", function()
  local server, client, events

  before_each(function()
    server = assert(sandbox.start { agents = { [3] = { "1001", "1002" }, [4] = { "1001" } } })
    events = {}
    local options = scene.options(scene.skipping(), { on_event = function(event) events[#events + 1] = event end })
    client = assert(server:client(options))
  end)
  after_each(function()
    client:close()
    server:stop()
  end)

  -- Asserts that a value has all that the class says it has, and nothing that it does not know; values have their types.
  local function fits(class, value)
    local fields = luacats.members(types, class)
    for name, member in pairs(value) do
      assert.truthy(fields[name], ("%s has no %s"):format(class, tostring(name)))
      local kind = fields[name].type
      if kind.is == "name" and ({ string = 1, boolean = 1 })[kind.name] then assert.equal(kind.name, type(member), name) end
      if kind.is == "name" and ({ number = 1, integer = 1 })[kind.name] then assert.equal("number", type(member), name) end
      local words = " " .. table.concat(luacats.literals(types, kind), " ") .. " "
      if words ~= "  " then assert.truthy(words:find(" " .. tostring(member) .. " ", 1, true), name) end
    end
    for name, field in pairs(fields) do
      if field.type and not field.optional then assert.is_not_nil(value[name], class .. " lacks " .. name) end
    end
  end

  it("results", function()
    fits("aicc.Result", client:release_agent_by_skill(3, { "1001" }))
    fits("aicc.Result", client:release_agent_by_skill(4, aicc.ALL))
    fits("aicc.Result", client:bind_agents(3, { "1001" }))
    local agents, _, known = client:query_agents(3)
    fits("aicc.Agent", agents[1])
    fits("aicc.Listing", known)
    for _, line in ipairs(client:explain()) do fits("aicc.Setting", line) end
    fits("aicc.Limits", client:limits())
    fits("aicc.Person", client:query_agent "1001")
    for _, queue in ipairs(client:query_skills()) do fits("aicc.Queue", queue) end
    local away = client:release_agent "1001"
    fits("aicc.Offboarding", away)
    fits("aicc.OffboardedQueue", away.queues[1])
    fits("aicc.Offboarding", client:restore_agent(away))
    fits("aicc.SandboxStats", server:stats())
    for _, request in ipairs(server:requests()) do fits("aicc.SandboxRequest", request) end
  end)

  it("jobs", function()
    local folder, remove = child.directory()
    local store = assert(jobs.open("sqlite:" .. folder .. "/jobs.db"))
    local notes, path = {}, folder .. "/leavers.csv"
    local file = assert(io.open(path, "w"))
    file:write "user_account\n1001\n1002\nnobody\n"
    file:close()
    local job = assert(store:plan_agents(assert(jobs.read_agents(path)), {
      client = client, rate = 0, name = "leavers", on_note = function(note) notes[#notes + 1] = note end,
    }))
    for _, queue in ipairs(job:queues()) do fits("aicc.JobQueue", queue) end
    fits("aicc.JobSummary", job:apply { client = client, rate = 0, force = true })
    fits("aicc.JobStatus", job:status())
    local rows = 0
    for row in job:report() do
      fits("aicc.JobRow", row)
      rows = rows + 1
    end
    for row in job:without_queue() do
      fits("aicc.JobRow", row)
      rows = rows + 1
    end
    assert.truthy(rows >= 4, rows)
    for _, note in ipairs(notes) do fits("aicc.JobNote", note) end
    for _, row in ipairs(store:list()) do -- it has the store's other columns too
      local named = {}
      for name in pairs(types.classes["aicc.JobListed"].fields) do named[name] = row[name] end
      fits("aicc.JobListed", named)
    end
    store:close()
    remove()
  end)

  it("errors and events", function()
    assert(client:query_agents(3))
    server:fault { operation = "release_agent_by_skill", status = 429 }
    server:fault { operation = "release_agent_by_skill", from = 2, status = 503 }
    server:fault { operation = "release_agent_by_skill", from = 3, close = "request", apply = true, to = 4 }
    assert(client:release_agent_by_skill(3, { "1001" }))
    local refusal = '{"resultCode":"7","resultMessage":"no"}'
    for _, fault in ipairs { { status = 500, body = refusal }, { status = 403 }, { close = "request" } } do
      server:clear()
      fault.operation, fault.to = "release_agent_by_skill", 9
      server:fault(fault)
      fits("aicc.Error", scene.nth(2, client:release_agent_by_skill(3, { "1002" })))
    end
    fits("aicc.Error", scene.nth(2, client:release_agent_by_skill(3, {})))
    local classes, seen = {}, {}
    for name in pairs(types.classes) do
      if name:find "Event$" then
        for _, word in ipairs(literals(name, "type")) do classes[word] = name end
      end
    end
    for _, event in ipairs(events) do
      fits(classes[event.type], event)
      if event.timing then fits("aicc.Timing", event.timing) end
      seen[event.type] = true
    end
    seen.warning = true -- token_spec has it
    assert.same(keys(classes), keys(seen))
    local page = read "doc/events.md"
    for word in pairs(classes) do assert.truthy(page:find(("| `%s` | "):format(word), 1, true), word) end
  end)
end)
