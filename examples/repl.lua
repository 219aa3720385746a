-- A place to play: the API in this process, a client that talks to it, and a prompt.
--
--     make repl
--     eval "$(make)"; lua5.4 -i examples/repl.lua         the same; where aicc is installed, without the first half

aicc = require "aicc" -- luacheck: ignore 111 (globals are what a prompt has)
sandbox = require("aicc.sandbox").start { -- luacheck: ignore 111
  agents = { [3] = { "1001", "1002", "1003" }, [4] = { "1001" } },
}
client = sandbox:client() -- luacheck: ignore 111 113

print [[
aicc, sandbox and client are there, and what they return prints as a line. Try, line by line:

  client:release_agent_by_skill(3, { "1001" })
  client:query_agents(3)
  client:release_agent_by_skill(3, {})              -- an empty list is refused ...
  client:release_agent_by_skill(3, aicc.ALL)        -- ... and this is everybody
  sandbox:fault { operation = "release_agent_by_skill", apply = true, close = "request", to = 4 }
  client:release_agent_by_skill(4, { "1001" })      -- done, but not answered: it asks
  sandbox:requests()
  client:explain()
]]
