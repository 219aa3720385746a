-- A real nginx or HAProxy for a spec, started by the example's own `run` on the spec's sandbox. Beside it, `console` starts the
-- same server with a configuration of the specs' own, which runs whatever Lua it is sent and goes out through the example's
-- egress.

local processes = require "spec.support.processes"
local cjson = require "cjson"
local load = require "spec.support.hosts.load"
local prometheus = require "spec.support.prometheus"
local socket = require "socket"

local host = { lifetime = 300 } -- seconds after which one ends that a spec forgot

local Host = {}
Host.__index = Host

local function shell(command)
  local pipe = io.popen(command)
  local output = pipe:read "*a"
  pipe:close()
  return (output:gsub("%s+$", ""))
end

local function wait_until(condition, what, seconds)
  local ends = socket.gettime() + (seconds or 20)
  while not condition() do
    if socket.gettime() > ends then error("waited in vain for " .. what()) end
    socket.sleep(0.02)
  end
end

local function content(path)
  local file = io.open(path)
  local text = file and file:read "*a" or ""
  if file then file:close() end
  return text
end

-- Starts a command with these variables; it is a host once it answers.
local function start(name, command, variables, port)
  local self = setmetatable({ name = name, port = port, work = variables.WORK }, Host)
  local line = ("exec timeout %d %s >%s/log 2>&1"):format(host.lifetime, command, self.work)
  self.process = processes.spawn("sh -c " .. processes.quote(line), variables)
  wait_until(function()
    local is_alive = shell(("kill -0 %d 2>&1"):format(self.process.pid)) == ""
    if not is_alive then error(name .. " has ended:\n" .. self:log()) end
    return load.send({ port = port, path = "/health" }).status
  end, function() return name .. " to start:\n" .. self:log() end)
  return self
end

--- Starts `examples/NAME/run` ("openresty" or "haproxy") on a sandbox. `overrides` are variables that win; `arguments` are the
-- server's own, beside its usual ones.
function host.example(name, sandbox, overrides, arguments)
  local port = load.free_port()
  local variables = {
    WORK = shell "mktemp -d", LISTEN = "127.0.0.1:" .. port, API = "127.0.0.1:" .. sandbox.port, NAME = "localhost",
    CA = sandbox.ca_file, HOOK_SECRET = "hook-secret-7f3a", AICC_APP_KEY = sandbox.app_key, AICC_APP_SECRET = sandbox.app_secret,
  }
  for variable, value in pairs(overrides or {}) do variables[variable] = value end
  return start(name, ("examples/%s/run %s"):format(name, arguments or ""), variables, port)
end

--- The egress of an example, as a client's option.
function Host:egress() return ("unix:%s/egress.sock"):format(self.work) end

--- A request of the webhook.
function Host:hook(account, queues, fields)
  local request = {
    port = self.port, path = ("/agents/%s/signed-off"):format(account), headers = { ["X-Hook-Secret"] = "hook-secret-7f3a" },
    body = cjson.encode { queues = queues },
  }
  for name, value in pairs(fields or {}) do request[name] = value end
  return request
end

--- The example's numbers, as Prometheus would read them: `name{label="value",…}` -> number.
function Host:metrics()
  local reply = load.send { port = self.port, path = "/metrics" }
  local kind = reply.head:lower():match "\ncontent%-type: ([^\r]+)"
  assert(kind == "text/plain; version=0.0.4; charset=utf-8", kind)
  return (prometheus.read(reply.body))
end

--- How many requests of releases were answered so far.
function Host:released()
  return self:metrics()['aicc_attempts_total{kind="none",operation="release_agent_by_skill",outcome="answered"}'] or 0
end

--- What it has written.
function Host:log() return content(self.work .. "/log") .. content(self.work .. "/access.log") end

--- Waits until it has written a line of that pattern: hosts do so after they have answered. Returns what it has written.
function Host:wait_for_log(pattern)
  local log
  wait_until(function()
    log = self:log()
    return log:find(pattern)
  end, function() return pattern .. " in\n" .. log end)
  return log
end

