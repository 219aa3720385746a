-- What the fuzz targets in Lua (spec/fuzz/*.lua) have in common: what must hold of every error, and of every text that is told.

local core = require "aicc.core"
local errors = require "aicc.error"

local M = {}

M.SECRETS = { token = "tok3n-0f-the-night", app_key = "k3y-app-9b1d", app_secret = "s3cret-of-ours" }

local KINDS, OUTCOMES = {}, { not_sent = true, rejected = true, unknown = true }
for _, kind in ipairs(errors.KINDS) do KINDS[kind] = true end

-- Raises with the input's own words, which a plain `assert` would not show.
function M.check(condition, what, ...)
  if condition then return condition end
  local shown = {}
  for i = 1, select("#", ...) do shown[i] = ("%q"):format(tostring((select(i, ...)))) end
  error(("%s: %s"):format(what, table.concat(shown, ", ")), 2)
end

local check = M.check

-- Whether a text is one line of UTF-8.
function M.is_line(text) return core.printable(text, #text) == text end

-- An error as errors.md has them: of a known kind and outcome, its words one line.
function M.check_error(err, kinds)
  check(errors.is_error(err), "no error of ours", err)
  check(KINDS[err.kind] and (not kinds or kinds[err.kind]), "an error of another kind", err.kind, err.message)
  check(OUTCOMES[err.outcome], "an unknown outcome", err.outcome)
  check(type(err.retryable) == "boolean", "retryable", err.retryable)
  check(type(err.message) == "string" and #err.message > 0 and M.is_line(err.message), "not one line", err.message)
  check(tostring(err):find(err.message, 1, true), "another message", tostring(err))
  local after = err.retry_after
  check(after == nil or type(after) == "number" and after >= 0, "retry_after", after)
end

-- No secret in a value, nor in what is in it; names in `exempt` may hold what they like.
function M.check_secrecy(value, exempt)
  if type(value) == "table" then
    for name, inner in pairs(value) do
      M.check_secrecy(name, exempt)
      if not (exempt and exempt[name]) then M.check_secrecy(inner, exempt) end
    end
  elseif type(value) == "string" then
    for name, secret in pairs(M.SECRETS) do
      check(not value:find(secret, 1, true), "a secret is told: " .. name, value)
    end
  end
end

-- A file in memory whose reads bring at most `piece` bytes, but for the first one, which brings `first`.
function M.file(text, first, piece)
  local at = 1
  return {
    read = function(_, size)
      if at > #text then return nil end
      local count = at == 1 and first or piece
      local bytes = text:sub(at, at + math.min(size, count) - 1)
      at = at + #bytes
      return bytes
    end,
    close = function() end,
  }
end

-- Replaces what is in a file, and leaves its mode alone; core.write_file would see to it that it is on the disk.
function M.write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

-- Takes so many bytes, as numbers, off the front of an input; zeros where it is too short.
function M.take(input, count)
  local bytes = { input:byte(1, count) }
  for i = #bytes + 1, count do bytes[i] = 0 end
  return input:sub(count + 1), (table.unpack or unpack)(bytes) -- luacheck: ignore
end

return M
