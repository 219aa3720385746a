--- `aicc release --agent`: agents out of all of their queues, at once and without a job.
--
-- First it is shown from which queues, and what will be left of each; then it is asked; then each queue is released, and what
-- came of it is told, with the commands that bind the agents again.
-- @module aicc.cli.offboard

local agent_of = require "aicc.cli.agent"
local client_of = require "aicc.cli.client"
local errors = require "aicc.error"
local fold = require "aicc.cli.fold"
local grid = require "aicc.cli.grid"
local output = require "aicc.cli.output"
local queues = require "aicc.cli.queues"
local row = require "aicc.jobs.input.row"
local show = require "aicc.cli.show"
local status = require "aicc.cli.status"
local terminal = require "aicc.cli.terminal"
local width = require "aicc.cli.width"

local M = {}

local PATIENCE = 600 -- seconds that an agent's queues may take
local ACCOUNT = 18   -- columns of an account where there are names, too

local function fail(kind, message) return nil, errors.new { kind = kind, message = message } end

-- ---- what there is ----

-- The agents, each once, with their queues; or nil and an error: then nobody is released.
local function look_up(client, accounts)
  local agents, seen = {}, {}
  for _, account in ipairs(accounts) do
    if not seen[account] then
      seen[account] = true
      local agent, err = client:query_agent(account)
      if not agent then
        return nil, errors.copy(err, { message = ("%s: %s; nobody was released"):format(account, err.message) })
      end
      if agent.userAccount ~= account then
        return fail("argument", ("%s: the API has it in another spelling, '%s': give it so; nobody was released"):format(account,
          agent.userAccount))
      end
      if not agent.skills then
        return fail("protocol", ("%s: the API does not say in which queues; nobody was released"):format(account))
      end
      agents[#agents + 1] = agent
    end
  end
  return agents
end

-- The queues in which they stay, by number; or nil and an error.
local function excepted(client, given)
  local kept, list = {}, {}
  for _, queue in ipairs(given) do
    local id, err = queues.resolve(client, queue)
    if not id then return nil, err end
    if not kept[id] then list[#list + 1] = id end
    kept[id] = true
  end
  return kept, list
end

-- How many agents are in each queue that is to be released, and who: number -> { size, shows, named, ours }. `named`: how many
-- are to be released from it; `ours`: how many of them its listing shows. (For whom the API names it, they need not be there.)
-- A size that cannot be had is nil. Nil and an error where somebody does not want to wait for it.
local function sizes_of(client, agents, kept)
  local sizes, ids = {}, {}
  for _, agent in ipairs(agents) do
    for _, skill in ipairs(agent.skills) do
      local id = skill.skillId
      if not kept[id] then
        if not sizes[id] then
          ids[#ids + 1] = id
          local listed, err = client:query_agents(id)
          if err and err.kind == "aborted" then return nil, err end
          sizes[id] = { size = listed and #listed, shows = {}, named = 0, ours = 0 }
          for _, shown in ipairs(listed or {}) do sizes[id].shows[shown.userAccount or ""] = true end
        end
        sizes[id].named = sizes[id].named + 1
        if sizes[id].shows[agent.userAccount] then sizes[id].ours = sizes[id].ours + 1 end
      end
    end
  end
  return sizes, ids
end

-- ---- what is shown ----

-- How many will be left of a queue, and what is worth a word, of an agent who is to leave it.
local function left(size, account)
  if not size then return "", nil end
  if not size.size then return "?", nil end
  local rest = size.size - size.ours
  if not size.shows[account] then return ("%d"):format(rest), "not on its list" end
  return ("%d"):format(rest), rest == 0 and "would be empty" or nil
end

local function plan(out, agents, kept, sizes, name_of)
  local rows = {}
  for _, agent in ipairs(agents) do
    if #agent.skills == 0 then output.complain(("%s: the API names no queue"):format(width.harmless(agent.userAccount))) end
    for _, skill in ipairs(agent.skills) do
      local id = skill.skillId
      local size = sizes[id]
      out:result({
        event = "planned", user_account = agent.userAccount, skill_id = id, skill_name = name_of(id), kept = kept[id] or false,
        agent_weight = skill.agentWeight, skill_weight = skill.skillWeight, size = size and size.size or nil,
        left = size and size.size and size.size - size.ours or nil, is_listed = size and size.size and
          (size.shows[agent.userAccount] or false) or nil,
      }, function()
        local rest, remark = left(size, agent.userAccount)
        rows[#rows + 1] = { width.shortened(width.harmless(agent.userAccount), ACCOUNT), ("%.0f"):format(id), name_of(id),
          agent_of.weight(skill.agentWeight) .. "/" .. agent_of.weight(skill.skillWeight), rest, kept[id] and "stays" or remark }
      end)
    end
  end
  if out.json or #rows == 0 then return end
  grid.print(out, {
    { title = "agent" }, { title = "queue", is_number = true }, { title = "name", is_name = true },
    { title = "weights", is_number = true }, { title = "left", is_number = true }, { title = "" },
  }, rows)
end

-- Whether it may be done: asked on a terminal, elsewhere it takes --yes.
local function may_release(arguments, agents, pairs_of)
  if arguments.yes then return true end
  if not terminal.is_there() then return fail("guard", "--agent: without a terminal it needs --yes") end
  local typed, err = terminal.ask(("Release %s from %s (%s in all)? Type yes: "):format(output.count(#agents, "agent"),
    "their queues", output.count(pairs_of, "binding")))
  if not typed then return nil, err end
  if typed:lower() == "yes" then return true end
  return fail("guard", "not confirmed; nothing was sent")
end

-- ---- what comes of it ----

local VERBS = {
  released = "released", failed = "refused", unknown = "unknown: it may have been released", not_sent = "not released",
}

-- The command that binds an agent again as before.
local function bind_again(account, queue)
  local words = { "aicc", "bind", ("--skill %.0f"):format(queue.skillId), show.quoted(account) }
  if queue.agentWeight then words[#words + 1] = ("--agent-weight %.0f"):format(queue.agentWeight) end
  if queue.skillWeight then words[#words + 1] = ("--skill-weight %.0f"):format(queue.skillWeight) end
  return words
end

local function tell(out, result, name_of)
  for _, queue in ipairs(result.queues) do
    if queue.outcome ~= "kept" then
      local err, name = queue.err, name_of(queue.skillId)
      out:result({
        event = queue.outcome, user_account = result.userAccount, skill_id = queue.skillId, skill_name = name, how = queue.how,
        agent_weight = queue.agentWeight, skill_weight = queue.skillWeight, kind = err and err.kind or nil,
        message = err and err.message or nil,
      }, function()
        out:line("%s: queue %.0f%s %s%s", width.harmless(result.userAccount), queue.skillId,
          name and " " .. width.harmless(name) or "", VERBS[queue.outcome], err and ": " .. err.message or "")
      end)
    end
  end
end

-- The way back, for people: a command for each queue from which somebody was released, or may have been.
local function way_back(out, results)
  if out.json or out.quiet then return end
  local is_first = true
  for _, result in ipairs(results) do
    for _, queue in ipairs(result.queues) do
      if queue.outcome == "released" or queue.outcome == "unknown" then
        if is_first then out:line "To bind them again as before:" end
        is_first = false
        io.stdout:write(fold.command("  ", bind_again(result.userAccount, queue), fold.width(1)), "\n")
      end
    end
  end
end

-- The exit status: of the first error that ended it, or of how many were refused.
local function status_of(results, problem)
  local released, others, err = 0, 0, problem
  for _, result in ipairs(results) do
    for _, queue in ipairs(result.queues) do
      if queue.outcome == "released" then released = released + 1 end
      if queue.outcome ~= "released" and queue.outcome ~= "kept" then
        others = others + 1
        if queue.err and queue.err.kind ~= "business" and queue.err.kind ~= "bad_request" then err = err or queue.err end
      end
    end
  end
  if err then return status.of_error(err) end
  if others == 0 then return status.OK end
  return released == 0 and status.ALL_FAILED or status.SOME_FAILED
end

-- Releases one. What was not shown is not released: where the agent's queues have changed meanwhile, nothing is sent.
local function release_one(client, agent, except)
  local shown, surprise = {}, nil
  for _, skill in ipairs(agent.skills) do shown[skill.skillId] = true end
  local result, err = client:release_agent(agent.userAccount, {
    except = except, deadline = PATIENCE,
    before = function(found)
      for _, queue in ipairs(found.queues) do
        if not shown[queue.skillId] then surprise = queue.skillId end
      end
      return surprise == nil
    end,
  })
  if err then return nil, errors.copy(err, { message = ("%s: %s"):format(agent.userAccount, err.message) }) end
  if not surprise then return result end
  return fail("guard", ("%s: queue %.0f was not shown, somebody has bound them meanwhile: try again"):format(agent.userAccount,
    surprise))
end

-- Why no other queue is to be tried after these, or nil.
local function reason_to_stop(result)
  for _, queue in ipairs(result.queues) do
    if queue.outcome == "not_sent" and queue.err then return queue.err end
  end
end

-- Releases them one after the other, until something ends it. Returns results, of the first agents, and the error if something
-- ended it before anything was sent for the next one.
local function release_all(client, agents, except)
  local results = {}
  for _, agent in ipairs(agents) do
    local result, err = release_one(client, agent, except)
    if not result then return results, err end
    results[#results + 1] = result
    if reason_to_stop(result) then break end
  end
  return results
end

local function run(client, arguments, out)
  local kept, except = excepted(client, arguments.except or {})
  if not kept then return nil, except end
  local agents, err = look_up(client, arguments.agent)
  if not agents then return nil, err end
  local sizes, ids = sizes_of(client, agents, kept)
  if not sizes then return nil, ids end
  local all = {}
  for _, id in ipairs(ids) do all[#all + 1] = id end
  for _, id in ipairs(except) do all[#all + 1] = id end
  local name_of = queues.names(client, all, out)
  plan(out, agents, kept, sizes, name_of)
  local total = 0
  for _, id in ipairs(ids) do total = total + sizes[id].named end
  if total == 0 then
    output.complain "there is no queue to release anybody from; nothing was sent"
    return
  end
  local may
  may, err = may_release(arguments, agents, total)
  if not may then return nil, err end
  local results, problem = release_all(client, agents, except)
  for _, result in ipairs(results) do tell(out, result, name_of) end
  for n = #results + 1, #agents do
    out:result({ event = "not_begun", user_account = agents[n].userAccount }, function()
      out:line("%s: nothing was sent", width.harmless(agents[n].userAccount))
    end)
  end
  way_back(out, results)
  if problem then out:failure(problem) end
  return status_of(results, problem)
end

--- `aicc release --agent`
function M.release(arguments, out)
  if #arguments.accounts > 0 or arguments.all or arguments.skill then
    return fail("argument", "either --agent, or --skill with accounts or --all")
  end
  local problem = row.problem_among(arguments.agent)
  if problem then return fail("argument", problem) end
  local client, err = client_of.new(arguments)
  if not client then return nil, err end
  local result
  result, err = run(client, arguments, out)
  client:close()
  return result, err
end

return M
