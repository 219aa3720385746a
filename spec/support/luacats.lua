--- A strict reader of LuaCATS annotations, as far as library/aicc.lua uses them. What lua-language-server would not understand,
-- or understand otherwise than it was meant, it raises.

local luacats = {}

local BUILT_IN = {}
for name in ("any nil boolean string number integer function table thread userdata true false unknown"):gmatch "%a+" do
  BUILT_IN[name] = true
end

-- ---- types ----

-- Reads a type from `text` at `at`; returns what it is, and where it ends. `seen(name)` is called for each name in it.
local read_type

local function fail(text, at) error(("no type at %d of: %s"):format(at, text), 0) end

local function blank(text, at) return text:match("^ *()", at) end

local function expect(text, at, what)
  if text:sub(at, at + #what - 1) ~= what then fail(text, at) end
  return at + #what
end

local function read_function(text, at, seen)
  at = expect(text, at, "(")
  while text:sub(at, at) ~= ")" do
    local next_at = text:match("^%.%.%.()", at) or text:match("^[%a_][%w_]*%??()", at)
    if not next_at then fail(text, at) end
    at = next_at
    if text:sub(at, at) == ":" then at = select(2, read_type(text, blank(text, at + 1), seen)) end
    local more = text:match("^, *()", at)
    if not more and text:sub(at, at) ~= ")" then fail(text, at) end
    at = more or at
  end
  at = at + 1
  if text:sub(at, at) == ":" then
    repeat
      at = select(2, read_type(text, blank(text, at + 1), seen))
    until text:sub(at, at) ~= ","
  end
  return { is = "fun" }, at
end

local function read_table(text, at, seen)
  local fields = {}
  at = blank(text, expect(text, at, "{"))
  while text:sub(at, at) ~= "}" do
    local name, from = text:match("^%[?([%w_]+)%]?: ()", at)
    if not name then fail(text, at) end
    fields[name], at = read_type(text, from, seen)
    at = text:match("^,? *()", at)
  end
  return { is = "table", fields = fields }, at + 1
end

local function read_one(text, at, seen)
  if text:sub(at, at) == "(" then
    local inner
    inner, at = read_type(text, at + 1, seen)
    return inner, expect(text, at, ")")
  end
  local literal, from = text:match('^"([^"]*)"()', at)
  if literal then return { is = "literal", value = literal }, from end
  if text:sub(at, at) == "{" then return read_table(text, at, seen) end
  local name
  name, from = text:match("^([%a_][%w_.]*)()", at)
  if not name then fail(text, at) end
  if name == "fun" then return read_function(text, from, seen) end
  seen(name)
  if text:sub(from, from) == "<" then
    repeat
      from = select(2, read_type(text, blank(text, from + 1), seen))
    until text:sub(from, from) ~= ","
    from = expect(text, from, ">")
  end
  return { is = "name", name = name }, from
end

function read_type(text, at, seen)
  local members = {}
  repeat
    local one
    one, at = read_one(text, at, seen)
    local suffix = text:match("^%?", at) or text:match("^%[%]", at)
    while suffix do
      one, at = { is = suffix == "?" and "optional" or "array", of = one }, at + #suffix
      suffix = text:match("^%?", at) or text:match("^%[%]", at)
    end
    members[#members + 1] = one
    local more = text:match("^|()", at)
    at = more or at
  until not more
  return #members == 1 and members[1] or { is = "union", members = members }, at
end

-- ---- lines ----

-- Whatever follows a type is a name or a description: a blank goes before it.
local function whole_type(text, seen)
  local kind, at = read_type(text, 1, seen)
  local rest = text:sub(at)
  if rest ~= "" and rest:sub(1, 1) ~= " " then fail(text, at) end
  return kind, rest:sub(2)
end

--- Reads a file of types.
-- @return { classes = name -> { fields = name -> { type=, optional=, description= }, methods = name -> { params=, returns= },
--   parents = array }, aliases = name -> array of literals or types, module = name }
function luacats.read(text)
  local classes, aliases, mentioned, locals = {}, {}, {}, {}
  local file = { classes = classes, aliases = aliases }
  local class, alias, params, returns, generics, number = nil, nil, {}, 0, {}, 0

  local function seen(name)
    if not generics[name] then mentioned[name] = mentioned[name] or number end
  end

  local handlers = {}
  function handlers.meta(rest)
    assert(number == 1 and rest:find "^[%w_.]+$", "---@meta is the first line, with the module's name")
    file.module = rest
  end
  handlers["class"] = function(rest)
    local name, parents = rest:match "^([%w_.]+)$", ""
    if not name then name, parents = rest:match "^([%w_.]+): (.+)$" end
    assert(name and not classes[name], "class: " .. rest)
    class = { fields = {}, methods = {}, parents = {}, order = {} }
    classes[name] = class
    for parent in parents:gmatch "[%w_.]+" do
      class.parents[#class.parents + 1] = parent
      seen(parent)
    end
  end
  function handlers.field(rest)
    local name, optional, kind_text = rest:match "^([%a_][%w_]*)(%??) (.+)$"
    assert(class and name and not class.fields[name], "field: " .. rest)
    local kind, description = whole_type(kind_text, seen)
    class.fields[name] = { type = kind, optional = optional == "?", description = description }
    class.order[#class.order + 1] = name
  end
  function handlers.alias(rest)
    local name, kind_text = rest:match "^([%w_.]+) ?(.*)$"
    assert(name and not aliases[name], "alias: " .. rest)
    alias = {}
    aliases[name] = alias
    if kind_text ~= "" then
      local kind = whole_type(kind_text, seen)
      for _, one in ipairs(kind.is == "union" and kind.members or { kind }) do alias[#alias + 1] = one end
    end
  end
  function handlers.param(rest)
    local name, _, kind_text = rest:match "^([%a_][%w_]*)(%??) (.+)$"
    if not name then name, kind_text = rest:match "^(%.%.%.) (.+)$" end
    assert(name, "param: " .. rest)
    whole_type(kind_text, seen)
    params[#params + 1] = name
  end
  handlers["return"] = function(rest)
    whole_type(rest, seen)
    returns = returns + 1
  end
  function handlers.generic(rest)
    for name in rest:gmatch "%a+" do generics[name] = true end
  end
  function handlers.operator(rest) assert(class and rest:find "^concat%(any%): string$", "operator: " .. rest) end
  function handlers.type(rest) file.type = whole_type(rest, seen) end

  local function read_code(line)
    local variable = line:match "^local ([%a_]+) = {}$"
    if variable then
      locals[variable], class = assert(class, "a table without a class: " .. line), nil
      return
    end
    local owner, method, arguments = line:match "^function ([%a_]+)[.:]([%a_]+)%((.*)%) end$"
    if owner then
      local of = assert(locals[owner], "no class: " .. line)
      assert(not of.methods[method] and not of.fields[method], "twice: " .. line)
      local names = {}
      for name in arguments:gmatch "[%w_.]+" do names[#names + 1] = name end
      assert(table.concat(names, " ") == table.concat(params, " "), "parameters: " .. line)
      of.methods[method] = { params = params, returns = returns }
      of.order[#of.order + 1] = method
      params, returns, generics = {}, 0, {}
      return
    end
    assert(line:find "^return [%a_]+$" or line:find "^local module$", "unexpected code: " .. line)
  end

  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    local good, problem = pcall(function()
      local tag, rest = line:match "^%-%-%-@(%a+) ?(.*)$"
      if tag then
        if tag ~= "alias" then alias = nil end
        assert(handlers[tag], "unknown tag: " .. tag)(rest)
      elseif line:find "^%-%-%-| " then
        assert(alias, "a value without an alias")
        local kind, rest_of = whole_type(line:match "^%-%-%-| (.*)$", seen)
        assert(rest_of == "" or rest_of:find "^ *# %S", "a comment: " .. rest_of)
        alias[#alias + 1] = kind
      elseif line:find "^%-%-%-" then
        assert(line:find "^%-%-%-%S", "a description: " .. line)
      elseif line ~= "" and not line:find "^%-%-" then
        read_code(line)
      end
    end)
    if not good then error(("line %d: %s"):format(number, problem), 0) end
  end
  assert(file.module, "---@meta is missing")
  for name, at in pairs(mentioned) do
    local is_known = BUILT_IN[name] or classes[name] or aliases[name]
    if not is_known then error(("line %d: no such type: %s"):format(at, name), 0) end
  end
  return file
end

--- The strings that a type may be: those of a union of literals, or of an alias of such.
function luacats.literals(file, kind)
  if kind.is == "optional" or kind.is == "array" then return luacats.literals(file, kind.of) end
  if kind.is == "literal" then return { kind.value } end
  local found = {}
  local members = kind.is == "union" and kind.members or kind.is == "name" and file.aliases[kind.name] or {}
  for _, one in ipairs(members) do
    for _, value in ipairs(luacats.literals(file, one)) do found[#found + 1] = value end
  end
  return found
end

--- All fields and methods of a class, its parents' too: name -> field or method.
function luacats.members(file, name)
  local all, class = {}, assert(file.classes[name], "no class " .. name)
  for _, parent in ipairs(class.parents) do
    for member, value in pairs(luacats.members(file, parent)) do all[member] = value end
  end
  for member, value in pairs(class.fields) do all[member] = value end
  for member, value in pairs(class.methods) do all[member] = value end
  return all
end

return luacats
