-- Where settings come from, what is refused, and what files may hold secrets.

local aicc = require "aicc"
local child = require "spec.support.child"
local config = require "aicc.config"
local sandbox = require "aicc.sandbox"

local directory, remove

before_each(function()
  directory, remove = child.directory()
  os.execute("mkdir -p " .. directory .. "/aicc")
end)
after_each(function() remove() end)

-- Writes a file in the directory; returns its path.
local function write(name, text, mode)
  local path = directory .. "/" .. name
  os.remove(path) -- who is not root cannot write to one of mode 444
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  os.execute(("chmod %s %s"):format(mode or "600", path))
  return path
end

local GIVEN = { base_url = "https://api.example", app_key = "app-key", app_secret = "secret" }

-- Resolves with GIVEN and these; the environment has nothing but what is said, and the configuration file below the directory.
local function resolve(options, environment)
  local all = {}
  for name, value in pairs(GIVEN) do all[name] = value end
  for name, value in pairs(options or {}) do all[name] = value end
  for name, value in pairs(all) do if value == "nil" then all[name] = nil end end
  environment = environment or {}
  environment.XDG_CONFIG_HOME = environment.XDG_CONFIG_HOME or directory
  return config.resolve(all, function(name) return environment[name] end)
end

-- Asserts that resolving fails with a "config" error that has that text, and not `never`.
local function refuses(text, options, environment, never)
  local settings, err = resolve(options, environment)
  assert.is_nil(settings)
  assert.equal("config", err.kind)
  assert.truthy(err.message:find(text, 1, true), err.message)
  assert.is_nil(never and tostring(err):find(never, 1, true))
end

describe("a setting", function()
  it("comes from the arguments, then the environment, then the file, then the defaults", function()
    write("aicc/config.json", '{"timeout":3,"deadline":30,"max_in_flight":2,"user_agent":"mine/1"}')
    local environment = { AICC_DEADLINE = "20", AICC_MAX_IN_FLIGHT = "3", AICC_TENANT_SPACE_ID = "t" }
    local settings, sources = resolve({ max_in_flight = 4 }, environment)
    local path = "file " .. directory .. "/aicc/config.json"
    assert.same({ 3, 20, 4, "mine/1", "t", 5, true }, {
      settings.timeout, settings.deadline, settings.max_in_flight, settings.user_agent, settings.tenant_space_id,
      settings.connect_timeout, settings.verify,
    })
    assert.same({ path, "environment AICC_DEADLINE", "argument", path, "default" }, {
      sources.timeout, sources.deadline, sources.max_in_flight, sources.user_agent, sources.connect_timeout,
    })
  end)

  it("that is false or empty in the arguments wins all the same", function()
    write("aicc/config.json", '{"verify":true,"proxy":"http://p"}')
    local settings = assert(resolve({ verify = false, proxy = "", base_url = "https://localhost" }))
    assert.same({ false, "" }, { settings.verify, settings.proxy })
  end)

  it("that is empty in the environment counts as not set", function()
    assert.equal(15, assert(resolve({}, { AICC_TIMEOUT = "" })).timeout)
    local settings, sources = resolve()
    assert.same({ "https://api.example", "default" }, { settings.token_url, sources.token_url })
    refuses("base_url: it is missing; give it to aicc.new or set AICC_BASE_URL", { base_url = "nil" }, { AICC_BASE_URL = "" })
  end)

  it("is nobody's to give where the environment has all that is needed: aicc.new()", function()
    local server = assert(sandbox.start { agents = { [3] = { "1001" } } })
    local output = child.run([[
      local client = assert(require("aicc").new())
      print((client:release_agent_by_skill(3, { "1001" })))
      for _, line in ipairs(client:explain()) do if line.name == "base_url" then print(line.source) end end]], {
      AICC_BASE_URL = server.base_url, AICC_APP_KEY = server.app_key, AICC_APP_SECRET = server.app_secret, AICC_PROXY = "",
      HOME = directory, XDG_CONFIG_HOME = directory,
    })
    server:stop()
    assert.equal("applied: 1 agent from queue 3\nenvironment AICC_BASE_URL\n", output)
    assert.matches("base_url: it is missing; give it to aicc.new or set AICC_BASE_URL", child.run(
      [[print(select(2, require("aicc").new()))]], { AICC_BASE_URL = "", HOME = directory, XDG_CONFIG_HOME = directory }))
  end)

  it("of each variable is read", function()
    local settings = assert(resolve({ base_url = "nil", app_key = "nil", app_secret = "nil" }, {
      AICC_BASE_URL = "https://env.example", AICC_APP_KEY = "env-key", AICC_APP_SECRET = "env-secret",
      AICC_TENANT_SPACE_ID = "et",
      AICC_CA_FILE = "/ca", AICC_CA_PATH = "/cas", AICC_PROXY = "http://ep", AICC_TIMEOUT = "1.5", AICC_CONNECT_TIMEOUT = "2",
      AICC_TOKEN_URL = "https://tokens.example", AICC_EGRESS = "unix:/e", AICC_TOKEN_EGRESS = "unix:/t",
    }))
    assert.same({ "https://tokens.example", "unix:/e", "unix:/t" },
      { settings.token_url, settings.egress, settings.token_egress })
    assert.same({ "https://env.example", "env-key", "env-secret", "et", "/ca", "/cas", "http://ep", 1.5, 2 }, {
      settings.base_url, settings.app_key, settings.app_secret, settings.tenant_space_id, settings.ca_file, settings.ca_path,
      settings.proxy, settings.timeout, settings.connect_timeout,
    })
  end)
end)

