--- Headers of a caller's that go on to the API: a request's id, a trace. Which ones, the setting `forward_headers` says.
-- @module aicc.forward

local MAX_VALUE = 512 -- bytes

-- What a request of ours has itself, and what is between two hops or tells who somebody is.
local OWN = {
  ["host"] = true, ["content-type"] = true, ["content-length"] = true, ["content-encoding"] = true, ["transfer-encoding"] = true,
  ["authorization"] = true, ["proxy-authorization"] = true, ["x-app-key"] = true, ["x-tenantspaceid"] = true,
  ["x-token-expire"] = true, ["user-agent"] = true, ["connection"] = true, ["proxy-connection"] = true, ["keep-alive"] = true,
  ["te"] = true, ["trailer"] = true, ["upgrade"] = true, ["expect"] = true, ["accept"] = true, ["accept-encoding"] = true,
  ["cookie"] = true, ["range"] = true,
}

local M = {}

--- The names that a setting lists.
-- @tparam ?string text names with commas or spaces between them
-- @treturn ?table lower-case name -> true
-- @treturn ?string what is wrong with it
function M.names(text)
  local names = {}
  for name in (text or ""):gmatch "[^,%s]+" do
    local lower = name:lower()
    local alike = lower:gsub("_", "-") -- as some servers read it
    if not name:find "^[%w_%-]+$" then return nil, ("forward_headers: '%s' is no header's name"):format(name) end
    if OWN[alike] or alike:find "^x%-aicc%-" then
      return nil, ("forward_headers: '%s' is not a caller's to give"):format(name)
    end
    names[lower] = true
  end
  return names
end

--- The headers of a call. A wrong type, or a header that is not listed, or comes twice in two spellings, is misuse.
-- @param headers name -> value
-- @tparam table names as from `names`
-- @treturn ?table a copy of them: what the caller does with his meanwhile does not matter
-- @treturn ?string what is wrong with a value
-- @treturn ?string what is misused
function M.read(headers, names)
  if type(headers) ~= "table" then return nil, nil, "headers: expected a table, got " .. type(headers) end
  local copy, seen = {}, {}
  for name, value in pairs(headers) do
    local lower = type(name) == "string" and name:lower()
    if not lower or not names[lower] then
      return nil, nil, ("headers: '%s' is not among the client's forward_headers"):format(tostring(name))
    elseif seen[lower] then
      return nil, nil, ("headers: '%s' comes twice"):format(lower)
    elseif type(value) ~= "string" then
      return nil, nil, ("headers['%s']: expected a string, got %s"):format(name, type(value))
    elseif #value > MAX_VALUE or not value:find "^[!-~]+[ -~]*$" then
      return nil, ("headers['%s']: expected 1 to %d visible ASCII characters"):format(name, MAX_VALUE)
    end
    seen[lower], copy[name] = true, value
  end
  return copy
end

return M
