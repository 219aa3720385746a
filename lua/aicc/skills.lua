--- The tenant's queues, with their names (skill/querySkills): two methods of a client.
-- @module aicc.skills

local errors = require "aicc.error"
local lists = require "aicc.lists"
local results = require "aicc.result"
local pages = require "aicc.pages"

local M = {}

local OPERATION = "query_skills"
local MOST_IDS = 100 -- of a request

-- What a call is to find: arrays of numbers, each for a request of its own, or one `false` for no numbers. Raises for a wrong
-- type, at the line `level` calls up; nil and a message where a content is wrong.
local function read_filter(filter, level)
  if filter ~= nil and type(filter) ~= "table" then error("filter: expected a table, got " .. type(filter), level + 1) end
  filter = filter or {}
  for name in pairs(filter) do
    if name ~= "name" and name ~= "ids" then error(("unknown filter '%s'"):format(tostring(name)), level + 1) end
  end
  if filter.ids == nil then return { false } end
  if type(filter.ids) ~= "table" then error("ids: expected a list of integers, got " .. type(filter.ids), level + 1) end
  local ids, problem = lists.integers("ids", filter.ids)
  if not ids then return nil, problem end
  -- What became empty does not become everything.
  if #ids == 0 then return nil, "ids: expected at least one queue, got an empty list (leave it out for every queue)" end
  local chunks = {}
  for n, id in ipairs(ids) do
    if n % MOST_IDS == 1 then chunks[#chunks + 1] = {} end
    table.insert(chunks[#chunks], id)
  end
  return chunks
end

-- What fetches the pages of a reading: the first page finds out in which form the server is to be asked.
local function pages_of(self, current, name, ids)
  local form
  local function ask(in_form, offset)
    return self.requests:perform(current, {
      operation = OPERATION,
      arguments = { name = name, skillIds = ids or nil, limit = pages.PAGE_SIZE, offset = offset, form = in_form },
    })
  end
  return function(page, received)
    if page > 0 then return ask(form, received) end
    local answer = self.inquiry:ask {
      operation = OPERATION,
      ask = function(in_form) return ask(in_form, 0) end,
      judge = function(reply) return #reply.data > 0 and "found" or "nothing" end,
      control = function(in_form)
        return self.requests:perform(current, { operation = OPERATION, arguments = { limit = 1, offset = 0, form = in_form } })
      end,
    }
    form = answer.form
    return answer.reply, answer.err
  end
end

-- Those of the queues that were asked for: a server may take no notice of the numbers.
local function only(queues, ids)
  if not ids then return queues end
  local wanted, found = {}, {}
  for _, id in ipairs(ids) do wanted[id] = true end
  for _, queue in ipairs(queues) do
    if wanted[queue.skillId] then found[#found + 1] = queue end
  end
  return found
end

--- Puts the methods into a client's class.
-- @tparam table Client
-- @tparam table internal `begin`, `tell` and `tell_end` of `aicc.client`
function M.install(Client, internal)
  local begin, tell, tell_end = internal.begin, internal.tell, internal.tell_end

  -- Begins a call; returns it, and the filter's chunks, or nil and an error.
  local function begin_listing(self, method, filter, options, level)
    local chunks, problem = read_filter(filter, level + 1)
    local current, checked = begin(self, OPERATION, { name = filter and filter.name }, options, level + 1, method)
    if not current then return nil, checked end
    if problem then
      return nil, tell(self, current, {}, errors.new { kind = "argument", operation = OPERATION, message = problem })
    end
    return current, chunks, checked.name
  end

  --- The tenant's queues (skill/querySkills, all pages). A list that changes while it is read is read again, as a queue is.
  -- @tparam ?table filter `name` (at most 100 bytes; what of a name it matches is the API's business), `ids` (array of integers,
  --   as many as you like: 100 go into a request). An empty `ids` is an error, not every queue.
  -- @tparam ?table options those of `release_agent_by_skill`; the deadline is for all pages
  -- @treturn ?table array of queues: `skillId` integer, `name` string, `mediaTypeId` integer, `description` string. A name is the
  --   server's words made one line of UTF-8 of at most 256 bytes; two queues may have the same. Numbers in `ids` of which there
  --   is no queue are not in it.
  -- @treturn ?table the error. (`server` for a 500, whatever its body says: this operation's is an exception of the server's, and
  --   is asked once more.)
  function Client:query_skills(filter, options)
    local current, chunks, name = begin_listing(self, OPERATION, filter, options, 2)
    if not current then return nil, chunks end
    local queues, what = {}, not name and not chunks[1] and pages.ALL_QUEUES or pages.QUEUES
    for _, ids in ipairs(chunks) do
      local found, err = pages.listing(pages_of(self, current, name, ids), nil, what)
      if not found then return nil, tell(self, current, {}, err) end
      for _, queue in ipairs(only(found, ids)) do queues[#queues + 1] = queue end
    end
    tell_end(self, current, "answered")
    return results.queues(queues)
  end

  --- The same one by one, fetched page by page, as `each_agent`: what goes wrong comes as `false, err`, last; so does a list that
  -- changed meanwhile.
  -- (In plain Lua 5.1 it cannot be used in a `for` inside `aicc.loop`: there iterators may not yield.)
  -- @tparam ?table filter
  -- @tparam ?table options
  -- @treturn function iterator
  function Client:each_skill(filter, options)
    local current, chunks, name = begin_listing(self, "each_skill", filter, options, 2)
    local problem, chunk, reading, page, at = not current and chunks or nil, 0, nil, {}, 0

    -- Goes on to the next page, of this reading or the next. Nothing after the last one; nil and an error.
    local function turn()
      local err
      if reading then page, err = reading.next_page() else page = nil end
      if err then return nil, err end
      if page then
        page, at = only(page, chunks[chunk]), 0
        return true
      end
      if reading and not reading.is_complete() then return nil, pages.unsteady(1, pages.QUEUES) end
      chunk = chunk + 1
      if not chunks[chunk] and chunks[chunk] ~= false then return end
      reading, page, at = pages.reading(pages_of(self, current, name, chunks[chunk]), pages.QUEUES), {}, 0
      return true
    end

    local has_ended = false
    return function()
      if has_ended then return end
      if problem then
        has_ended = true
        return false, problem
      end
      while at == #page do
        local more, err = turn()
        if not more then
          has_ended = true
          if err then return false, tell(self, current, {}, err) end
          tell_end(self, current, "answered")
          return
        end
      end
      at = at + 1
      return results.queue(page[at])
    end
  end
end

return M
