--- What requires and includes what: read off the sources, held against the layers below, and drawn for CONTRIBUTING.md.
--
-- An arrow from a module to one in a layer above it is a fault, and so is a circle; requires inside functions are arrows like any
-- others. `make check-layers` runs `check`, `make doc` runs `write`.
--
--     lua5.4 spec/support/layers.lua check|write|dot

local tree = require "spec.support.tree"

local read, sorted = tree.read, tree.sorted

local M = {}

-- ---- the layers, from the top ----

--- Of Lua: a title and modules of `aicc`, without that word; `x.*` is all that is below x.
M.LUA = {
  { "the command", "cli cli.*" },
  { "the sandbox", "sandbox sandbox.*" },
  { "jobs", "jobs" },
  { "a job's whole life", "jobs.lifecycle jobs.plan" },
  { "many queues at once", "jobs.workers jobs.find" },
  { "one queue", "jobs.release jobs.undo" },
  { "one chunk", "jobs.send" },
  { "what a run is asked", "jobs.work" },
  { "what jobs are made of", "jobs.* jobs.input.*" },
  { "a report's formats", "jobs.report.*" },
  { "a job's tables", "jobs.db.*" },
  { "around a client", "metrics webhook.*" },
  { "a client", "aicc client" },
  { "its larger methods", "agents skills offboard" },
  { "one change", "engine" },
  { "one request, one listing", "requests token pages settle forms inquiry config" },
  { "who sends, who keeps tokens", "transport.* transport.loops.* store.*" },
  { "what all have", "call loop result error retry host native secret secret_file exempt forward lists json shared" },
  { "C", "core curl sandbox.core" },
}

--- Of C: a title and files of src/, without .c and .h.
M.C = {
  { "the sandbox", "sandbox/*" },
  { "the modules", "core curl" },
  { "what Lua calls", "appendlib filelib httplib libpq pollable processlib sessionlib sharedlib uncaught wait" },
  { "a session", "call reading session options curlerror" },
  { "operations", "prepared accounts operation arguments inquiry reply shape flat error scratch" },
  { "which Lua it is", "compat lib" },
  { "transfers", "watch pool engine handle xfer sockets headers libcurl polled pollset endpoint" },
  { "bytes and the system", "append buf date file httphead json scrub shared strset sys text version" },
}

-- ---- reading Lua ----

