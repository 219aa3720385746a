-- rows.lua - fuzzes files of rows and of accounts, CSV and JSON Lines, in every encoding: no line is lost, none is made up, what
-- is read may go into a call, and neither the encoding nor how the bytes come changes anything. The input: rows or accounts; how
-- large the pieces are; then the file.

local cjson = require "cjson.safe"
local core = require "aicc.core"
local fuzzing = require "spec.support.fuzzing"
local input_of = require "aicc.jobs.input"

local check = fuzzing.check

-- Reads a file to its end: an array of { line, skill or nil, account or problem, name }; or nil and an error.
local function read(text, kind, first, piece)
  local open = io.open
  io.open = function() return fuzzing.file(text, first, piece) end -- luacheck: ignore (in no other way is a file in memory)
  local ok, reader, err, told = pcall(kind == "accounts" and input_of.open_accounts or input_of.open, "file")
  io.open = open -- luacheck: ignore
  check(ok, "raised", reader)
  if not reader then return nil, err end
  local rows = {}
  while true do
    local read_on, line, skill, account, name = pcall(reader)
    if not read_on then
      fuzzing.check_error(line, { argument = true })
      return nil, line
    end
    if not line then return rows, told end
    if kind == "accounts" then
      if skill then skill, account = 1, skill end
    end
    rows[#rows + 1] = { line = line, skill = skill, account = account, name = name }
  end
end

local function shown(rows)
  local lines = {}
  for i, row in ipairs(rows) do
    lines[i] = ("%d %s %s %s"):format(row.line, tostring(row.skill), tostring(row.account), tostring(row.name))
  end
  return table.concat(lines, "\n")
end

local function check_row(row, text)
  if not row.skill then
    check(type(row.account) == "string" and #row.account > 0, "a bad line without a reason", row.line)
    return check(not row.account:find "[\r\n]", "a reason of several lines", row.account)
  end
  local skill = type(row.skill) == "number" and row.skill or 1
  local arguments = { skillId = skill, userAccounts = { row.account } }
  check(core.check("release_agent_by_skill", arguments), "no call takes it", row.account)
  check(not row.account:find "^%s" and not row.account:find "%s$", "a blank at an end", row.account)
  if not text:find '[\\"%z]' then check(text:find(row.account, 1, true), "an account that is not in the file", row.account) end
end

-- The lines of a text without quotes that hold something, each with its number.
local function lines_of(text)
  local ending = text:match "[\r\n]" == "\r" and not text:find "^[^\r\n]*\r\n" and "\r" or "\n"
  local lines, number = {}, 0
  for line in (text .. ending):gmatch("(.-)" .. ending) do
    number = number + 1
    if ending == "\n" then line = line:gsub("\r$", "") end
    if line ~= "" then lines[#lines + 1] = { number, line } end
  end
  return lines, ending
end

-- Every line that is not empty gives one row or one bad line, and no other line does.
local function check_lines(rows, text)
  local lines = lines_of(text)
  local is_json = text:find "^%s*{" ~= nil
  local skipped = is_json and 0 or lines[1][2]:find "^[sS][eE][pP]=.$" and 2 or 1
  -- After `sep=` an empty line is a header that is none: no file is read with one.
  check(#rows == #lines - skipped, "lines lost or made up", #rows, #lines - skipped, text)
  for i, row in ipairs(rows) do check(row.line == lines[i + skipped][1], "another line's number", row.line) end
end

-- In JSON Lines a good row is what another reading of the line says.
local function check_json(rows, text)
  for _, line in ipairs((lines_of(text))) do
    for _, row in ipairs(rows) do
      if row.line == line[1] and row.skill then
        local object, found = cjson.decode(line[2]), false
        for _, value in pairs(object) do found = found or value == row.account end
        check(found, "an account from nowhere", row.account, line[2])
      end
    end
  end
end

-- What was read, written by other rules and read again, is the same.
local function check_again(rows, kind)
  local lines, good = { kind == "accounts" and "user_account" or "skill_name;user_account;skill_id" }, {}
  for _, row in ipairs(rows) do
    local is_named = type(row.skill) == "string"
    if row.skill and not (row.name and row.name:find "^'") and not (is_named and row.skill:find "^[ \t]*$") then
      good[#good + 1] = row
      local cells = kind == "accounts" and { row.account }
        or { row.name or is_named and row.skill or "", row.account, is_named and "" or ("%.0f"):format(row.skill) }
      -- What a report would quote is not read back as it is without that.
      for i, cell in ipairs(cells) do cells[i] = '"' .. cell:gsub("^'*[=+@-]", "'%0"):gsub('"', '""') .. '"' end
      lines[#lines + 1] = table.concat(cells, ";")
    end
  end
  if #good == 0 then return end
  local again = check(read(table.concat(lines, "\r\n"), kind, 1e6, 1e6), "cannot be read again", table.concat(lines, "\n"))
  check(#again == #good, "rows lost", #again, #good)
  for i, row in ipairs(good) do
    check(again[i].account == row.account, "another account", again[i].account, row.account)
    check(kind == "accounts" or again[i].skill == row.skill, "another queue", again[i].skill, row.skill)
  end
end

-- A text in UTF-16, with a mark; nil where it is not UTF-8.
local function utf16(text, order)
  if not utf8.len(text) then return nil end
  local units = { order .. "I2" }
  local function put(unit) units[#units + 1] = string.pack(order .. "I2", unit) end
  units[1] = string.pack(order .. "I2", 0xFEFF)
  for _, code in utf8.codes(text) do
    if code >= 0x10000 then
      put(0xD800 + (code - 0x10000) // 1024)
      put(0xDC00 + (code - 0x10000) % 1024)
    else
      put(code)
    end
  end
  return table.concat(units)
end

local function same(text, rows, err, kind, how, first, piece)
  local others, other_err = read(text, kind, first, piece)
  check((others ~= nil) == (rows ~= nil), how .. ": read or not", err and err.message or other_err and other_err.message)
  if rows then check(shown(others) == shown(rows), how .. ": other rows", shown(others), shown(rows)) end
end

-- The rows of a UTF-16 file, where a bad character is told in other words.
local function same_but_words(text, rows, kind, how)
  local others = read(text, kind, 1e6, 1e6)
  check((others ~= nil) == (rows ~= nil), how .. ": read or not")
  for i, row in ipairs(rows or {}) do
    local other = check(others[i], how .. ": fewer rows")
    check(other.line == row.line and other.skill == row.skill, how .. ": another row", other.line, row.line)
    check(not row.skill or other.account == row.account, how .. ": another account", other.account, row.account)
  end
  check(not rows or #others == #rows, how .. ": more rows")
end

local function has_mark(text)
  for _, mark in ipairs { "^\239\187\191", "^\255\254", "^\254\255", "^PK\3\4", "^\31\139", "^\208\207", "^%z%z" } do
    if text:find(mark) then return true end
  end
end

-- What must be the same however the file comes; one of these for each input.
local function in_pieces(text, rows, told, kind, size)
  -- A first block holds the first line, or how lines end cannot be told.
  local first = math.max(16, (text:find "[\r\n][^\r\n]*[\r\n].*\n" or #text) + 2)
  if not (text:sub(1, first):find '"') or first > #text then
    same(text, rows, told, kind, "in pieces", first, size % 7 + 1)
  end
end

local function with_mark(text, rows, told, kind)
  if not has_mark(text) then same("\239\187\191" .. text, rows, told, kind, "with a mark", 1e6, 1e6) end
end

local function wide(order)
  return function(text, rows, _, kind)
    local units = not has_mark(text) and utf16(text, order)
    if units then same_but_words(units, rows, kind, "UTF-16 " .. order) end
  end
end

local function again(_, rows, _, kind)
  if rows then check_again(rows, kind) end
end

local VARIANTS = { [0] = in_pieces, with_mark, wide "<", wide ">", again }

return function(input)
  local text, choice, size = fuzzing.take(input, 2)
  local kind = choice % 2 == 0 and "rows" or "accounts"
  local rows, told = read(text, kind, 1e6, 1e6)
  if rows then
    for i, row in ipairs(rows) do
      check_row(row, text)
      check(i == 1 or row.line > rows[i - 1].line or text:find '"', "lines in another order", row.line)
    end
    if not text:find '"' and not has_mark(text) then check_lines(rows, text) end
    if told:find "JSON" and told:find "UTF%-8" and not has_mark(text) then check_json(rows, text) end
  else
    fuzzing.check_error(told, { argument = true })
    check(told.outcome == "not_sent", "sent?", told.outcome)
  end
  VARIANTS[size % 5](text, rows, told, kind, size // 5)
end