describe("refused is", function()
  it("what is missing", function()
    refuses("app_key: it is missing; give it to aicc.new or set AICC_APP_KEY", { app_key = "nil" })
    refuses("app_secret: it is missing", { app_secret = "nil" })
  end)

  it("what has the right type and a wrong content", function()
    refuses("timeout: expected a number of seconds above 0, got 0", { timeout = 0 })
    refuses("deadline: expected a number of seconds above 0", { deadline = 0 / 0 })
    refuses("connect_timeout: expected a number of seconds above 0", { connect_timeout = 1 / 0 })
    refuses("token_lifetime: expected an integer from 60 to 3600", { token_lifetime = 59 })
    refuses("max_in_flight: expected an integer from 1 to 1024", { max_in_flight = 1.5 })
    refuses("app_key: expected", { app_key = "two words" })
    refuses("app_key: expected", { app_key = "a\r\nX: 1" })
    refuses("app_secret: expected", { app_secret = "" })
  end)

  it("a secret that might be a part of any word, wherever it comes from: it could not be kept out of messages", function()
    for _, name in ipairs { "app_key", "app_secret" } do
      for _, short in ipairs { "r", "secre" } do
        local said = ("%s: expected at least 6 bytes, got %d"):format(name, #short)
        local variable = "AICC_" .. name:upper()
        refuses(said, { [name] = short })
        refuses(said, { [name] = "nil" }, { [variable] = short })
        refuses(said, { [name] = "nil" }, { [variable .. "_FILE"] = write("secret", short .. "\n") })
        write("aicc/config.json", ('{"%s":"%s"}'):format(name, short))
        refuses(said, { [name] = "nil" })
        os.remove(directory .. "/aicc/config.json")
      end
      assert.equal("sesame", assert(resolve { [name] = "sesame" })[name])
    end
  end)

  it("text in the environment that is none of the type", function()
    refuses("AICC_TIMEOUT: expected a number of seconds", {}, { AICC_TIMEOUT = "soon" })
    refuses("AICC_TIMEOUT", {}, { AICC_TIMEOUT = "0x10" })
    refuses("AICC_MAX_IN_FLIGHT", {}, { AICC_MAX_IN_FLIGHT = "-1" })
  end)

  it("a word that is none of those there are, wherever it comes from", function()
    local expected = "query_form: expected auto or flat or wrapped, got 'round'"
    refuses(expected, { query_form = "round" })
    refuses(expected, {}, { AICC_QUERY_FORM = "round" })
    write("aicc/config.json", '{"query_form":"round"}')
    refuses(expected)
    local settings, sources = resolve({}, { AICC_QUERY_FORM = "wrapped" })
    assert.same({ "wrapped", "environment AICC_QUERY_FORM" }, { settings.query_form, sources.query_form })
    for _, line in ipairs(config.explain(settings, sources)) do
      if line.name == "query_form" or line.name == "token_url" then settings[line.name] = nil end
    end
    assert.is_nil(settings.query_form or settings.token_url) -- both are explained
  end)

  it("an address that would show secrets, and a file that is not there", function()
    for base_url, text in pairs {
      ["http://api.example"] = "base_url", ["ftp://api.example"] = "base_url", ["nonsense"] = "base_url",
      ["https://user:pass@api.example"] = "base_url",
    } do
      local client, err = aicc.new { base_url = base_url, app_key = "app-key", app_secret = "secret" }
      assert.is_nil(client)
      assert.same({ "config", true }, { err.kind, err.message:find(text, 1, true) ~= nil }, base_url)
    end
    local client, err = aicc.new { base_url = "https://api.example", app_key = "app-key", app_secret = "secret",
      ca_file = "/nowhere" }
    assert.is_nil(client)
    assert.truthy(err.message:find("ca_file: cannot read /nowhere", 1, true))
    client, err = aicc.new { base_url = "https://api.example", app_key = "app-key", app_secret = "secret", verify = false }
    assert.is_nil(client)
    assert.truthy(err.message:find "^verify")
  end)
end)

describe("a secret's file", function()
  local function secret_from(path) return resolve({ app_secret = "nil" }, { AICC_APP_SECRET_FILE = path }) end

  it("is read without its last line end, also through a symbolic link", function()
    for text, secret in pairs {
      ["secret1"] = "secret1", ["secret2\n"] = "secret2", ["secret3\r\n"] = "secret3", ["secret 4"] = "secret 4",
    } do
      local settings, sources = secret_from(write("secret", text, "444"))
      assert.same({ secret, "environment AICC_APP_SECRET_FILE" }, { settings.app_secret, sources.app_secret })
    end
    os.execute(("ln -s secret %s/link"):format(directory))
    assert(secret_from(directory .. "/link"))
    assert.equal("key-02", assert(resolve({ app_key = "nil" }, { AICC_APP_KEY_FILE = write("key", "key-02\n") })).app_key)
  end)

  it("is refused with its path and with what is in it that nobody sees, and nothing of the secret", function()
    for text, problem in pairs {
      ["\239\187\191canary\n"] = "it begins with a byte-order mark (EF BB BF)", ["\255\254c\0a\0n\0"] = "it is UTF-16",
      ["canary\nsecond"] = "it has more than one line", ["canary\n\n"] = "it has more than one line",
      ["canary\r\r\n"] = "it has a carriage return", ["canary\r"] = "it has a carriage return",
      ["canary \n"] = "it ends with a blank",
      ["canary\t"] = "it ends with a blank", [" canary"] = "it begins with a blank",
      ["canary\194\160\n"] = "it ends with a no-break",
      ["\n"] = "it is empty", [""] = "it is empty", ["canary\0"] = "it has a NUL byte",
    } do
      local path = write("secret", text, "444")
      refuses(("AICC_APP_SECRET_FILE: %s: %s"):format(path, problem), { app_secret = "nil" }, { AICC_APP_SECRET_FILE = path },
        "canary")
    end
  end)

  it("loses against the variable itself", function()
    local settings = assert(resolve({ app_secret = "nil" }, { AICC_APP_SECRET = "direct", AICC_APP_SECRET_FILE = "/nowhere" }))
    assert.equal("direct", settings.app_secret)
  end)

  it("is refused where others may write, where it is no file, too large, or not there", function()
    local function refused(text, path) refuses(text, { app_secret = "nil" }, { AICC_APP_SECRET_FILE = path }, "canary") end
    refused("chmod go-w", write("group", "canary", "620"))
    refused("chmod go-w", write("others", "canary", "602"))
    os.execute("mkfifo " .. directory .. "/fifo")
    refused("not a regular file", directory .. "/fifo")
    refused("not a regular file", directory)
    refused("too large", write("large", ("canary"):rep(700)))
    refused("AICC_APP_SECRET_FILE: ", directory .. "/nowhere")
    assert(secret_from(write("fits", ("x"):rep(4096))))
  end)
end)

describe("the configuration file", function()
  local function with(text, mode) write("aicc/config.json", text, mode) end

  it("may be missing, and lies in XDG_CONFIG_HOME or in ~/.config", function()
    assert(resolve())
    os.execute(("mkdir -p %s/.config/aicc"):format(directory))
    write(".config/aicc/config.json", '{"timeout":7}')
    assert.equal(7, assert(resolve({}, { XDG_CONFIG_HOME = "relative", HOME = directory })).timeout)
    assert.equal(15, assert(resolve({}, { XDG_CONFIG_HOME = "" })).timeout)
  end)

  it("is refused with what it does not know, or of a wrong type, or what only code can give", function()
    for text, problem in pairs {
      ["{"] = "expected a JSON object", ["3"] = "expected a JSON object", [""] = "expected a JSON object",
      ['{"timeout":3}\0,"deadline":4}'] = "expected a JSON object: there is a NUL byte in it",
      ['{"tiemout":3}'] = "unknown setting 'tiemout'", ['{"timeout":"3"}'] = "timeout: expected a number, got string",
      ['{"on_event":"x"}'] = "unknown setting 'on_event'", ['{"store":"file"}'] = "unknown setting 'store'",
      ['{"timeout":-3}'] = "timeout: expected a number of seconds above 0", ['{"timeout":null}'] = "timeout: expected a number",
      ['["timeout"]'] = "unknown setting '1'",
      ['{"\27[2J\\n\194\155":3}'] = "unknown setting ' [2J   '", ['{"retry":{"tries":3}}'] = "unknown option 'retry.tries'",
      ['{"retry":{"attempts":0}}'] = "retry.attempts: expected a number from 1",
    } do
      with(text)
      refuses(problem, {}, nil)
    end
  end)

  it("may begin with a byte-order mark", function()
    with '\239\187\191{"timeout":3}'
    assert.equal(3, assert(resolve()).timeout)
    with "\255\254{\0}\0"
    refuses("config.json: it is UTF-16: save it as UTF-8")
  end)

  it("that holds a secret is nobody else's to read", function()
    local secret = '{"app_secret":"canary"}'
    with(secret, "600")
    assert.equal("canary", assert(resolve({ app_secret = "nil" })).app_secret)
    for _, mode in ipairs { "640", "604", "660" } do
      with(secret, mode)
      refuses("it holds a secret", { app_secret = "nil" }, nil, "canary")
      with('{"proxy":"http://u:canary@p"}', mode)
      refuses("it holds a secret", {}, nil, "canary")
      with('{"timeout":3}', mode)
      assert.equal(3, assert(resolve()).timeout)
    end
  end)
end)

describe("the proxy", function()
  local function proxy(environment, base_url)
    local settings, sources = resolve({ base_url = base_url }, environment)
    return settings.proxy, sources.proxy
  end

  it("is that of the usual variables, for https alone, ours first", function()
    assert.same({ "", "default" }, { proxy {} })
    assert.same({ "http://p", "environment HTTPS_PROXY" }, { proxy { HTTPS_PROXY = "http://p" } })
    assert.same({ "http://q", "environment https_proxy" }, { proxy { HTTPS_PROXY = "http://p", https_proxy = "http://q" } })
    assert.same({ "http://a", "environment AICC_PROXY" }, { proxy { HTTPS_PROXY = "http://p", AICC_PROXY = "http://a" } })
    assert.same({ "", "environment AICC_PROXY" }, { proxy { HTTPS_PROXY = "http://p", AICC_PROXY = "" } })
    assert.same({ "", "default" }, { proxy({ HTTPS_PROXY = "http://p" }, "http://127.0.0.1:1") })
    assert.same({ "", "default" }, { proxy { HTTP_PROXY = "http://p", ALL_PROXY = "http://p" } })
  end)

  it("is not used for what NO_PROXY names", function()
    for list, is_exempt in pairs {
      ["api.example"] = true, ["example"] = true, [".example"] = true, ["*.example"] = true, ["*"] = true,
      ["x, API.example"] = true,
      ["other"] = false, ["pi.example"] = false, ["api.example.org"] = false, [""] = false, ["api"] = false,
    } do
      assert.equal(is_exempt and "" or "http://p", (proxy { HTTPS_PROXY = "http://p", NO_PROXY = list }), list)
    end
    assert.equal("", (proxy({ HTTPS_PROXY = "http://p", no_proxy = "api.example" }, "https://API.example:8443/x")))
    assert.equal("", (proxy({ HTTPS_PROXY = "http://p", no_proxy = "api.example:8443" }, "https://api.example:8443")))
    assert.equal("http://p", (proxy({ HTTPS_PROXY = "http://p" }, "https://[fd00::1]:8443")))
    assert.equal("", (proxy({ HTTPS_PROXY = "http://p", no_proxy = "[fd00::1]" }, "https://[fd00::1]:8443")))
    assert.equal("", (proxy({ HTTPS_PROXY = "http://p", no_proxy = "fd00::1" }, "https://[FD00::1]")))
    assert.equal("", (proxy({ HTTPS_PROXY = "http://p", no_proxy = "[fd00::1]:8443" }, "https://[fd00::1]:8443")))
  end)

  it("is not used for an address in a network that NO_PROXY names", function()
    for _, case in ipairs {
      { "10.1.2.3", "10.0.0.0/8", true }, { "11.1.2.3", "10.0.0.0/8", false }, { "192.168.77.1", "x,192.168.64.0/18", true },
      { "192.168.128.1", "192.168.64.0/18", false }, { "10.1.2.3", "10.1.2.3/32", true }, { "10.1.2.2", "10.1.2.3/32", false },
      { "10.1.2.2", "10.1.2.3/31", true }, { "10.1.2.3", "0.0.0.0/0", true }, { "10.1.2.3", "10.0.0.0/33", false },
      { "10.1.2.3", "10.0.0/8", false }, { "10.1.2.3", "10.0.0.256/8", false }, { "api.example", "0.0.0.0/0", false },
      { "[fd00:1::5]", "fd00::/8", true }, { "[fe00:1::5]", "fd00::/8", false }, { "[fd00:1::5]", "[fd00::]/8", true },
      { "[2001:db8:7fff::1]", "2001:db8::/33", true }, { "[2001:db8:8000::1]", "2001:db8::/33", false },
      { "[2001:db8::1]", "2001:0db8:0000:0000:0000:0000:0000:0001/128", true }, { "[2001:db8::1]", "2001:db8::2/128", false },
      { "[::ffff:10.0.0.1]", "::ffff:10.0.0.0/120", true }, { "[fd00::1]", "0.0.0.0/0", false }, { "10.1.2.3", "::/0", false },
      { "[fd00::1]", "fd00::1::/8", false }, { "[fd00::1]", "::/129", false },
    } do
      local settings = assert(resolve({ base_url = "https://" .. case[1] }, { HTTPS_PROXY = "http://p", NO_PROXY = case[2] }))
      assert.equal(case[3] and "" or "http://p", settings.proxy, case[1] .. " in " .. case[2])
    end
  end)

  it("that cannot be read for what is in its password says how that is written, and not what it is", function()
    for _, proxy_url in ipairs { "http://u:can@ary@p:3128", "http://u:can/ary@p:3128", "http://u:can#ary@p", "u:can@ary@p:1" } do
      local client, err = aicc.new { base_url = "https://api.example", app_key = "app-key", app_secret = "secret",
        proxy = proxy_url }
      assert.is_nil(client)
      assert.matches("^proxy: expected .* in the name and the password @ is written %%40", err.message)
      assert.is_nil(err.message:find "can.ary")
    end
    assert(aicc.new { base_url = "https://api.example", app_key = "app-key", app_secret = "secret",
      proxy = "http://u:can%40ary@p" }):close()
  end)

  it("is not used for this machine", function()
    for _, url in ipairs { "https://localhost:1", "https://127.0.0.1", "https://[::1]:9443" } do
      assert.equal("", (proxy({ HTTPS_PROXY = "http://p" }, url)), url)
    end
  end)

  it("is for the tokens' address too, or has to be named", function()
    local usual = { HTTPS_PROXY = "http://p", NO_PROXY = "tokens.example" }
    local settings, sources = resolve({ token_url = "https://api.example:28070" }, usual)
    assert.same({ "http://p", "https://api.example:28070", "argument" },
      { settings.proxy, settings.token_url, sources.token_url })
    refuses("by HTTPS_PROXY and NO_PROXY it is for only one of base_url and token_url", { token_url = "https://tokens.example" },
      usual)
    usual.AICC_PROXY = ""
    assert.equal("", assert(resolve({ token_url = "https://tokens.example" }, usual)).proxy)
  end)

  it("is shown without its password", function()
    local settings, sources = resolve { proxy = "http://user:canary@p:3128" }
    for _, line in ipairs(config.explain(settings, sources)) do
      if line.name == "proxy" then assert.equal("http://***@p:3128", line.value) end
      assert.is_nil(tostring(line.value):find "canary")
    end
  end)
end)

it("nothing is read when the module is loaded", function()
  assert.equal("nothing", child.run([[
    local function trap() error("read at require", 0) end
    package.preload["aicc.core"] = package.preload["aicc.core"]
    require("cjson")
    local core = require "aicc.core"
    core.read_file, core.make_directory, os.getenv, io.open = trap, trap, trap, trap
    require("aicc")
    io.write "nothing"
  ]], { AICC_TIMEOUT = "nonsense", XDG_CONFIG_HOME = directory }))
end)

it("what bounds a client's calls is told as a copy, with the defaults, and through another transport too", function()
  local client = assert(aicc.new { base_url = "https://api.example", app_key = "app-key", app_secret = "secret", timeout = 3,
    retry = { attempts = 2 } })
  local expected = {
    timeout = 3, deadline = 60, max_in_flight = 8,
    retry = { attempts = 2, base = 0.2, throttle_base = 1, cap = 20, max_retry_after = 60, budget = 100 },
  }
  assert.same(expected, client:limits())
  local limits = client:limits()
  limits.timeout, limits.retry.attempts = 99, 99
  assert.same(expected, client:through(function(transport) return transport end):limits())
  client:close()
end)
