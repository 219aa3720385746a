-- The report in HTML as a browser shows it: it asks for nothing, runs no script but its own, finds what is searched for, can be
-- read in light and dark and on paper. Its pictures are left in build/report, to be looked at.

local browser = require "spec.support.browser"
local html = require "aicc.jobs.report.html"
local lfs = require "lfs"
local support = require "spec.support.jobs"

local PICTURES = "build/report"

local HOSTILE = { "</script><img src=x onerror=hacked()>", "<svg onload=hacked()>", "\"'><script>hacked()</script>",
  "a\0b\226\128\174c", ("x"):rep(10240), "javascript:hacked()", "{{7*7}}${7*7}" }

-- Asks every element that shows text whether it can be told from what is behind it. Returns those that cannot.
local CONTRAST = [[(() => {
  const numbers = color => color.match(/[\d.]+/g).map(Number);
  const light = color => numbers(color).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor, parts = numbers(color);
      if (parts.length < 4 || parts[3] === 1) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const poor = new Set();
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!own || element.disabled || !element.getClientRects().length || element.closest("defs")) continue;
    const style = getComputedStyle(element), text = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(text), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.add(element.tagName + "." + element.className + " " + ratio.toFixed(2));
  }
  return [...poor].join("; ");
})()]]

describe("the report in a browser #browser #slow #nosan #lua54", function()
  local chromium, folder

  setup(function()
    chromium = browser.start()
    lfs.mkdir "build"
    lfs.mkdir(PICTURES)
  end)
  teardown(function() chromium:stop() end)
  before_each(function() folder = support.folder() end)
  after_each(support.clean)

  -- A page with the report of a job that the sandbox made, after `change(db)`.
  local function report(change)
    local server = support.sandbox { agents = { [3] = support.agents(300), [4] = support.agents(120, "b"),
      [5] = support.agents(40, "c") }, refuse_accounts = { a7 = true, a191 = true } }
    local client = assert(server:client { retry = { attempts = 1 } })
    local store = support.store()
    local list = support.range(3, 1, 260)
    for i = 1, 60 do list[#list + 1] = { 4, "b" .. i } end
    for i = 1, 20 do list[#list + 1] = { 5, "c" .. i } end
    for i = 1, 9 do list[#list + 1] = { 5, "nobody-" .. i } end
    local job = support.plan(store, client, list, { chunk = 20, name = "night" })
    server:fault { operation = "release_agent_by_skill", from = 30, to = 30, status = 429, headers = { ["Retry-After"] = "1" } }
    local taken = 0
    assert(job:apply { client = client, rate = 0, concurrency = 1, force = true, interrupted = function()
      taken = taken + 1
      return #server:agents(4) <= 100
    end })
    change(store.db)
    local path = folder .. "/report.html"
    local file = assert(io.open(path, "wb"))
    assert(job:write_report(function(text) file:write(text) end, { format = "html" }))
    file:close()
    return path, job:status().counts
  end

  local function nothing() end

  local function open(path, fragment)
    local page = chromium:page()
    page:open("file://" .. path .. (fragment or ""))
    return page
  end

  local ROWS = "document.querySelectorAll('#rows-body tr').length"
  local FOUND = "document.querySelector('#found').textContent"

  -- Nothing was asked for but the file, and nothing was refused or went wrong.
  local function is_quiet(page, path)
    for _, event in ipairs(page:events "Network.requestWillBeSent") do
      local url = event.request.url:gsub("#.*", "")
      assert.is_true(url == "file://" .. path or url == "about:blank", url)
    end
    for _, event in ipairs(page:events "Log.entryAdded") do error(event.entry.text) end
    for _, event in ipairs(page:events "Runtime.exceptionThrown") do error(event.exceptionDetails.text) end
  end

  it("asks for nothing, and finds rows as they are typed, chosen and turned to", function()
    local path, counts = report(nothing)
    local page = open(path)
    assert.equal("349 rows; shown: 1 to 100", page:evaluate(FOUND))
    assert.equal(100, page:evaluate(ROWS))
    page:click "#search"
    page:type "a19"
    page:await(FOUND .. " === '11 of 349 rows match'")
    assert.same("a19 a190 a191 a192 a193 a194 a195 a196 a197 a198 a199",
      page:evaluate "[...document.querySelectorAll('#rows-body .a')].map(cell => cell.textContent).join(' ')")
    page:type " refused" -- all words
    page:await(FOUND .. " === '1 of 349 rows match'")
    assert.equal("191|3 queue 3|a191|failed|1: agent account a191 is refused",
      page:evaluate "[...document.querySelectorAll('#rows-body td')].slice(0, 5).map(cell => cell.textContent).join('|')")
    assert.equal("#q=a19+refused", page:evaluate "location.hash")
    page:evaluate "document.querySelector('#search').select()"
    page:press("Backspace", 8)
    page:await(FOUND .. ".startsWith('349 rows')")
    -- By status, as a reader does: a native list cannot be clicked from outside.
    page:evaluate "(() => { const s = document.querySelector('#status'); s.value = '0'; s.dispatchEvent(new Event('change')) })()"
    assert.matches(("^%d of 349 rows match"):format(counts.released), page:evaluate(FOUND))
    page:evaluate "(() => { const s = document.querySelector('#status'); s.value = ''; s.dispatchEvent(new Event('change')) })()"
    page:click "#next"
    assert.equal("349 rows; shown: 101 to 200", page:evaluate(FOUND))
    page:click "#last"
    assert.equal("349 rows; shown: 301 to 349", page:evaluate(FOUND))
    assert.equal(49, page:evaluate(ROWS))
    assert.is_true(page:evaluate "document.querySelector('#next').disabled")
    is_quiet(page, path)
    -- What is in the address is found again.
    page = open(path, "#q=nobody&status=not_bound")
    assert.equal("9 of 349 rows match", page:evaluate(FOUND))
    assert.equal("nobody", page:evaluate "document.querySelector('#search').value")
    page = open(path, "#q=nothing-like-it")
    assert.equal("0 of 349 rows match", page:evaluate(FOUND))
    is_quiet(page, path)
  end)

  it("shows names, queues and messages of strangers as text, and runs nothing of them", function()
    local path = report(function(db)
      for i, text in ipairs(HOSTILE) do
        db:run("UPDATE rows SET account = ? WHERE line = ?", text, i)
        db:run("UPDATE chunks SET message = ? WHERE first_line <= ? AND last_line >= ?", text, i * 20, i * 20)
      end
      db:run("UPDATE queues SET skill_name = ?", HOSTILE[1])
    end)
    local page = open(path, "#q=hacked")
    assert.equal("undefined", page:evaluate "typeof hacked")
    assert.equal(HOSTILE[1], page:evaluate "document.querySelector('#rows-body .a').textContent")
    assert.matches(HOSTILE[1], page:evaluate "document.querySelector('#queues ~ * .q').textContent", 1, true)
    assert.equal(0, page:evaluate "document.images.length + document.querySelectorAll('[onerror], [onload], iframe, a').length")
    assert.equal(1, page:evaluate "document.scripts.length") -- its data are taken out
    is_quiet(page, path)
  end)

  it("lets no script run but its own, and loads nothing, even if somebody put it there", function()
    local path = report(nothing)
    local server = support.sandbox { agents = {} }
    local file = assert(io.open(path, "rb"))
    local text = file:read "a"
    file:close()
    file = assert(io.open(path, "wb"))
    local put_there = ([[<main><script>window.hacked = 1</script><img src="@/a.png" onerror="window.hacked = 2">
      <link rel="stylesheet" href="@/b.css"><iframe src="@"></iframe>]]):gsub("@", server.base_url)
    local from, to = text:find("<main>", 1, true)
    file:write(text:sub(1, from - 1), put_there, text:sub(to + 1))
    file:close()
    local page = open(path)
    assert.equal("undefined", page:evaluate "typeof hacked")
    assert.equal(0, #server:requests())
    assert.is_true(#page:events "Log.entryAdded" >= 3) -- the browser says what it refused
    assert.equal("349 rows; shown: 1 to 100", page:evaluate(FOUND))
  end)

  it("can be read: in light, dark and print, by who sees little and by who sees nothing", function()
    local path = report(nothing)
    local page = open(path)
    for _, media in ipairs { { "light", "light", "screen" }, { "dark", "dark", "screen" }, { "print", "light", "print" } } do
      page:call("Emulation.setEmulatedMedia",
        { media = media[3], features = { { name = "prefers-color-scheme", value = media[2] } } })
      assert.equal("", page:evaluate(CONTRAST), media[1])
      page:screenshot(("%s/%s.png"):format(PICTURES, media[1]))
      assert.is_true(page:evaluate "document.documentElement.scrollWidth <= innerWidth", media[1])
    end
    page:call("Emulation.setEmulatedMedia", { media = "" })
    page:pdf(PICTURES .. "/print.pdf")
    assert.is_true(lfs.attributes(PICTURES .. "/print.pdf").size > 20000)
    assert.equal("en night: report", page:evaluate "document.documentElement.lang + ' ' + document.title")
    assert.equal(0, page:evaluate [[[...document.querySelectorAll("table")].filter(table => !table.querySelector("thead th")
      || [...table.querySelectorAll("th")].some(th => th.scope !== "col")
      || !document.getElementById(table.getAttribute("aria-labelledby"))).length]])
    assert.equal(0, page:evaluate [[[...document.querySelectorAll("input, select")].filter(field => !field.labels.length)
      .length]])
    assert.equal(0, page:evaluate [[[...document.querySelectorAll("svg")].filter(svg => svg.getAttribute("aria-hidden") !== "true"
      && !svg.getAttribute("aria-label")).length]])
    -- On a telephone nothing is wider than the screen.
    page:call("Emulation.setDeviceMetricsOverride", { width = 390, height = 800, deviceScaleFactor = 1, mobile = false })
    assert.is_true(page:evaluate "document.documentElement.scrollWidth <= 390")
    page:screenshot(PICTURES .. "/narrow.png")
  end)

  it("tells in each light who is bound again, in words, in the bars and among the rows", function()
    local path, counts = report(function(db)
      db:run "UPDATE jobs SET state = 'undoing'"
      db:run "UPDATE snapshot SET undo = 'skipped' WHERE line % 3 > 0"
    end)
    assert.is_true(counts.bound_again > 0 and counts.released > 0)
    local page = open(path, "#status=bound_again")
    assert.equal(("%d of 349 rows match; shown: 1 to 100"):format(counts.bound_again), page:evaluate(FOUND))
    assert.is_true(page:evaluate "document.querySelectorAll('svg.bar rect.bound_again').length" > 1)
    for _, media in ipairs { { "light", "light", "screen" }, { "dark", "dark", "screen" }, { "print", "light", "print" } } do
      page:call("Emulation.setEmulatedMedia",
        { media = media[3], features = { { name = "prefers-color-scheme", value = media[2] } } })
      assert.equal("", page:evaluate(CONTRAST), media[1])
      page:screenshot(("%s/undone-%s.png"):format(PICTURES, media[1]))
    end
    is_quiet(page, path)
  end)

  it("says all that matters where scripts do not run", function()
    local path, counts = report(nothing)
    local page = chromium:page()
    page:call("Emulation.setScriptExecutionDisabled", { value = true })
    page:call("Page.navigate", { url = "file://" .. path })
    page:await "document.readyState === 'complete' && document.querySelector('footer')"
    local text = page:evaluate "document.body.innerText"
    for status, name in pairs { released = "Released", not_bound = "Not bound", failed = "Failed", unknown = "Unknown" } do
      assert.matches(("%s\n%d"):format(name, counts[status]), text, 1, true)
    end
    assert.matches("aicc report night --format csv", text, 1, true)
    assert.matches("agent account … is refused", text, 1, true)
    assert.is_nil(text:find "Search account")
  end)

  it("shows and searches 100,000 rows with no more of them in the page than are seen", function()
    local path = folder .. "/large.html"
    local file = assert(io.open(path, "wb"))
    local made = html.new(function(text) file:write(text) end, {
      job = { name = "large", state = "finished", source = "rows" }, timeline = { minutes = {}, pauses = {}, is_whole = true },
      made_at = "2026-11-26T01:00:00Z", version = "1",
    })
    for i = 1, 100000 do
      made:row({ line = i + 1, skill_id = i % 200 + 1, skill_name = "queue " .. i % 200, user_account = ("agent-%06d"):format(i),
        status = i % 1000 == 0 and "failed" or "released", code = "0", message = "success", attempts = 1,
        finished_at = "2026-11-26T00:30:00Z" }, true)
    end
    made:finish()
    file:close()
    local page = open(path)
    assert.equal("100,000 rows; shown: 1 to 100", page:evaluate(FOUND))
    page:click "#search"
    page:type "099999"
    page:await(FOUND .. " === '1 of 100,000 rows match'")
    assert.is_true(page:evaluate "document.querySelectorAll('*').length" < 6000)
    -- However busy the machine is: what a letter costs is far from what a reader would wait for.
    local took = page:evaluate [[(() => {
      const field = document.querySelector("#search"), began = performance.now();
      location.hash = "#q=agent-05+failed";
      return new Promise(hold => addEventListener("hashchange", () => hold(performance.now() - began), { once: true }));
    })()]]
    page:await(FOUND .. " === '10 of 100,000 rows match'")
    assert.is_true(took < 5000, took .. " ms")
  end)
end)
