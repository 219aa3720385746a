-- Which connections to an egress nginx's transport keeps for the next call: behind an answer that is not the last word, or not an
-- egress's, comes what nobody has asked for, and the next call would take it for its own answer.

local assert = require "luassert"
local console = require "spec.support.hosts.nginx"
local processes = require "spec.support.processes"

-- An egress that answers by the queue that a listing is of: of 7 with an interim answer (nginx passes such ones on, and the real
-- one behind it), of 8 without its header, of all others as it should. The real answer to 7 comes when its connection is read
-- again. It tells which connection each came on.
local EGRESS = [[
import os, re, socket
path = "%s/interim.sock"
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
os.chmod(path, 0o666)
listener.listen(8)
print("listening", flush=True)
HEAD = b"HTTP/1.1 %%s\r\nConnection: keep-alive\r\n%%sContent-Length: %%d\r\n\r\n"
def answer(body, mine=b"X-Aicc-Egress: answered\r\n"): return HEAD %% (b"200 OK", mine, len(body)) + body
def page(queue): return b'{"resultCode":"0","count":1,"data":[{"userAccount":"of-%%s"}]}' %% queue
number = 0
while True:
  connection, _ = listener.accept()
  number += 1
  late = b""
  while True:
    data = b""
    while b"\r\n\r\n" not in data:
      piece = connection.recv(65536)
      if not piece: break
      data += piece
    if not data: break
    head, body = data.split(b"\r\n\r\n", 1)
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length: body += connection.recv(65536)
    if b"tokenByAkSk" in head:
      print("token", number, flush=True)
      connection.sendall(answer(b'{"AccessToken":"t","Expires":"3600"}'))
      continue
    queue = re.search(rb'"skillId":(\d+)', body).group(1)
    print(queue.decode(), number, flush=True)
    if late: # the egress works on one request at a time
      connection.sendall(late)
      late = b""
    if queue == b"7":
      connection.sendall(b"HTTP/1.1 102 Processing\r\nConnection: keep-alive\r\nX-Aicc-Egress: answered\r\n\r\n")
      late = answer(page(queue))
    else:
      connection.sendall(answer(page(queue), b"" if queue == b"8" else b"X-Aicc-Egress: answered\r\n"))
  connection.close()
]]

it("in nginx what comes behind an interim answer is no other call's, nor is a stranger's connection kept #hosts", function()
  local there = console.start()
  local egress = processes.spawn("python3 -c " .. processes.quote(EGRESS:format(there.work)))
  assert.equal("listening", egress:line())
  local told = there:run(([[
    local client = assert(require("aicc").new {
      egress = "unix:%s/interim.sock", base_url = "https://localhost", app_key = "app-key", app_secret = "secret",
      store = "memory",
      retry = false,
    })
    local told = {}
    for n, queue in ipairs { 3, 7, 4, 8, 5, 6 } do
      local agents, err = client:query_agents(queue)
      told[n] = agents and agents[1].userAccount or err.kind .. " " .. err.outcome
    end
    return told]]):format(there.work))
  egress:signal "TERM"
  local _, output = egress:wait()
  there:stop()
  assert.same({ "of-3", "http unknown", "of-4", "network unknown", "of-5", "of-6" }, told)
  assert.equal("token 1\n3 1\n7 1\n4 2\n8 2\n5 3\n6 3", output)
end)
