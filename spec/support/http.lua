--- A client with no manners: HTTP over LuaSocket, written by hand, for specs that look at the sandbox's bytes.
-- Nothing waits longer than 20 seconds, so that a spec fails where it would hang.

local cjson = require "cjson"
local socket = require "socket"
local ssl = require "ssl"

local http = {}

local PATIENCE = 20
local V1 = "/apiaccess/rest/cc-management/v1/agentAccount/"

http.TOKEN = "/apigovernance/api/oauth/tokenByAkSk"
http.RELEASE, http.BIND, http.QUERY = V1 .. "releaseAgentBySkillId", V1 .. "addSkillsToAgent", V1 .. "queryAgentInfoBySkillId"
http.SUCCESS = '{"resultCode":"0","resultMessage":"success"}'

--- A connection to a sandbox.
function http.dial(server)
  local connection = assert(socket.connect("127.0.0.1", server.port))
  connection:settimeout(PATIENCE)
  if not server.tls then return connection end
  connection = assert(ssl.wrap(connection, { mode = "client", protocol = "any", verify = "none" }))
  connection:settimeout(PATIENCE)
  assert(connection:dohandshake())
  return connection
end

function http.write(connection, path, body, headers, method)
  local lines = { (method or "POST") .. " " .. path .. " HTTP/1.1", "Host: localhost", "Content-Length: " .. #body }
  for _, header in ipairs(headers or {}) do lines[#lines + 1] = header end
  assert(connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n" .. body))
end

--- The answer, as {status=, headers=, body=, cut=}, or nil when the connection ended without one.
function http.read(connection)
  local line = connection:receive("*l")
  if not line then return nil end
  local answer = { status = tonumber(line:match("^HTTP/1%.1 (%d+)")), headers = {}, body = "", cut = false }
  for header in function() return connection:receive("*l") end do
    if header == "" then break end
    local name, value = header:match("^([^:]+):%s*(.*)$")
    answer.headers[name:lower()] = value
  end
  local length = tonumber(answer.headers["content-length"])
  if length == 0 then return answer end -- LuaSocket would wait for a byte to come
  local whole, _, part = connection:receive(length or "*a")
  answer.body, answer.cut = whole or part, whole == nil
  return answer
end

--- One request on a connection of its own.
function http.send(server, path, body, headers, method)
  local connection = http.dial(server)
  http.write(connection, path, body, headers, method)
  local answer = http.read(connection)
  connection:close()
  return answer
end

--- A token request with the right secret.
function http.login(server, headers)
  return http.send(server, http.TOKEN, '{"app_key":"sandbox-key","app_secret":"sandbox-secret"}', headers)
end

--- Headers with a fresh token.
function http.authorized(server)
  local reply = cjson.decode(http.login(server).body)
  return { "Authorization: Bearer " .. (reply.schema or reply).AccessToken, "x-app-key: sandbox-key" }
end

--- The curl command, without the sanitizer that this process may have preloaded (curl hangs in it).
http.CURL = "env -u LD_PRELOAD curl -sS -m " .. PATIENCE .. " "

--- Runs it: its exit status.
function http.curl(arguments)
  local pipe = io.popen(http.CURL .. arguments .. " >/dev/null 2>&1; echo $?")
  local code = tonumber(pipe:read("*l"))
  pipe:close()
  return code
end

return http
