-- `make bench-plot`, the words: writes what `make bench` has found into doc/speed.md, and the most of it into README.md, each
-- between two comments.

local tools = require "spec.bench.tools"

local BEGIN, END = "<!-- bench: `make bench bench-plot` writes this -->", "<!-- /bench -->"

local function needed(name)
  return tools.load(name) or error(("build/bench/%s.json is not there: run make bench first"):format(name), 0)
end

local machine, calls, first, costs = needed "machine", needed "calls", needed "first", needed "costs"
local encode, jobs, requests, hosts = needed "encode", needed "jobs", needed "requests", needed "hosts"
local instructions, many = needed "instructions", needed "many"

-- ---- numbers ----

local function thousands(number)
  local text = ("%.0f"):format(number)
  return (text:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", ""))
end

-- Two digits that count, or all before the point.
local function short(number)
  if number >= 100 then return thousands(number) end
  return number >= 10 and ("%.0f"):format(number) or number >= 1 and ("%.1f"):format(number) or ("%.2f"):format(number)
end

local function ratio(number) return number >= 10 and "× " .. short(number) or ("× %.2f"):format(number) end

-- The row of that way in a list of them, or nil.
local function row_of(rows, way)
  for _, row in ipairs(rows) do
    if (row.way or row.name) == way then return row end
  end
end

local function calls_of(title, in_flight)
  for _, found in ipairs(calls.tables) do
    if found.title == title and found.in_flight == in_flight then return found.rows end
  end
end

-- ---- the parts ----

-- A row's name here; its names in calls.json (one in flight, many); in first.json; instructions.json; costs.json.
local WAYS = {
  { "C on libcurl, handles reused (raw)", "C on libcurl, easy (raw)", "C on libcurl, multi (raw)", "C on libcurl (raw)",
    "raw easy", "raw multi, 32" },
  { "the same, lean: the URL parsed before, no proxy looked for", "C on libcurl, lean", "C on libcurl, lean", nil,
    "raw easy, lean" },
  { "`aicc` session (the C module)", "aicc: session", "aicc: session", nil, "session", "session, 32" },
  { "`aicc` client (32: in `aicc.loop`)", "aicc: client", "aicc: client in a loop", "aicc: client, token and call", "client",
    "loop, 32" },
  { "LuaSocket, LuaSec, HTTP framed by hand", "LuaSocket, framed by hand", nil, "LuaSocket, framed by hand" },
  { "Python, `http.client`", "Python, http.client", nil, "Python, http.client" },
  { "the `curl` command, a process each", "the curl command", nil, "the curl command" },
  { "wrk: the server's own limit", "wrk (the server's limit)", "wrk (the server's limit)" },
}

local function line(cells) return "| " .. table.concat(cells, " | ") .. " |" end

-- `is_whole`: with what a call costs besides time.
local function calls_table(is_whole)
  local names, under = { "a call", "HTTP", "HTTPS", "HTTP, 32 in flight", "HTTPS, 32" }, { "---", "---", "---", "---", "---" }
  if is_whole then
    for _, name in ipairs { "instructions, 1 · 32 in flight", "system calls", "garbage",
      "first call of a process, HTTP · HTTPS" } do
      names[#names + 1], under[#under + 1] = name, "---"
    end
  end
  local lines = { line(names), line(under) }
  for i, way in ipairs(WAYS) do
    local cells = { way[1] }
    for _, case in ipairs { { "HTTP", 1, way[2] }, { "HTTPS", 1, way[2] }, { "HTTP", 32, way[3] }, { "HTTPS", 32, way[3] } } do
      local row = case[3] and row_of(calls_of(case[1], case[2]), case[3])
      cells[#cells + 1] = row and (i == 1 and ("1 (%s µs)"):format(short(row.wall)) or ratio(row.wall_ratio)) or ""
    end
    local one, wide = row_of(instructions, way[5]), row_of(instructions, way[6])
    cells[#cells + 1] = not one and "" or i == 1 and ("1 · 1 (%s)"):format(thousands(one.instructions)) or
      ratio(one.ratio) .. (wide and (" · %.2f"):format(wide.ratio) or "")
    local cost = row_of(costs, way[2])
    cells[#cells + 1] = cost and cost.system_calls and short(cost.system_calls) or ""
    cells[#cells + 1] = cost and cost.garbage and thousands(cost.garbage) .. " B" or ""
    local plain, secure = way[4] and row_of(first[1].rows, way[4]), way[4] and row_of(first[2].rows, way[4])
    cells[#cells + 1] = plain and ("%s · %s ms"):format(short(plain.wall), short(secure.wall)) or ""
    lines[#lines + 1] = line(is_whole and cells or { table.unpack(cells, 1, 5) })
  end
  return table.concat(lines, "\n")
end

local function encode_table()
  local names, ours, ratios, under = { "accounts in a list" }, { "`core.encode`, ns each" }, { "beside lua-cjson" }, { "---" }
  for _, row in ipairs(encode) do
    names[#names + 1], under[#under + 1] = row.name, "---"
    ours[#ours + 1], ratios[#ratios + 1] = short(row.encode), ratio(row.ratio)
  end
  return table.concat({ line(names), line(under), line(ours), line(ratios) }, "\n")
end

local JOB_WAYS = {
  { "a shell loop around curl", "a loop around curl" }, { "a loop in Lua, a client for each row", "a client each" },
  { "a loop in Lua, one client that is kept", "one client, kept" },
}

local function taken(job)
  local seconds = job.plan + job.apply
  return ("1 (%s s, %s rows/s)"):format(short(seconds), thousands(job.lines / seconds))
end

local function jobs_table()
  local now, later = jobs[1], jobs[2]
  local lines = {
    line { "100,000 rows, 200 queues, no rate limit", "requests", "answers at once", "answers after 5 ms", "memory" },
    "| --- | --- | --- | --- | --- |",
    line { "`aicc plan`, `aicc apply`", thousands(now.requests), taken(now), taken(later), short(now.memory) .. " MiB" },
  }
  lines[#lines + 1] = line { "planned and applied at once, by one program (`listed_within`)", thousands(now.at_once.requests),
    ratio(now.at_once.ratio), ratio(later.at_once.ratio), short(now.at_once.memory) .. " MiB" }
  for _, way in ipairs(JOB_WAYS) do
    local at_once, after = row_of(now.rows, way[2]), row_of(later.rows, way[2])
    lines[#lines + 1] = line { way[1], thousands(at_once.requests), ratio(at_once.ratio), ratio(after.ratio),
      short(at_once.memory) .. " MiB" }
  end
  return table.concat(lines, "\n")
end

local function each(number) return number < 0.1 and ("%.3f"):format(number) or ("%.2f"):format(number) end

local function requests_table()
  local counts, under, of, names = { "rows of a job" }, { "---" }, {}, {}
  for _, row in ipairs(requests) do
    if not of[row.queues] then
      of[row.queues] = { ("requests for each, over %d queue%s; at once"):format(row.queues, row.queues == 1 and "" or "s") }
      names[#names + 1] = row.queues
    end
    if #names == 1 then counts[#counts + 1], under[#under + 1] = thousands(row.rows), "---" end
    table.insert(of[row.queues], ("%s; %s"):format(each(row.each), each(row.each_at_once)))
  end
  local lines = { line(counts), line(under) }
  for _, queues in ipairs(names) do lines[#lines + 1] = line(of[queues]) end
  return table.concat(lines, "\n")
end

-- What is slower here than what it stands beside.
local function lost()
  local cases = {}
  local function add(...) cases[#cases + 1] = (...):format(select(2, ...)) end
  for _, found in ipairs(calls.tables) do
    local client = row_of(found.rows, found.in_flight == 1 and "aicc: client" or "aicc: client in a loop")
    local best = row_of(found.rows, "LuaSocket, framed by hand")
    if found.in_flight == 1 and client.wall > best.wall then
      add("a client's call over %s takes %.1f times what a socket with HTTP framed by hand takes", found.title,
        client.wall / best.wall)
    end
    if found.in_flight == 32 and client.wall_ratio > 1 then
      add("32 at once over %s take %.2f times raw libcurl's time", found.title, client.wall_ratio)
    end
  end
  local plain = row_of(first[1].rows, "aicc: client, token and call")
  if plain.ratio > 1 then
    add("a process with one call takes %.1f times what C takes, since it loads Lua and fetches a token", plain.ratio)
  end
  local slow = {}
  for _, row in ipairs(encode) do
    if row.ratio > 1 then slow[#slow + 1] = ("%s (%.1f)"):format(row.name, row.ratio) end
  end
  if slow[1] then add("encoding is slower than lua-cjson's for lists of %s", table.concat(slow, ", ")) end
  for _, row in ipairs(hosts) do
    if row.ratio > 1 then
      add("a hook's call in %s takes %.2f times the CPU of the smallest code by hand", row.host, row.ratio)
    end
  end
  local worst
  for _, row in ipairs(requests) do
    if row.each > 1 and (not worst or row.each > worst.each) then worst = row end
  end
  if worst then
    add("a job of few rows over many queues makes more requests than a loop would: %s for each of %d rows, since it lists first",
      short(worst.each), worst.rows)
  end
  return table.concat(cases, "; ")
end

local AT_MOST = { sign = "≤ ", is_met = function(value, target) return value <= target end }
local AT_LEAST = { sign = "≥ ", is_met = function(value, target) return value >= target end }

-- What issue 11 aimed at, and what was reached.
local function targets_table()
  local lines = { line { "", "aimed at", "reached", "" }, "| --- | --- | --- | --- |" }
  local function add(what, wanted, format, ...) -- and pairs of a value and its target
    local aims, values, is_met = {}, {}, true
    for i, pair in ipairs { ... } do
      aims[i], values[i] = wanted.sign .. ("%.4g"):format(pair[2]), format:format(pair[1])
      is_met = is_met and wanted.is_met(pair[1], pair[2])
    end
    lines[#lines + 1] = line { what, table.concat(aims, " · "), table.concat(values, " · "), is_met and "" or "missed" }
  end
  local function beside(title, in_flight, way) return row_of(calls_of(title, in_flight), way).wall_ratio end
  local function by_target(rows, way) return { row_of(rows, way).ratio, row_of(rows, way).target } end
  local one, wide = "aicc: client", "aicc: client in a loop"
  add("a session's instructions beside raw libcurl's", AT_MOST, "%.2f", by_target(instructions, "session"))
  add("a client's instructions beside raw libcurl's", AT_MOST, "%.2f", by_target(instructions, "client"))
  add("instructions of a call, 32 in a loop, beside raw libcurl's", AT_MOST, "%.2f", by_target(instructions, "loop, 32"))
  add("a client's relative time, HTTP · HTTPS (lower is better)", AT_MOST, "%.2f", { beside("HTTP", 1, one), 1.03 },
    { beside("HTTPS", 1, one), 1.03 })
  add("relative calls per second of 32 in a loop, HTTP · HTTPS (higher is better)", AT_LEAST, "%.2f",
    { 1 / beside("HTTP", 32, wide), 0.95 }, { 1 / beside("HTTPS", 32, wide), 1 })
  local calls_of_system = row_of(costs, one).by_name
  if calls_of_system then add("`sendto` for each request", AT_MOST, "%.4g", { calls_of_system.sendto, 1 }) end
  add("garbage of a call, bytes", AT_MOST, "%.0f", { row_of(costs, one).garbage, 600 })
  add("`core.encode` beside lua-cjson, 1,000 · 100,000 accounts: relative time", AT_MOST, "%.2f", by_target(encode, "1,000"),
    by_target(encode, "100,000"))
  add("100 clients in one loop, 5 calls of 20 ms each: seconds", AT_MOST, "%.2f",
    { many.many_clients.seconds, many.many_clients.target })
  add("a hook's call in nginx beside code by hand: relative CPU", AT_MOST, "%.2f", { hosts[1].ratio, 1.3 })
  local kept, at_once = row_of(jobs[1].rows, "one client, kept").ratio, jobs[1].at_once.ratio
  add("a job of 100,000 rows beside one kept client, answers at once: relative time", AT_MOST, "%.2f", { 1 / kept, 0.15 })
  add("the same, planned and applied at once", AT_MOST, "%.2f", { at_once / kept, 0.15 })
  return table.concat(lines, "\n")
end

local function memory_of(way) return row_of(costs, way).memory end

-- Said where the machine was not quiet: who reads the numbers is to know.
local function busy()
  if tonumber(machine.load) <= 1 then return "" end
  return (" (The machine was busy with something else: its load was %s before it began.)"):format(machine.load)
end

local function source()
  return ("`make bench` on %s: %s, %s cores, %s, %s, libcurl %s, Lua 5.4, nginx %s with one worker on the same machine, which "
    .. "answers at once: a server across a network hides what follows. Medians of interleaved rounds; × is relative time, lower "
    .. "is better: beside raw libcurl's in the same round, and a job's beside that of `aicc plan`, `aicc apply`.%s"):format(
    machine.date, machine.cpu, machine.cores, machine.system,
    machine.kernel, machine.libcurl, machine.nginx, busy())
end

local function for_readme()
  return table.concat({
    source(), "![time of a call and of a job, beside others](doc/speed.svg)", calls_table(false), jobs_table(),
    "Where it loses: " .. lost() .. ".",
    "[doc/speed.md](doc/speed.md) has the rest: instructions, system calls, memory, encoding, requests of a job, and what the "
      .. "time goes for.",
  }, "\n\n")
end

local function for_speed()
  local one, wide = many.one_client, many.many_clients
  return table.concat({
    source(), "![time of a call and of a job, beside others](speed.svg)", calls_table(true),
    ("Each further transfer in flight takes %s KiB (raw: %s). %d calls to a server that takes %g ms are %.1f times as fast with "
      .. "32 in flight; %d clients in one loop make %d calls each of %g ms in %.2f s."):format(
      short(memory_of "aicc: client in a loop"), short(memory_of "C on libcurl, multi (raw)"), one.calls, one.delay * 1000,
      one.one / one.many, wide.clients, wide.each, wide.delay * 1000, wide.seconds),
    ("In the hosts, a hook's call beside the smallest code by hand that sends the same: nginx %s, HAProxy %s of its CPU."):format(
      ratio(hosts[1].ratio), ratio(hosts[2].ratio)),
    "Lists on their way into JSON, shuffled or in order. `core.encode` checks each account, sends those that come twice once, "
      .. "and makes path and headers too, which is what a short list costs; lua-cjson only writes:",
    encode_table(), jobs_table(),
    "A job lists a queue, a hundred agents a request, when it is planned and again before its first write; planned and applied "
      .. "at once, by one program, it lists it once (the second number).",
    requests_table(), "What was aimed at:", targets_table(), "Where it loses: " .. lost() .. ".",
  }, "\n\n")
end

-- ---- the files ----

local function put(path, block)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  local from = select(2, text:find(BEGIN, 1, true))
  local to = from and text:find(END, from, true)
  if not to then error(("%s: expected %s and %s"):format(path, BEGIN, END), 0) end
  file = assert(io.open(path, "w"))
  file:write(text:sub(1, from), "\n\n", block, "\n\n", text:sub(to))
  file:close()
end

put("README.md", for_readme())
put("doc/speed.md", for_speed())
print "README.md and doc/speed.md: the numbers are those of the last make bench"
