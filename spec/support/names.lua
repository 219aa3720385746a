--- Every public name, asked of the code, and whether it is in the types (library/aicc.lua), in the reference and in a spec.
-- `make names` prints the table; names_spec wants it without a gap.

local child = require "spec.support.child"
local luacats = require "spec.support.luacats"
local tree = require "spec.support.tree"

local read, sorted = tree.read, tree.sorted

local names = {}

-- What aicc.core has for this library alone. A name that is neither here nor in the types is a gap.
local INTERNAL = {}
for name in ([[
  append_to arguments boot_id boottime create_file draft_file http_head http_request http_result
  in_haproxys_coroutine interrupted is_foreground lock_file make_directory may_yield_in network_file_system postgresql_problem
  postgresql_session prepare process process_lives publish_file read_file real_path remove_file shared_add shared_delete
  shared_get shared_keys shared_set show_uncaught stop stop_signal terminal_size trap_interrupt trap_stop
  write_file]]):gmatch "%S+" do
  INTERNAL[name] = true
end

-- The names of a table that are not a metatable's business.
local function keys(value)
  local list = {}
  for name in pairs(value) do
    if not name:find "^__" then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

-- ---- what the reference has: what LDoc reads ----

-- The functions and values that have a comment of their own, and all words in backticks or after `options.`.
local function reference_of(paths)
  local documented, words = {}, {}
  for _, path in ipairs(paths) do
    local block
    for line in (read(path) .. "\n"):gmatch "([^\n]*)\n" do
      if line:find "^%s*%-%-%-" and not line:find "^%s*%-%-%-%-" then
        block = line
      elseif block and line:find "^%s*%-%-" then
        block = block .. "\n" .. line
      elseif block then
        local name = (block:match "@function ([%w_.:]+)" or ""):match "([%w_]+)$" or block:match "@field ([%w_]+)%s*$" or
          line:match "function [%w_]+[.:]([%w_]+)" or line:match "^%s*[%w_]+%.([%w_]+) ="
        if name then documented[name] = true end
        for quoted in block:gmatch "`([^`]+)`" do
          for word in quoted:gmatch "[%w_]+" do words[word] = true end
        end
        for word in block:gmatch "%f[%w]%l+%.([%w_]+)" do words[word] = true end
        block = nil
      end
    end
  end
  return { documented = documented, words = words }
end

-- Words of a page of Markdown that are in backticks.
local function page_of(path)
  local words = {}
  for quoted in read(path):gmatch "`([^`]+)`" do
    for word in quoted:gmatch "[%w_]+" do words[word] = true end
  end
  return { documented = words, words = words }
end

-- ---- what there is ----

-- Modules: name, files of the reference.
local MODULES = {
  { "aicc", "lua/aicc/init.lua" }, { "aicc.loop", "lua/aicc/loop.lua" }, { "aicc.jobs", "lua/aicc/jobs/init.lua" },
  { "aicc.sandbox", "lua/aicc/sandbox/init.lua" }, { "aicc.metrics", "lua/aicc/metrics.lua" },
  { "aicc.shared", "lua/aicc/shared.lua" }, { "aicc.store.memory", "lua/aicc/store/memory.lua" },
  { "aicc.store.file", "lua/aicc/store/file.lua" }, { "aicc.store.shdict", "lua/aicc/store/shdict.lua" },
  { "aicc.error", "lua/aicc/error.lua" }, { "aicc.retry", "lua/aicc/retry.lua" }, { "aicc.core", "doc/modules/core.lua" },
}

-- A row for each name: `group`, `name`, `class` (of the types), `reference` (of `reference_of` or `page_of`), `is_word` where a
-- word in a comment is enough.
local function rows_of(group, class, reference, list, is_word)
  local rows = {}
  for i, name in ipairs(list) do
    rows[i] = { group = group, name = name, class = class, reference = reference, is_word = is_word }
  end
  return rows
end

-- Functions in Lua tell how many parameters they have: 5.2 and later, and LuaJIT.
local function parameters_of(f)
  local info = type(f) == "function" and debug.getinfo(f, "Su")
  return info and info.what == "Lua" and info.nparams or nil
end

