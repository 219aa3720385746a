--- What a row may hold: a queue's number and an agent's account, wherever they come from.
--
-- The core decides, as for any call. The rest is for what people and programs write: what looks like an account but would be
-- another one, or nobody's, is refused, not mended.
-- @module aicc.jobs.input.row

local core = require "aicc.core"

local M = {}

-- ---- characters that nobody sees ----

-- From, to, a name; and whether they are refused anywhere, not only at either end. (Joiners inside a word may be a part of it.)
local UNSEEN = {
  { 0x0085, 0x0085, "a line's end" },
  { 0x00A0, 0x00A0, "a no-break space" },
  { 0x00AD, 0x00AD, "a soft hyphen", true },
  { 0x061C, 0x061C, "a direction mark", true },
  { 0x1680, 0x1680, "a blank" },
  { 0x2000, 0x200A, "a blank" },
  { 0x200B, 0x200B, "a zero-width space", true },
  { 0x200C, 0x200D, "a zero-width joiner" },
  { 0x200E, 0x200F, "a direction mark", true },
  { 0x2028, 0x2029, "a line's end" },
  { 0x202A, 0x202E, "a direction mark", true },
  { 0x202F, 0x202F, "a no-break space" },
  { 0x205F, 0x205F, "a blank" },
  { 0x2060, 0x2064, "a zero-width character", true },
  { 0x2066, 0x206F, "a direction mark", true },
  { 0x3000, 0x3000, "a wide blank" },
  { 0xFEFF, 0xFEFF, "a byte order mark", true },
}

local CHARACTER = "[\194-\223\225-\239][\128-\191]+" -- one of two or three bytes, in valid UTF-8

local function code_of(character)
  local first, second, third = character:byte(1, 3)
  if not third then return (first - 0xC0) * 64 + second - 0x80 end
  return (first - 0xE0) * 4096 + (second - 0x80) * 64 + third - 0x80
end

-- The row of UNSEEN that a character is in, or nil.
local function unseen(character)
  local code = code_of(character)
  for _, range in ipairs(UNSEEN) do
    if code >= range[1] and code <= range[2] then return range end
  end
end

-- The name of the first character that must not be where it is, or nil.
local function misplaced(account)
  for at, character in account:gmatch("()(" .. CHARACTER .. ")") do
    local range = unseen(character)
    if range and (range[4] or at == 1 or at + #character > #account) then return range[3] end
  end
end

-- An account in which all characters are seen.
local function visible(account)
  return (account:gsub(CHARACTER, function(character)
    return unseen(character) and ("<U+%04X>"):format(code_of(character)) or nil
  end))
end

-- ---- rows ----

-- What is wrong with an account beyond what no call may have, or nil.
local function misleading(account)
  if account:find "^%d+[.,]?%d*[eE]%+%d+$" then
    return ("the account %s was a number for a spreadsheet: have it export the column as text"):format(account)
  elseif account:find '^="' then
    return ("the account %s is a formula for a spreadsheet: have it export the column as text"):format(account)
  elseif account:find "^%s" or account:find "%s$" then
    return "the account begins or ends with a blank"
  end
  local found = account:find "[\194-\239]" and misplaced(account)
  return found and ("the account '%s' has %s there"):format(visible(account), found) or nil
end

-- One table for all rows: the core copies what it checks.
local probe = { skillId = 1, userAccounts = {} }

--- What is wrong with a row.
-- @tparam number skill_id
-- @tparam string account
-- @treturn ?string nil: nothing
function M.problem(skill_id, account)
  probe.skillId, probe.userAccounts[1] = skill_id, account
  local ok, err = core.check("release_agent_by_skill", probe, 1) -- 1: it says skill_id, as files do
  if not ok then return (err.message:gsub("^accounts%[1%]", "the account")) end
  return misleading(account)
end

--- What is wrong with one of several accounts that were given for a call. There may be none: that is the call's to refuse.
-- @tparam {string,...} accounts
-- @treturn ?string nil: nothing; else with its number
function M.problem_among(accounts)
  for i, account in ipairs(accounts) do
    local problem = M.problem(1, account)
    if problem then return ("account %d: %s"):format(i, problem) end
  end
end

local LONGEST_NAME = 100 -- bytes, as the API's

--- What is wrong with a queue's name, or nil.
-- @tparam string name
-- @treturn ?string
function M.name_problem(name)
  if #name > LONGEST_NAME then
    return ("skill_name: %d bytes, and the API's names have %d at most"):format(#name, LONGEST_NAME)
  end
  if name:find "%c" then return "skill_name: a control character" end
end

--- A row as a reader returns it.
-- @tparam integer line
-- @tparam ?number skill_id nil: the queue has a name only
-- @tparam string account
-- @tparam ?string name the queue's, where the row has one
-- @treturn integer line
-- @treturn ?number|string skill_id, or the name where that is all there is; nil: it is bad
-- @treturn string account, or what is wrong
-- @treturn ?string name
function M.checked(line, skill_id, account, name)
  local problem = M.problem(skill_id or 1, account) or not skill_id and M.name_problem(name) or nil
  if problem then return line, nil, problem end
  return line, skill_id or name, account, name
end

--- A row that has an account only, as a reader returns it.
-- @tparam integer line
-- @tparam string account
-- @treturn integer line
-- @treturn ?string account, or nil: it is bad
-- @treturn ?string what is wrong
function M.checked_account(line, account)
  local problem = M.problem(1, account)
  if problem then return line, nil, problem end
  return line, account
end

--- A text from a file as a message can show it.
-- @tparam string text
-- @treturn string one line of UTF-8 without control characters (U+0080 to U+009F are some, too), and not long
function M.shown(text) return core.printable(text, 40) .. (#text > 40 and "..." or "") end

-- ---- the names of columns and fields ----

local NAMES = { skillid = "skill_id", skillname = "skill_name", useraccount = "user_account" }

--- What a column or field of that name holds. `skillId`, `SKILL_ID`, `Skill ID` and `skill-id` are one name.
-- @tparam string name
-- @treturn ?string "skill_id", "skill_name", "user_account" or nil: something else
function M.meaning(name) return NAMES[(name:lower():gsub("[%s_-]", ""))] end

return M
