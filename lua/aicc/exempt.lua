--- What NO_PROXY says: which hosts are reached without a proxy. Names, addresses, and networks as 10.0.0.0/8 or fd00::/8.
-- @module aicc.exempt

local M = {}

-- An IPv4 address as an array of 4 bytes, or nil.
local function four(text)
  local bytes = {}
  for part in (text .. "."):gmatch "([^.]*)%." do
    local byte = part:find "^%d%d?%d?$" and tonumber(part)
    if not byte or byte > 255 then return end
    bytes[#bytes + 1] = byte
  end
  return #bytes == 4 and bytes or nil
end

-- Bytes of groups with colons between them, the last of which may be an IPv4 address; or nil.
local function groups(text)
  local bytes = {}
  if text == "" then return bytes end
  for part in (text .. ":"):gmatch "([^:]*):" do
    local address = part:find(".", 1, true) and four(part)
    if address then
      for _, byte in ipairs(address) do bytes[#bytes + 1] = byte end
    elseif part:find "^%x%x?%x?%x?$" then
      local number = tonumber(part, 16)
      bytes[#bytes + 1], bytes[#bytes + 2] = math.floor(number / 256), number % 256
    else
      return
    end
  end
  return bytes
end

-- An IPv6 address as an array of 16 bytes, or nil.
local function six(text)
  text = text:gsub("%%.*$", "")
  local head, tail = text:match "^(.-)::(.*)$"
  if not head then
    local bytes = groups(text)
    return bytes and #bytes == 16 and bytes or nil
  end
  local bytes, rest = groups(head), groups(tail)
  if not bytes or not rest or #bytes + #rest > 14 then return end
  for _ = 1, 16 - #bytes - #rest do bytes[#bytes + 1] = 0 end
  for _, byte in ipairs(rest) do bytes[#bytes + 1] = byte end
  return bytes
end

local function address_of(text) return text:find(":", 1, true) and six(text) or four(text) end

-- Whether an address is in a network: whether the first so many bits are the same.
local function is_within(address, network, bits)
  if #address ~= #network or bits > #network * 8 then return false end
  local whole = math.floor(bits / 8)
  for i = 1, whole do
    if address[i] ~= network[i] then return false end
  end
  local unit = 2 ^ (8 - bits % 8)
  return bits % 8 == 0 or math.floor(address[whole + 1] / unit) == math.floor(network[whole + 1] / unit)
end

-- An entry in lower case as a host, without its port, and the number of bits if it is a network.
local function entry_of(text)
  local host, bits = text:match "^%[?([%x:.]+)%]?/(%d%d?%d?)$"
  if host then return host, tonumber(bits) end
  text = text:gsub("^%*?%.", "")
  return text:match "^%[([^%]]*)%]" or (text:find ":.*:" and text) or text:match "^[^:]*"
end

--- Whether a host is reached without a proxy. Of an entry's port nothing is asked.
-- @tparam string host in lower case, an IPv6 address without brackets
-- @tparam string list as in NO_PROXY
-- @treturn boolean
function M.has(host, list)
  local address = address_of(host)
  for part in list:gmatch "[^,%s]+" do
    local entry, bits = entry_of(part:lower())
    if bits then
      local network = address and address_of(entry)
      if network and is_within(address, network, bits) then return true end
    elseif entry == "*" or host == entry or host:sub(-#entry - 1) == "." .. entry then
      return true
    end
  end
  return false
end

return M
