-- The whole way once: a sandbox of the API in this process, a token, two agents unbound by name, the rest with aicc.ALL, and a
-- call that is refused. `make demo` runs it; so does
--
--     eval "$(make)"; lua5.4 examples/quickstart.lua

local aicc = require "aicc"
local core = require "aicc.core"
local sandbox = require "aicc.sandbox"

-- Colour for a terminal, none for a pipe or for those who do not want it.
local coloured = core.is_terminal(1) and not os.getenv "NO_COLOR"
local function paint(code, text) return coloured and ("\27[%sm%s\27[0m"):format(code, text) or text end

local function line(label, text) print(("  %s  %s"):format(paint("1", ("%-9s"):format(label)), text)) end

local function names(accounts) return #accounts > 0 and table.concat(accounts, ", ") or "nobody" end

local server = assert(sandbox.start { tls = true, agents = { [3] = { "1001", "1002", "1003" } } })
local client = assert(server:client())

print(paint("1", "aicc " .. aicc._VERSION) .. ": unbind agents from a skill queue")
line("sandbox", server.base_url .. ", certificate verified")
line("queue 3", names(server:accounts(3)))

assert(client:access_token())
line("token", "fetched by tokenByAkSk, and kept for the calls that follow")

local result = assert(client:release_agent_by_skill(3, { "1001", "1002" }))
line("release", ([[{"1001", "1002"}: resultCode %s, %s]]):format(result.resultCode, result.resultMessage))
line("queue 3", names(server:accounts(3)))

result = assert(client:release_agent_by_skill(3, aicc.ALL))
line("release", ("aicc.ALL: resultCode %s, %s"):format(result.resultCode, result.resultMessage))
line("queue 3", names(server:accounts(3)))

local before = #server:requests()
local _, err = client:release_agent_by_skill(3, {})
line("release", paint("33", "{}: refused (" .. err.kind .. "), and nothing was sent"))
print("    " .. err.message:gsub(" %(", "\n    ("))
assert(#server:requests() == before)

line("requests", "what arrived in all")
for _, request in ipairs(server:requests()) do
  local body = request.operation == "token" and "(app key and secret)" or request.body
  print(("    POST …/%-21s %s"):format(request.path:match "[^/]+$", body))
end

client:close()
server:stop()