local function modules(add)
  for _, module in ipairs(MODULES) do
    local list = {}
    for _, name in ipairs(keys(require(module[1]))) do
      if module[1] ~= "aicc.core" or not INTERNAL[name] then list[#list + 1] = name end
    end
    if module[1] == "aicc.core" then list[#list + 1] = "_VERSION" end
    local rows = rows_of(module[1], module[1], reference_of { module[2] }, list)
    for _, row in ipairs(rows) do row.parameters = parameters_of(require(module[1])[row.name]) end
    add(rows)
  end
  add(rows_of("aicc.curl", "aicc.curl", reference_of { "doc/modules/curl.lua" }, { "session", "curl_version" }))
  add(rows_of("aicc.transport.luv", "aicc.transport.luv", reference_of { "lua/aicc/transport/luv.lua" }, { "spawn" }))
end

-- Methods of what functions return.
local function methods(add)
  local sandbox, jobs = require "aicc.sandbox", require "aicc.jobs"
  local folder, remove = child.directory()
  local server = assert(sandbox.start { agents = { [3] = { "1" } } })
  local client = assert(server:client())
  local store = assert(jobs.open("sqlite:" .. folder .. "/jobs.db"))
  local left = 1
  local job = assert(store:plan(jobs.rows(function()
    left = left - 1
    if left == 0 then return 3, "1" end
  end), { client = client, rate = 0 }))
  local function of(group, class, value, ...)
    local class_of = getmetatable(value).__index
    local rows = rows_of(group, class, reference_of { ... }, keys(class_of))
    for _, row in ipairs(rows) do
      local count = parameters_of(class_of[row.name])
      row.parameters = count and math.max(0, count - 1) -- without `self`
    end
    add(rows)
  end
  of("client", "aicc.Client", client, "lua/aicc/client.lua", "lua/aicc/agents.lua", "lua/aicc/skills.lua",
    "lua/aicc/offboard.lua")
  of("session", "aicc.Session", client.transport.session, "doc/modules/curl.lua")
  of("transport", "aicc.Transport", client.transport, "lua/aicc/transport/curl.lua")
  of("token store", "aicc.TokenStore", client.store, "lua/aicc/store/memory.lua")
  of("job store", "aicc.JobStore", store, "lua/aicc/jobs/init.lua")
  of("job", "aicc.Job", job, "lua/aicc/jobs/init.lua")
  of("sandbox", "aicc.Sandbox", server, "lua/aicc/sandbox/init.lua")
  of("metrics", "aicc.Metrics", require("aicc.metrics").new(), "lua/aicc/metrics.lua")
  of("shared", "aicc.Shared", require("aicc.shared").new "names", "lua/aicc/shared.lua")
  store:close()
  client:close()
  server:stop()
  remove()
end

-- The strings in a list of C, or the names of a table in Lua, that stands behind `pattern` in a file.
local function listed(path, pattern, item)
  local list = {}
  local text = assert(read(path):match(pattern), path .. " has no " .. pattern)
  for name in text:gmatch(item) do list[#list + 1] = name end
  assert(#list > 0, path .. ": " .. pattern .. " is empty")
  return list
end

-- Options of functions.
local function options(add)
  local function of(group, class, list, ...) add(rows_of(group, class, reference_of { ... }, list, true)) end
  local settings = {}
  for i, row in ipairs(require("aicc.config").SCHEMA) do settings[i] = row[1] end
  of("aicc.new", "aicc.Options", settings, "lua/aicc/init.lua")
  of("retry", "aicc.RetryOptions", keys(require("aicc.retry").defaults), "lua/aicc/retry.lua")
  local limits = listed("lua/aicc/client.lua", "local function read_limits(.-)\nend", 'name [=~]= "([%w_]+)"')
  of("every call", "aicc.CallOptions", limits, "lua/aicc/client.lua")
  of("bind_agents", "aicc.BindOptions", listed("lua/aicc/client.lua", "local WEIGHTS = (%b{})", "([%w_]+) ="),
    "lua/aicc/client.lua")
  of("query_agents", "aicc.QueryOptions", { "as_proof" }, "lua/aicc/client.lua")
  of("release_agent", "aicc.OffboardOptions", listed("lua/aicc/offboard.lua", "split%(options, (%b{})", "([%w_]+) ="),
    "lua/aicc/offboard.lua")
  of("query_skills", "aicc.SkillFilter", { "name", "ids" }, "lua/aicc/skills.lua")
  of("session", "aicc.SessionOptions", listed("src/options.h", "(.*)enum aicc_options_name", 'X%(AICC_[%u_]+, "([%w_]+)"%)'),
    "doc/modules/curl.lua")
  of("session's calls", "aicc.SessionLimits", listed("src/call.c", 'names%[%] = ({"timeout"[^}]*})', '"([%w_]+)"'),
    "doc/modules/curl.lua")
  local for_jobs = { plan = {}, agents = {}, run = {}, report = {}, document = {} }
  for name, row in pairs(require("aicc.jobs.options").OPTIONS) do
    for what, list in pairs(for_jobs) do
      if row[what] then list[#list + 1] = name end
    end
  end
  of("store:plan", "aicc.PlanOptions", for_jobs.plan, "lua/aicc/jobs/init.lua")
  of("store:plan_agents", "aicc.PlanAgentsOptions", for_jobs.agents, "lua/aicc/jobs/init.lua")
  of("job:apply", "aicc.RunOptions", for_jobs.run, "lua/aicc/jobs/init.lua")
  of("job:report", "aicc.ReportOptions", for_jobs.report, "lua/aicc/jobs/init.lua")
  of("job:write_report", "aicc.WriteReportOptions", for_jobs.document, "lua/aicc/jobs/init.lua")
  local fields = require("aicc.sandbox.options").FIELDS
  for what, class in pairs {
    start = "aicc.SandboxOptions", shape = "aicc.SandboxShape", certificate = "aicc.SandboxCertificate",
    agent = "aicc.SandboxAgent", queue = "aicc.SandboxQueue", person = "aicc.SandboxPerson", fault = "aicc.SandboxFault",
  } do
    of("sandbox " .. what, class, keys(fields[what]), "lua/aicc/sandbox/init.lua")
  end
end

-- Kinds of errors, their fields, events and theirs.
local function words(add)
  local errors, events = page_of "doc/errors.md", page_of "doc/events.md"
  add(rows_of("kind", "|aicc.Kind", errors, require("aicc.error").KINDS))
  add(rows_of("outcome", "|aicc.Outcome", errors, { "not_sent", "rejected", "unknown" }))
  add(rows_of("operation", "|aicc.Operation", events, require("aicc.core").operations))
  local types = names.types()
  for _, class in ipairs { "Send", "Attempt", "Retry", "Settle", "Token", "Warning", "Call" } do
    local name = ("aicc.%sEvent"):format(class)
    add(rows_of("event", name, events, luacats.literals(types, types.classes[name].fields.type.type)))
    add(rows_of("event's field", name, events, sorted(types.classes[name].fields)))
  end
  add(rows_of("error's field", "aicc.Error", errors, sorted(types.classes["aicc.Error"].fields)))
end

-- ---- the table ----

local types

--- The file of types, read.
function names.types()
  types = types or luacats.read(read "library/aicc.lua")
  return types
end

local function has_type(row)
  if row.class:sub(1, 1) == "|" then
    local alias = { is = "name", name = row.class:sub(2) }
    for _, value in ipairs(luacats.literals(names.types(), alias)) do
      if value == row.name then return true end
    end
    return false
  end
  if row.group == "event" then return true end -- they come from the types
  local member = luacats.members(names.types(), row.class)[row.name]
  if not member or not member.params or not row.parameters then return member ~= nil end
  local count = 0
  for _, name in ipairs(member.params) do count = count + (name == "..." and 0 or 1) end
  return count >= row.parameters -- a method may need fewer than its kind is given
end

--- The whole table, in order: `group`, `name`, `types`, `ldoc`, `spec` (booleans).
function names.table()
  local rows, in_specs = {}, {}
  local pipe = assert(io.popen "ls spec/*_spec.lua spec/support/hosts/*.lua")
  for path in pipe:lines() do -- nginx's and HAProxy's share what is in spec/support/hosts
    if not path:find "names_spec" then
      for word in read(path):gmatch "[%w_]+" do in_specs[word] = true end
    end
  end
  pipe:close()
  local function add(more)
    for _, row in ipairs(more) do
      rows[#rows + 1] = {
        group = row.group, name = row.name, class = row.class, types = has_type(row),
        ldoc = row.reference[row.is_word and "words" or "documented"][row.name] == true,
        spec = in_specs[row.name] == true,
      }
    end
  end
  modules(add)
  methods(add)
  options(add)
  words(add)
  return rows
end

--- Those that are missing somewhere, in words.
function names.gaps(rows)
  local gaps = {}
  for _, row in ipairs(rows) do
    for _, where in ipairs { "types", "ldoc", "spec" } do
      if not row[where] then gaps[#gaps + 1] = ("%s %s: not in %s"):format(row.group, row.name, where) end
    end
  end
  return gaps
end

--- Prints the table.
function names.print()
  local rows = names.table()
  local function mark(is_there) return is_there and "yes" or "NO" end
  print(("%-20s %-24s %-6s %-6s %s"):format("of", "name", "types", "LDoc", "a spec"))
  for _, row in ipairs(rows) do
    print(("%-20s %-24s %-6s %-6s %s"):format(row.group, row.name, mark(row.types), mark(row.ldoc), mark(row.spec)))
  end
  print(("%d names, %d gaps"):format(#rows, #names.gaps(rows)))
end

return names
