-- egress.lua - fuzzes what comes from a host's egress: a release is done only by a whole answer, 200, that the egress says is
-- the API's and that has the API's code for it; how the bytes come in pieces changes nothing; no error is of an unknown kind or
-- tells a secret. The input: which way to read and how the connection ends; how large the pieces are; then the answer.

local cjson = require "cjson.safe"
local core = require "aicc.core"
local egress = require "aicc.transport.egress"
local fuzzing = require "spec.support.fuzzing"
local http = require "aicc.transport.http"

local check, SECRETS = fuzzing.check, fuzzing.SECRETS

local REQUEST = { operation = "release_agent_by_skill", arguments = { skillId = 3, userAccounts = { "1001" } } }

-- A socket that brings a text in pieces and then ends, as nginx's cosocket does (receiveany) or HAProxy's (receive).
local function socket_with(text, piece, ending)
  local at, sent = 1, nil
  local function take(most)
    local bytes = text:sub(at, at + most - 1)
    at = at + #bytes
    return bytes
  end
  return {
    send = function(_, bytes)
      check(not sent, "two requests in one attempt")
      sent = bytes
      return #bytes
    end,
    receiveany = function(_, most)
      if at > #text then return nil, ending end
      return take(math.min(most, piece))
    end,
    receive = function(_, most) return take(most) end,
  }
end

-- One attempt whose answer is that text.
local function attempt(text, read, piece, ending)
  local how = {
    version = "1.0", cannot_wait = function() end, lines = function() return "" end,
    exchange = function(_, bytes, timeout)
      local first, second, third, fourth = http.exchange(socket_with(text, piece, ending), bytes, read, timeout,
        core.now() + timeout, function() end)
      return first, second, third, fourth
    end,
  }
  local transport = assert(egress.new({
    egress = "unix:/e", base_url = "https://api", token_url = "https://api", app_key = SECRETS.app_key,
    app_secret = SECRETS.app_secret, connect_timeout = 5, proxy = "", verify = true,
  }, how))
  return transport:attempt(REQUEST, SECRETS.token, 15)
end

-- Whether an answer may count as done: by other rules than those that read it.
local function may_be_done(text)
  local head, body = text:match "^(HTTP/1%.[01] 200.-\n\r\n)(.*)$"
  if not head then -- an interim answer may stand before it
    local rest = text:match "^HTTP/1%.[01] 1%d%d.-\n\r\n(.*)$"
    return rest and may_be_done(rest)
  end
  local is_answered = head:lower():find "\nx%-aicc%-egress[^\n]*answered"
  return is_answered and body:find "[Cc]ode" ~= nil
end

local function check_done(text, result)
  check(may_be_done(text), "done, and nobody said so", text)
  check(tostring(result.resultCode):find "^%-?0%.?0?$", "done with another code", text)
  local length = text:lower():match "\ncontent%-length:[ \t]*(%d+)[ \t]*\r\n"
  local is_chunked = text:lower():find "transfer%-encoding" or text:find "^HTTP/1%.[01] 1"
  if length and not is_chunked and not text:lower():find "content%-length.*content%-length" then
    local size = #text:match "^.-\n\r\n"
    check(#text - size >= tonumber(length), "done by a body that was cut", text)
    check(cjson.decode(text:sub(size + 1, size + tonumber(length))), "done by no JSON", text)
  end
end

return function(input)
  local text, choice, piece = fuzzing.take(input, 2)
  local read, ending = choice % 2 == 0 and http.read or http.read_whole, choice % 4 < 2 and "closed" or "timeout"
  local result, err = attempt(text, read, 1e6, ending)
  if result then
    check_done(text, result)
    fuzzing.check_secrecy(result)
  else
    fuzzing.check_error(err)
    fuzzing.check_secrecy(err)
    if not text:lower():find "answered" then check(err.outcome ~= "rejected", "rejected by whom?", text) end
    local progress = text:lower():find "unsent" or text:lower():find "refused" or text:lower():find "tls"
    check(err.outcome ~= "not_sent" or progress, "not sent, and nobody said so", text)
  end
  local other, problem = attempt(text, read, piece % 9 * 7 + 1, ending)
  check((other ~= nil) == (result ~= nil), "otherwise in pieces", text)
  if err then
    for _, name in ipairs { "kind", "outcome", "message", "status" } do
      check(err[name] == problem[name], "another error in pieces", err[name], problem[name], text)
    end
  end
end
