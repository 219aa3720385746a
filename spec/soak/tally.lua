-- What was asked for and what came of it, to be compared with what the sandbox got: one attempt is one request, and none is lost.

local tally = {}

local Tally = {}
Tally.__index = Tally

local function add(counts, key, n) counts[key] = (counts[key] or 0) + (n or 1) end

--- A request of our own: what a session's call came to.
function Tally:took(operation, result, err)
  assert(result or err, "a call came to nothing")
  self.attempts = self.attempts + 1
  add(self.outcomes, result and "answered" or err.outcome)
  if result or err.outcome ~= "not_sent" then add(self.requests, operation) end
end

--- What a client's events tell. `of_job`: its calls are a job's own, which `called` sees nothing of.
function Tally:listener(of_job)
  return function(event)
    if event.type == "send" then
      self.under_way = self.under_way + 1
    elseif event.type == "attempt" then
      self.under_way, self.attempts = self.under_way - 1, self.attempts + 1
      add(self.outcomes, event.outcome or "answered")
      if event.outcome ~= "not_sent" then add(self.requests, event.operation) end
    elseif event.type == "call" and not of_job then
      self.ended = self.ended + 1
    end
  end
end

--- A call of a client: its result and error, when they are here.
function Tally:called(result, err)
  assert((result == nil or result == false) == (err ~= nil), "a call came to nothing, or to both")
  self.calls = self.calls + 1
  return result, err
end

local OPERATIONS = { "token", "release_agent_by_skill", "bind_agents", "query_agents", "query_agent", "query_skills" }

local function compare(sent, seen)
  for _, operation in ipairs(OPERATIONS) do
    if sent[operation] ~= seen[operation] then
      return ("%s requests of %s were sent, and the sandbox got %s"):format(tostring(sent[operation]), operation,
        tostring(seen[operation]))
    end
  end
end

--- Waits until the sandbox has got all that was sent, and compares; then both begin anew. What a client has given up may still be
-- on its way.
function Tally:check(server, sleep)
  local problem
  for try = 1, 200 do
    problem = compare(self.requests, server:tally())
    if not problem then break end
    if try < 200 then sleep(0.05) end
  end
  if problem then error(problem, 0) end
  server:clear()
  for operation, count in pairs(self.requests) do add(self.total, operation, count) end
  self.requests = {}
  assert(self.under_way == 0, "a request has no end")
  assert(self.ended == self.calls, ("%d calls have ended, and %d events tell so"):format(self.calls, self.ended))
end

function tally.new()
  return setmetatable({ requests = {}, total = {}, outcomes = {}, attempts = 0, under_way = 0, calls = 0, ended = 0 }, Tally)
end

return tally
