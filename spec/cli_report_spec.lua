-- `aicc report` that is cut short: by a disk that is full, by Ctrl-C, by a reader that goes away. And a long one in Markdown.

local support = require "spec.support.jobs"
local tree = require "spec.support.tree"

local ROWS = 5000

describe("a report that does not get to its end #lua54", function()
  local folder, server

  setup(function()
    folder = support.folder()
    server = support.sandbox { agents = { [3] = support.agents(10) } }
    support.csv(folder .. "/night.csv", support.range(3, 1, ROWS))
    assert.equal(0, (support.run(folder, server, "plan --rate 0 " .. folder .. "/night.csv")))
  end)
  teardown(support.clean)

  local function read(name) return tree.read(folder .. "/" .. name) end

  -- Runs lines of bash, where REPORT is the command; returns what they print.
  local function shell(lines)
    local script = folder .. "/script"
    local file = assert(io.open(script, "w"))
    file:write((lines:gsub("REPORT", (support.command(folder, server, "report night"):gsub("%%", "%%%%")))))
    file:close()
    local pipe = assert(io.popen(("bash %s 2>&1"):format(script)))
    local text = pipe:read "a"
    pipe:close()
    return text
  end

  it("leaves the file that was there and no draft, where its own does not fit", function()
    assert.equal(0, (support.run(folder, server, "report night --failed -o " .. folder .. "/r.csv")))
    local before, size = read "r.csv", #select(2, support.run(folder, server, "report night"))
    assert.is_true(size > 128 * 1024)
    -- A process that ignores SIGXFSZ is told that a file is too large, as it is told that a disk is full.
    local text = shell(("trap '' XFSZ; ulimit -f 64; REPORT -o %s/r.csv; echo status $?"):format(folder))
    assert.equal(("aicc: --output: %s/r.csv: File too large\nstatus 9\n"):format(folder), text)
    assert.equal(before, read "r.csv")
    local pipe = io.popen(("ls -A %s"):format(folder))
    for name in pipe:lines() do assert.is_nil(name:find "^r%.csv.+", name) end
    pipe:close()
    text = shell("REPORT >/dev/full; echo status $?")
    assert.equal("aicc: standard output: No space left on device\nstatus 9\n", text)
  end)

  it("says after Ctrl-C that it is not whole, and ends with 130", function()
    -- The pipe is full when the signal is sent: the reader takes one line before, and all that comes after.
    local text = shell(([[mkfifo %s/fifo
      REPORT >%s/fifo & pid=$!
      { read -r first; kill -INT $pid; lines=$(wc -l); } <%s/fifo
      wait $pid; echo status $?; echo "${first%%%%,*}"; [ $lines -lt %d ] && echo fewer]]):format(folder, folder, folder, ROWS))
    assert.equal("aicc: interrupted: the report is not whole\nstatus 130\nskill_id\nfewer\n", text)
  end)
end)

describe("a report in Markdown #lua54", function()
  after_each(support.clean)

  it("says which rows it leaves out, and how long the API had it wait", function()
    local server = support.sandbox { agents = { [3] = support.agents(1100) } }
    local store, client = support.store(), assert(server:client())
    local job = support.plan(store, client, support.range(3, 1, 1100), { chunk = 100 })
    local function write(options)
      local parts = {}
      assert(job:write_report(function(text) parts[#parts + 1] = text end, options))
      return table.concat(parts)
    end
    local text = write { format = "markdown" }
    assert.matches("The first 1,000 of 1,100 rows; `aicc report night --format csv` has all.", text, 1, true)
    local _, rows = text:gsub("\n| %d+ | 3 queue 3 | a%d+ | ", "")
    assert.equal(1000, rows)
    assert.is_nil(text:find("since the API", 1, true))

    server:fault { operation = "release_agent_by_skill", status = 429, headers = { ["Retry-After"] = "1" } }
    assert(job:apply { client = client, rate = 0, force = true })
    text = write { format = "markdown", failed = true }
    assert.matches("1 pause since the API answered 429, of 1 s together.", text, 1, true)
    assert.matches("Only those that are failed, unknown, pending or without an agent: 0 of 1,100 rows.", text, 1, true)
    store:close()
  end)
end)
