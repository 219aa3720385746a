-- Which lines of C and Lua the specs run: `make coverage`.
--
-- Lua's are noted by coverage.c, in a file that all processes of a run have mapped. (Not by luacov: Debian has no package of
-- it, and its hook allocates in the state that it watches.) The C files are built with gcc's --coverage, and read with gcov.
--
--   lua5.4 spec/support/coverage.lua prepare HITS FILE...          makes that file, for these files of Lua
--   lua5.4 spec/support/coverage.lua report HITS OBJECTS FILE...   a line for each file of C and Lua, what is not run of those
--                                                                  below 95 %, and why; the sums
--
-- The report fails where such a file has no reason in uncovered.lua, or that has one for a file that is not there. It tells of
-- reasons that are not needed: what runs varies a little, with who is root and what comes first.

local ENOUGH = 95 -- per cent of a file's lines

-- As in coverage.c: a file's name, and a byte for each line.
local NAME, SLOT = 256, 2048

local coverage = {}

--- Makes the file at `path` for these sources: no line was run.
function coverage.prepare(path, sources)
  local file = assert(io.open(path, "wb"))
  for _, source in ipairs(sources) do
    assert(#source < NAME)
    file:write(source, ("\0"):rep(SLOT - #source))
  end
  file:close()
end

--- What the file at `path` says: name -> a string with a byte for each line, 1 where it was run. Line 0 is the first.
function coverage.read(path)
  local file = assert(io.open(path, "rb"))
  local was_run = {}
  for slot in function() return file:read(SLOT) end do was_run[slot:match "^%Z+"] = slot:sub(NAME + 1) end
  file:close()
  return was_run
end

local function lines_from(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  pipe:close()
  return text:gmatch "[^\n]+"
end

-- line -> whether it was run, of the lines that have code. What only ends a block is none.
local function lua_lines(path, was_run)
  local texts, lines = {}, {}
  for text in io.lines(path) do texts[#texts + 1] = text end
  assert(#texts < SLOT - NAME)
  for listed in lines_from("luac5.4 -l -p " .. path) do
    local line, instruction = listed:match "^%s+%d+%s+%[(%d+)%]%s+(%u+)"
    line = instruction ~= "VARARGPREP" and tonumber(line)
    if line and not texts[line]:find "^%s*end[%s%),;}]*$" then lines[line] = was_run:byte(line + 1) == 1 end
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

--- What is printed of the files, whose lines are `lines_of[path]` (line -> whether it was run), and where the reasons do not fit.
-- `exists(path)`: whether there is such a file, among `paths` or not.
-- @treturn {string,...} the report
-- @treturn {string,...} what is wrong with the reasons
-- @treturn {string,...} which are not needed
function coverage.judge(paths, lines_of, reasons, exists)
  local report, wrong, needless = {}, {}, {}
  local sums = { c = { 0, 0 }, lua = { 0, 0 } }
  for _, path in ipairs(paths) do
    local all, run, missed = 0, 0, {}
    for line, was_run in pairs(lines_of[path]) do
      all = all + 1
      if was_run then run = run + 1 else missed[#missed + 1] = line end
    end
    table.sort(missed)
    local sum = sums[path:match "%.(%a+)$"]
    sum[1], sum[2] = sum[1] + run, sum[2] + all
    local share = all > 0 and 100 * run / all or 100
    report[#report + 1] = ("%6.1f %%  %5d lines  %s"):format(share, all, path)
    if share < ENOUGH then
      report[#report + 1] = "            not run: " .. ranges(missed)
      report[#report + 1] = "            " .. (reasons[path] or "NO REASON IS GIVEN")
    end
    if share < ENOUGH and not reasons[path] then
      wrong[#wrong + 1] = ("%s has %.1f %%, and no reason"):format(path, share)
    elseif share >= ENOUGH and reasons[path] then
      needless[#needless + 1] = ("%s has %.1f %%, and needs no reason"):format(path, share)
    end
  end
  for path in pairs(reasons) do
    if not exists(path) then wrong[#wrong + 1] = path .. " has a reason, and is not there" end
  end
  table.sort(wrong)
  for _, language in ipairs { "c", "lua" } do
    local sum = sums[language]
    report[#report + 1] = ("%6.1f %%  %5d lines  all of %s"):format(100 * sum[1] / math.max(sum[2], 1), sum[2], language)
  end
  return report, wrong, needless
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local function print_report(hits, objects, paths)
  local was_run, lines_of = coverage.read(hits), {}
  for _, path in ipairs(paths) do
    lines_of[path] = path:find "%.c$" and c_lines(path, objects) or lua_lines(path, assert(was_run[path]))
  end
  local report, wrong, needless = coverage.judge(paths, lines_of, dofile "spec/support/uncovered.lua", exists)
  for _, texts in ipairs { report, needless } do
    if #texts > 0 then print(table.concat(texts, "\n")) end
  end
  if #wrong > 0 then
    io.stderr:write("spec/support/uncovered.lua is to be mended:\n  ", table.concat(wrong, "\n  "), "\n")
    os.exit(1)
  end
end

if arg and arg[0] and arg[0]:find "coverage%.lua$" then
  if arg[1] == "prepare" then coverage.prepare(arg[2], { table.unpack(arg, 3) }) else
    print_report(arg[2], arg[3], { table.unpack(arg, 4) })
  end
end

return coverage