-- The pid of the process that the workers are children of, and those. It may answer requests before it has written that down.
function Host:master()
  local path, pid = self.work .. (self.name == "openresty" and "/nginx.pid" or "/haproxy.pid"), nil
  wait_until(function()
    pid = content(path):match "%d+"
    return pid
  end, function() return path end)
  return pid
end

local function workers(master) return shell(("pgrep -P %s | sort"):format(master)) end

--- The pids of its worker processes.
function Host:workers() return workers(self:master()) end

--- Has it read its configuration again, as its manual says.
function Host:reload() shell(("kill -%s %s"):format(self.name == "openresty" and "HUP" or "USR2", self:master())) end

--- Changes the configuration, which `edit` gets and returns, and waits until the old workers are gone. The signal is repeated: a
-- HAProxy that has just started may miss it.
function Host:configure(edit)
  local path = self.work .. (self.name == "openresty" and "/nginx.conf" or "/haproxy.cfg")
  local text, old = edit(content(path)), workers(self:master())
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local asked = 0
  wait_until(function()
    local now, new = workers(self:master()), 0
    if socket.gettime() - asked > 2 and (asked == 0 or now == old) then
      old, asked = now, socket.gettime() -- it may have started another since
      self:reload()
    end
    for pid in now:gmatch "%d+" do
      if old:find("%f[%d]" .. pid .. "%f[%D]") then return false end
      new = new + 1
    end
    return new > 0
  end, function() return "new workers:\n" .. self:log() end)
end

--- One worker process, or thread, instead of two.
function Host:alone()
  self:configure(function(text)
    return (text:gsub("worker_processes 2", "worker_processes 1"):gsub("nbthread 2", "nbthread 1"))
  end)
end

function Host:stop()
  self.process:signal "TERM"
  self.process:wait()
  shell("rm -rf " .. processes.quote(self.work))
end

-- Consoles ------------------------------------------------------------------------------------------------------------------

local function here() return shell "pwd" end

--- The version of the Lua in HAProxy: "5.3" or "5.4".
function host.haproxy_abi()
  return assert(shell("haproxy -vv"):match "Built with Lua version *: *Lua (%d+%.%d+)", "this haproxy has no Lua")
end

local function tree(abi)
  return {
    LUA_PATH = ("%s/lua/?.lua;%s/lua/?/init.lua;;"):format(here(), here()),
    LUA_CPATH = ("%s/build/%s/?.so;;"):format(here(), abi),
  }
end

--- Starts a server with a configuration of the specs' own, in which @PORT@, @WORK@ and @SPEC@ stand for what they say. It answers
-- POST /lua with what the body's Lua code returns, as JSON. `more` are variables for it.
function host.console(name, files, more)
  local work, port = shell "mktemp -d", load.free_port()
  shell("chmod 755 " .. work)
  for file, text in pairs(files) do
    local out = assert(io.open(work .. "/" .. file, "w"))
    out:write((text:gsub("@PORT@", port):gsub("@WORK@", work):gsub("@SPEC@", here() .. "/spec/support/hosts")))
    out:close()
  end
  local nginx = name == "openresty"
  local variables = tree(nginx and "5.1" or host.haproxy_abi())
  variables.WORK = work
  for variable, value in pairs(more or {}) do variables[variable] = value end
  local command = nginx and "nginx -p %s -e stderr -c nginx.conf -g 'daemon off;'" or "haproxy -db -f %s/haproxy.cfg"
  return start(name .. " console", command:format(work), variables, port)
end

--- Runs Lua code in a console, as `function(call) … end` of console.lua's; returns what it returns.
function Host:run(code, path)
  local reply = load.send { port = self.port, path = path or "/lua", body = "local call = ... " .. code }
  assert(reply.status == 200, ("%s answered %s\n%s"):format(self.name, tostring(reply.status), self:log()))
  return cjson.decode(reply.body)[1]
end

--- What code returned that ran in a phase whose answer comes too late for the client.
function Host:told(phase)
  local told
  wait_until(function()
    told = cjson.decode(load.send({ port = self.port, path = "/told?by=" .. phase }).body)[1]
    return told
  end, function() return "the " .. phase .. " phase" end)
  return told
end

return host
