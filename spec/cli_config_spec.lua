-- `aicc config`, and what the command says of settings: where they can be given to a command.

local cjson = require "cjson"
local store = require "aicc.cli.store"
local support = require "spec.support.jobs"

describe("the command's settings #lua54", function()
  local folder

  before_each(function()
    folder = support.folder()
    assert(os.execute("mkdir -m 700 " .. folder .. "/aicc"))
  end)
  after_each(support.clean)

  -- Runs it with these variables: exit status, standard output, standard error.
  local function run(variables, arguments)
    local words = {}
    for name, value in pairs(variables) do words[#words + 1] = ("%s='%s'"):format(name, value) end
    local command = support.command(folder, nil, arguments):gsub("XDG_CONFIG_HOME=%S+", function(last)
      return last .. " " .. table.concat(words, " ")
    end)
    local _, _, status = os.execute(("%s >%s/out 2>%s/err </dev/null"):format(command, folder, folder))
    return status, io.open(folder .. "/out"):read "a", io.open(folder .. "/err"):read "a"
  end

  local function write(name, text)
    local file = assert(io.open(folder .. "/" .. name, "w"))
    file:write(text)
    file:close()
    assert(os.execute("chmod 600 " .. folder .. "/" .. name))
  end

  local WHOLE = { AICC_BASE_URL = "https://api.example", AICC_APP_KEY = "app-key", AICC_APP_SECRET = "canary" }

  it("are shown where there are none: what was looked at, what is needed and how it is given", function()
    local status, out, err = run({}, "config")
    assert.equal(0, status)
    for _, text in ipairs {
      "configuration file   " .. folder .. "/aicc/config.json: not there\n",
      "job store            sqlite:" .. folder .. "/aicc/jobs.db: default\n",
      'base_url             (not set)                        set AICC_BASE_URL, or "base_url" in the configuration file\n',
      "app_secret           (not set)                        set AICC_APP_SECRET or AICC_APP_SECRET_FILE, or",
      "timeout              15                               default\n",
      "store                file                             the command",
    } do
      assert.is_truthy(out:find(text, 1, true), text .. "\nin\n" .. out)
    end
    assert.matches("needed", err)
    assert.is_nil(io.open(folder .. "/aicc/jobs.db"))
  end)

  it("are shown without any home, and make none", function()
    local status, out = run({ HOME = "", XDG_STATE_HOME = "", XDG_CONFIG_HOME = "", XDG_RUNTIME_DIR = "" }, "config")
    assert.equal(0, status)
    assert.matches("^configuration file   %(none%): neither HOME nor XDG_CONFIG_HOME names a folder\njob store +%(none%): ", out)
  end)

  it("are shown with what each comes from, and no secret among them", function()
    write("aicc/config.json", '{"timeout":7,"app_secret":"canary"}')
    write("key", "app-key\n")
    local variables = { AICC_BASE_URL = "https://api.example", AICC_APP_KEY_FILE = folder .. "/key",
      AICC_STORE = "postgresql://u:canary@h/db" }
    local status, out, err = run(variables, "config")
    assert.same({ 0, "" }, { status, err })
    for _, text in ipairs {
      "config.json: read\n",
      "AICC_APP_KEY_FILE    " .. folder .. "/key: read\n",
      "postgresql://***@h/db: environment AICC_STORE\n",
      "app_key              ***                              environment AICC_APP_KEY_FILE\n",
      "app_secret           ***                              file " .. folder .. "/aicc/config.json\n",
    } do
      assert.is_truthy(out:find(text, 1, true), text .. "\nin\n" .. out)
    end
    local _, objects = run(variables, "config --json --store sqlite:/x")
    assert.is_nil((out .. objects):find "canary")
    local seen = {}
    for line in objects:gmatch "[^\n]+" do
      local object = cjson.decode(line)
      seen[object.what or object.name] = object.state or object.source
    end
    assert.same({ "read", "option --store", "environment AICC_BASE_URL" },
      { seen["configuration file"], seen["job store"], seen.base_url })
  end)

  it("that are wrong are all told, and the others shown", function()
    local status, out, err = run({ AICC_BASE_URL = "https://api.example", AICC_TIMEOUT = "soon", AICC_APP_KEY_FILE = "/nowhere" },
      "config")
    assert.equal(3, status)
    assert.matches("AICC_APP_KEY_FILE: /nowhere.*AICC_TIMEOUT: expected a number of seconds", err)
    assert.matches("base_url +https://api.example +environment AICC_BASE_URL", out)
    write("aicc/config.json", "{")
    status, out, err = run(WHOLE, "config")
    assert.equal(3, status)
    assert.matches("config.json: expected a JSON object", err)
    assert.matches("base_url +https://api.example", out)
    write("aicc/config.json", '{"base_ulr":"https://api.example"}')
    for _, command in ipairs { "config", "token --check" } do
      status, _, err = run(WHOLE, command)
      assert.equal(3, status)
      assert.matches("config.json: unknown setting 'base_ulr'\nDid you mean base_url%?\n$", err)
    end
  end)

  it("that are missing or wrong are told in the command's terms", function()
    local status, _, err = run({}, "token --check")
    assert.equal(3, status)
    assert.is_truthy(err:find('base_url: set AICC_BASE_URL, or "base_url" in the configuration file\n', 1, true), err)
    assert.is_truthy(err:find("The configuration file is " .. folder .. "/aicc/config.json.\n", 1, true), err)
    assert.is_nil(err:find("aicc.new", 1, true))
    local clear = { AICC_BASE_URL = "http://api.example", AICC_APP_KEY = "app-key", AICC_APP_SECRET = "secret" }
    err = select(3, run(clear, "token --check"))
    assert.matches("^aicc: base_url %(environment AICC_BASE_URL%): http://", err)
  end)

  it("that are too short to be kept secret are named, by `aicc config` too", function()
    local variables = { AICC_BASE_URL = "https://api.example", AICC_APP_KEY = "app-key", AICC_APP_SECRET = "s" }
    for _, command in ipairs { "config", "token --check" } do
      local status, out, err = run(variables, command)
      assert.equal(3, status)
      assert.matches("^aicc: app_secret.-: expected at least 6 bytes, got 1", err, nil, out)
    end
  end)

  it("of the job store are shown without what may be a password", function()
    for url, shown in pairs {
      ["sqlite:/a@b?c"] = "sqlite:/a@b?c", ["postgresql://h/db"] = "postgresql://h/db",
      ["postgresql://u:p@ss@h/db"] = "postgresql://***@h/db",
      ["postgresql:///db?host=h&password=p"] = "postgresql:///db?***", ["postgresql://u:p?s=s@h/db"] = "postgresql://***",
      ["postgresql:///db?password=p@ss"] = "postgresql://***", ["u:pass@h"] = "***",
    } do
      assert.equal(shown, store.shown(url))
    end
  end)
end)
