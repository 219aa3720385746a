--- Where a client's settings come from: its arguments, then the environment, then a file, then defaults.
--
-- The file is JSON: it can hold what is needed, runs no code, and its parser is here already. It is read when a client is made,
-- never when a module is loaded.
-- @module aicc.config

local cjson = require("cjson.safe").new() -- the shared one may have been set up otherwise
local core = require "aicc.core"
local errors = require "aicc.error"
local exempt = require "aicc.exempt"
local forward = require "aicc.forward"
local retry = require "aicc.retry"
local secret = require "aicc.secret"
local secret_file = require "aicc.secret_file"

local M = {}

local MAX_CONFIG = 64 * 1024 -- bytes of the configuration file
local LEAST_SECRET = 6       -- bytes; messages are searched for it, and a shorter one stands in ordinary words

-- Every setting: its type, default, environment variable, and whether it is a secret or only for the code that makes a client.
-- The defaults of `retry` are in aicc.retry. A session that is used without a client has its own defaults, in src/options.c.
local SCHEMA = {
  { "base_url", "string", env = "AICC_BASE_URL", needed = true },
  { "token_url", "string", env = "AICC_TOKEN_URL" }, -- base_url where it is not given
  { "app_key", "string", env = "AICC_APP_KEY", secret = true, file_twin = true, needed = true },
  { "app_secret", "string", env = "AICC_APP_SECRET", secret = true, file_twin = true, needed = true },
  { "tenant_space_id", "string", env = "AICC_TENANT_SPACE_ID" },
  { "ca_file", "string", env = "AICC_CA_FILE" },
  { "ca_path", "string", env = "AICC_CA_PATH" },
  { "verify", "boolean", default = true },
  { "proxy", "string", env = "AICC_PROXY", secret = "in part" },
  { "user_agent", "string", default = "aicc/" .. core._VERSION },
  { "timeout", "seconds", default = 15, env = "AICC_TIMEOUT" },
  { "connect_timeout", "seconds", default = 5, env = "AICC_CONNECT_TIMEOUT" },
  { "deadline", "seconds", default = 60, env = "AICC_DEADLINE" },
  { "retry", "retry" },
  { "token_lifetime", "integer", default = 3600, least = 60, most = 3600 },
  { "max_in_flight", "integer", default = 8, least = 1, most = 1024, env = "AICC_MAX_IN_FLIGHT" },
  { "query_form", "string", default = "auto", env = "AICC_QUERY_FORM", names = { auto = true, flat = true, wrapped = true } },
  { "store", "store", code_only = true, names = { memory = true, file = true, shdict = true } },
  { "transport", "transport", code_only = true, names = {
    curl = true, nginx = true, haproxy = true, cqueues = true, luv = true, copas = true,
  } },
  { "egress", "string", env = "AICC_EGRESS" },
  { "token_egress", "string", env = "AICC_TOKEN_EGRESS" }, -- egress where it is not given
  { "forward_headers", "string", env = "AICC_FORWARD_HEADERS" },
  { "allow_blocking", "boolean", default = false, code_only = true },
  { "on_event", "function", code_only = true },
  { "clock", "function", code_only = true },
  { "sleep", "function", code_only = true },
  { "random", "function", code_only = true },
}

--- All settings, in the order of the documentation: `{ name, type, default=, env=, names=, … }`.
M.SCHEMA = SCHEMA

