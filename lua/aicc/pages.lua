--- Listings: read page by page, and how much may be concluded from one (doc/semantics.md, section 3).
--
-- What is listed is a queue's agents, or the tenant's queues. Who fetches the pages, and in which form they are asked for, is the
-- business of those who list; for a queue's agents `of_queue` does it.
-- @module aicc.pages

local errors = require "aicc.error"

local M = {}

M.PAGE_SIZE = 100     -- the API's largest
M.READINGS = 3        -- of a queue that changes while it is listed
local MAX_PAGES = 10000 -- a million agents
local MAX_GROWTH = 2    -- times what the first page counted: a queue that grows faster than it is read has no end

-- What is listed: agents of a queue, and what tells one from another: its account, which the C core has read (shape.c), or else
-- its number. Where none of them has an account, nobody can tell who is in it.
M.AGENTS = {
  operation = "query_agents", subject = "the queue",
  identity = function(agent) return agent.userAccount or "\0" .. tostring(agent.workNo) end,
  is_readable = function(agent) return agent.userAccount ~= nil end,
}

--- Agents again, of whom only accounts and weights are kept: for queues of very many. A listing is then no array, but has the
-- weights of each account, and those who have the same weights share one table. (Who has no account is in it under a name that no
-- account can have.)
-- @treturn table what is listed, for one listing
function M.weights_of_agents()
  local by_agent_weight, none = {}, {} -- none: in place of nil, which is no key
  local what = {}
  for name, value in pairs(M.AGENTS) do what[name] = value end
  function what.keep(agent)
    local first, second = agent.agentWeight, agent.skillWeight
    if first == nil then first = none end
    if second == nil then second = none end
    local by_skill_weight = by_agent_weight[first] or {}
    by_agent_weight[first] = by_skill_weight
    local weights = by_skill_weight[second]
    if not weights then
      weights = { agentWeight = agent.agentWeight, skillWeight = agent.skillWeight }
      by_skill_weight[second] = weights
    end
    return weights
  end
  return what
end

--- Or queues, which have numbers.
M.QUEUES = {
  operation = "query_skills", subject = "the list of queues",
  identity = function(queue) return queue.skillId end,
  is_readable = function() return true end,
}

--- Or every queue: as many as are counted, since none has a reason to be hidden, as an agent without an account has. (Where some
-- are asked for, the server may count all.)
M.ALL_QUEUES = { shows_all = true }
for name, value in pairs(M.QUEUES) do M.ALL_QUEUES[name] = value end

-- The error of a listing of which nobody can tell who is in it.
local function unreadable(agents)
  return errors.new {
    kind = "protocol", operation = "query_agents", outcome = "unknown",
    message = ("none of the %d agents in the listing has a userAccount or an accountCode: who is bound cannot be told")
      :format(agents),
  }
end

-- The error of a page with more on it than was asked for.
local function overfull(what, received)
  return errors.new {
    kind = "protocol", operation = what.operation, outcome = "unknown", status = 200,
    message = ("asked for %d on a page of %s, the API answers with %d"):format(M.PAGE_SIZE, what.subject, received),
  }
end

