-- The command and its token cache: where there can be none it says so once, and works. (What the cache trusts: store_file_spec.)

local lfs = require "lfs"
local support = require "spec.support.jobs"

local WARNING = "aicc: token cache: %s; tokens are kept in memory, and the next run fetches its own\n"

describe("the command's token cache #lua54", function()
  local folder, server, is_root

  setup(function()
    local pipe = io.popen "id -u"
    is_root = pipe:read "n" == 0
    pipe:close()
  end)
  before_each(function()
    folder = support.folder()
    server = support.sandbox { agents = { [3] = support.agents(2), [4] = support.agents(1) } }
  end)
  after_each(function()
    os.execute("chmod -R u+rwX " .. folder)
    support.clean()
  end)

  -- Runs a command that sends several requests, with nothing of the environment but `given`.
  local function run(given, arguments)
    local command = support.command(folder, server, arguments or "queues --count --rate 0")
      :gsub("^env ", ""):gsub("%-u [%u_]+ ", "")
    command = command:gsub("HOME=%S+ XDG_STATE_HOME=%S+ XDG_RUNTIME_DIR=%S+ XDG_CONFIG_HOME=%S+ ", "")
    local both = "-dac_override,-dac_read_search"
    local prefix = is_root and ("setpriv --bounding-set=%s --inh-caps=%s "):format(both, both) or ""
    local kept = ("PATH='%s' LUA_PATH='%s' LUA_CPATH='%s'"):format(os.getenv "PATH", package.path, package.cpath)
    local recorder = os.getenv "LUA_INIT_5_4" -- make coverage's
    if recorder then kept = ("%s LUA_INIT_5_4='%s'"):format(kept, recorder) end
    local _, _, status = os.execute(("%senv -i %s %s %s >%s/out 2>%s/err"):format(prefix, kept, given, command, folder, folder))
    local texts = {}
    for i, name in ipairs { "out", "err" } do
      local file = assert(io.open(folder .. "/" .. name))
      texts[i] = file:read "*a"
      file:close()
    end
    assert.equal(0, status, texts[2])
    assert.matches("queue 4", texts[1])
    return texts[2]
  end

  local function tokens()
    local count = 0
    for _, request in ipairs(server:requests()) do count = count + (request.operation == "token" and 1 or 0) end
    return count
  end

  it("is used by the next run", function()
    assert.equal("", run("HOME=" .. folder))
    assert.equal("", run("HOME=" .. folder))
    assert.equal(1, tokens())
  end)

  it("is memory without a home, with one warning, which -q leaves out", function()
    local text = WARNING:format "it has no folder: neither XDG_CACHE_HOME nor HOME names one"
    assert.equal(text, run "")
    assert.equal(text, run "HOME=relative")
    assert.equal(1, tokens() - 1)
    assert.equal("", run("", "queues -q --json"))
  end)

  it("is memory in a home that cannot be written, and beside what is not ours alone", function()
    lfs.mkdir(folder .. "/home")
    os.execute(("chmod 500 %s/home"):format(folder))
    assert.equal(WARNING:format(folder .. "/home/.cache/aicc: cannot make the directory: Permission denied"),
      run(("HOME=%s/home"):format(folder)))
    os.execute(("mkdir -m 777 %s/wide"):format(folder))
    os.execute(("mkdir -m 777 %s/wide/aicc"):format(folder))
    assert.equal(WARNING:format(folder .. "/wide/aicc: its group or others have rights to it: chmod 700"),
      run(("XDG_CACHE_HOME=%s/wide"):format(folder)))
    assert.equal("", run("HOME=" .. folder))
    local name = io.popen(("echo %s/.cache/aicc/*.json"):format(folder)):read "l"
    os.execute("chmod 644 " .. name)
    assert.equal(WARNING:format(name .. ": its group or others have rights to it: chmod 600"), run("HOME=" .. folder))
    os.execute(("chmod 600 %s; : >%s; chmod 500 %s/.cache/aicc"):format(name, name, folder)) -- a file that tells nothing
    assert.equal(WARNING:format(name .. ": cannot create: Permission denied"), run("HOME=" .. folder))
    assert.equal(5, tokens()) -- one a run
  end)

  it("is somebody else's or nobody's where root becomes a user that has no entry", function()
    if not is_root then return end
    local command = support.command(folder, server, "agents --skill 3"):gsub("^env ", "env -u HOME -u XDG_CACHE_HOME ")
      :gsub(" HOME=%S+ XDG_STATE_HOME=%S+ XDG_RUNTIME_DIR=%S+ XDG_CONFIG_HOME=%S+", "")
    local pipe = io.popen(("setpriv --reuid=54321 --regid=54321 --clear-groups %s 2>&1; echo status $?"):format(command))
    local said = pipe:read "*a"
    pipe:close()
    assert.matches("^aicc: token cache: it has no folder.*\na1 .*status 0\n$", said)
  end)
end)
