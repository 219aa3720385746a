-- Random jobs, from rows and from accounts, against a contact centre that misbehaves at random: whatever a report says is so.
--
-- Each is made from a number, which a failure names: AICC_SEED=<number> runs that one alone, AICC_ROUNDS=<n> so many.

local centre = require "spec.support.centre"
local chunks = require "aicc.jobs.db.chunks"
local jobs = require "aicc.jobs"
local status = require "aicc.cli.status"
local seeded = require "spec.support.seeded"
local support = require "spec.support.jobs"

local ROUNDS = tonumber(os.getenv "AICC_ROUNDS")
local SEED = tonumber(os.getenv "AICC_SEED")
local TRIES = 6 -- runs in which a job comes to its end, once nothing goes wrong any more

-- Each fault in some of the rounds.
local function faults(random, is_exact)
  local function perhaps(share, value) return random() < share and value or nil end
  local list = {
    loses = perhaps(0.6, random() * 0.4), is_slow = perhaps(0.5, true), does_part = perhaps(0.5, true),
    blocks = perhaps(0.3, 0.05), unsent = perhaps(0.3, 0.1), breaks = perhaps(0.3, 0.1),
    most = perhaps(0.2, 1 + math.floor(random() * 8)), unlisted = perhaps(0.5, random() * 0.2),
    moves = perhaps(0.5, random() * 0.5), hides = perhaps(0.15, true), page = perhaps(0.3, 20),
    first_page_only = perhaps(0.1, true), meddles = perhaps(0.4, random() * 0.6), busy = perhaps(0.2, 0.1),
    nameless = perhaps(0.2, true), codeless = perhaps(0.2, 0.1), killed = perhaps(0.2, 0.05), aborts = perhaps(0.2, 0.2),
  }
  if is_exact then
    list.omits, list.names_in_vain = perhaps(0.4, random() * 0.5), perhaps(0.3, random() * 0.3)
    list.untold = perhaps(0.1, true)
  end
  -- Together they could not be told from the truth.
  list.counts_page = not list.hides and not list.page and not list.nameless and perhaps(0.1, true) or nil
  return list
end

