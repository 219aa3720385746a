--- Reading request bodies and writing replies: what JSON says that cjson does not tell.
--
-- cjson decodes `{}` and `[]` alike, `3` and `3.0` alike, and writes 2^53-1 as 9.007e+15 and an empty table as `{}`. So the
-- kinds of the fields are read off the raw text, and integers and arrays are written here.
-- @module aicc.sandbox.body

local cjson = require "cjson.safe"

local M = {}

local decoder = cjson.new()
decoder.decode_invalid_numbers(false)

-- The position after the value that starts at `at`, in text known to be JSON.
local function after_value(text, at)
  local depth = 0
  repeat
    local first = text:sub(at, at)
    if first == '"' then
      repeat
        at = text:find('["\\]', at + 1)
        local escape = text:sub(at, at) == "\\"
        if escape then at = at + 1 end
      until not escape
      at = at + 1
    elseif first == "{" or first == "[" then
      depth, at = depth + 1, at + 1
    elseif first == "}" or first == "]" then
      depth, at = depth - 1, at + 1
    elseif first:find "[,:%s]" then
      at = at + 1
    else
      at = text:find("[%s,%]}:]", at) or #text + 1
    end
  until depth == 0
  return at
end

-- The fields of an object as raw text: name -> JSON. Nil for what is not an object.
local function raw_fields(text)
  local at = text:match "^%s*{%s*()"
  if not at then return nil end
  local fields = {}
  while text:sub(at, at) == '"' do
    local key_end = after_value(text, at)
    local key = decoder.decode("[" .. text:sub(at, key_end - 1) .. "]")[1]
    local from = text:match("^%s*:%s*()", key_end)
    local to = after_value(text, from)
    fields[key] = text:sub(from, to - 1)
    at = text:match("^%s*,?%s*()", to)
  end
  return fields
end

--- A body that is one JSON object.
-- @tparam string text
-- @treturn ?table its fields as raw text: name -> JSON
-- @treturn ?string what it is instead
function M.read(text)
  local value, message = decoder.decode(text)
  if value == nil then return nil, "the body is not JSON: " .. tostring(message) end
  local fields = raw_fields(text)
  if not fields then return nil, "the body is not a JSON object" end
  return fields
end

-- ---- one field each ----

--- An integer.
-- @tparam table fields as from `read`
-- @tparam string name
-- @tparam integer least
-- @treturn ?integer
-- @treturn ?string what is wrong
function M.integer(fields, name, least)
  local raw = fields[name]
  if not raw then return nil, name .. " is missing" end
  if not raw:find "^-?%d+$" then return nil, name .. " is not an integer" end
  local value = tonumber(raw)
  if value < least or value > 2 ^ 53 - 1 then return nil, name .. " is out of range" end
  return value
end

--- A string.
-- @tparam table fields as from `read`
-- @tparam string name
-- @treturn ?string
-- @treturn ?string what is wrong
function M.string(fields, name)
  local raw = fields[name]
  if not raw then return nil, name .. " is missing" end
  if raw:sub(1, 1) ~= '"' then return nil, name .. " is not a string" end
  return decoder.decode("[" .. raw .. "]")[1]
end

--- An array of strings.
-- @tparam table fields as from `read`
-- @tparam string name
-- @treturn ?{string,...}
-- @treturn ?string what is wrong
function M.strings(fields, name)
  local raw = fields[name]
  if not raw then return nil, name .. " is missing" end
  if raw:sub(1, 1) ~= "[" then return nil, name .. " is not an array" end
  local list = decoder.decode(raw)
  for n, item in ipairs(list) do
    if type(item) ~= "string" then return nil, name .. "[" .. n .. "] is not a string" end
  end
  return list
end

--- An object, as raw text.
-- @tparam table fields as from `read`
-- @tparam string name
-- @treturn ?table
-- @treturn ?string what is wrong
function M.object(fields, name)
  if not fields[name] then return nil, name .. " is missing" end
  local inner = raw_fields(fields[name])
  if not inner then return nil, name .. " is not an object" end
  return inner
end

-- ---- JSON ----

--- A string as JSON.
-- @tparam string text
-- @treturn string
function M.quote(text) return (cjson.encode(text)) end

--- An integer as JSON: without a fraction or an exponent.
-- @tparam number number
-- @treturn string
function M.digits(number) return ("%.0f"):format(number) end

--- An object as JSON.
-- @tparam {table,...} pairs_of_json each `{ name, JSON }`
-- @treturn string
function M.write(pairs_of_json)
  local parts = {}
  for n, pair in ipairs(pairs_of_json) do parts[n] = M.quote(pair[1]) .. ":" .. pair[2] end
  return "{" .. table.concat(parts, ",") .. "}"
end

return M
