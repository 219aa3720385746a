-- A round of the chaos: a job, runs of it to which something happens, and what must hold after each. All that is drawn is drawn
-- from the round's seed; when it meets whom, the machine decides.

local core = require "aicc.core"
local lfs = require "lfs"
local processes = require "spec.support.processes"
local seeded = require "spec.support.seeded"
local support = require "spec.support.jobs"
local truth = require "spec.chaos.truth"

local round = {}

local Round = {}
Round.__index = Round

local RELEASE, BIND, QUERY = "release_agent_by_skill", "bind_agents", "query_agents"
local FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"
local PATIENCE = 90 -- seconds after which a run hangs

-- Whom the API refuses to release, in every round.
round.REFUSED = { ["q1-007"] = true, ["q2-011"] = true, ["q3-001"] = true }

function Round:draw(first, last) return first + math.floor(self.random() * (last - first + 1)) end

function Round:chance(share) return self.random() < share end

-- ---- the job ----

-- Queues of one page and of two; rows for some of their agents, for nobody, and some twice.
local function make_scene(self)
  local agents, list = {}, {}
  for q = 1, self:draw(1, 3) do
    local size = self:chance(0.2) and self:draw(101, 130) or self:draw(8, 40)
    local step, first = self:draw(1, 3), self:chance(0.5) and 1 or 12
    agents[q] = support.agents(0)
    for i = 1, size do
      local name = ("q%d-%03d"):format(q, i)
      agents[q][i] = { userAccount = name, agentWeight = 1 + i % 3, skillWeight = 1 + i % 2 }
      self.bound[truth.key(q, name)] = ("%d/%d"):format(1 + i % 3, 1 + i % 2)
      if i >= first and i % step == 0 then list[#list + 1] = { q, name } end
    end
    list[#list + 1], list[#list + 2] = { q, "nobody" }, { q, ("q%d-%03d"):format(q, size) }
    if list[1][1] == q then list[#list + 1] = list[1] end
  end
  for _, row in ipairs(list) do self.rows[truth.key(row[1], row[2])] = true end
  self.list = list
  self.server:reset(agents)
end

function round.is_refused(key) return round.REFUSED[key:match " (.*)$"] == true end

-- ---- runs ----

-- Mostly one thing goes wrong at a time.
local FAULTS = {
  function(self) return { operation = RELEASE, close = "headers", from = self:draw(1, 6) } end,
  function(self) return { operation = RELEASE, close = "request", from = self:draw(1, 6) } end,
  function(self) return { operation = RELEASE, close = "request", apply = true, from = self:draw(1, 6) } end,
  function(self) return { operation = RELEASE, cut = 5, from = self:draw(1, 6) } end,
  function(self) return { operation = RELEASE, status = 503, from = self:draw(1, 6), apply = self:chance(0.5) } end,
  function(self) return { operation = RELEASE, status = 500, body = "<html>", apply = self:chance(0.5), from = self:draw(1, 6) }
  end,
  function(self) return { operation = QUERY, close = "reset", from = self:draw(1, 3) } end,
  function(self) return { operation = BIND, close = "request", apply = self:chance(0.5), from = self:draw(1, 4) } end,
  function(self) return { operation = RELEASE, expire_tokens = true, from = self:draw(1, 6) } end,
  function(self) return { operation = BIND, cut = 5, from = self:draw(1, 4) } end,
}

local function set_faults(self)
  local is_doubtful = false
  for _ = 1, self:draw(0, 2) do
    local fault = FAULTS[self:draw(1, #FAULTS)](self)
    fault.to = fault.from + self:draw(0, 2)
    is_doubtful = is_doubtful or fault.cut ~= nil
    self.server:fault(fault)
  end
  return is_doubtful
end

local function is_alive(child) return not child.status and lfs.attributes("/proc/" .. child.pid) ~= nil end

-- Of a run that has ended the number may be another process's.
local function kill(child)
  if is_alive(child) then child:signal "KILL" end
end

-- Waits until so many requests more have arrived, or the run has ended. Whether it lives.
local function is_at_work(self, child, requests)
  local since, gives_up = self.server:stats().requests, core.now() + PATIENCE
  while self.server:stats().requests - since < requests do
    if not is_alive(child) then return false end
    if core.now() > gives_up then
      kill(child)
      error("the run hangs", 0)
    end
    core.sleep(0.001)
  end
  return is_alive(child)
end

-- Waits for its end, which comes. Its exit status, and what it wrote.
local function ended(self, child)
  is_at_work(self, child, math.huge)
  return child:wait()
end

local function command(self, words)
  return support.command(self.folder, self.server, ("%s --rate 0 -q --store '%s'"):format(words, self.place:url()))
end

local function start(self, words, environment) return processes.spawn(command(self, words), environment) end

local function forth(self) return self:draw(1, 12) end

-- ---- what happens to a run ----

-- Each returns whether it met a run at work, and whether that did not end by itself: nobody knows then what came of what it sent
-- last.
local EVENTS = {}

function EVENTS.kill(self, words)
  local child = start(self, words)
  if is_at_work(self, child, forth(self)) then kill(child) end
  return ended(self, child) == 137, true
end

function EVENTS.terminate(self, words)
  local child = start(self, words)
  if is_at_work(self, child, forth(self)) then child:signal "TERM" end
  return ended(self, child) == 143, true
end

-- Stopped, copied while it stands still, and killed or continued.
function EVENTS.stop(self, words)
  local child = start(self, words)
  local is_met, is_killed = is_at_work(self, child, forth(self)), self:chance(0.3)
  if is_met then
    child:signal "STOP"
    local ok, copy = pcall(self.place.copy, self.place, self.random, true)
    if is_killed then kill(child) end
    child:signal "CONT" -- in any case: who is told what went wrong waits for its end
    if not ok then error(copy, 0) end
    self.copies[#self.copies + 1] = copy
  end
  ended(self, child)
  return is_met, is_killed
end

function EVENTS.copy(self, words)
  local child = start(self, words)
  local is_met, is_killed = is_at_work(self, child, forth(self)), self:chance(0.5)
  self.copies[#self.copies + 1] = self.place:copy(self.random)
  if is_killed then kill(child) end
  ended(self, child)
  return is_met, is_killed
end

-- The clock jumps while it is at work, twice; it may have been wrong to begin with.
function EVENTS.clock(self, words)
  local path = self.folder .. "/clock"
  local function set()
    local file = assert(io.open(path .. ".new", "w"))
    file:write(({ "+0", "+3600", "-3600", "+86400000", "-86400000", "+11", "-11" })[self:draw(1, 7)], "\n")
    file:close()
    os.rename(path .. ".new", path)
  end
  set()
  local child = start(self, words, { LD_PRELOAD = self.faketime, FAKETIME_TIMESTAMP_FILE = path, FAKETIME_NO_CACHE = "1",
    DONT_FAKE_MONOTONIC = "1" })
  local is_met = is_at_work(self, child, forth(self))
  set()
  if is_at_work(self, child, forth(self)) then set() end
  ended(self, child)
  return is_met
end

function EVENTS.full(self, words)
  local child = processes.spawn(self.place:limited(command(self, words), self:draw(0, 6)))
  if is_at_work(self, child, self:draw(0, 6)) then
    child:signal "STOP"
    self.place:fill(self:draw(0, 3))
    child:signal "CONT"
  end
  local status, output = ended(self, child)
  self.place:free()
  return status == 9 and output, status == 9
end

-- Two workers, of which one is killed or not; or the server's clock jumps, and each of them believes that the queue is its.
function EVENTS.pair(self, words)
  local children = { start(self, words), start(self, words) }
  local is_met = is_at_work(self, children[1], forth(self))
  if self:chance(0.5) then kill(children[1]) end
  self.place:bury()
  for _, child in ipairs(children) do
    if is_at_work(self, child, 3) then self.place:bury() end
    ended(self, child)
  end
  return is_met, true
end

-- A power cut at the database.
function EVENTS.crash(self, words)
  local child = start(self, words)
  local is_met = is_at_work(self, child, forth(self))
  self.place:crash()
  ended(self, child)
  return is_met, true
end

local LONE = { "kill", "kill", "kill", "terminate", "stop", "copy", "clock", "full" }
local SHARED = { "kill", "kill", "terminate", "stop", "copy", "clock", "full", "pair", "pair", "crash" }

-- ---- what holds ----

local function bound(self)
  local all = {}
  for q = 1, 3 do
    for account, weights in pairs(support.weights(self.server, q)) do all[truth.key(q, account)] = weights end
  end
  return all
end

-- Looks at the store, and lets f do so.
local function look(self, f)
  local store = self.place:open()
  local ok, result = pcall(function() return f(assert(store:job "night"), store) end)
  store:close()
  return ok and result or error(result, 0)
end

local function settled(self) return look(self, truth.settled) end

-- What arrived since the last look, and what the report says now.
local function judge(self, before, is_doubtful, is_over)
  truth.check_requests(self, self.server:requests(), before, is_doubtful)
  self.server:clear()
  look(self, function(job)
    truth.check(self, job, bound(self), is_doubtful, is_over)
    return true
  end)
end

-- Counts that something was tried, and whether it met a run at work.
local function count(self, name, is_met)
  local entry = self.counts[name] or { of = 0, met = 0 }
  self.counts[name] = entry
  entry.of, entry.met = entry.of + 1, entry.met + (is_met and 1 or 0)
end

-- One run with trouble; afterwards the store may be what it was before.
local function trouble(self, words)
  local kinds = self.place.is_shared and SHARED or LONE
  local kind, before = kinds[self:draw(1, #kinds)], settled(self)
  self.last = kind
  local is_cut = set_faults(self)
  local is_met, is_broken = EVENTS[kind](self, words)
  count(self, kind, is_met)
  self.place:bury()
  judge(self, before, is_cut or is_broken, false)
  if #self.copies > 0 and self:chance(0.5) then
    self.place:switch(self.copies[self:draw(1, #self.copies)])
    self.place:bury()
    self.older = true
    count(self, "resumed from a copy", true)
  end
end

-- Ten minutes pass, in which a slow server might have done what it was asked.
local function wait_ten_minutes(self)
  look(self, function(_, store)
    store.db:run "UPDATE chunks SET sent_at = '1970-01-01T00:00:00Z'" -- by any clock
    return true
  end)
end

-- How such a run may end: all is done; not all; nothing, since the API refuses all.
local ENDS = { [0] = true, [1] = true, [5] = true }

-- Runs in which nothing goes wrong, until the job is where it is to be.
local function finish(self, words, state)
  self.last = "the last run"
  local status, output, is_there
  for _ = 1, 3 do
    local before = settled(self)
    status, output = ended(self, start(self, words))
    judge(self, before, false, false)
    is_there = look(self, function(job) return { job:status().state == state } end)[1]
    if is_there then break end
  end
  if not is_there or not ENDS[status] then
    error(("it ends with %d, and the job is not %s: %s"):format(status, state, output), 0)
  end
  judge(self, {}, false, true)
end

local APPLY, UNDO = "resume night --force --yes", "undo night --force --yes"

local function perform(self)
  make_scene(self)
  support.csv(self.folder .. "/night.csv", self.list)
  local status, output = ended(self, start(self, ("plan %s/night.csv --chunk %d"):format(self.folder, self:draw(3, 12))))
  if status ~= 0 then error("plan: " .. output, 0) end
  judge(self, {}, false, false)
  for _ = 1, self:draw(1, 4) do trouble(self, APPLY) end
  wait_ten_minutes(self)
  finish(self, APPLY, "finished")
  if self:chance(0.4) then
    wait_ten_minutes(self)
    self.undoing, self.copies = true, {}
    for _ = 1, self:draw(1, 2) do trouble(self, UNDO) end
    wait_ten_minutes(self)
    finish(self, UNDO, "undone")
  end
end

--- Performs the round of a seed in a place, at a server. `counts` is added to: what happened, how often it met a run at work.
-- Returns nil, and what was wrong, if anything was.
function round.perform(seed, place, server, counts)
  local self = setmetatable({
    random = seeded.new(seed), place = place, server = server, counts = counts, folder = support.folder(), copies = {},
    bound = {}, rows = {}, touched = {}, doubtful = {}, is_refused = round.is_refused,
    faketime = io.popen("echo " .. FAKETIME):read "l",
  }, Round)
  place:clean()
  local ok, problem = pcall(perform, self)
  place:free()
  if ok then return true end
  return nil, ("%s: %s"):format(self.last or "the plan", tostring(problem))
end

return round