local BY_NAME, HIDDEN = {}, {}
for _, row in ipairs(SCHEMA) do
  BY_NAME[row[1]] = row
  if row.secret then HIDDEN[#HIDDEN + 1] = row[1] end
end

local function refuse(...)
  return nil, errors.new { kind = "config", message = string.format(...) }
end

-- A name from a file as a message can show it: one line of it.
local function shown(name) return core.printable(tostring(name), 64) end

-- ---- types: what is wrong in a value given by code raises, the same from outside is an error ----

local LUA_TYPES = { seconds = "number", integer = "number" }

local function type_problem(row, value)
  local wanted = LUA_TYPES[row[2]] or row[2]
  if wanted == "retry" then
    if value == false or type(value) == "table" then return end
    wanted = "table or false"
  elseif wanted == "store" or wanted == "transport" then
    if type(value) == "table" or type(value) == "string" then return end
    wanted = "table or string"
  elseif type(value) == wanted then
    return
  end
  return ("%s: expected a %s, got %s"):format(row[1], wanted, type(value))
end

local function content_problem(row, value)
  if row[2] == "seconds" and not (value > 0 and value < math.huge) then
    return ("%s: expected a number of seconds above 0, got %s"):format(row[1], tostring(value))
  elseif row[2] == "integer" and not (value >= row.least and value <= row.most and value % 1 == 0) then
    return ("%s: expected an integer from %d to %d, got %s"):format(row[1], row.least, row.most, tostring(value))
  elseif row.secret == true and #value < LEAST_SECRET then
    return ("%s: expected at least %d bytes, got %d: messages are kept clear of it, and it might be part of any word"):format(
      row[1], LEAST_SECRET, #value)
  elseif row.names and type(value) == "string" and not row.names[value] then
    local known = {}
    for name in pairs(row.names) do known[#known + 1] = name end
    table.sort(known)
    return ("%s: expected %s, got '%s'"):format(row[1], table.concat(known, " or "), value)
  elseif row[2] == "retry" then
    return M.retry_problem(value)
  elseif row[1] == "forward_headers" then
    return select(2, forward.names(value))
  end
end

-- Text from the environment, as the setting's type; nil if it is none.
local function from_text(row, text)
  if row[2] == "string" then return text end
  if row[2] == "boolean" then return ({ ["true"] = true, ["false"] = false })[text] end
  if text:find("^%d+%.?%d*$") then return tonumber(text) end
end

-- ---- files ----

local function config_path(getenv)
  local home = getenv "XDG_CONFIG_HOME"
  if not home or home:sub(1, 1) ~= "/" then
    home = getenv "HOME"
    home = home and home:sub(1, 1) == "/" and home .. "/.config"
  end
  return home and home .. "/aicc/config.json" or nil
end

-- The configuration file's table, empty if there is no such file; or nil and an error.
local function read_config(path)
  if not path then return {} end
  local text, problem, missing = core.read_file(path, MAX_CONFIG)
  if missing then return {} end
  if not text then return refuse("configuration file %s", problem) end
  if text:find "^\255\254" or text:find "^\254\255" then
    return refuse("configuration file %s: it is UTF-16: save it as UTF-8", path)
  end
  local settings, why = cjson.decode((text:gsub("^\239\187\191", ""))) -- without the mark that some editors put before it
  if text:find("\0", 1, true) then settings, why = nil, "there is a NUL byte in it" end -- at which the decoder stops
  if type(settings) ~= "table" then
    return refuse("configuration file %s: expected a JSON object: %s", path, why or "got something else")
  end
  local has_secret = false
  for name, value in pairs(settings) do
    local row = BY_NAME[name]
    if not row or row.code_only then return refuse("configuration file %s: unknown setting '%s'", path, shown(name)) end
    local wrong = type_problem(row, value)
    if wrong then return refuse("configuration file %s: %s", path, wrong) end
    has_secret = has_secret or row.secret == true or (name == "proxy" and value:find "@")
  end
  if has_secret then
    local safe, unsafe = core.read_file(path, MAX_CONFIG, "private")
    if safe ~= text then
      return refuse("configuration file (it holds a secret) %s", unsafe or "has just been replaced: try again")
    end
  end
  return settings
end

-- ---- the environment ----

-- The value of one setting from the environment and the variable's name; nil if it is not set; nil, nil and an error.
local function from_environment(row, getenv)
  if not row.env then return end
  local text = getenv(row.env)
  if text and text ~= "" or (text and row[1] == "proxy") then
    local value = from_text(row, text)
    if value == nil then
      local wanted = row[2] == "integer" and "an integer" or "a number of seconds"
      return nil, nil, select(2, refuse("%s: expected %s", row.env, wanted))
    end
    return value, row.env
  end
  local twin = row.file_twin and row.env .. "_FILE"
  local path = twin and getenv(twin)
  if path and path ~= "" then
    local value, problem = secret_file.read(path)
    if not value then return nil, nil, select(2, refuse("%s: %s", twin, problem)) end
    return value, twin
  end
end

-- The proxy that the usual variables name for this URL, and the variable; nil if none. This machine is reached without.
local function usual_proxy(base_url, getenv)
  local host = base_url:lower():match "^https://%[([^%]]+)%]" or base_url:lower():match "^https://([^/:?#]+)"
  if not host then return end
  for _, name in ipairs { "https_proxy", "HTTPS_PROXY" } do
    local proxy = getenv(name)
    if proxy and proxy ~= "" then
      local list = getenv "no_proxy" or getenv "NO_PROXY" or ""
      if host == "localhost" or host == "::1" or host:find "^127%." or exempt.has(host, list) then return end
      return proxy, name
    end
  end
end

-- ---- the whole ----

--- What is wrong with a `retry` option, or nil.
-- @param option a table with some of the fields of `aicc.retry.defaults`, or false
-- @tparam ?boolean of_call whether it is a single call's, which has no budget of its own
-- @treturn ?string
function M.retry_problem(option, of_call)
  if option == false then return end
  if type(option) ~= "table" then return "retry: expected a table or false, got " .. type(option) end
  for name, value in pairs(option) do
    if not retry.defaults[name] then return ("unknown option 'retry.%s'"):format(shown(name)) end
    local least = name == "attempts" and 1 or 0
    if type(value) ~= "number" or value < least or value ~= value then
      return ("retry.%s: expected a number from %d, got %s"):format(name, least, tostring(value))
    end
    if name == "attempts" and value % 1 ~= 0 then
      return ("retry.attempts: expected an integer, got %s"):format(tostring(value))
    end
    if name == "budget" and of_call then return "retry.budget: it is the client's, for all its calls" end
  end
end

local function check_arguments(options)
  if options == nil then return {} end
  if type(options) ~= "table" then error("aicc.new: expected a table of options, got " .. type(options), 5) end
  for name, value in pairs(options) do
    local row = BY_NAME[name]
    local problem = row and type_problem(row, value) or (not row and ("unknown option '%s'"):format(tostring(name)))
    if problem then error("aicc.new: " .. problem, 5) end
  end
  local problem = options.retry ~= nil and M.retry_problem(options.retry)
  if problem then error("aicc.new: " .. problem, 5) end
  return options
end

local function one_setting(row, options, file, getenv)
  local name = row[1]
  if options[name] ~= nil then return options[name], "argument" end
  local value, variable, err = from_environment(row, getenv)
  if err then return nil, nil, err end
  if value ~= nil then return value, "environment " .. variable end
  if file[name] ~= nil then return file[name], "file" end
  return row.default, "default"
end

-- What each setting is and where it comes from, with the error of each that is wrong, and the names of those that are missing.
local function gather(options, getenv)
  local settings, sources, problems, missing = {}, {}, {}, {}
  local path = config_path(getenv)
  local file, problem = read_config(path)
  if not file then problems[1] = problem end
  for _, row in ipairs(SCHEMA) do
    local name = row[1]
    local value, source, err = one_setting(row, options, file or {}, getenv)
    local wrong = value ~= nil and content_problem(row, value)
    if wrong then _, err = refuse("%s", wrong) end
    problems[#problems + 1] = err
    settings[name], sources[name] = value, source == "file" and "file " .. path or source
    if row.needed and value == nil and not err then missing[#missing + 1] = name end
  end
  return { settings = settings, sources = sources, problems = problems, missing = missing, path = path }
end

-- Puts in what other settings decide: true, or nil and an error.
local function complete(settings, sources, getenv)
  if settings.token_url == nil then settings.token_url, sources.token_url = settings.base_url, "default" end
  if settings.proxy == nil then
    local proxy, variable = usual_proxy(settings.base_url, getenv)
    if usual_proxy(settings.token_url, getenv) ~= proxy then
      return refuse "proxy: by HTTPS_PROXY and NO_PROXY it is for only one of base_url and token_url: set proxy or AICC_PROXY"
    end
    settings.proxy, sources.proxy = proxy or "", variable and "environment " .. variable or "default"
  end
  return true
end

--- Gathers and checks the settings of a client.
-- @tparam ?table options what `aicc.new` was given; a wrong type or an unknown name raises
-- @tparam ?function getenv for specs; `os.getenv`
-- @treturn ?table every setting by name; those that are secrets, or may hold one, are not among what `pairs` gives
-- @treturn ?table name -> where it came from; or, after nil, the error
function M.resolve(options, getenv)
  options = check_arguments(options)
  getenv = getenv or os.getenv
  local found = gather(options, getenv)
  if found.problems[1] then return nil, found.problems[1] end
  local name = found.missing[1]
  if name then return refuse("%s: it is missing; give it to aicc.new or set %s", name, BY_NAME[name].env) end
  local settings, sources = found.settings, found.sources
  local whole, err = complete(settings, sources, getenv)
  if not whole then return nil, err end
  local _, unusable = core.check("token", {
    app_key = settings.app_key, app_secret = settings.app_secret, expires = settings.token_lifetime,
  })
  if unusable then return refuse("%s", unusable.message) end
  return secret.hide(settings, HIDDEN), sources
end

--- What the settings of a client would be, for who wants to see them: it fails for none, be they wrong or missing.
-- @tparam ?table options as for `resolve`
-- @tparam ?function getenv for specs; `os.getenv`
-- @treturn table `settings` (with the secrets hidden) and `sources`, as from `resolve`; `problems`: the error of each that is
--   wrong; `missing`: the names of those without which there is no client; `ways`: name of each of these -> the variables that
--   give it; `files`: `{ what=, path=, state= }` of each file that was looked at; `path`: the configuration file's, or nil
function M.look(options, getenv)
  options = check_arguments(options)
  getenv = getenv or os.getenv
  local found = gather(options, getenv)
  found.files, found.ways = {}, {}
  local function looked_at(what, path, text, problem)
    found.files[#found.files + 1] = { what = what, path = path, state = text and "read" or problem }
  end
  if found.path then
    local text, problem, is_missing = core.read_file(found.path, MAX_CONFIG)
    looked_at("configuration file", found.path, text, is_missing and "not there" or problem)
  end
  for _, row in ipairs(SCHEMA) do
    local twin = row.file_twin and row.env .. "_FILE"
    local path = twin and getenv(twin)
    if row.needed then found.ways[row[1]] = { row.env, twin or nil } end
    if path and path ~= "" then looked_at(twin, path, secret_file.read(path)) end
  end
  if found.settings.base_url then
    local _, err = complete(found.settings, found.sources, getenv)
    found.problems[#found.problems + 1] = err
  end
  secret.hide(found.settings, HIDDEN)
  return found
end

-- A setting as people may see it.
local function masked(row, value)
  if row.secret == true and value ~= nil then return "***" end
  if row[1] == "proxy" and type(value) == "string" then
    local scheme, rest = value:match "^(%a[%w+.-]*://)(.*)$"
    return (scheme or "") .. (rest or value):gsub("^.*@", "***@")
  end
  if type(value) == "table" or type(value) == "function" then return "(" .. type(value) .. ")" end
  return value
end

--- Each setting with its value and where it came from, secrets masked.
-- @tparam table settings
-- @tparam table sources
-- @treturn table array of `{ name=, value=, source= }`, in the order of the documentation
function M.explain(settings, sources)
  local lines = {}
  for _, row in ipairs(SCHEMA) do
    local name = row[1]
    if settings[name] ~= nil then
      lines[#lines + 1] = { name = name, value = masked(row, settings[name]), source = sources[name] }
    end
  end
  return lines
end

return M
