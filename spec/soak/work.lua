-- What a round of the soak does: sessions, clients, loops, forks and jobs, with each of the faults.

local aicc = require "aicc"
local core = require "aicc.curl"
local faults = require "spec.soak.faults"
local jobs = require "aicc.jobs"
local loop = require "aicc.loop"

local work = {}

local RELEASE, BIND, QUERY = "release_agent_by_skill", "bind_agents", "query_agents"
local SKILLS = { 3, 4, 5, 6 }
local IN_LOOP, EACH = 6, 3  -- coroutines, and calls of each
local FORKED = 2            -- calls of a child
local TIMEOUT = 5

local function account(skill, n) return ("q%d-%03d"):format(skill, n) end

-- ---- calls ----

local function arguments(n)
  local skill = SKILLS[n % #SKILLS + 1]
  local accounts = { account(skill, n % 20 + 1), account(skill, (n + 1) % 20 + 1) }
  local operation = ({ RELEASE, BIND, QUERY })[n % 3 + 1]
  if operation == RELEASE then return operation, { skillId = skill, userAccounts = accounts } end
  if operation == QUERY then return operation, { skillId = skill, pageSize = 100, pageNum = 0 } end
  return operation, { skillId = skill, userAccounts = accounts, agentWeight = 1, skillWeight = 2 }
end

-- A session of the core: blocking calls, then several at once, of which the last is given up.
local function sessions(server, tally, timeout)
  local session = assert(core.session { base_url = server.base_url, app_key = server.app_key, timeout = timeout })
  local token, err = session:token { app_key = server.app_key, app_secret = server.app_secret }
  tally:took("token", token, err)
  token = token and token.AccessToken or "none"
  for n = 1, 3 do
    local operation, given = arguments(n)
    tally:took(operation, session[operation](session, token, given))
  end
  local tickets, left = {}, 0
  for n = 4, 9 do
    local operation, given = arguments(n)
    tickets[assert(session:start(operation, token, given))], left = operation, left + 1
  end
  while left > 0 do
    session:step(0.5)
    for ticket, result, problem in function() return session:result() end do
      tally:took(tickets[ticket], result, problem)
      tickets[ticket], left = nil, left - 1
    end
  end
  session:close()
end

local function call(client, tally, n)
  local skill = SKILLS[n % #SKILLS + 1]
  local accounts = { account(skill, n % 20 + 1), account(skill, (n + 7) % 20 + 1) }
  if n % 4 == 0 then return tally:called(client:query_agents(skill)) end
  if n % 4 == 1 then return tally:called(client:bind_agents(skill, accounts, { agent_weight = 2, skill_weight = 1 })) end
  return tally:called(client:release_agent_by_skill(skill, accounts))
end

local function in_loop(client, tally)
  for i = 1, IN_LOOP do
    loop.spawn(function()
      for n = 1, EACH do
        call(client, tally, i * EACH + n)
        loop.sleep(0)
      end
    end)
  end
  loop.run()
end

local function new_client(server, tally, more, of_job)
  local options = {
    base_url = server.base_url, app_key = server.app_key, app_secret = server.app_secret, proxy = "", timeout = TIMEOUT,
    retry = { attempts = 3, base = 0.001, throttle_base = 0.001, cap = 0.002 }, on_event = tally:listener(of_job),
  }
  for name, value in pairs(more or {}) do options[name] = value end
  return assert(aicc.new(options))
end

-- ---- forks ----

-- A child that uses what it inherits, and ends in one of two ways; the parent goes on where it was, and counts its requests.
local function forks(client, tally, fork)
  assert(tally:called(client:release_agent_by_skill(3, { account(3, 1) })))
  for way = 1, 2 do
    local pid = fork.fork()
    if pid == 0 then
      local done = 0
      for n = 1, FORKED do
        if client:release_agent_by_skill(3, { account(3, n) }) then done = done + 1 end
      end
      if way == 1 then client:close() end
      fork.leave(done)
    end
    local done = fork.wait(pid)
    assert(done == FORKED, ("of %d calls of a child %d succeeded"):format(FORKED, done))
    tally.requests[RELEASE] = (tally.requests[RELEASE] or 0) + done
    assert(tally:called(client:release_agent_by_skill(3, { account(3, 1) })))
  end
end

-- ---- jobs ----

local ROWS = { [3] = 110, [4] = 30, [5] = 20 }

local function reader()
  local list, at = {}, 0
  for _, skill in ipairs(SKILLS) do
    for i = 1, ROWS[skill] or 0 do list[#list + 1] = { skill, account(skill, i) } end
  end
  list[#list + 1], list[#list + 2] = { 4, "nobody" }, { 4, account(4, 1) }
  return jobs.rows(function()
    at = at + 1
    if list[at] then return list[at][1], list[at][2] end
  end), #list
end

local function count(counts)
  local sum = 0
  for _, n in pairs(counts) do sum = sum + n end
  return sum
end

-- A job from plan to forget: applied while things go wrong, resumed when they do not, undone. Everybody is bound again as before.
local function whole_job(server, client, tally, path, set_faults)
  local before = server:bound()
  local store = assert(jobs.open("sqlite:" .. path))
  local rows, lines = reader()
  local job = assert(store:plan(rows, { client = client, name = "night", rate = 0 }))
  set_faults()
  local options = { client = client, rate = 0, force = true }
  local summary = assert(job:apply(options))
  assert(count(summary.counts) == lines, "counts do not add up")
  server:release_held()
  tally:check(server, core.sleep) -- which ends the faults
  -- What had no answer is settled in a run or two: the sandbox is late with nothing.
  for _ = 1, 3 do
    summary = assert(job:resume(options))
    if summary.state == "finished" and summary.counts.unknown == 0 then break end
  end
  local counts = summary.counts
  assert(counts.released == lines - 1 and counts.not_bound == 1, ("released %d, not_bound %d, failed %d, unknown %d, pending %d")
    :format(counts.released, counts.not_bound, counts.failed, counts.unknown, counts.pending))
  local read = 0
  for _ in assert(job:report()) do read = read + 1 end
  assert(read == lines, "the report has not every line")
  for _ = 1, 3 do
    summary = assert(job:undo(options))
    if summary.state == "undone" then break end
  end
  assert(summary.undo.restored == lines - 1, "not everybody was bound again")
  assert(server:bound() == before, "somebody is not bound as before")
  assert(store:forget "night")
  store:close()
end

-- ---- a round ----

--- A client that lives through the whole soak, on one connection.
function work.veteran(server, tally) return new_client(server, tally, { max_in_flight = 1 }) end

--- One round. `soak`: `server`, `tally`, `veteran`, `fork`, `folder`.
function work.round(soak)
  local server, tally = soak.server, soak.tally
  for n, fault in ipairs(faults) do
    local name, list, timeout = fault[1], fault[2], fault[3] or TIMEOUT
    local function set_faults()
      for _, one in ipairs(list) do server:fault(one) end
    end
    local ok, problem = pcall(function()
      server:reset()
      set_faults()
      sessions(server, tally, timeout)
      server:release_held()
      tally:check(server, core.sleep)
      local client = new_client(server, tally, { timeout = timeout })
      set_faults()
      for i = 1, 4 do call(client, tally, i) end
      in_loop(client, tally)
      server:release_held()
      tally:check(server, core.sleep)
      client:close()
      if n % 4 == soak.round % 4 then
        server:reset()
        client = new_client(server, tally, { timeout = timeout }, true)
        whole_job(server, client, tally, soak.folder .. "/jobs.db", set_faults)
        tally:check(server, core.sleep)
        client:close()
      end
      server:reset()
      call(soak.veteran, tally, 2) -- whose token the sandbox has forgotten
      tally:check(server, core.sleep)
    end)
    if not ok then error(("%s: %s"):format(name, tostring(problem)), 0) end
  end
  server:reset()
  forks(soak.veteran, tally, soak.fork)
  tally:check(server, core.sleep)
end

return work
