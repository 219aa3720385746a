--- `aicc queues`, and how other commands know what queues are called.
-- @module aicc.cli.queues

local client_of = require "aicc.cli.client"
local errors = require "aicc.error"
local grid = require "aicc.cli.grid"
local names_of = require "aicc.jobs.names"
local output = require "aicc.cli.output"
local pace = require "aicc.jobs.pace"
local core = require "aicc.core"

local DEFAULTS = require("aicc.jobs.options").DEFAULTS

local M = {}

local DEADLINE = 3600 -- seconds for a list of however many pages

-- What the API calls the kind of a queue (mediaTypeId).
local MEDIA = { [2] = "click to dial", [5] = "audio, video", [18] = "click to dial", [53] = "multimedia" }

--- Looks a queue up that was given by number or by name.
-- @tparam table client
-- @tparam integer|string queue
-- @treturn ?integer
-- @treturn ?table the error
function M.resolve(client, queue) return names_of.resolve(client, queue) end

--- The names of queues, as far as the API tells them. Where it does not, that is said once on standard error.
-- @tparam table client
-- @tparam {integer,...} ids
-- @tparam table out
-- @treturn function takes a number, returns its name or nil
function M.names(client, ids, out)
  local names = names_of.new(client)
  local err = #ids > 0 and names:learn(ids) or nil
  if err then
    if out.json then out:emit { event = "no_names", message = err.message } end
    output.complain("queues have numbers only, the API does not tell their names: " .. err.message)
  end
  return function(id) return names:of(id) end
end

--- A client that sends so many requests a second.
-- @tparam table client
-- @tparam ?number rate 0 for no limit
-- @tparam ?table log told of pauses (`aicc.cli.log`)
-- @treturn table
function M.paced(client, rate, log)
  return client:through(function(transport)
    return pace.new(transport, {
      rate = rate or DEFAULTS.rate, interrupted = core.interrupted, patience = client:limits().retry.max_retry_after,
      refuse = function(request) return core.interrupted() and pace.refusal(request, "interrupted") or nil end,
      on_pause = function(seconds, slowed)
        if log then log:pause(seconds, slowed) end
        output.complain(("throttled: waiting for %.0f s"):format(seconds))
      end,
    })
  end)
end

-- How many agents are in each of these queues: number -> count, or what went wrong. Returns an error if that ends it.
local function count_agents(client, queues)
  local counts = {}
  for _, queue in ipairs(queues) do
    local agents, err = client:query_agents(queue.skillId, { deadline = DEADLINE })
    if not agents and err.kind ~= "business" and err.kind ~= "bad_request" and err.kind ~= "protocol" then return nil, err end
    counts[queue.skillId] = agents and #agents or err.message
  end
  return counts
end

local function show(out, queues, counts)
  local rows = {}
  for i, queue in ipairs(queues) do
    local count = counts and counts[queue.skillId]
    out:result({
      skill_id = queue.skillId, skill_name = queue.name, media_type_id = queue.mediaTypeId, description = queue.description,
      agents = type(count) == "number" and count or nil, message = type(count) == "string" and count or nil,
    }, function()
      rows[i] = { ("%.0f"):format(queue.skillId), queue.name, MEDIA[queue.mediaTypeId] or "",
        type(count) == "number" and ("%d"):format(count) or count and "?" or nil }
    end)
  end
  if out.json then return end
  if #queues == 0 then return out:line "No queues." end
  local columns = {
    { title = "queue", is_number = true }, { title = "name", is_name = true }, { title = "media" },
    counts and { title = "agents", is_number = true } or nil,
  }
  grid.print(out, columns, rows)
  for _, queue in ipairs(queues) do
    local count = counts and counts[queue.skillId]
    if type(count) == "string" then
      output.complain(("queue %.0f: its agents cannot be counted: %s"):format(queue.skillId, count))
    end
  end
end

--- `aicc queues`
function M.queues(arguments, out)
  local ids = {}
  for _, list in ipairs(arguments.ids or {}) do
    for _, id in ipairs(list) do ids[#ids + 1] = id end
  end
  local client, err = client_of.new(arguments, { rate = arguments.rate or DEFAULTS.rate })
  if not client then return nil, err end
  local paced = M.paced(client, arguments.rate, arguments.log_of_run)
  local queues, counts
  queues, err = paced:query_skills({ name = arguments.name, ids = #ids > 0 and ids or nil }, { deadline = DEADLINE })
  if queues and arguments.count then
    counts, err = count_agents(paced, queues)
    if not counts then queues = nil end
  end
  client:close()
  if not queues then return nil, err end
  table.sort(queues, function(a, b) return a.skillId < b.skillId end)
  show(out, queues, counts)
  local found = {}
  for _, queue in ipairs(queues) do found[queue.skillId] = true end
  for _, id in ipairs(ids) do
    if not found[id] then
      return nil, errors.new { kind = "argument", outcome = "rejected", message = ("there is no queue %.0f"):format(id) }
    end
  end
end

return M
