-- config.lua - fuzzes the configuration file: settings of the right types, or an error that names the file and tells no secret.
-- The input: which variables are set beside it; then the file.

local config = require "aicc.config"
local core = require "aicc.core"
local fuzzing = require "spec.support.fuzzing"

local check, SECRETS = fuzzing.check, fuzzing.SECRETS

local home = assert(os.getenv "AICC_FUZZ_HOME", "AICC_FUZZ_HOME: no folder for a file")
assert(core.make_directory(home .. "/aicc"))
local path = home .. "/aicc/config.json"
assert(core.write_file(path, "")) -- nobody else may read it

local ALWAYS = { XDG_CONFIG_HOME = home }
local BESIDE = {
  { AICC_BASE_URL = "https://api.example", AICC_APP_KEY = SECRETS.app_key, AICC_APP_SECRET = SECRETS.app_secret },
  {},
  {
    AICC_BASE_URL = "http://127.0.0.1:1", NO_PROXY = "10.0.0.0/8",
    https_proxy = "http://user:" .. SECRETS.app_secret .. "@proxy:1",
  },
}

-- Whether all secrets in a file are where secrets belong: what stands elsewhere is none.
local function is_tidy(text)
  for _, name in ipairs { "app_key", "app_secret", "proxy" } do text = text:gsub('"' .. name .. '"%s*:%s*"[^"\\]*"', "") end
  for _, value in pairs(SECRETS) do
    if text:find(value, 1, true) then return false end
  end
  return true
end

local HIDDEN = { app_key = true, app_secret = true, proxy = true }

local LUA_TYPES = { seconds = "number", integer = "number" }

local function check_setting(row, value)
  local name, wanted = row[1], row[2]
  if value == nil then return check(not row.needed, "missing", name) end
  if wanted == "retry" then return check(not config.retry_problem(value), "retry") end
  check(type(value) == (LUA_TYPES[wanted] or wanted), "another type", name, type(value))
  if wanted == "seconds" then check(value > 0 and value < math.huge, "seconds", name, value) end
  if wanted == "integer" then check(value >= row.least and value <= row.most and value % 1 == 0, "an integer", name, value) end
end

return function(input)
  local text, choice = fuzzing.take(input, 1)
  local beside = BESIDE[choice % #BESIDE + 1]
  if not is_tidy(text) then return end
  local function getenv(name) return ALWAYS[name] or beside[name] end
  fuzzing.write(path, text)
  local settings, sources = config.resolve(nil, getenv)
  if settings then
    for _, row in ipairs(config.SCHEMA) do check_setting(row, settings[row[1]]) end
    fuzzing.check_secrecy(config.explain(settings, sources))
    for name in pairs(settings) do check(not HIDDEN[name], "seen by pairs", name) end
  else
    fuzzing.check_error(sources, { config = true })
    fuzzing.check_secrecy(sources)
    check(sources.outcome == "not_sent", "sent?")
  end
  local found = config.look(nil, getenv)
  for _, problem in ipairs(found.problems) do
    fuzzing.check_error(problem, { config = true })
    fuzzing.check_secrecy(problem)
  end
  check(settings == nil or #found.problems == 0, "a problem, and settings")
  fuzzing.check_secrecy(config.explain(found.settings, found.sources))
end
