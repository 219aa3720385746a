--- In which of two forms the server takes a listing's request.
--
-- The documents' table wraps the parameters in `requestParam`, the example beside it does not. A strict server refuses the form
-- that it does not know; a lenient one finds no parameters in it, and answers that nobody is bound. So nobody's absence is
-- believed in a form in which the server has never named anybody, unless the other form shows nobody either.
--
-- Where one form shows nobody and the other is refused as business, the refused one may be the server's own, and the refusal the
-- queue's or the moment's, while the server is lenient with the other. A request in the form that shows nobody, but without a
-- queue, tells: if that shows nobody too, then what shows nobody has not been understood. (It differs in nothing else. An empty
-- object, say, may be refused by a server that takes any other one.)
-- @module aicc.forms

local errors = require "aicc.error"

local Forms = {}
Forms.__index = Forms

local M = {}

local OTHER = { flat = "wrapped", wrapped = "flat" }
local NOWHERE = { flat = "flat_nowhere", wrapped = "wrapped_nowhere" }

-- Refusals that may be of the form. A business failure may be of the queue, or of the moment, as well.
local REFUSALS = { bad_request = true, business = true }

local function is_refused(err) return err ~= nil and REFUSALS[err.kind] == true end

local function is_empty(reply) return reply ~= nil and #reply.data == 0 end

-- Asks in one form. Where somebody comes, the form is the right one, from now on.
local function try(self, ask, form)
  local reply, err = ask(form)
  for _, agent in ipairs(OTHER[form] and reply and reply.data or {}) do
    if agent.userAccount then
      self.confirmed[form], self.preferred = true, form
      break
    end
  end
  return { reply = reply, err = err, form = form }
end

-- The error of a request that is refused in both forms: of the one that was understood, if one was, and with both reasons.
local function refused_twice(one, other)
  local flat, wrapped = one, other
  if one.form ~= "flat" then flat, wrapped = other, one end
  local err = one.err.kind ~= "business" and other.err.kind == "business" and other.err or one.err
  return errors.copy(err, {
    message = ("refused in both forms of the request: flat: %s; in requestParam: %s"):format(flat.err.message,
      wrapped.err.message),
  })
end

-- What an answer that shows nobody and a refusal come to.
local function weigh(self, ask, empty, refused)
  if refused.err.kind == "business" then
    local control = try(self, ask, NOWHERE[empty.form])
    if not control.reply and not is_refused(control.err) then return control end -- it cannot be told
    if is_empty(control.reply) then return refused end
  end
  self.preferred = empty.form
  return empty
end

-- What two answers come to, neither of which names anybody. `one` is empty or refused.
local function compare(self, ask, one, other)
  -- Somebody else may have found out meanwhile.
  if self.confirmed[one.form] then return one end
  if self.confirmed[other.form] then return other end
  if other.reply and one.reply then return one.reply.count >= other.reply.count and one or other end
  if other.reply then return weigh(self, ask, other, one) end
  if not is_refused(other.err) then return other end -- it cannot be told
  if one.reply then return weigh(self, ask, one, other) end
  return { err = refused_twice(one, other), form = one.form }
end

-- The answer to a listing's first page.
local function decide(self, ask)
  local one = try(self, ask, self.preferred)
  if self.setting ~= "auto" or self.confirmed[one.form] then return one end
  if not is_empty(one.reply) and not is_refused(one.err) then return one end
  local other = try(self, ask, OTHER[one.form])
  if other.reply and not is_empty(other.reply) then return other end
  return compare(self, ask, one, other)
end

--- Fetches the first page of a reading of a queue, in whatever form is needed.
-- @tparam function ask takes "flat" or "wrapped", perhaps with "_nowhere" behind it, which names no queue; returns the reply, or
--   nil and an error
-- @treturn ?table the reply
-- @treturn ?table the error
-- @treturn string the form, which is for the reading's other pages as well
function Forms:first(ask)
  local answer = decide(self, ask)
  return answer.reply, answer.err, answer.form
end

--- What a client knows of it.
-- @tparam string setting "auto", or "flat" or "wrapped" for that alone
-- @treturn table
function M.new(setting)
  return setmetatable({ setting = setting, preferred = OTHER[setting] and setting or "flat", confirmed = {} }, Forms)
end

return M
