--- The bytes of a file as UTF-8 text, block by block: how much there is costs no memory.
--
-- What a file is told by its first bytes: a mark says UTF-8 or UTF-16; what is no text at all is refused. Whether the text is
-- sound is for whoever splits it into lines to say (`aicc.jobs.input.lines`): only there has a fault a line.
-- @module aicc.jobs.input.bytes

local M = {}

local BLOCK = 65536

-- How files begin that are no text, and what is to be done with them.
local FOREIGN = {
  { "PK\3\4", "it is an Excel workbook (or another zip file): save the sheet as CSV UTF-8" },
  { "\208\207\17\224\161\177\26\225", "it is an Excel workbook: save the sheet as CSV UTF-8" },
  { "\31\139", "it is compressed (gzip): unpack it first" },
  { "\255\254\0\0", "it is UTF-32: save it as CSV UTF-8" },
  { "\0\0\254\255", "it is UTF-32: save it as CSV UTF-8" },
}

-- ---- UTF-16 ----

-- A unit's code in UTF-8. A surrogate gets three bytes like its neighbours, which is not UTF-8.
local function encoded(unit)
  if unit < 0x80 then return string.char(unit) end
  local low = 0x80 + unit % 64
  if unit < 0x800 then return string.char(0xC0 + math.floor(unit / 64), low) end
  return string.char(0xE0 + math.floor(unit / 4096), 0x80 + math.floor(unit / 64) % 64, low)
end

-- A table in which a unit's two bytes have its UTF-8; made as units come.
local function units(order)
  return setmetatable({}, { __index = function(self, pair)
    local first, second = pair:byte(1, 2)
    if order == "little" then first, second = second, first end
    self[pair] = encoded(first * 256 + second)
    return self[pair]
  end })
end

-- Two surrogates that belong together, each in three bytes, and the character that they are.
local PAIR = "\237([\160-\175])([\128-\191])\237([\176-\191])([\128-\191])"

local function joined(a, b, c, d)
  local high = (a:byte() - 160) * 64 + b:byte() - 128
  local code = 0x10000 + high * 1024 + (c:byte() - 176) * 64 + d:byte() - 128
  return string.char(0xF0 + math.floor(code / 262144), 0x80 + math.floor(code / 4096) % 64, 0x80 + math.floor(code / 64) % 64,
    0x80 + code % 64)
end

-- A function that decodes block after block; without one, the end. A surrogate that has lost the other stays as it is, and half a
-- unit at the end becomes a byte: neither is UTF-8, and so their lines are refused.
local function utf16(order)
  local table_of, rest, high = units(order), "", order == "little" and ".[\216-\219]$" or "[\216-\219].$"
  return function(block)
    local bytes = rest .. (block or "")
    local whole = #bytes - #bytes % 2
    if block and whole > 0 and bytes:sub(whole - 1, whole):find(high) then whole = whole - 2 end
    rest = bytes:sub(whole + 1)
    local text = bytes:sub(1, whole):gsub("..", table_of):gsub(PAIR, joined)
    if block or rest == "" then return text end
    rest = ""
    return text .. "\255"
  end
end

-- ---- files ----

local MARKS = {
  { "\239\187\191", "UTF-8" },
  { "\255\254", "UTF-16", "little" },
  { "\254\255", "UTF-16", "big" },
}

local Source = {}
Source.__index = Source

-- The first entry of a list that the bytes begin with.
local function beginning(bytes, list)
  for _, entry in ipairs(list) do
    if bytes:sub(1, #entry[1]) == entry[1] then return entry end
  end
end

-- Looks at the first block; returns what of it is text, or nil and what it is instead.
local function begin(self, block)
  self.has_begun = true
  local foreign, mark = beginning(block or "", FOREIGN), beginning(block or "", MARKS)
  if foreign then
    self.is_foreign = true
    return nil, foreign[2]
  end
  if not mark then return block end
  self.encoding = mark[2]
  if mark[3] then self.decode = utf16(mark[3]) end
  return block:sub(#mark[1] + 1)
end

--- The next text.
-- @treturn ?string nil at the end
-- @treturn ?string or why nothing more can be read; `is_foreign` is true if that is because it is no text
function Source:read()
  if self.has_ended then return nil end
  local block, problem = self.file:read(BLOCK) -- by size: a line's end and NUL are bytes like others
  if not problem and not self.has_begun then block, problem = begin(self, block) end
  if problem then return nil, problem end
  self.has_ended = block == nil
  if self.has_ended and self.file ~= io.stdin then self.file:close() end
  if not self.decode then return block end
  local text = self.decode(block)
  return (block or text ~= "") and text or nil
end

--- Opens a file.
-- @tparam string path "-" for standard input
-- @treturn ?table a source: `read`; once that was called, `encoding` ("UTF-8" or "UTF-16")
-- @treturn ?string or why it cannot be opened, with its name
function M.open(path)
  local file, problem = io.stdin, nil
  if path ~= "-" then file, problem = io.open(path, "rb") end
  if not file then return nil, problem end
  return setmetatable({ file = file, encoding = "UTF-8" }, Source)
end

return M