describe("a report #lua54", function()
  local random, api, store, job, rows
  local accounts, ways -- of a job from accounts: its input, and how its queues are found

  local function draw(first, last) return first + math.floor(random() * (last - first + 1)) end

  -- Queues of one page and of several, and rows in two spellings of some who are bound and some who are not.
  local function make_rows()
    rows = {}
    local refused = random() < 0.5 and random() * 0.3 or 0
    for skill = 1, draw(1, 3) do
      local size = random() < 0.5 and draw(0, 40) or draw(90, 320)
      api:fill(skill, size, refused)
      local queue = api:queue(skill)
      queue.has_row = {}
      for _ = 1, draw(1, math.max(1, math.min(size, 30))) do
        local name = ("a%04d"):format(draw(1, size + 5))
        queue.has_row[name], queue.has_row[name:upper()] = true, true
        rows[#rows + 1] = { skill, random() < 0.3 and name:upper() or name }
      end
    end
    if not api.is_exact then return end
    accounts, ways = {}, ({ {}, { sweep = true }, { sweep = true, ask = true } })[draw(1, 3)]
    for _, row in ipairs(rows) do
      accounts[#accounts + 1] = row[2]
      for _, queue in ipairs(api.queues) do queue.has_row[row[2]:lower()], queue.has_row[row[2]:upper()] = true, true end
    end
  end

  local function is_listed(account)
    for _, name in ipairs(accounts) do
      if name == account then return true end
    end
    return false
  end

  -- What an account's line without a queue says wrongly, or nil.
  local function lie_without_queue(row)
    local name, is_bound = row.user_account, false
    for _, queue in ipairs(api.queues) do
      for _, spelling in ipairs { name:lower(), name:upper() } do
        is_bound = is_bound or queue.weights[spelling] and not queue.taken[spelling] and not queue.released[spelling]
      end
    end
    if row.status == "no_agent" then return api:is_known(name) and "is known" end
    if row.status == "not_bound" then return (not ways.sweep or is_bound) and "is bound, or nobody has looked" end
    if row.status ~= "no_queue" and row.status ~= "failed" then return "has no such status" end
  end

  -- Each account has its lines where it stands in the input; who was bound all the time, and told of, has a line for the queue.
  local function check_lines(list)
    local skills, times, at = {}, {}, 0
    for _, name in ipairs(accounts) do times[name] = (times[name] or 0) + 1 end
    for _, row in ipairs(list) do
      skills[row.user_account] = skills[row.user_account] or { n = 0 }
      skills[row.user_account].n = skills[row.user_account].n + 1
      if row.skill_id then skills[row.user_account][row.skill_id] = true end
    end
    for _, name in ipairs(accounts) do
      assert.truthy(skills[name], name .. " is left out")
      for _ = 1, skills[name].n / times[name] do
        at = at + 1
        assert.equal(name, list[at].user_account)
        assert.equal(at, list[at].line)
      end
      for skill, queue in ipairs(api.queues) do
        local is_told = ways.sweep or not ways.sweep and api.named[name .. " " .. skill]
        if is_told and queue.weights[name] and not queue.touched[name] then
          assert.is_true(skills[name][skill], ("%s is in queue %d"):format(name, skill))
        end
      end
    end
    assert.equal(#list, at)
    for skill, queue in ipairs(api.queues) do
      for name in pairs(queue.released) do
        assert.is_true(is_listed(name), ("%s was released from queue %d, and is not to leave"):format(name, skill))
      end
    end
  end

  local function lie_of(row, is_undoing)
    local queue, name = api:meant(row.skill_id, row.user_account)
    if queue.excused[name] then return end
    local bound, released, said, undo = queue.bound[name], queue.released[name], row.status, is_undoing and row.undo
    local touched = queue.touched[name]
    local is_ours = said == "released" or said == "bound_again"
    if is_ours and not released and not queue.taken[name] then return "was released by nobody" end
    if said == "not_bound" and released and not queue.taken[name] then return "was released" end
    if said == "not_bound" and queue.weights[name] and not queue.taken[name] then return "was bound all the time" end
    if (said == "released" or said == "not_bound") and bound and not touched then return "is bound" end
    if said == "bound_again" and not bound and not touched then return "is not bound" end
    if said == "failed" and not is_undoing and not bound and not touched then return "is not bound" end
    if undo == "skipped" and not queue.given[name] then return "was bound by nobody else" end
    if undo == "failed" and bound and not touched then return "is bound again" end
    if undo ~= "restored" then return end
    if touched then return end
    if not bound then return "is not bound again" end
    local before = queue.weights[name]
    if bound[1] ~= before[1] or bound[2] ~= before[2] then return "is bound with other weights" end
  end

  local function check(summary, verb)
    local counts, line, list, is_undoing = {}, 0, {}, verb == "undo" or summary and summary.action == "bind"
    for row in assert(job:report()) do
      line = line + 1
      list[line] = row
      if not accounts then assert.equal(rows[line][2], row.user_account) end
      counts[row.status] = (counts[row.status] or 0) + 1
      local lie = row.skill_id and lie_of(row, is_undoing) or not row.skill_id and lie_without_queue(row)
      if lie then error(("line %d: %s %s, but %s"):format(line, row.status, row.undo or "", lie), 0) end
    end
    if accounts then check_lines(list) else assert.equal(#rows, line) end
    for name, count in pairs(job:status().counts) do assert.equal(counts[name] or 0, count, name) end
    if not summary then return end
    local open = (counts.pending or 0) + (counts.unknown or 0) + (counts.planned or 0)
    if summary.state == "finished" then assert.equal(0, open) end
    if status.of_summary(summary) ~= 0 then return end
    assert.equal(is_undoing and "undone" or "finished", summary.state)
    if not is_undoing then assert.equal(0, open + (counts.failed or 0) + (counts.no_agent or 0)) end
  end

  local function was_killed(problem) return tostring(problem):find(centre.KILLED, 1, true) ~= nil end

  -- Each run is a process of its own: what the client before it knew is gone.
  local function work(verb)
    local last = random() < 0.5 and api.requests + draw(0, 25) or math.huge
    local client = api:client(draw(1, 3))
    local ok, summary, err = pcall(job[verb], job, { client = client, rate = 0, force = true, concurrency = draw(1, 3),
      interrupted = function() return not api.is_calm and api.requests >= last end })
    if not ok then
      if not was_killed(summary) then error(summary, 0) end
      check(nil, verb)
      return
    end
    assert(summary, err)
    check(summary)
    return summary.state
  end

  -- What was to be undone is: whoever the job released is bound.
  local function check_restored()
    local all = not accounts and rows or {}
    for skill in ipairs(api.queues) do
      for _, name in ipairs(accounts or {}) do all[#all + 1] = { skill, name } end
    end
    for _, row in ipairs(all) do
      local queue, name = api:meant(row[1], row[2])
      local is_ours = queue.released[name] and not queue.excused[name] and not queue.touched[name]
      if is_ours then assert.is_table(queue.bound[name], name) end
    end
  end

  local function plan(client)
    local all = { client = client, rate = 0, name = "night", chunk = draw(1, 12), concurrency = draw(1, 3) }
    local function try()
      api.named = {}
      if not accounts then return store:plan(support.rows(rows), all) end
      all.sweep, all.ask = ways.sweep, ways.ask
      local at = 0
      return store:plan_agents(jobs.accounts(function()
        at = at + 1
        return accounts[at]
      end), all)
    end
    for _ = 1, TRIES do
      local ok, planned = pcall(try)
      if ok and planned then return planned end
      if not ok and not was_killed(planned) then error(planned, 0) end
    end
    api:calm_down()
    return assert(try())
  end

  -- Somebody who is spelled like one of the accounts keeps its line open as long as they are in its queue: they leave.
  local function part_namesakes()
    for _, name in ipairs(accounts or {}) do
      local other = name == name:lower() and name:upper() or name:lower()
      for _, queue in ipairs(api.queues) do
        if queue.bound[other] and not queue.bound[name] then
          queue.bound[other], queue.touched[other], queue.taken[other] = nil, true, true
        end
      end
    end
  end

  local function end_of(verb, state)
    api:calm_down()
    part_namesakes()
    for _ = 1, TRIES do
      if work(verb) == state then return end
    end
    error("the job has not come to its end: " .. verb, 0)
  end

  local function round(seed, is_exact)
    random, accounts = seeded.new(seed), nil
    api = centre.new(random, is_exact)
    make_rows()
    local wrong, client = faults(random, is_exact), api:client(draw(1, 3))
    api:trouble(wrong)
    job = plan(client)
    check()
    api:trouble(wrong)
    for _ = 1, draw(1, 4) do work "apply" end
    if random() < 0.7 then end_of("apply", "finished") end
    api:trouble(wrong)
    for _ = 1, draw(0, 3) do work "undo" end
    -- Ten minutes after the last request nobody does any more what it asked for.
    chunks.LATE = -1
    end_of("undo", "undone")
    check_restored()
  end

  after_each(support.clean)

  for source, usual in pairs { rows = 40, accounts = 25 } do
    it(("tells what is so, whatever goes wrong: of a job from %s"):format(source), function()
      local url = "sqlite:" .. support.folder() .. "/jobs.db"
      local late = chunks.LATE
      for seed = SEED or 1, SEED or ROUNDS or usual do
        store = assert(jobs.open(url))
        local ok, problem = pcall(round, seed, source == "accounts")
        chunks.LATE = late
        if not ok then error(("AICC_SEED=%d: %s"):format(seed, tostring(problem)), 0) end
        assert(store:forget "night")
        store:close()
      end
    end)
  end
end)