-- The tokens of a Lua source that matter here: names, strings (with a quote before them), and single other characters.
local function tokens_of(source)
  local tokens, at = {}, 1
  while at <= #source do
    local long = source:match("^%-%-%[(=*)%[", at) or source:match("^%[(=*)%[", at)
    local first = source:sub(at, at)
    if long then
      local is_comment = source:sub(at, at + 1) == "--"
      local _, opened = source:find("[", at + (is_comment and 3 + #long or 1 + #long), true)
      local closed, stop = source:find("]" .. long .. "]", opened, true)
      if not is_comment then tokens[#tokens + 1] = '"' .. source:sub(opened + 1, closed - 1) end
      at = stop + 1
    elseif source:find("^%-%-", at) then
      at = source:find("\n", at, true) or #source + 1
    elseif first == '"' or first == "'" then
      local stop = at + 1
      while source:sub(stop, stop) ~= first do stop = stop + (source:sub(stop, stop) == "\\" and 2 or 1) end
      tokens[#tokens + 1] = '"' .. source:sub(at + 1, stop - 1)
      at = stop + 1
    else
      local word = source:match("^[%a_][%w_]*", at) or source:match("^%.%.", at) or first
      if not word:find "^%s" then tokens[#tokens + 1] = word end
      at = at + #word
    end
  end
  return tokens
end

--- What a Lua source requires, wherever it does: `require "x"`, `pcall(require, "x")`, `load "x"` (of `aicc.native`).
-- @tparam string source
-- @treturn {string,...} modules; one that ends in a dot stands for all that are right below it, one of which is found at run time
-- @treturn integer how many requires there are of which nobody can read what they require
function M.required(source)
  local tokens, found, unread = tokens_of(source), {}, 0
  for i, token in ipairs(tokens) do
    if token == "require" or token == "load" then
      local at = i + 1
      if tokens[at] == "(" or token == "require" and tokens[at] == "," then at = at + 1 end
      local name = tokens[at] and tokens[at]:match '^"(.*)'
      if name and (tokens[at + 1] ~= ".." or name:find "%.$") then
        found[#found + 1] = name
      elseif token == "require" then
        unread = unread + 1
      end
    end
  end
  return found, unread
end

-- ---- the graphs ----

-- Where a module's name is not in its require: `native.load` and the drivers of LuaDBI.
local MAY_HIDE = { native = true, ["jobs.db.open"] = true }

-- A module without `aicc`, by which it is called here; nil for one that is not ours.
local function short(module)
  if module == "aicc" then return "aicc" end
  return module:match "^aicc%.(.+)$"
end

--- Modules of Lua: name -> set of those it requires; and what is wrong with that.
-- @tparam table sources name -> text
-- @treturn table
-- @treturn {string,...}
function M.lua_graph(sources)
  local graph, problems = {}, {}
  for name, source in pairs(sources) do
    graph[name] = {}
    local found, unread = M.required(source)
    if unread > 0 and not MAY_HIDE[name] then
      problems[#problems + 1] = name .. ": requires what nobody can read here: write the name, or the folder and a dot"
    end
    for _, module in ipairs(found) do
      local folder = module:match "^aicc%.(.*%.)$"
      for other in pairs(folder and sources or {}) do
        if other:sub(1, #folder) == folder and not other:find(".", #folder + 1, true) then graph[name][other] = true end
      end
      if not folder and short(module) then graph[name][short(module)] = true end
    end
  end
  for _, module in ipairs { "core", "curl", "sandbox.core" } do graph[module] = {} end
  return graph, problems
end

--- Files of C: name -> set of those it includes, a .c and its .h being one.
-- @tparam table sources path below src -> text
-- @treturn table
function M.c_graph(sources)
  local graph = {}
  for path, source in pairs(sources) do
    local name = path:match "^(.*)%.[ch]$"
    graph[name] = graph[name] or {}
    for header in source:gmatch '\n%s*#%s*include "([^"]+)%.h"' do
      local beside = path:match "^(.*/)" or ""
      local other = sources[beside .. header .. ".h"] and beside .. header or header
      if other ~= name then graph[name][other] = true end
    end
  end
  return graph
end

local function sources_of_lua()
  local sources = {}
  for _, path in ipairs(tree.printed "find lua -name '*.lua'") do
    local name = path:match "^lua/(.*)%.lua$":gsub("/init$", ""):gsub("/", ".")
    sources[short(name)] = read(path)
  end
  return sources
end

local function sources_of_c()
  local sources = {}
  for _, path in ipairs(tree.printed "find src -name '*.[ch]'") do sources[path:match "^src/(.*)$"] = "\n" .. read(path) end
  return sources
end

-- ---- what is wrong ----

--- The number of the layer that a module is in: the one that names it, else the one that names its folder; nil: none.
-- @tparam table layers
-- @tparam string name
-- @treturn ?integer
function M.layer_of(layers, name)
  local folder = name:match "^(.*[./])[^./]+$"
  local within
  for n, layer in ipairs(layers) do
    for word in layer[2]:gmatch "%S+" do
      if word == name then return n end
      if folder and word == folder .. "*" then within = within or n end
    end
  end
  return within
end

-- Each circle once, as "a -> b -> a".
local function circles(graph)
  local state, path, found = {}, {}, {}
  local function visit(name)
    state[name] = "open"
    path[#path + 1] = name
    for _, other in ipairs(sorted(graph[name] or {})) do
      if state[other] == "open" then
        local from = #path
        while path[from] ~= other do from = from - 1 end
        found[#found + 1] = "a circle: " .. table.concat(path, " -> ", from) .. " -> " .. other
      elseif not state[other] then
        visit(other)
      end
    end
    path[#path] = nil
    state[name] = "done"
  end
  for _, name in ipairs(sorted(graph)) do
    if not state[name] then visit(name) end
  end
  return found
end

--- What is wrong with a graph: arrows upward, circles, modules without a layer, layers of modules that are not there.
-- @tparam table graph
-- @tparam table layers
-- @treturn {string,...}
function M.problems(graph, layers)
  local problems = {}
  local function say(...) problems[#problems + 1] = string.format(...) end
  for _, name in ipairs(sorted(graph)) do
    local own = M.layer_of(layers, name)
    if not own then say("%s: in no layer of spec/support/layers.lua", name) end
    for _, other in ipairs(sorted(graph[name])) do
      local layer = M.layer_of(layers, other)
      if not graph[other] then
        say("%s: asks %s, which is not there", name, other)
      elseif own and layer and layer < own then
        say("an arrow upward: %s (%s) -> %s (%s)", name, layers[own][1], other, layers[layer][1])
      end
    end
  end
  for _, layer in ipairs(layers) do
    for word in layer[2]:gmatch "%S+" do
      if not word:find "%*$" and not graph[word] then say("%s: in a layer, and not there", word) end
    end
  end
  for _, circle in ipairs(circles(graph)) do say("%s", circle) end
  return problems
end

-- ---- the picture ----

local WIDTH, INDENT = 128, 32

-- Words in lines, the first of which begins with `head`.
local function wrapped(head, words, indent)
  local lines, line = {}, head .. (" "):rep(indent - utf8.len(head))
  for n, word in ipairs(words) do
    local is_first = #line == indent + #head - utf8.len(head)
    if not is_first and utf8.len(line) + #word + 1 > WIDTH then
      lines[#lines + 1] = line:gsub(" +$", "")
      line = (" "):rep(indent)
    end
    line = line .. word .. (n < #words and " " or "")
  end
  lines[#lines + 1] = line
  return lines
end

local function picture(graph, layers, is_left_out)
  local lines, members = {}, {}
  for n in ipairs(layers) do members[n] = {} end
  for _, name in ipairs(sorted(graph)) do table.insert(members[M.layer_of(layers, name)], name) end
  for n, layer in ipairs(layers) do
    local below = {}
    for _, name in ipairs(members[n]) do
      for other in pairs(graph[name]) do
        local to = M.layer_of(layers, other)
        if to ~= n then below[to] = true end
      end
    end
    local numbers = {}
    for to in pairs(below) do numbers[#numbers + 1] = to end
    table.sort(numbers)
    local arrow = #numbers > 0 and " ▸ " .. table.concat(numbers, " ") or ""
    for _, line in ipairs(wrapped(("%2d %s"):format(n, layer[1]), members[n], INDENT)) do lines[#lines + 1] = "    " .. line end
    if arrow ~= "" and not is_left_out then lines[#lines + 1] = "    " .. (" "):rep(INDENT - 2) .. arrow:sub(2) end
  end
  return lines
end

-- The sentence that a module begins with.
local function intent_of(source) return (source:match "^%-%-%- (.-)\n" or ""):gsub(" *$", "") end

-- Every module of jobs/, with what it is and what of jobs/ it asks.
local function jobs_of(graph, sources)
  local lines = { "| module | what it is | asks, of jobs/ |", "| --- | --- | --- |" }
  for _, name in ipairs(sorted(sources)) do
    if name:find "^jobs" then
      local asks = {}
      for _, other in ipairs(sorted(graph[name])) do asks[#asks + 1] = other:match "^jobs%.(.*)" end
      lines[#lines + 1] = ("| %s | %s | %s |"):format(name:match "^jobs%.(.*)" or "jobs", intent_of(sources[name]),
        table.concat(asks, ", "))
    end
  end
  return lines
end

local BEGINS, ENDS = "<!-- layers: written by make doc -->", "<!-- end of layers -->"

--- The text for CONTRIBUTING.md.
-- @treturn string
function M.text()
  local sources = sources_of_lua()
  local lua, c = M.lua_graph(sources), M.c_graph(sources_of_c())
  local lines = {
    BEGINS, "",
    "What requires what in Lua, within functions too, and what includes what in C. A layer asks only what is in it or below it,",
    "and nothing asks in a circle: `make check-layers` fails where something does; `make layers` has each arrow, for Graphviz.",
    "After ▸ is which layers a layer asks.", "",
  }
  local function add(more) for _, line in ipairs(more) do lines[#lines + 1] = line end end
  add(picture(lua, M.LUA))
  add { "", "C, in src/:", "" }
  add(picture(c, M.C))
  add { "", "The modules of `lua/aicc/jobs/`:", "" }
  add(jobs_of(lua, sources))
  add { "", ENDS }
  return table.concat(lines, "\n")
end

--- All that is wrong in the tree.
-- @treturn {string,...}
function M.problems_in_tree()
  local lua, problems = M.lua_graph(sources_of_lua())
  for _, problem in ipairs(M.problems(lua, M.LUA)) do problems[#problems + 1] = "lua: " .. problem end
  for _, problem in ipairs(M.problems(M.c_graph(sources_of_c()), M.C)) do problems[#problems + 1] = "src: " .. problem end
  return problems
end

--- All that is wrong in the tree and in its picture.
-- @treturn {string,...}
function M.check()
  local problems = M.problems_in_tree()
  if not read "CONTRIBUTING.md":find(M.text(), 1, true) then
    problems[#problems + 1] = "CONTRIBUTING.md: its picture is not what the sources are: make doc"
  end
  return problems
end

--- Writes the picture into CONTRIBUTING.md.
function M.write()
  local page = read "CONTRIBUTING.md"
  local from, to = page:find(BEGINS, 1, true), select(2, page:find(ENDS, 1, true))
  assert(from and to, "CONTRIBUTING.md: no place for the layers")
  local file = assert(io.open("CONTRIBUTING.md", "wb"))
  file:write(page:sub(1, from - 1), M.text(), page:sub(to + 1))
  file:close()
end

--- Both graphs, for Graphviz: each layer a cluster, each arrow drawn.
function M.dot()
  print "digraph aicc {\n  rankdir = TB; node [shape = box];"
  for prefix, it in pairs { lua = { M.lua_graph(sources_of_lua()), M.LUA }, src = { M.c_graph(sources_of_c()), M.C } } do
    for n, layer in ipairs(it[2]) do
      print(("  subgraph \"cluster_%s_%d\" { label = %q;"):format(prefix, n, layer[1]))
      for _, name in ipairs(sorted(it[1])) do
        if M.layer_of(it[2], name) == n then print(("    \"%s/%s\" [label = %q];"):format(prefix, name, name)) end
      end
      print "  }"
    end
    for _, name in ipairs(sorted(it[1])) do
      for _, other in ipairs(sorted(it[1][name])) do print(("  \"%s/%s\" -> \"%s/%s\";"):format(prefix, name, prefix, other)) end
    end
  end
  print "}"
end

-- ---- the command line ----

if arg and arg[0] and arg[0]:find "layers%.lua$" then
  local verb = arg[1]
  if verb == "check" then
    local problems = M.check()
    for _, problem in ipairs(problems) do io.stderr:write(problem, "\n") end
    os.exit(#problems == 0)
  end
  M[verb]()
end

return M
