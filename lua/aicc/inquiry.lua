--- Questions with parameters of their own: in which form the server takes them, and what its answers are worth.
--
-- As for listings of a queue (`aicc.forms`) the siblings' tables wrap the parameters in `requestParam`, and the examples do not.
-- A strict server refuses the form that it does not know; a lenient one finds no parameters in it, and answers with nothing, or
-- with whatever comes first. So until an answer has held what was asked for, "nothing" is believed only if the other form brings
-- no more.
--
-- A refusal as business may be of what was asked for, or of the moment. The same form without it, for whatever there is, tells:
-- if that is answered, and then the first question is refused again, the refusal is of what was asked for.
-- @module aicc.inquiry

local errors = require "aicc.error"

local Inquiry = {}
Inquiry.__index = Inquiry

local M = {}

local OTHER = { flat = "wrapped", wrapped = "flat" }

-- What an answer is: "found", "nothing", "ignored" (something else came), "refused" (of the form, perhaps), "business", "failed".
local function verdict_of(reply, err, judge)
  if reply then return judge(reply) end
  if err.kind == "bad_request" then return "refused" end
  return err.kind == "business" and "business" or "failed"
end

local function is_doubtful(answer) return answer.verdict == "business" or answer.verdict == "nothing" end

-- Asks in one form. Where what was asked for comes, the form is the right one, from now on.
local function try(self, question, form)
  local reply, err = question.ask(form)
  local answer = { reply = reply, err = err, form = form, verdict = verdict_of(reply, err, question.judge) }
  if answer.verdict == "found" then self.confirmed[question.operation] = form end
  return answer
end

-- The error of a question that is refused in every form; of one refusal it is that.
local function refusal_of(one, other)
  if not (other and other.err) then return one.err end
  if not one.err then return other.err end
  local flat, wrapped = one, other
  if one.form ~= "flat" then flat, wrapped = other, one end
  local err = one.verdict ~= "business" and other.verdict == "business" and other.err or one.err
  return errors.copy(err, {
    message = ("refused in both forms of the request: flat: %s; in requestParam: %s"):format(flat.err.message,
      wrapped.err.message),
  })
end

-- Which of two answers counts, where one of them is a refusal as business: the one whose form the server understands.
local function weigh(self, question, one, other)
  local answers = { one, other }
  if other and one.verdict ~= "business" then answers = { other, one } end
  for _, answer in ipairs(answers) do
    if is_doubtful(answer) then
      local reply, err = question.control(answer.form)
      local verdict = verdict_of(reply, err, function(shown) return #shown.data > 0 and "found" or "nothing" end)
      if verdict == "failed" then return { err = err, verdict = "failed" } end -- it cannot be told
      if verdict == "found" then
        self.confirmed[question.operation] = answer.form
        if answer.verdict == "business" then answer = try(self, question, answer.form) end
        answer.is_understood = true
        return answer
      end
    end
  end
  return { err = refusal_of(one, other), verdict = "business" }
end

-- What two answers come to, neither of which is what was asked for.
local function compare(self, question, one, other)
  if one.verdict == "business" or other and other.verdict == "business" then return weigh(self, question, one, other) end
  if not other or one.verdict == "nothing" then return one end
  if other.verdict == "nothing" then return other end
  if one.verdict == "ignored" then return one end
  if other.verdict == "ignored" then return other end
  return { err = refusal_of(one, other), verdict = "refused" }
end

--- Asks, in whatever form is needed.
-- @tparam table question `operation`; `ask(form)`, which takes "flat" or "wrapped" and returns the reply, or nil and an error;
--   `judge(reply)`: "found", "nothing", or "ignored" where the reply has something else; `control(form)`, which asks for
--   whatever there is
-- @treturn table the answer: `verdict`, `form`, and `reply` or `err`; `is_understood` where a refusal is of what was asked for
function Inquiry:ask(question)
  local known = self.setting ~= "auto" and self.setting or self.confirmed[question.operation]
  local one = try(self, question, known or "flat")
  if one.verdict == "found" or one.verdict == "failed" then return one end
  if known then return compare(self, question, one) end
  local other = try(self, question, OTHER[one.form])
  if other.verdict == "found" or other.verdict == "failed" then return other end
  return compare(self, question, one, other)
end

--- What a client knows of it.
-- @tparam string setting "auto", or "flat" or "wrapped" for that alone
-- @treturn table
function M.new(setting) return setmetatable({ setting = setting, confirmed = {} }, Inquiry) end

return M
