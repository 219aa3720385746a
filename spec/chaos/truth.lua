-- What must hold whenever nobody is at work: the store's report and the sandbox agree. The sandbox is the truth.
--
-- `round` has: `bound`, who was bound when it began ("skill account" -> weights); `rows`, the plan's; `touched`, whom a release
-- that arrived has named; `doubtful`, those of them whose request may have got no answer; `older`, whether the store was put
-- back to what it was before; `is_refused(key)`.

local cjson = require "cjson"

local truth = {}

local CHANGES = { release_agent_by_skill = "released", bind_agents = "restored" }

local function key(skill, account) return ("%.0f %s"):format(skill, account) end

truth.key = key

local function fail(...) error(string.format(...), 0) end

--- What has its result in the store: it is not to be sent again. The key is with what it would be sent to do.
function truth.settled(job)
  local settled = {}
  for row in assert(job:report()) do
    local name = key(row.skill_id, row.user_account)
    if row.status == "released" or row.status == "failed" or row.undo then settled["released " .. name] = row.status end
    if row.undo == "restored" then settled["restored " .. name] = "restored" end
  end
  return settled
end

--- Goes through what arrived: nothing that had its result, nobody who is not in the plan, never everybody. `is_doubtful`:
-- whether all of it may have got no answer, since whoever asked was killed.
function truth.check_requests(round, requests, settled, is_doubtful)
  for _, request in ipairs(requests) do
    local change = CHANGES[request.operation]
    if change and request.body ~= "" then
      local body = cjson.decode(request.body)
      if #body.userAccounts == 0 then fail "everybody was released" end
      for _, account in ipairs(body.userAccounts) do
        local name = key(body.skillId, account)
        if not round.rows[name] then fail("%s is not in the plan, and was sent", name) end
        if settled[change .. " " .. name] then
          fail("%s was sent again, though the store has it: %s", name, settled[change .. " " .. name])
        end
        if change == "released" then round.touched[name] = true end
        local is_lost = is_doubtful or request.status ~= 200 and request.status ~= 401 and request.status ~= 429
          or request.was_cut
        if is_lost then round.doubtful[name] = true end
      end
    end
  end
end

-- What is wrong with what a row of the report says, or nil. Of a run that was killed an intent may be all there is: nobody knows
-- whether its request left.
local function lie_of(round, row, bound, is_killed, is_over)
  local name, said = key(row.skill_id, row.user_account), row.status
  local is_bound, was_bound = bound[name] ~= nil, round.bound[name] ~= nil
  local is_ours = round.older and round.touched[name] -- what the store knows of it is what was before
  if said == "released" then
    if not was_bound or not round.touched[name] then return "was released by nobody" end
    if is_bound and not (round.older and round.undoing) then return "is bound" end
  elseif said == "bound_again" then
    if not was_bound or not round.touched[name] then return "was released by nobody" end
    if row.undo == "restored" and bound[name] ~= round.bound[name] then return "is not bound again as before" end
    if row.undo == "skipped" and not (round.older and is_bound) then return "was bound again by nobody else" end
  elseif said == "not_bound" then
    if was_bound and not is_ours then return "was bound all the time" end
    if is_bound then return "is bound" end
  elseif said == "failed" then
    if not round.is_refused(name) then return "was refused by nobody" end
    if not is_bound then return "is not bound" end
  elseif said == "unknown" then
    if is_killed then round.doubtful[name] = true end
    if not round.doubtful[name] then return "got an answer" end
    if is_over and not (is_bound and round.is_refused(name)) then return "could be known" end
  elseif said == "planned" or said == "pending" then
    if is_over then return "is left" end
    if is_bound ~= was_bound and not is_ours then return "was touched" end
  else
    return "has no such status"
  end
end

--- Compares a job's report with who is bound. `is_killed`: the last run may not have ended by itself; `is_over`: nothing goes
-- wrong any more, and the job says that it is done.
function truth.check(round, job, bound, is_killed, is_over)
  local lines = 0
  for row in assert(job:report()) do
    lines = lines + 1
    local account = round.list[lines] and round.list[lines][2]
    if account ~= row.user_account then fail("line %d is of %s, not of %s", lines, row.user_account, tostring(account)) end
    local lie = lie_of(round, row, bound, is_killed, is_over)
    if lie then
      fail("queue %.0f, %s: the report says %s%s, and it %s", row.skill_id, row.user_account, row.status,
        row.undo and " and " .. row.undo or "", lie)
    end
  end
  if lines ~= #round.list then fail("the report has %d lines of %d", lines, #round.list) end
  local status, sum = assert(job:status()), 0
  for _, count in pairs(status.counts) do sum = sum + count end
  if sum ~= lines or status.lines ~= lines then fail("the counts add up to %d, not %d", sum, lines) end
  for name, weights in pairs(round.bound) do
    if not round.rows[name] and bound[name] ~= weights then fail("%s has no row, and was touched", name) end
  end
end

return truth
