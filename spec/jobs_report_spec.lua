-- What a report that is a document says: sums that are those of its rows, words that claim no more than is known, and texts of
-- strangers as text. (The browser that shows it has a spec of its own: report_browser_spec.)

local cjson = require "cjson"
local core = require "aicc.core"
local chart = require "aicc.jobs.report.chart"
local clock = require "aicc.jobs.report.clock"
local escape = require "aicc.jobs.report.escape"
local html = require "aicc.jobs.report.html"
local lfs = require "lfs"
local markdown = require "aicc.jobs.report.markdown"
local support = require "spec.support.jobs"
local tree = require "spec.support.tree"
local words = require "aicc.jobs.report.words"

-- Writes a document of rows that are given.
local function document(format, rows, job, timeline)
  local parts = {}
  local made = format.new(function(text) parts[#parts + 1] = text end, {
    job = job or { name = "night", state = "finished", source = "rows", created_at = "2026-11-26T00:00:00Z" },
    timeline = timeline or { minutes = {}, pauses = {}, is_whole = true }, made_at = "2026-11-26T01:00:00Z", version = "1",
  })
  for i, row in ipairs(rows) do
    row.line = row.line or i + 1
    made:row(row, true)
  end
  made:finish()
  return table.concat(parts)
end

-- The data in a document: its rows, and what their numbers stand for.
local function data(text)
  local rows = {}
  for block in text:gmatch '<script type="application/json" class="rows">(.-)</script>' do
    for _, row in ipairs(cjson.decode(block)) do rows[#rows + 1] = row end
  end
  return rows, cjson.decode(text:match '<script type="application/json" id="facts">(.-)</script>')
end

-- What a reader sees of a document without its scripts.
local function visible(text)
  return (text:gsub("<script.-</script>", ""):gsub("<style.-</style>", ""):gsub("<[^>]*>", " "):gsub("%s+", " "))
end

describe("a report that is a document #lua54", function()
  after_each(support.clean)

  it("adds up, in each format, whatever came of the rows", function()
    local server = support.sandbox { agents = { [3] = support.agents(100), [4] = support.agents(100, "b") },
      refuse_accounts = { a2 = true } }
    local client = assert(server:client { retry = { attempts = 1 } })
    local store = support.store()
    local list = support.range(3, 1, 20)
    for i = 1, 10 do list[#list + 1] = { 4, "b" .. i } end
    list[#list + 1], list[#list + 2] = { 3, "nobody" }, { 3, "a1" }
    local job = support.plan(store, client, list, { chunk = 10 })
    server:fault { operation = "release_agent_by_skill", from = 9, to = math.huge, close = "request" }
    assert(job:apply { client = client, rate = 0, concurrency = 1 })
    local counts = job:status().counts
    assert.equal(32, counts.released + counts.not_bound + counts.failed + counts.unknown + counts.pending)
    local texts = {}
    for _, format in ipairs { "html", "markdown" } do
      local parts = {}
      assert(job:write_report(function(text) parts[#parts + 1] = text end, { format = format }))
      texts[format] = table.concat(parts)
    end
    local rows, facts = data(texts.html)
    local found = {}
    for _, row in ipairs(rows) do
      local status = facts.classes[row[4] + 1]
      found[status] = (found[status] or 0) + 1
    end
    for status, count in pairs(counts) do
      assert.equal(count, found[status] or 0, status)
      local name = (status == "pending" or status == "planned") and "left" or words.NAMES[status]
      if count > 0 then
        assert.matches(("| %s | %d |"):format(name, count), texts.markdown, 1, true)
        assert.matches(("<dt>%s%s</dt><dd>%d "):format(name:sub(1, 1):upper(), name:sub(2), count), texts.html, 1, true)
      end
    end
    assert.is_true(counts.failed > 0 and counts.released > 0)
    assert.matches("agent account … is refused", visible(texts.html), 1, true)
    assert.matches("| 3 | queue 3 | 22 |", texts.markdown, 1, true)
    -- The requests, minute by minute, are all that the server got since the plan.
    local sum = 0
    for _, row in ipairs(store.db:rows "SELECT requests FROM minutes") do sum = sum + row.requests end
    assert.equal(#server:requests(), sum)
    assert.matches("The plan took ", visible(texts.html), 1, true)
  end)

  it("says of a job that is being worked on by whom, and not to go on with it", function()
    local server = support.sandbox { agents = { [3] = support.agents(20) } }
    local client, store = assert(server:client()), support.store()
    local job, seen = support.plan(store, client, support.range(3, 1, 8), { chunk = 4 }), {}
    local function write(format)
      local parts = {}
      assert(job:write_report(function(text) parts[#parts + 1] = text end, { format = format }))
      return table.concat(parts)
    end
    assert(job:apply { rate = 0, client = support.hooked(client, function(request)
      if request.operation ~= "release_agent_by_skill" then return end
      for _, format in ipairs { "html", "markdown" } do seen[format] = write(format) end
    end) })
    local pid = require("aicc.core").process()
    for format, text in pairs(seen) do
      assert.matches(("It is being worked on, by process %d on "):format(pid), text, 1, true)
      assert.is_nil(text:find("aicc resume", 1, true), format)
      assert.is_nil(write(format):find("worked on", 1, true), format)
    end
    assert.is_true(seen.html and seen.markdown and true)
    store:close()
  end)

  it("says of a job what its state is, and never that a part is all", function()
    local function verdict(state, statuses, undo)
      local list = {}
      for i, status in ipairs(statuses) do list[i] = { skill_id = 3, user_account = "a" .. i, status = status, undo = undo } end
      return document(html, list, { name = "n", state = state, source = "rows" }):match '<p class="verdict">(.-)</p>'
    end
    assert.equal("Done: each of 2 rows is released, or was not bound.", verdict("finished", { "released", "not_bound" }))
    assert.equal("Finished: of 3 rows 1 failed and 1 is unknown.", verdict("finished", { "released", "failed", "unknown" }))
    assert.equal("Not finished: of 3 rows 2 are left.", verdict("running", { "released", "pending", "pending" }))
    assert.equal("Not finished yet, though of 1 row none is left.", verdict("running", { "released" }))
    assert.equal("Planned, not applied: nothing was released. Of 2 rows 1 is to be released.",
      verdict("planned", { "planned", "not_bound" }))
    assert.equal("Being undone: 0 of 1 released row bound again, 1 not.", verdict("undoing", { "released" }))
    assert.equal("Undone: 1 of 1 released row bound again.", verdict("undone", { "bound_again" }, "restored"))
    assert.equal("Its plan is not finished: 0 rows so far, and nothing was released.", verdict("planning", {}))
    local shares = { [0] = "0 %", [1] = "< 1 %", [50] = "< 1 %", [5000] = "50 %", [9999] = "> 99 %", [10000] = "100 %" }
    for part, share in pairs(shares) do
      assert.equal(share, words.share(part, 10000))
    end
  end)

  it("tells of an undo what became of each released row, and no more than that", function()
    local rows = {}
    local statuses = { restored = "bound_again", skipped = "bound_again", unknown = "unknown" }
    for i, word in ipairs { "restored", "restored", "skipped", "failed", "unknown", "unknown", "pending", "" } do
      rows[i] = { skill_id = 3, user_account = "a" .. i, status = statuses[word] or "released", undo = word ~= "" and word or nil,
        undo_message = word == "failed" and "no such agent" or nil }
    end
    rows[#rows + 1] = { skill_id = 3, user_account = "b", status = "not_bound" }
    local page = document(html, rows, { name = "n", state = "undoing", source = "rows" })
    assert.matches("Bound again, with their own weights 2 Bound again by somebody else before 1 Refused by the API 1 "
      .. "Unknown: a request got no answer 2 Still to do 2 ", visible(page), 1, true)
    assert.equal("Being undone: 2 of 8 released rows bound again, 1 was by somebody else already, 3 not, 2 unknown.",
      page:match '<p class="verdict">(.-)</p>')
    assert.matches("This job did not release it; the undo leaves it alone.", page, 1, true)
    assert.is_nil(page:find("it is to be tried again", 1, true))
    local shown, facts = data(page)
    assert.same({ "failed", "no such agent" }, { facts.texts[shown[4][9] + 1], facts.texts[shown[4][10] + 1] })
    assert.is_true(facts.undone)
    -- Nothing to be seen of an undo where there was none.
    page = document(html, { rows[8] })
    assert.is_nil(page:find('id="undo"', 1, true) or page:find(">Undo<", 1, true))
  end)

  it("draws a part that is there so that it is seen, and bars that are full", function()
    for _, counts in ipairs { { released = 999999, failed = 1 },
        { released = 1, not_bound = 1, failed = 1, unknown = 1, left = 1 },
        { unknown = 3 }, { released = 333, not_bound = 333, left = 334 } } do
      local total, width, at = 0, 0, 0
      for _, count in pairs(counts) do total = total + count end
      local bar = chart.bar(counts, total)
      for class, x, wide in bar:gmatch '<rect class="([%l_]+)" x="(%d+)" width="(%d+)"' do
        assert.equal(at, tonumber(x))
        assert.is_true(tonumber(wide) >= 8, class)
        width, at = width + wide, at + wide
      end
      assert.equal(1000, width)
    end
  end)

  it("parts runs where nothing was sent for long, and tells every request once", function()
    local function minute(day, text, requests, action)
      return { minute = ("2026-11-%02dT%sZ"):format(day, text), requests = requests, action = action or "release" }
    end
    local list = { minute(25, "23:58", 300), minute(25, "23:59", 290), minute(26, "00:13", 10), minute(26, "00:14", 7, "bind"),
      minute(26, "00:30", 5) }
    local runs, shown = chart.runs(list), {}
    for i, run in ipairs(runs) do
      shown[i] = ("%s %s-%s %d, most %d"):format(run.action, clock.minute(run.first * 60), clock.minute(run.last * 60),
        run.requests, run.busiest.requests)
    end
    assert.same({ "release 23:58-00:13 600, most 300", "bind 00:14-00:14 7, most 7", "release 00:30-00:30 5, most 5" }, shown)
    local text = document(html, { { skill_id = 3, user_account = "a", status = "released" } },
      { name = "n", state = "undone", started_at = "2026-11-25T23:58:10Z" }, { minutes = list, is_whole = true,
        pauses = { { began_at = "2026-11-26T00:00:00Z", seconds = 60 }, { began_at = "2026-11-26T00:00:30Z", seconds = 45 } } })
    assert.matches("25 November 2026, 23:58 to 26 November 2026, 00:14 UTC: 600 requests, most in a minute: 300 at 23:58", text,
      1, true)
    assert.matches("2 pauses, 1 min 15 s in all", text, 1, true) -- half a minute is in both
    assert.matches("00:00:00 for 1 min; 00:00:30 for 45 s", text, 1, true)
    -- A week at one request a minute is not drawn with ten thousand bars.
    local week = {}
    for i = 0, 10079 do
      week[i + 1] = { minute = os.date("!%Y-%m-%dT%H:%MZ", 1795651200 + i * 60), requests = 1, action = "release" }
    end
    local drawing, step = chart.run(chart.runs(week)[1], {}, 1, "x")
    local _, bars = drawing:gsub('class="requests"', "")
    assert.equal(120, step)
    assert.is_true(bars >= 84 and bars <= 120)
  end)

  it("of a job that an older version ran says that its requests were not noted", function()
    local job = { name = "n", state = "finished", started_at = "2026-11-25T23:58:10Z" }
    local rows = { { skill_id = 3, user_account = "a", status = "released" } }
    local none = { minutes = {}, pauses = {}, is_whole = false }
    assert.matches("did not note its requests", document(html, rows, job, none), 1, true)
    none.is_whole = true
    assert.is_nil(document(html, rows, job, none):find "did not note its requests")
  end)

  it("reads times in every year as the calendar has them", function()
    for _, seconds in ipairs { 0, 951782400, 951868800, 1709164800, 1795651200, 4107542400 } do
      for _, more in ipairs { 0, 1, 43199, 86399 } do
        local text = os.date("!%Y-%m-%dT%H:%M:%SZ", seconds + more)
        assert.equal(seconds + more, clock.seconds(text), text)
      end
    end
    assert.is_nil(clock.seconds "yesterday")
    assert.is_nil(clock.seconds(nil))
  end)

  it("asks for policies that its own script and style fit, and no other", function()
    for name, tag in pairs { script = "script", style = "style" } do
      local module = require("aicc.jobs.report." .. name)
      local path = support.folder() .. "/text"
      local file = io.open(path, "wb")
      file:write(module.TEXT)
      file:close()
      local pipe = io.popen("openssl dgst -sha256 -binary " .. path .. " | base64")
      local hash = "sha256-" .. pipe:read "l"
      pipe:close()
      assert.equal(hash, module.HASH, name .. ".lua was changed: this is its HASH")
      local text = document(html, {})
      assert.matches(("%s-src '%s'"):format(tag, hash), text, 1, true)
      assert.matches(("<%s>%s</%s>"):format(tag, module.TEXT, tag), text, 1, true)
    end
  end)
end)

local HOSTILE = {
  "</script><img src=x onerror=alert(1)>", "<!--<script>", "\"><svg onload=alert(1)>", "' onclick='alert(1)", "a\0b",
  "\27[31mred", "\226\128\174gpj.exe", "a\226\129\166b", "\226\128\168line", "\255\254", "=cmd|' /C calc'!A0", "a|b\\|c",
  "[x](javascript:alert(1))",
  "**b** `c` _d_ ~~e~~", "https://evil.example/ www.evil.example me@evil.example", "&lt;b&gt;", ("long"):rep(2560), "-- \n# head",
  "\\", "${x}", "]]>", "\239\187\191", "中文 é 😀",
}

describe("texts of strangers #lua54", function()
  it("are text in HTML, and in the data inside it", function()
    for _, text in ipairs(HOSTILE) do
      local page = document(html, { { skill_id = 3, skill_name = text, user_account = text, status = "failed", code = text,
        message = text, finished_at = text, undo = text, undo_message = text } }, { name = text, state = "finished",
        created_at = text, started_at = text, finished_at = text, source = "rows" })
      -- Nothing of it is an element of its own: these are ours, and the same for every text.
      for _, tag in ipairs { "img", "svg onload", "b", "!%-%-" } do
        assert.is_nil(page:gsub("<script>.-</script>", ""):find("<" .. tag .. "[ >]"), text)
      end
      local _, scripts = page:gsub("<script", "")
      local _, ends = page:gsub("</script", "")
      assert.same({ 3, 3 }, { scripts, ends }, text)
      assert.is_nil(page:find "[^\n\32-\126\128-\255]", text) -- no control character
      local flat = page:gsub("\n", " ")
      assert.equal(flat, core.printable(flat, #flat), text) -- it is UTF-8
      local rows, facts = data(page)
      local shown = escape.visible(text)
      assert.equal(shown, rows[1][3])
      assert.equal(shown, facts.queues[1][2])
      assert.equal(shown, rows[1][6] == 0 and "" or facts.texts[rows[1][6] + 1])
      assert.matches("<h1>" .. escape.html(text) .. "</h1>", page, 1, true)
    end
  end)

  it("show what nobody would see, and keep what is ordinary", function()
    for text, shown in pairs {
      ["a\0b"] = "a[U+0000]b", ["\27[31m"] = "[U+001B][31m", ["\226\128\174x"] = "[U+202E]x", ["\255"] = "?",
      ["中文 é 😀"] = "中文 é 😀", ["a\194\133b"] = "a[U+0085]b", ["\239\187\191a"] = "[U+FEFF]a", [""] = "",
      ["\243\160\129\129"] = "[U+E0041]", ["\226\128\139"] = "[U+200B]", ["\194"] = "?",
    } do
      assert.equal(shown, escape.visible(text))
    end
    local long = escape.visible(("中"):rep(1000))
    assert.equal(("中"):rep(333) .. "… [3000 bytes]", long)
    assert.equal(("x"):rep(1000), escape.visible(("x"):rep(1000)))
  end)

  it("are text in Markdown: a row is a line, a cell a cell, and nothing a link", function()
    for _, text in ipairs(HOSTILE) do
      local page = document(markdown, { { skill_id = 3, skill_name = text, user_account = text, status = "failed", code = "1",
        message = text } })
      local line = page:match "## Rows\n\n[^\n]*\n[^\n]*\n([^\n]*)\n\nMade by"
      local bars = 0
      for escapes in line:gmatch "(\\*)|" do
        if #escapes % 2 == 0 then bars = bars + 1 end
      end
      assert.equal(7, bars, text)
      assert.is_nil(page:find("<", 1, true), text)
      assert.is_nil(line:find "://" or line:find "@" or line:find "[wW][wW][wW]%." or line:find "[^\\]%[", text)
    end
  end)

  it("take no more messages than can be told apart", function()
    local rows = {}
    for i = 1, 2000 do
      rows[i] = { skill_id = 3, user_account = "account-" .. i, status = i % 2 == 0 and "failed" or "unknown", code = "1",
        message = i % 4 == 0 and ("account-%d is refused"):format(i) or "odd " .. i }
    end
    local text = visible(document(html, rows))
    assert.matches("failed 500 1 … is refused 5 ", text, 1, true)
    assert.matches("failed 484 all other messages 67 unknown 967 all other messages 68 ", text, 1, true)
    local sum = 0
    for count in text:match "First at line(.-) Rows":gmatch " (%d+) 1 odd" do sum = sum + count end
    assert.equal(2000, sum + 500 + 967 + 484)
    local _, facts = data(document(html, rows))
    assert.equal(501, #facts.texts)
  end)
end)

describe("a report in a file #lua54", function()
  local folder, server

  before_each(function()
    folder = support.folder()
    server = support.sandbox { agents = { [3] = support.agents(10) } }
    support.csv(folder .. "/night.csv", { { 3, "a1" }, { 3, "a2" } })
    assert.equal(0, (support.run(folder, server, "plan --rate 0 " .. folder .. "/night.csv")))
  end)

  after_each(support.clean)

  -- The command runs in the folder of the tree; files of the spec are told by their whole name.
  local function run(arguments) return support.run(folder, server, (arguments:gsub("@", folder .. "/"))) end

  local function read(name) return tree.read(folder .. "/" .. name) end

  it("is whole, private, and what standard output would get", function()
    local status, out, err = run "report night --output @r.csv"
    assert.same({ 0, ("wrote %s/r.csv\n"):format(folder), "" }, { status, out, err })
    assert.equal(select(2, run "report night"), read "r.csv")
    assert.equal("rw-------", lfs.attributes(folder .. "/r.csv").permissions)
    os.execute(("chmod 644 %s/r.csv"):format(folder))
    assert.equal(0, (run "report night -q -o @r.csv --format jsonl"))
    assert.equal(select(2, run "report night --json"), read "r.csv")
    assert.equal("rw-------", lfs.attributes(folder .. "/r.csv").permissions) -- it is another file
    out = select(2, run "report night --json --format html -o @r.html")
    assert.same({ event = "written", path = folder .. "/r.html" }, cjson.decode(out))
    assert.matches("^<!DOCTYPE html>\n.*</html>\n$", read "r.html")
    assert.equal("# Job night", (select(2, run "report night --format markdown -o -"):match "^[^\n]*"))
  end)

  it("replaces nothing but a file, and leaves what was there where it cannot be written", function()
    assert(lfs.link("night.csv", folder .. "/link", true))
    assert(os.execute(("cp %s/aicc/jobs.db %s/other.db"):format(folder, folder)))
    for path, problem in pairs { ["/dev/full"] = "it is not a regular file", ["."] = "it is not a regular file",
        ["@no/such.csv"] = "cannot create: No such file or directory", ["@link"] = "it is a symbolic link",
        ["@aicc/jobs.db"] = "it belongs to the job store", ["@other.db"] = "it is a database" } do
      local status, out, err = run("report night -o " .. path)
      assert.same({ 9, "" }, { status, out }, path)
      assert.matches(("aicc: --output: %s: %s"):format(path:gsub("@", folder .. "/"), problem), err, 1, true)
    end
    assert.equal(2, select(2, read "night.csv":gsub(",a", ""))) -- what the link is one to
    for _, place in ipairs { folder, folder .. "/aicc" } do
      for name in lfs.dir(place) do assert.is_nil(name:find "^r%.csv%." or name:find "^jobs%.db%.%w+$", name) end
    end
    assert.equal(2, (run "report night --output ''"))
    assert.equal(0, (run "status night")) -- the store is what it was
  end)

  it("holds what filters leave, and sums of all", function()
    assert.equal(0, (run "apply night"))
    local text = select(2, run "report night --failed --format html")
    assert.equal(0, #data(text))
    assert.matches("Only those that are failed, unknown, pending or without an agent: 0 of 2 rows.", text, 1, true)
    assert.matches("Done: each of 2 rows is released", text, 1, true)
  end)
end)
