--- What the client's specs set up: time that waits for nobody, a transport that follows a script, tokens that need no fetching.

local core = require "aicc.core"
local errors = require "aicc.error"

local scene = {}

---- time

-- What both kinds of time share: `waits` has the seconds that were asked for, in order. random() is always 1: the longest waits.
local function new_time(clock)
  local time = { slept = 0, waits = {} }
  function time.pass(seconds) time.slept = time.slept + seconds end
  function time.clock() return clock() + time.slept end
  function time.sleep(seconds)
    time.waits[#time.waits + 1] = seconds
    time.pass(seconds)
    return true
  end
  function time.random() return 1 end
  return time
end

--- Real time in which sleeping takes none: the clock jumps instead.
function scene.skipping() return new_time(core.now) end

--- Time that stands still but for `pass` and `sleep`.
function scene.standing() return new_time(function() return 1000 end) end

--- The options of a client that lives in such a time, with others added.
function scene.options(time, more)
  local options = { clock = time.clock, sleep = time.sleep, random = time.random }
  for name, value in pairs(more or {}) do options[name] = value end
  return options
end

--- "0.2 0.4 0.8"
function scene.waits(time)
  local shown = {}
  for n, seconds in ipairs(time.waits) do shown[n] = ("%.3g"):format(seconds) end
  return table.concat(shown, " ")
end

---- a client without a server

--- A store that has a token which never ends, so that nobody asks for one.
function scene.with_token()
  local entry = { token = "t", lifetime = 600, ends = math.huge, hard = math.huge, soft = math.huge }
  return {
    get = function() return entry end, set = function() end, lock = function() return true end, unlock = function() end,
  }
end

--- A transport that follows a script: `answer(request, n)` returns a reply, or nil and an error, and the seconds that it took
-- (none). What it was asked to send is in `sent`: `operation`, `arguments`, `token`, `timeout`.
function scene.scripted(time, answer)
  local transport = { sent = {} }
  function transport:attempt(request, token, timeout, deadline)
    local sent = { operation = request.operation, arguments = request.arguments, token = token, timeout = timeout }
    self.sent[#self.sent + 1] = sent
    local reply, err, seconds = answer(sent, #self.sent)
    time.pass(math.min(seconds or 0, timeout, deadline))
    return reply, err
  end
  function transport:sleep(seconds) return time.sleep(seconds) end
  function transport:yields() return false end
  function transport:close() end
  return transport
end

--- A client of such a transport, with a token, and the transport.
function scene.client(time, answer, more)
  local transport = scene.scripted(time, answer)
  local options = scene.options(time, {
    base_url = "https://api.example", app_key = "app-key", app_secret = "secret", transport = transport,
    store = scene.with_token(),
  })
  for name, value in pairs(more or {}) do options[name] = value end
  return assert(require("aicc").new(options)), transport
end

---- replies of a script

scene.SUCCESS = '{"resultCode":"0","resultMessage":"success"}'

--- What the core makes of a reply.
function scene.reply(operation, status, body, headers)
  return core.decode(operation, { status = status, headers = headers or {}, body = body or "" })
end

--- A page of a listing: agents are names, or tables with weights.
function scene.page(agents, count)
  local data = {}
  for n, agent in ipairs(agents) do
    if type(agent) == "string" then agent = { userAccount = agent } end
    data[n] = { userAccount = agent.userAccount, agentWeight = agent.agentWeight or 1, skillWeight = agent.skillWeight or 1,
      workNo = agent.workNo or n }
  end
  return { resultCode = "0", count = count or #agents, data = data }
end

--- An attempt that ended without an answer; the request may have arrived.
function scene.lost(operation)
  return errors.new {
    kind = "timeout", operation = operation, message = "no answer", outcome = "unknown", retryable = true, curl_code = 28,
  }
end

--- The bodies of the requests of an operation that a sandbox got, in the order in which they came, with blanks between them.
function scene.bodies(server, operation)
  local list = {}
  for _, request in ipairs(server:requests()) do
    if request.operation == operation then list[#list + 1] = request.body end
  end
  return table.concat(list, " ")
end

--- The n-th of the arguments.
function scene.nth(n, ...) return (select(n, ...)) end

return scene
