-- What goes wrong in a round of the soak, one after the other.

local RELEASE, BIND, QUERY, TOKEN = "release_agent_by_skill", "bind_agents", "query_agents", "token"
local REFUSED = '{"resultCode":"1","resultMessage":"no"}'

-- { what it is, the faults, and seconds that an attempt may take if not the usual ones }
return {
  { "nothing", {} },
  { "a server that hangs up before it reads", { { operation = RELEASE, close = "headers", to = 3 } } },
  { "a server that hangs up before it answers", { { operation = RELEASE, close = "request", apply = true, from = 2, to = 5 } } },
  { "a reset", { { operation = BIND, close = "reset", from = 2, to = 4 }, { operation = QUERY, close = "reset" } } },
  { "an answer cut short", { { operation = RELEASE, cut = 9, to = 3 }, { operation = QUERY, cut = 20, from = 2 } } },
  { "503", { { operation = RELEASE, status = 503, to = 4 }, { operation = QUERY, status = 502, from = 3, to = 4 } } },
  { "429", { { operation = RELEASE, status = 429, to = 3 },
    { operation = BIND, status = 429, headers = { ["Retry-After"] = "0" } } } },
  { "500 of a crash", { { operation = RELEASE, status = 500, body = "<html>", apply = true, to = 2 } } },
  { "a refusal", { { operation = RELEASE, status = 500, body = REFUSED, to = 3 },
    { operation = BIND, status = 403, body = "<html>" } } },
  { "tokens that end", { { operation = RELEASE, expire_tokens = true, from = 3 }, { operation = BIND, expire_tokens = true } } },
  { "a token endpoint in trouble", { { operation = QUERY, expire_tokens = true }, { operation = TOKEN, status = 503 },
    { operation = TOKEN, close = "reset", from = 2 } } },
  { "no answer", { { operation = RELEASE, hold = true, to = 2 }, { operation = QUERY, hold = true, from = 2 } }, 0.25 },
  { "a reply that is too large", { { operation = QUERY, endless = "body", to = 2 } } },
  { "nonsense", { { operation = RELEASE, status = 200, body = "[[[[", to = 2 },
    { operation = QUERY, status = 200, body = "\0\0" } } },
}
