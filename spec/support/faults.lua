-- The faults that an API can have, for every operation: what fault_matrix_spec holds libcurl's transport to, and the specs of
-- nginx and HAProxy theirs (spec/support/hosts/same_as_curl.lua).

local scene = require "spec.support.scene"

-- What the operation answers when all is well.
local function success(operation)
  if operation == "token" then return '{"AccessToken":"t","Expires":"600"}' end
  if operation == "query_agents" then return '{"resultCode":"0","count":1,"data":[{"userAccount":"1001"}]}' end
  if operation == "query_agent" then return '{"resultCode":"0","data":[{"userAccount":"1001","skills":[]}]}' end
  if operation == "query_skills" then return '{"returnCode":"0","total":1,"data":[{"skillId":3,"name":"Support"}]}' end
  return scene.SUCCESS
end

local function with_bom(operation) return "\239\187\191" .. success(operation) end
local function with_number(operation) return (success(operation):gsub('"0"', "0", 1)) end

-- A listing of 70 kB, or as large an answer of another operation.
local function large(operation)
  return (success(operation):gsub("}$", (',"more":"%s"}'):format(("x"):rep(70000))))
end

-- Replies as bytes, for what no proper server sends.
local function reply(body, head) return ("HTTP/1.1 200 OK\r\n%s\r\n\r\n%s"):format(head, body) end
local function continued(operation)
  local body = success(operation)
  return "HTTP/1.1 100 Continue\r\n\r\n" .. reply(body, ("Content-Length: %d\r\nConnection: close"):format(#body))
end
local function with_two_lengths(operation)
  local body = success(operation)
  return reply(body, ("Content-Length: %d\r\nContent-Length: %d"):format(#body, #body + 1))
end
local function chunked(body) return reply(("%x\r\n%s\r\n"):format(#body, body), "Transfer-Encoding: chunked") end
local function without_last_chunk(operation) return chunked(success(operation)) end
local function with_cut_chunk(operation) return (chunked(success(operation)):sub(1, -5)) end

-- In both forms, and without what was asked for in both.
local REFUSED_EVERYBODY = "4 business rejected"

local SHORT = { timeout = 0.25, retry = { attempts = 2 } } -- for faults that take an attempt's whole time

-- The fault; the sandbox's fields for it (functions are called with the operation's name); then the cells: one for all
-- operations, or one each for a release of a list and a bind, a release of ALL, a query, a token. `agent`, `skills`: cells of the
-- queries of one agent and of queues by name, where they are not the query's.
-- `client`: options of the client; `shape`: the sandbox's; `unsettled`: nothing shows what was applied.
local faults = {
  { "nothing", {}, "1 ok applied", "1 ok applied", "1 ok", "1 ok" },

  -- statuses
  { "302", { status = 302, headers = { Location = "/elsewhere" } }, "1 redirect rejected" },
  { "400", { status = 400 },
    "1 bad_request rejected", "1 bad_request rejected", "2 bad_request rejected", "1 bad_request rejected" },
  { "401", { status = 401 }, "2 auth rejected", "2 auth rejected", "2 auth rejected", "1 auth rejected" },
  { "401 once", { status = 401, to = 1 }, "2 ok applied", "2 ok applied", "2 ok", "1 auth rejected" },
  { "403, JSON", { status = 403, body = '{"error_code":"403"}' }, "1 forbidden rejected" },
  { "403, HTML", { status = 403, body = "<html>no</html>" }, "1 blocked rejected" },
  { "404", { status = 404 }, "1 not_found rejected" },
  { "405", { status = 405 }, "1 http rejected" },
  { "408", { status = 408 },
    "4 http unknown 0.2 0.4 0.8", "1 http unknown", "4 http unknown 0.2 0.4 0.8", "4 http unknown 0.2 0.4 0.8" },
  { "413", { status = 413 }, "1 too_large rejected" },
  { "425", { status = 425 },
    "4 http unknown 0.2 0.4 0.8", "1 http unknown", "4 http unknown 0.2 0.4 0.8", "4 http unknown 0.2 0.4 0.8" },
  { "429", { status = 429 }, "4 throttled rejected 1 2 4" },
  { "429, Retry-After 3", { status = 429, headers = { ["Retry-After"] = 3 } }, "4 throttled rejected 3 3 4" },
  { "429, Retry-After 61", { status = 429, headers = { ["Retry-After"] = 61 } }, "1 throttled rejected" },
  { "429, Retry-After 0", { status = 429, headers = { ["Retry-After"] = 0 } }, "4 throttled rejected 1 2 4" },
  { "500, resultCode 1", { status = 500, body = '{"resultCode":"1","resultMessage":"no"}' },
    "1 business rejected", "1 business rejected", "2 business rejected", "1 business rejected",
    agent = REFUSED_EVERYBODY, skills = "2 server unknown 0.2" },
  { "500, empty", { status = 500 },
    "4 server unknown 0.2 0.4 0.8", "1 server unknown", "2 server unknown 0.2", "2 server unknown 0.2" },
  { "500, no resultCode", { status = 500, body = '{"error":"x"}' },
    "4 server unknown 0.2 0.4 0.8", "1 server unknown", "2 server unknown 0.2", "2 server unknown 0.2" },
  { "501", { status = 501 }, "4 server unknown 0.2 0.4 0.8", "1 server unknown", "1 server unknown", "1 server unknown" },
  { "502", { status = 502 },
    "4 server unknown 0.2 0.4 0.8", "1 server unknown", "4 server unknown 0.2 0.4 0.8", "4 server unknown 0.2 0.4 0.8" },
  { "503", { status = 503 },
    "4 server unknown 0.2 0.4 0.8", "1 server unknown", "4 server unknown 0.2 0.4 0.8", "4 server unknown 0.2 0.4 0.8" },
  { "503, Retry-After 3", { status = 503, headers = { ["Retry-After"] = 3 } }, "4 server rejected 3 3 3" },
  { "504", { status = 504 },
    "4 server unknown 0.2 0.4 0.8", "1 server unknown", "4 server unknown 0.2 0.4 0.8", "4 server unknown 0.2 0.4 0.8" },
  { "504 once", { status = 504, to = 1 }, "2 ok applied 0.2", "1 server unknown", "2 ok 0.2", "2 ok 0.2" },

  -- connections that end too early
  { "dropped before the body", { close = "headers" },
    "4 network unknown 0.2 0.4 0.8", "1 network unknown", "4 network unknown 0.2 0.4 0.8", "4 network unknown 0.2 0.4 0.8" },
  { "dropped after the body", { close = "request" },
    "4 network unknown 0.2 0.4 0.8", "1 network unknown", "4 network unknown 0.2 0.4 0.8", "4 network unknown 0.2 0.4 0.8" },
  { "reset", { close = "reset" },
    "4 network unknown 0.2 0.4 0.8", "1 network unknown", "4 network unknown 0.2 0.4 0.8", "4 network unknown 0.2 0.4 0.8" },
  { "body cut", { cut = 5 },
    "4 ok applied_earlier 0.2 0.4 0.8", "1 ok applied_earlier",
    "4 protocol unknown 0.2 0.4 0.8", "4 protocol unknown 0.2 0.4 0.8" },
  { "headers cut", { raw = "HTTP/1.1 200 OK\r\nContent-Ty" },
    "4 protocol unknown 0.2 0.4 0.8", "1 protocol unknown",
    "4 protocol unknown 0.2 0.4 0.8", "4 protocol unknown 0.2 0.4 0.8" },
  { "chunk cut", { raw = with_cut_chunk, apply = true },
    "4 ok applied_earlier 0.2 0.4 0.8", "1 ok applied_earlier",
    "4 protocol unknown 0.2 0.4 0.8", "4 protocol unknown 0.2 0.4 0.8" },
  { "no last chunk", { raw = without_last_chunk, apply = true },
    "4 ok applied_earlier 0.2 0.4 0.8", "1 ok applied_earlier",
    "4 protocol unknown 0.2 0.4 0.8", "4 protocol unknown 0.2 0.4 0.8" },

  -- replies that come too late, or never end
  { "no answer", { hold = true },
    "2 ok applied_earlier 0.2", "1 ok applied_earlier", "2 timeout unknown 0.2", "2 timeout unknown 0.2", client = SHORT },
  { "slow body", { drip = 0.2 },
    "2 ok applied_earlier 0.2", "1 ok applied_earlier", "2 timeout unknown 0.2", "2 timeout unknown 0.2", client = SHORT },
  { "endless body", { endless = "body" },
    "4 too_large unknown 0.2 0.4 0.8", "1 too_large unknown", "1 too_large unknown", "1 too_large unknown" },
  { "endless headers", { endless = "headers" },
    "4 too_large unknown 0.2 0.4 0.8", "1 too_large unknown", "1 too_large unknown", "1 too_large unknown" },

  -- replies of another kind
  { "no HTTP", { raw = "hello, I am a printer\r\n\r\n" },
    "4 protocol unknown 0.2 0.4 0.8", "1 protocol unknown", "1 protocol unknown", "1 protocol unknown" },
  { "text/html", { body = success, apply = true, headers = { ["Content-Type"] = "text/html" } },
    "1 ok applied", "1 ok applied", "1 ok", "1 ok" },
  { "BOM", { body = with_bom, apply = true }, "1 ok applied", "1 ok applied", "1 ok", "1 ok" },
  { "100 Continue before it", { raw = continued, apply = true }, "1 ok applied", "1 ok applied", "1 ok", "1 ok" },
  { "two Content-Length", { raw = with_two_lengths, apply = true },
    "4 ok applied_earlier 0.2 0.4 0.8", "1 ok applied_earlier",
    "4 protocol unknown 0.2 0.4 0.8", "4 protocol unknown 0.2 0.4 0.8" },
  { "long headers", { body = success, apply = true, headers = { ["X-Long"] = ("x"):rep(6000) } },
    "1 ok applied", "1 ok applied", "1 ok", "1 ok" },
  { "long body", { body = large, apply = true }, "1 ok applied", "1 ok applied", "1 ok", "1 ok" },
  { "empty body", { body = "" },
    "4 protocol unknown 0.2 0.4 0.8", "1 protocol unknown", "2 protocol unknown 0.2", "2 protocol unknown 0.2" },
  { "not JSON", { body = "<html>Welcome</html>" },
    "4 protocol unknown 0.2 0.4 0.8", "1 protocol unknown", "2 protocol unknown 0.2", "2 protocol unknown 0.2" },
  { "another shape", { body = "[1,2]" },
    "4 protocol unknown 0.2 0.4 0.8", "1 protocol unknown", "2 protocol unknown 0.2", "2 protocol unknown 0.2" },
  { "resultCode missing", { body = '{"resultMessage":"success"}' },
    "4 protocol unknown 0.2 0.4 0.8", "1 protocol unknown", "2 protocol unknown 0.2", "2 protocol unknown 0.2" },
  { "resultCode 0, a number", { body = with_number, apply = true }, "1 ok applied", "1 ok applied", "1 ok", "1 ok" },
  { "resultCode 1, a number", { body = '{"resultCode":1}' },
    "1 business rejected", "1 business rejected", "2 business rejected", "1 business rejected",
    agent = REFUSED_EVERYBODY, skills = REFUSED_EVERYBODY },
  { "resultCode 1, a string", { body = '{"resultCode":"1"}' },
    "1 business rejected", "1 business rejected", "2 business rejected", "1 business rejected",
    agent = REFUSED_EVERYBODY, skills = REFUSED_EVERYBODY },

  -- applied all the same
  { "applied, not answered", { close = "request", apply = true },
    "4 ok applied_earlier 0.2 0.4 0.8", "1 ok applied_earlier",
    "4 network unknown 0.2 0.4 0.8", "4 network unknown 0.2 0.4 0.8" },
  { "applied, 504", { status = 504, apply = true },
    "4 ok applied_earlier 0.2 0.4 0.8", "1 ok applied_earlier", "4 server unknown 0.2 0.4 0.8", "4 server unknown 0.2 0.4 0.8" },
  { "applied, not JSON", { body = "<html>Welcome</html>", apply = true },
    "1 ok applied_earlier", "1 ok applied_earlier", "2 protocol unknown 0.2", "2 protocol unknown 0.2" },
}

-- The documented shapes of requests and replies, and what somebody who reads only one of them would make of the others: a queue
-- without agents, and of that a release that is done. `shape` is what `server:shape` gets.
local EVERYTHING_ELSE = {
  query_form = "wrapped", wrong_form = "empty", account_field = "accountCode", schema = "all", count_field = "total",
  numbers = "string",
}
local SHAPES = {
  { "accountCode", { account_field = "accountCode" }, "1 ok" },
  { "schema around the listing", { schema = "data" }, "1 ok" },
  { "schema around everything", { schema = "all" }, "1 ok" },
  { "total, and digits", { count_field = "total", numbers = "string" }, "1 ok" },
  { "flat only, 400", { query_form = "flat", wrong_form = "400" }, "1 ok" },
  { "flat only, business", { query_form = "flat", wrong_form = "business" }, "1 ok" },
  { "flat only, lenient", { query_form = "flat", wrong_form = "empty" }, "1 ok" },
  { "wrapped only, 400", { query_form = "wrapped", wrong_form = "400" }, "2 ok" },
  { "wrapped only, business", { query_form = "wrapped", wrong_form = "business" }, "2 ok" },
  { "wrapped only, lenient", { query_form = "wrapped", wrong_form = "empty" }, "2 ok" },
  { "everything else", EVERYTHING_ELSE, "2 ok" },
}
for _, row in ipairs(SHAPES) do
  faults[#faults + 1] = { row[1], {}, "1 ok applied", "1 ok applied", row[3], "1 ok", shape = row[2] }
  faults[#faults + 1] = { row[1] .. ", not answered", { close = "request" },
    "4 network unknown 0.2 0.4 0.8", "1 network unknown", "4 network unknown 0.2 0.4 0.8", "4 network unknown 0.2 0.4 0.8",
    shape = row[2] }
end
faults[#faults + 1] = { "nobody has an account", {}, "1 ok applied", "1 ok applied", "1 protocol unknown", "1 ok",
  agent = "2 protocol unknown 0.2", skills = "1 ok", shape = { account_field = "none" } }
faults[#faults + 1] = { "nobody has an account, not answered", { close = "request" },
  "4 network unknown 0.2 0.4 0.8", "1 network unknown", "4 network unknown 0.2 0.4 0.8", "4 network unknown 0.2 0.4 0.8",
  shape = { account_field = "none" }, unsettled = true }

--- The sandbox's fault that has these fields, for an operation and for all its requests, unless told otherwise.
function faults.of(operation, fields, more)
  local fault = { operation = operation, to = math.huge }
  for name, value in pairs(fields) do fault[name] = type(value) == "function" and value(operation) or value end
  for name, value in pairs(more or {}) do fault[name] = value end
  return fault
end

--- The cell of a row at a place: a number, "agent" or "skills".
function faults.cell(row, place)
  if type(place) == "string" then return row[place] or row[5] or row[3] end
  return row[place] or row[3]
end

return faults