--- A reading of a queue, page by page.
-- @tparam function page_of takes a page's number, from 0, and how many have come on the pages before it; returns the reply, or
--   nil and an error
-- @tparam[opt=AGENTS] table what is listed
-- @treturn table a reading: call `next_page` until it returns nothing, then ask `is_complete`
function M.reading(page_of, what)
  what = what or M.AGENTS
  local reading = { agents = {}, seen = {}, distinct = 0, received = 0, most = 0, steady = true, ended = false, pages = 0 }
  local has_accounts, keep = false, what.keep

  -- The agents on the next page that were on none before; nothing after the last one; nil and an error. If none of all the agents
  -- has an account, then accounts are where nobody looks for them, and who is bound cannot be told.
  function reading.next_page()
    if reading.ended or reading.outgrown or reading.pages >= MAX_PAGES then
      if reading.distinct > 0 and not has_accounts then return nil, unreadable(reading.distinct) end
      return
    end
    local reply, err = page_of(reading.pages, reading.received)
    if not reply then return nil, err end
    if #reply.data > M.PAGE_SIZE then return nil, overfull(what, #reply.data) end
    if reading.count and reading.count ~= reply.count then reading.steady = false end
    reading.count, reading.pages = reply.count, reading.pages + 1
    reading.most = math.max(reading.most, reply.count)
    -- By what came, not by what was asked for: a server may give less on a page.
    reading.received = reading.received + #reply.data
    local fresh = {}
    for _, agent in ipairs(reply.data) do
      local id = what.identity(agent)
      if not reading.seen[id] then
        reading.seen[id] = keep and keep(agent) or agent
        has_accounts = has_accounts or what.is_readable(agent)
        reading.distinct = reading.distinct + 1
        fresh[#fresh + 1] = agent
        if not keep then reading.agents[#reading.agents + 1] = agent end
      end
    end
    -- A whole page that was there already: a server that takes no notice of the page's number shows the first one for ever.
    reading.repeats = #reply.data > 0 and #fresh == 0
    -- Nobody says what is counted. Where it is no more than a full page, that may be the page's own count: the next page tells.
    local may_go_on = #reply.data >= M.PAGE_SIZE and reply.count <= #reply.data
    reading.ended = reading.repeats or #reply.data == 0 or reading.received >= reply.count and not may_go_on
    reading.on_first = reading.on_first or reading.distinct
    reading.first_count = reading.first_count or reply.count
    reading.outgrown = not reading.ended and reading.distinct > MAX_GROWTH * reading.first_count + M.PAGE_SIZE
    return fresh
  end

  -- A page shifts when somebody is unbound between two pages, and then hides somebody.
  function reading.is_complete()
    return reading.ended and reading.steady and not reading.repeats and reading.distinct == reading.count
  end

  -- Whether it shows by itself who is absent. Where somebody else is bound for each one who is unbound between two pages, the
  -- count stays as it is, and a shift goes unnoticed.
  function reading.is_proof() return reading.is_complete() and reading.on_first == reading.distinct end

  return reading
end

local function same_agents(a, b)
  if not a.ended or not b.ended or a.distinct ~= b.distinct then return false end
  for id in pairs(a.seen) do
    if not b.seen[id] then return false end
  end
  return true
end

--- The error of a queue that did not hold still.
-- @tparam integer times how often it was read
-- @tparam[opt=AGENTS] table what was listed
-- @treturn table
function M.unsteady(times, what)
  what = what or M.AGENTS
  return errors.new {
    kind = "protocol", operation = what.operation, outcome = "unknown",
    message = ("%s changed while it was listed%s: try again"):format(what.subject,
      times > 1 and (", %d times"):format(times) or ""),
  }
end

--- Lists a queue. Complete is a reading in which every page told the same count and the distinct accounts are as many, or two
-- readings in a row of the same set; otherwise it is read again, three times at most.
--
-- A proof, from which somebody may be said to be gone, is more: a reading of one page, or two in a row of the same set, and not
-- fewer agents than the server counted. What is complete and no proof is enough for those who ask who is there.
-- @tparam function page_of as for `reading`
-- @tparam ?boolean|function as_proof whether it has to be one. A function is asked of each listing that is complete and no proof:
--   it gets the agents, whether two readings in a row agree on them, and how many they are, and returns whether another reading
--   is wanted. If none makes a proof, the last of those listings is returned.
-- @tparam[opt=AGENTS] table what is listed
-- @treturn ?table array of agents; or, where their weights are what is listed, account -> weights
-- @treturn ?table the error
-- @treturn ?table what is known of the listing: `is_proof`; `agreed`, whether two readings in a row had the same agents; `size`,
--   how many they are
function M.listing(page_of, as_proof, what)
  what = what or M.AGENTS
  local tries = type(as_proof) == "function"
  local before, known, agents
  for _ = 1, M.READINGS do
    local reading = M.reading(page_of, what)
    local page, err = reading.next_page()
    while page do page, err = reading.next_page() end
    if err then return nil, err end
    local agreed = before ~= nil and same_agents(before, reading)
    local is_proof = reading.is_proof() or agreed and not reading.repeats and reading.distinct >= reading.most
    local is_short = what.shows_all and reading.distinct < reading.most
    if is_proof or (agreed or reading.is_complete()) and not is_short then
      agents = what.keep and reading.seen or reading.agents
      known = { is_proof = is_proof, agreed = agreed, size = reading.distinct }
      if is_proof then return agents, nil, known end
      local is_enough = not tries and not as_proof or tries and not as_proof(agents, agreed, reading.distinct)
      if is_enough and not reading.repeats then return agents, nil, known end
    end
    before = reading
  end
  if tries and agents then return agents, nil, known end
  return nil, M.unsteady(M.READINGS, what)
end

-- ---- the pages of a queue ----

--- What fetches a queue's pages, reading after reading: the first page of each finds out in which form the server is to be asked.
-- @tparam table requests `aicc.requests`, with tokens
-- @tparam table forms `aicc.forms`
-- @tparam table current the call that it is a part of (`aicc.call`)
-- @tparam integer skill_id
-- @treturn function takes a page's number, from 0; returns the reply, or nil and an error
function M.of_queue(requests, forms, current, skill_id)
  local number, form
  local function ask(in_form)
    local reply, err = requests:perform(current, {
      operation = "query_agents",
      arguments = { skillId = skill_id, pageSize = M.PAGE_SIZE, pageNum = number, form = in_form },
    })
    return reply, err
  end
  return function(page)
    number = page
    local reply, err
    if page == 0 then reply, err, form = forms:first(ask) else reply, err = ask(form) end
    return reply, err
  end
end

return M
