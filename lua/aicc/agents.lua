--- In which queues an agent is (agentAccount/query): a method of a client.
-- @module aicc.agents

local errors = require "aicc.error"
local results = require "aicc.result"
local settle = require "aicc.settle"

local M = {}

local OPERATION = "query_agent"

-- What a reply is to the question for one account. Whoever is called so but for the case of ASCII letters may be meant: nobody
-- has said whether names are case-sensitive.
local function judge_of(account)
  local folded = settle.fold(account)
  return function(reply)
    if #reply.data == 0 then return "nothing" end
    return #reply.data == 1 and settle.fold(reply.data[1].userAccount) == folded and "found" or "ignored"
  end
end

-- The error of an account that nobody has. `refusal`: in the API's own words, if it refuses to say who that is.
local function unknown_agent(refusal)
  if not refusal then
    return errors.new {
      kind = "unknown_agent", operation = OPERATION, outcome = "rejected", status = 200,
      message = "the API knows no agent of that account",
    }
  end
  return errors.copy(refusal, {
    kind = "unknown_agent", outcome = "rejected", retryable = false,
    message = "the API knows no agent of that account: " .. refusal.message,
  })
end

-- The agent in a reply that holds others, too: a server that took no notice of the account has told of this one all the same.
-- Nobody but the very one counts then.
local function pick(reply, account)
  local found
  for _, agent in ipairs(reply.data) do
    if agent.userAccount == account then
      if found then return nil end
      found = agent
    end
  end
  return found
end

--- Asks for one agent, as a part of a call.
-- @tparam table self a client
-- @tparam table current the call
-- @tparam string account checked
-- @treturn ?table the agent
-- @treturn ?table the error
function M.find(self, current, account)
  local function ask(arguments)
    return self.requests:perform(current, { operation = OPERATION, arguments = arguments })
  end
  local answer = self.inquiry:ask {
    operation = OPERATION,
    ask = function(form) return ask { userAccount = account, form = form } end,
    judge = judge_of(account),
    control = function(form) return ask { form = form .. "_anybody" } end,
  }
  if answer.verdict == "found" then return answer.reply.data[1] end
  if answer.verdict == "nothing" then return nil, unknown_agent() end
  if answer.verdict == "business" and answer.is_understood then return nil, unknown_agent(answer.err) end
  if answer.err then return nil, answer.err end
  local agent = pick(answer.reply, account)
  if agent then return agent end
  return nil, errors.new {
    kind = "protocol", operation = OPERATION, outcome = "unknown", status = 200,
    message = ("asked for one agent, the API answers with %d, of another account: who is meant cannot be told")
      :format(#answer.reply.data),
  }
end

--- Puts the methods into a client's class.
-- @tparam table Client
-- @tparam table internal `begin`, `tell` and `tell_end` of `aicc.client`
function M.install(Client, internal)
  local begin, tell, tell_end = internal.begin, internal.tell, internal.tell_end

  --- In which queues an agent is, and with which weights (agentAccount/query).
  --
  -- An account that the API does not know is an error of kind `unknown_agent`, however the API says so: with nobody in its
  -- answer, or by refusing this account (`business`) while it answers for others. An answer with another agent in it is
  -- `protocol`, never taken for the one that was asked for. Telephone numbers and addresses do not come out of the C core.
  -- @tparam string account the agent's account (userAccount), 1 to 128 bytes of UTF-8
  -- @tparam ?table options those of `release_agent_by_skill`
  -- @treturn ?table `userAccount` (in the API's own spelling: it may differ in the case of ASCII letters), `userName` strings;
  --   `agentType`, `workNo` integers, where the API tells them; `skills`, an array of `{ skillId=, agentWeight=, skillWeight= }`
  --   (integers; a weight is nil where the API does not tell it). `skills` is empty where the API says so, and nil where it does
  --   not say: nobody is in no queue for that. That it names every queue, no document says.
  -- @treturn ?table the error
  function Client:query_agent(account, options)
    local current, checked = begin(self, OPERATION, { userAccount = account }, options, 2)
    if not current then return nil, checked end
    local agent, err = M.find(self, current, checked.userAccount)
    if not agent then return nil, tell(self, current, {}, err) end
    tell_end(self, current, "answered")
    return results.told(agent)
  end
end

return M
