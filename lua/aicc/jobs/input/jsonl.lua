--- Rows in JSON Lines: an object a line.
-- @module aicc.jobs.input.jsonl

local cjson = require "cjson.safe"
local row = require "aicc.jobs.input.row"

local M = {}

local decoder = cjson.new()
decoder.decode_invalid_numbers(false)

-- What a string in JSON says.
local function unescaped(quoted)
  if not quoted:find("\\", 1, true) then return quoted:sub(2, -2) end
  return decoder.decode("[" .. quoted .. "]")[1]
end

-- The names of an object's own fields, in order, as its text has them, which is known to be JSON. A name that comes twice is no
-- error there, and the decoder keeps the last value.
local function names_of(text)
  local names, depth, at = {}, 0, 1
  while true do
    local found = text:find('["{}%[%]]', at)
    if not found then return names end
    local character = text:sub(found, found)
    at = found + 1
    if character == '"' then
      local from = found
      repeat -- until a quote that no backslash is before
        local stop = text:find('["\\]', at)
        at = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
      until text:sub(stop, stop) == '"'
      if depth == 1 and text:find("^%s*:", at) then names[#names + 1] = unescaped(text:sub(from, at - 1)) end
    else
      depth = depth + ((character == "{" or character == "[") and 1 or -1)
    end
  end
end

-- The values of an object by meaning; or nil and what is wrong: two that differ, or that nobody can compare.
local function values_of(object, text)
  local values, seen = {}, {}
  for _, name in ipairs(names_of(text)) do
    local meaning = row.meaning(name)
    if meaning then
      if seen[name] then return nil, ("the field %s comes twice"):format(name) end
      seen[name] = true
      if values[meaning] ~= nil and values[meaning] ~= object[name] then
        return nil, ("two fields are called %s, with different values"):format(meaning)
      end
      values[meaning] = object[name]
    end
  end
  return values
end

local function row_of(line, text, kind)
  local object, problem = decoder.decode(text)
  if type(object) ~= "table" or not text:find "^%s*{" then
    return line, nil, "expected a JSON object: " .. row.shown(problem or "got something else")
  end
  local values
  values, problem = values_of(object, text)
  if not values then return line, nil, problem end
  local skill, name, account = values.skill_id, values.skill_name, values.user_account
  if kind == "accounts" and (skill ~= nil or name ~= nil) then
    return line, nil, "a field skill_id or skill_name: this is a row, not an agent to be released from all queues"
  end
  if name == decoder.null or name == "" then name = nil end
  if skill == decoder.null and name then skill = nil end
  if kind ~= "accounts" and type(skill) ~= "number" and not (skill == nil and name) then
    return line, nil, "skill_id: expected an integer"
  end
  if name ~= nil and type(name) ~= "string" then return line, nil, "skill_name: expected a string" end
  if type(account) ~= "string" then return line, nil, "user_account: expected a string" end
  if kind == "accounts" then return row.checked_account(line, account) end
  return row.checked(line, skill, account, name)
end

--- Makes a reader.
-- @tparam table lines `aicc.jobs.input.lines`
-- @tparam string kind "rows" or "accounts"
-- @treturn function the reader
function M.reader(lines, kind)
  return function()
    local text, problem
    repeat
      text, problem = lines:next()
      if not text then return nil end
    until problem or text ~= ""
    if problem then return lines.number, nil, problem end
    return row_of(lines.number, text, kind)
  end
end

return M
