--- What a token store keeps, as text, and what of such a text can be used.
--
-- Other processes write it, of other versions maybe, and a disk may do as it likes: what is not an entry in every part is none.
-- So what is read lives no longer than it says, makes a header if it is a token, and is an error like any other if it is a
-- failure.
-- @module aicc.store.entry

local cjson = require("cjson.safe").new() -- the shared one may have been set up otherwise
local errors = require "aicc.error"

local LONGEST = 86400     -- seconds that a token may live
local MOST_BYTES = 4096   -- of a token: it goes into a header

cjson.decode_invalid_numbers(false)

local M = {}

local KINDS, OUTCOMES = {}, { not_sent = true, rejected = true, unknown = true }
for _, kind in ipairs(errors.KINDS) do KINDS[kind] = true end

-- What an error may have, and its type. A field of another name, or of another type, is left out.
local FIELDS = {}
for wanted, names in pairs {
  string = "kind operation message outcome result_code result_message body", boolean = "retryable truncated",
  number = "status curl_code retry_after attempts elapsed",
} do
  for name in names:gmatch "%S+" do FIELDS[name] = wanted end
end

local function failure_of(read)
  local failure = {}
  for name, wanted in pairs(FIELDS) do
    if type(read[name]) == wanted then failure[name] = read[name] end
  end
  if not KINDS[failure.kind] or not OUTCOMES[failure.outcome] or (failure.message or "") == "" then return nil end
  if failure.retry_after and failure.retry_after < 0 then failure.retry_after = nil end
  return errors.new(failure)
end

local function is_time(value) return type(value) == "number" and value >= 0 and value < math.huge end

-- Whether it is a token with its windows: `hard` not beyond its end. (`soft` may be: after a refresh that failed.)
local function is_token(entry)
  local token = entry.token
  return type(token) == "string" and #token > 0 and #token <= MOST_BYTES and not token:find "[^\33-\126]"
    and is_time(entry.hard) and is_time(entry.soft) and entry.hard <= entry.ends and entry.soft <= entry.ends + LONGEST
end

--- An entry that was written.
-- @tparam string text
-- @treturn ?table `lifetime`, `ends`, and `token`, `hard`, `soft`; or `failure`; and what else was written beside them. Nil: it
--   is none
function M.read(text)
  local entry = cjson.decode(text)
  if type(entry) ~= "table" or not is_time(entry.ends) then return nil end
  if not is_time(entry.lifetime) or entry.lifetime > LONGEST then return nil end
  if type(entry.failure) ~= "table" then return is_token(entry) and entry or nil end
  entry.failure, entry.token = failure_of(entry.failure), nil
  return entry.failure and entry
end

--- An entry as text.
-- @tparam table entry as from `aicc.token`
-- @tparam ?table more fields that are written beside its own
-- @treturn string
function M.written(entry, more)
  local written = {}
  for name, value in pairs(entry) do written[name] = value end
  for name, value in pairs(more or {}) do written[name] = value end
  if entry.failure then
    written.failure = {}
    for name, value in pairs(entry.failure) do
      if type(value) == FIELDS[name] then written.failure[name] = value end
    end
  end
  return cjson.encode(written)
end

return M
