-- The two C modules of the library: aicc.core, which hosts use and which no libcurl comes with, and aicc.curl.

local processes = require "spec.support.processes"
local core = require "aicc.core"
local curl = require "aicc.curl"

local quote = processes.quote

local function output_of(command)
  local pipe = io.popen(command)
  local output = pipe:read "*a"
  pipe:close()
  return output
end

-- Where the module that this Lua has loaded lies.
local function path_of(name)
  for template in package.cpath:gmatch "[^;]+" do
    local path = template:gsub("%?", (name:gsub("%.", "/")))
    local file = io.open(path)
    if file then
      file:close()
      return path
    end
  end
end

describe("the C modules", function()
  it("aicc.core comes with no library but the C library; aicc.curl brings libcurl", function()
    local libraries = "readelf -d %s | sed -n 's/.*NEEDED.*\\[\\(.*\\)\\]/\\1/p'"
    local of_core = output_of(libraries:format(quote(path_of "aicc.core")))
    for library in of_core:gmatch "%S+" do
      assert.truthy(library:find "^lib[cm]%.so" or library:find "^ld%-linux" or library:find "^libdl" or
        library:find "^libpthread" or library:find "^lib%a+san%.so", library)
    end
    assert.truthy(of_core:find("libc.so", 1, true))
    assert.truthy(output_of(libraries:format(quote(path_of "aicc.curl"))):find("libcurl", 1, true))
  end)

  it("have one aicc.ALL between them, and one metatable for errors", function()
    assert.equal(core.ALL, curl.ALL)
    assert.is_true(rawequal(core.error_meta, curl.error_meta))
    local session = assert(curl.session { base_url = "http://127.0.0.1:1", app_key = "app-key" })
    local _, err = session:release_agent_by_skill("t", { skillId = 3, userAccounts = {} })
    assert.same({ "guard", true }, { err.kind, rawequal(getmetatable(err), core.error_meta) })
    local _, sent = session:release_agent_by_skill("t", { skillId = 3, userAccounts = core.ALL })
    assert.equal("network", sent.kind) -- it was taken for everybody, and nobody listens there
    session:close()
    for name, value in pairs(core) do
      if name ~= "build" then assert.equal(value, curl[name], name) end
    end
    assert.is_nil(core.session)
    assert.matches("^libcurl/%d+%.%d+%.%d", curl.curl_version)
  end)

  it("have a name for any text, and know a terminal", function()
    assert.same({ "cbf29ce484222325", core.hash "a\0b" }, { core.hash "", core.hash("a" .. "\0b") })
    assert.truthy(core.hash("a\0b"):find "^%x+$" and #core.hash "a\0b" == 16 and core.hash "a\0b" ~= core.hash "a")
    local process = processes.lua [[print(require("aicc.core").is_terminal(1), require("aicc.core").is_terminal(99))]]
    assert.equal("false false", (select(2, process:wait()):gsub("%s+", " ")))
  end)

  it("without aicc.curl all but sending works, and a client says what is missing", function()
    local folder = output_of "mktemp -d":gsub("%s+$", "")
    os.execute(("mkdir %s/aicc && cp %s %s/aicc/ && cp %s %s/"):format(folder, quote(path_of "aicc.core"), folder,
      quote(path_of "cjson"), folder))
    local cpath = folder .. "/?.so" -- and nothing else: aicc may be installed here
    local process = processes.lua([[
      local aicc = require "aicc"
      assert(require("aicc.core").encode("token", { app_key = "app-key", app_secret = "secret" }))
      local client, err = aicc.new { base_url = "http://127.0.0.1:1", app_key = "app-key", app_secret = "secret" }
      print(client, err.kind, (err.message:gsub("\n.*", "")))]], {
        LUA_CPATH_5_4 = cpath, LUA_CPATH = cpath, LUA_PATH = package.path })
    local status, output = process:wait()
    os.execute("rm -r " .. folder)
    assert.equal(0, status, output)
    assert.truthy(output:find("^nil\tconfig\ttransport: libcurl cannot be had: module 'aicc.curl' not found"), output)
  end)
end)
