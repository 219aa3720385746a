-- Which lines of C and Lua the specs run: `make coverage`.
--
-- Each Lua process of a run writes down its lines when it ends (one that is killed does not), through LUA_INIT; the C files are
-- built with gcc's --coverage, and read with gcov. `lua5.4 spec/support/coverage.lua FOLDER OBJECTS FILE...` adds them up, prints
-- a line for each file, and lists the lines of those below 95 %. It fails where such a file has no reason in uncovered.lua.
-- luacheck: globals coroutine.create coroutine.wrap os.exit pcall xpcall

local coverage = {}

local ENOUGH = 95 -- per cent of a file's lines

-- Why a file may have less.
local REASONS = dofile((debug.getinfo(1, "S").source:match "^@(.*/)" or "./") .. "uncovered.lua")

-- ---- record ----

local function write(folder, hits)
  local file = assert(io.open(("%s/%s"):format(folder, os.tmpname():match "[^/]+$"), "w"))
  for source, lines in pairs(hits) do
    for line in pairs(lines) do file:write(source, ":", line, "\n") end
  end
  file:close()
end

--- From now on notes the lines that are run of files below lua/, in all coroutines, and writes them into a file of the folder.
function coverage.record(folder)
  local hits, none = {}, {}
  local lines_of = setmetatable({}, { __index = function(all, source)
    local name = source:match "^@.*/(lua/aicc.*)$"
    local lines = none
    if name then
      hits[name] = hits[name] or {}
      lines = hits[name]
    end
    all[source] = lines
    return lines
  end })
  local function note(_, line) lines_of[debug.getinfo(2, "S").source][line] = true end
  local create, wrap, exit = coroutine.create, coroutine.wrap, os.exit
  for _, name in ipairs { "pcall", "xpcall" } do -- a spec may have a hook of its own: the next one is noted again
    local call = _G[name]
    _G[name] = function(...)
      debug.sethook(note, "l")
      return call(...)
    end
  end
  local function noted(f)
    return function(...)
      debug.sethook(note, "l")
      return f(...)
    end
  end
  function coroutine.create(f) return create(noted(f)) end
  function coroutine.wrap(f) return wrap(noted(f)) end
  function os.exit(...)
    debug.sethook()
    write(folder, hits)
    return exit(...)
  end
  debug.getregistry().aicc_coverage = setmetatable({}, { __gc = function() write(folder, hits) end })
  debug.sethook(note, "l")
end

-- ---- report ----

local function lines_from(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  pipe:close()
  return text:gmatch "[^\n]+"
end

-- line -> whether it was run, of the lines that have code. What only ends a block is none.
local function lua_lines(path, hit)
  local texts, lines = {}, {}
  for text in io.lines(path) do texts[#texts + 1] = text end
  for listed in lines_from("luac5.4 -l -p " .. path) do
    local line, instruction = listed:match "^%s+%d+%s+%[(%d+)%]%s+(%u+)"
    line = instruction ~= "VARARGPREP" and tonumber(line)
    if line and not texts[line]:find "^%s*end[%s%),;}]*$" then lines[line] = hit[path .. ":" .. line] == true end
  end
  return lines
end

local function c_lines(path, objects)
  local lines, source = {}, nil
  local folder = path:match "^(.*)/"
  for listed in lines_from(("gcov --stdout --object-directory %s/%s %s 2>/dev/null"):format(objects, folder, path)) do
    local count, line, text = listed:match "^%s*([^:]+):%s*(%d+):(.*)"
    source = text and text:match "^Source:(.*)" or source -- the file itself, then the headers that have code
    if line and source == path and line ~= "0" and not count:find "-" then lines[tonumber(line)] = not count:find "[#=]" end
  end
  return lines
end

-- 3 5-7 12
local function ranges(numbers)
  local shown = {}
  for _, number in ipairs(numbers) do
    local last = shown[#shown]
    if last and last[2] == number - 1 then last[2] = number else shown[#shown + 1] = { number, number } end
  end
  for n, range in ipairs(shown) do shown[n] = range[1] == range[2] and range[1] or range[1] .. "-" .. range[2] end
  return table.concat(shown, " ")
end

--- Prints the table; returns whether each file has enough, or a reason.
function coverage.report(folder, objects, paths)
  local hit, sums, is_well = {}, { c = { 0, 0 }, lua = { 0, 0 } }, true
  for line in lines_from(("find %s -type f -exec cat {} +"):format(folder)) do hit[line] = true end
  for _, path in ipairs(paths) do
    local language = path:match "%.(%a+)$"
    local all, run, missed = 0, 0, {}
    for line, was_run in pairs(language == "c" and c_lines(path, objects) or lua_lines(path, hit)) do
      all = all + 1
      if was_run then run = run + 1 else missed[#missed + 1] = line end
    end
    table.sort(missed)
    sums[language][1], sums[language][2] = sums[language][1] + run, sums[language][2] + all
    local share = all > 0 and 100 * run / all or 100
    print(("%6.1f %%  %5d lines  %s"):format(share, all, path))
    if share < ENOUGH then
      print("            not run: " .. ranges(missed))
      print("            " .. (REASONS[path] or "NO REASON IS GIVEN (spec/support/uncovered.lua)"))
      is_well = is_well and REASONS[path] ~= nil
    end
  end
  for _, language in ipairs { "c", "lua" } do
    print(("%6.1f %%  %5d lines  all of %s"):format(100 * sums[language][1] / sums[language][2], sums[language][2], language))
  end
  return is_well
end

if arg and arg[0] and arg[0]:find "coverage%.lua$" then
  os.exit(coverage.report(arg[1], arg[2], { table.unpack(arg, 3) }))
end

return coverage
