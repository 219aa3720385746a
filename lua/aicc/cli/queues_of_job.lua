--- How the commands show what a job is about: its queues with their names, and accounts without one.
--
-- That is the table that `aicc plan` prints, and the one of `aicc status`. (doc/plan.svg shows the first: `make pictures`.)
-- @module aicc.cli.queues_of_job

local effort = require "aicc.cli.effort"
local grid = require "aicc.cli.grid"
local output = require "aicc.cli.output"
local width = require "aicc.cli.width"

local DEFAULTS = require("aicc.jobs.options").DEFAULTS

local M = {}

local SCREENFUL = 20 -- lines

local PLAIN = { ["UTF-8, separated by commas"] = true, ["UTF-8, JSON Lines"] = true } -- input that needs no word

-- What an account without a queue is called.
local WORDS = {
  no_agent = "unknown to the API", no_queue = "in no queue that is known of", not_bound = "in no queue",
  failed = "whose queues the API does not tell",
}

local function number(value) return value and ("%d"):format(value) or "?" end

-- What is worth a word behind a queue's numbers.
local function remark(queue)
  if not queue.size then return "not listed" end
  if queue.emptied then return "would be empty" end
  return queue.unseen > 0 and ("%d not shown"):format(queue.unseen) or nil
end

-- "25 accounts: 22 in queues, 1 unknown to the API, 2 in no queue"
local function of_agents(agents)
  local parts = { ("%d in queues"):format(agents.found) }
  for _, state in ipairs { "no_agent", "no_queue", "not_bound", "failed" } do
    if agents[state] > 0 then parts[#parts + 1] = ("%d %s"):format(agents[state], WORDS[state]) end
  end
  return ("%s: %s"):format(output.count(agents.lines, "account"), table.concat(parts, ", "))
end

--- What a job's accounts are, in one line, and those without a queue one by one: a screenful for people, all for machines.
-- @tparam table out
-- @tparam table job
-- @tparam table agents how many there are of each state, as from `job:status`
function M.accounts(out, job, agents)
  out:line("%s", of_agents(agents))
  local count = 0
  for account in job:without_queue() do
    count = count + 1
    if count <= SCREENFUL or out.json then
      out:result({ event = "account", line = account.line, user_account = account.user_account, status = account.status,
        message = account.message }, function()
        out:line("%s: %s", width.harmless(account.user_account), account.message)
      end)
    end
  end
  if count > SCREENFUL then out:command(("and %d more: "):format(count - SCREENFUL), { "aicc", "report", job.name }) end
end

-- A plan for people.
local function print_plan(out, queues, total, beyond, requests, ahead, rate)
  local rows = {}
  for i, queue in ipairs(queues) do
    rows[i] = { ("%.0f"):format(queue.skill_id), queue.skill_name, number(queue.size), number(queue.bound),
      number(queue.not_bound), number(queue.left), remark(queue) }
  end
  grid.print(out, {
    { title = "queue", is_number = true }, { title = "name", is_name = true }, { title = "agents", is_number = true },
    { title = "release", is_number = true }, { title = "not bound", is_number = true }, { title = "left", is_number = true },
    { title = "" },
  }, rows)
  out:line("%s, %s to release, %d not bound (%s so far)", output.count(#queues, "queue"), output.count(total.bound, "agent"),
    total.not_bound, output.count(requests, "request"))
  if total.unseen > 0 then
    out:line("%s not shown, which proves nothing: they are asked for again", output.count(total.unseen, "agent"))
  end
  out:line("Applying it takes %s. Retries, and halving what the API refuses, come on top.",
    effort.text(ahead, rate))
  if beyond then out:line("%s", beyond.message:sub(1, 1):upper() .. beyond.message:sub(2) .. ".") end
end

--- A plan, queue by queue.
-- @tparam table out
-- @tparam table job
-- @tparam {string,...} apply the command that applies it
-- @tparam string read_as what its file was taken for: see `aicc.jobs.input`
-- @tparam ?number rate requests a second that it is to be applied with
function M.plan(out, job, apply, read_as, rate)
  local queues, beyond = job:queues()
  local ahead = job:progress "apply".requests
  if beyond then apply[#apply + 1] = "--force" end
  if not PLAIN[read_as] then out:line("read as %s", read_as) end
  local agents = job:status().agents
  if agents then M.accounts(out, job, agents) end
  local total = { not_bound = 0, bound = 0, emptied = 0, unseen = 0 }
  for _, queue in ipairs(queues) do
    for _, name in ipairs { "not_bound", "bound", "unseen" } do total[name] = total[name] + queue[name] end
    if queue.emptied then total.emptied = total.emptied + 1 end
    if out.json then
      out:emit {
        event = "queue", skill_id = queue.skill_id, skill_name = queue.skill_name, size = queue.size, accounts = queue.accounts,
        bound = queue.bound, not_bound = queue.not_bound, unseen = queue.unseen, left = queue.left, emptied = queue.emptied,
        message = queue.message,
      }
    end
  end
  out:result({
    event = "plan", job = job.name, queues = #queues, accounts = total.bound + total.not_bound + total.unseen,
    bound = total.bound, unseen = total.unseen, emptied = total.emptied, read_as = read_as, requests = job.requests,
    agents = agents, beyond_blast_radius = beyond and beyond.message or nil,
    apply = { requests_at_least = ahead, seconds_at_least = effort.seconds(ahead, rate), rate = rate or DEFAULTS.rate },
  }, function()
    print_plan(out, queues, total, beyond, job.requests, ahead, rate)
    out:command("Apply it: ", apply)
  end)
end

--- How far each of a job's queues is: a screenful for people, all of them for machines.
-- @tparam table out
-- @tparam {table,...} queues as from `job:queues`
function M.status(out, queues)
  local rows = {}
  for i, queue in ipairs(queues) do
    if out.json then
      out:emit { event = "queue", skill_id = queue.skill_id, skill_name = queue.skill_name, state = queue.state,
        accounts = queue.accounts, bound = queue.bound, message = queue.message }
    elseif i <= SCREENFUL then
      rows[i] = { ("%.0f"):format(queue.skill_id), queue.skill_name, number(queue.accounts), queue.state }
    end
  end
  if out.json or #queues == 0 then return end
  grid.print(out, {
    { title = "queue", is_number = true }, { title = "name", is_name = true }, { title = "accounts", is_number = true },
    { title = "state" },
  }, rows)
  if #queues > SCREENFUL then out:line("and %d more", #queues - SCREENFUL) end
  for i = 1, math.min(#queues, SCREENFUL) do
    local queue = queues[i]
    if queue.message then out:line("queue %.0f: %s", queue.skill_id, width.harmless(queue.message)) end
  end
end

return M
