-- The command and its job store: where that is, that it cannot be written, whose job a name is.

local aicc_jobs = require "aicc.jobs"
local compile = require "spec.support.compile"
local lfs = require "lfs"
local processes = require "spec.support.processes"
local support = require "spec.support.jobs"

describe("the command's job store #lua54", function()
  local folder, server

  before_each(function()
    folder = support.folder()
    server = support.sandbox { agents = { [3] = support.agents(100), [4] = support.agents(100) } }
  end)
  after_each(support.clean)

  local function run(arguments) return support.run(folder, server, arguments) end

  local function csv(list) support.csv(folder .. "/night.csv", list) end

  local function plan(options) return run(("plan --rate 0 %s %s/night.csv"):format(options or "", folder)) end

  -- Runs it where no file may become larger than so many bytes.
  local function run_within(size, arguments)
    local command = support.command(folder, server, arguments)
    local blocks = math.floor(size / 512)
    local _, _, ended = os.execute(("trap '' XFSZ; ulimit -f %d; exec %s >%s/out 2>%s/err </dev/null"):format(blocks, command,
      folder, folder))
    return ended, io.open(folder .. "/err"):read "a"
  end

  it("is full: 9, whichever write is the first that fails", function()
    csv(support.range(3, 1, 10))
    local path = folder .. "/jobs.db"
    local store = assert(aicc_jobs.open("sqlite:" .. path)) -- as long as it is open nobody shortens the log
    local size = lfs.attributes(path .. "-wal", "size")
    for extra = 0, 4 do
      local ended, err = run_within(size + extra * 4152, ("plan --job n%d --store sqlite:%s %s/night.csv"):format(extra, path,
        folder))
      assert.equal(9, ended, err)
      assert.matches("^aicc: job store: .*[^\n]\n$", err)
    end
    for _, job in ipairs(store:list()) do assert.equal("planning", job.state) end -- nor could it be deleted
    store:close()
  end)

  it("has a place that somebody must name", function()
    local command = support.command(folder, server, "jobs")
    for _, given in ipairs { "-u HOME -u XDG_STATE_HOME", "-u XDG_STATE_HOME HOME=", "HOME=here XDG_STATE_HOME=there" } do
      -- What `env` is told last counts.
      local bare = command:gsub(" ([^ ]+) bin/aicc", " env " .. given .. " %1 bin/aicc")
      local pipe = io.popen(bare .. " 2>&1; echo status $?")
      local said = pipe:read "a"
      pipe:close()
      assert.matches("HOME.*XDG_STATE_HOME.*%-%-store.*status 3\n$", said)
    end
  end)

  it("can be read where it cannot be written", function()
    csv(support.range(3, 1, 10))
    plan()
    assert.equal(0, (run "apply night --rate 0"))
    local command = support.command(folder, server, ""):gsub("[^ ]+ bin/aicc $", processes.as_nobody_special() .. "%0")
    local function run_unprivileged(arguments)
      local pipe = io.popen(("%s%s 2>&1; echo status $?"):format(command, arguments))
      local said = pipe:read "a"
      pipe:close()
      return said
    end
    local store = folder .. "/aicc"
    os.execute(("chmod 500 %s; chmod 400 %s/jobs.db"):format(store, store))
    assert.matches("night +finished.*status 0\n$", run_unprivileged "jobs")
    assert.matches("10 released.*status 0\n$", run_unprivileged "status night")
    assert.equal(10, select(2, run_unprivileged "report night":gsub(",released,", "")))
    assert.matches("jobs%.db can be read, and not written %(.*readonly database%).*status 9\n$", run_unprivileged "forget night")
    assert.matches("job store: .*status 9\n$", run_unprivileged "resume night")
    -- What was written last must not be left out.
    os.execute(("chmod 700 %s; echo more >%s/jobs.db-wal; chmod 500 %s"):format(store, store, store))
    assert.matches("cannot be written.*jobs.db%-wal.*status 9\n$", run_unprivileged "status night")
    os.execute("chmod 700 " .. store)
  end)

  -- The kernel's answer is put in its place: no network file system can be mounted here.
  it("warns where its file is on a network file system, and nowhere else #nosan", function()
    local core = require "aicc.core"
    for type, name in pairs { [0x6969] = "NFS", [0xFF534D42] = "SMB", [0xFE534D42] = "SMB", [0x01021997] = "9P",
        [0x00C36400] = "Ceph", [0x65735546] = "FUSE" } do
      assert.equal(name, core.network_file_system(type))
    end
    for _, type in ipairs { 0xEF53, 0x58465342, 0x9123683E, 0x01021994, 0x794C7630, 0 } do -- ext4, XFS, btrfs, tmpfs, overlay
      assert.is_nil(core.network_file_system(type))
    end
    assert.is_nil(core.network_file_system(folder))
    assert.is_nil(core.network_file_system(folder .. "/not-there"))
    local preload = "LD_PRELOAD=" .. compile.shared "statfs"
    local function said(type, arguments)
      local command = support.command(folder, server, arguments)
        :gsub("^env .- HOME=", ("env -u AICC_STORE %s STATFS_TYPE=%s HOME="):format(preload, type))
      local pipe = io.popen(command .. " 2>&1; echo status $?")
      local text = pipe:read "a"
      pipe:close()
      return text
    end
    assert.matches("^aicc: job store: .*jobs%.db is on a network file system %(NFS%): .*use PostgreSQL.*\nNo jobs%.\nstatus 0\n$",
      said("0x6969", "jobs"))
    assert.matches("on a FUSE file system, which may be a network's", said("0x65735546", "jobs"))
    assert.equal("No jobs.\nstatus 0\n", said("0xEF53", "jobs"))
    assert.equal("status 0\n", said("0x6969", "jobs -q"))
  end)

  -- ---- whose job a name is ----

  it("does not let a file be planned again while the job of that name is not finished", function()
    csv(support.range(3, 1, 10))
    assert.equal(0, (plan()))
    csv { { 4, "a1" } }
    local ended, out, err = plan "--chunk 7"
    assert.same({ 2, "" }, { ended, out })
    assert.matches("there is a job night already, and it is planned", err)
    -- Both wishes, as they can be pasted.
    local beside = ("\naicc: to plan beside it: aicc plan %s/night.csv --rate 0 --job night-2 --chunk 7\n"):format(folder)
    assert.truthy(err:find(beside, 1, true), err)
    assert.truthy(err:find("undo needs: aicc forget night\n", 1, true), err)
    -- Nothing was planned: what is applied is what was planned first.
    assert.equal(0, (run "apply night --rate 0"))
    assert.same({ 90, 100 }, { #server:accounts(3), #server:accounts(4) })
    -- It is finished now, and the next one has a name of its own.
    ended, out = plan()
    assert.equal(0, ended)
    assert.matches("aicc apply night%-2 ", out .. " ")
    ended, out, err = plan()
    assert.same({ 2, "" }, { ended, out })
    assert.matches("there is a job night%-2 already", err)
    assert.matches("%-%-job night%-3\n", err)
  end)

  it("tells machines the same", function()
    csv(support.range(3, 1, 10))
    assert.equal(0, (plan "--job x"))
    local ended, out, err = plan "--job x --json"
    assert.same({ 2, "" }, { ended, err })
    assert.truthy(out:find('"ways":{"forget":"aicc forget x","plan":"aicc plan ', 1, true), out)
  end)
end)
