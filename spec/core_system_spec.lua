-- What a call asks of the system: each system call is counted by strace, between two that mark where to look.

local processes = require "spec.support.processes"
local sandbox = require "aicc.sandbox"

local CALLS = 20

-- Makes calls on a kept connection; marks are files that are not there.
local SCRIPT = [[
  local core = require "aicc.curl"
  local session = assert(core.session { base_url = %q, ca_file = %s, app_key = "sandbox-key", tenant_space_id = "1" })
  local arguments = { skillId = 3, userAccounts = { "1001", "1002" } }
  local function call(times)
    for _ = 1, times do
      local result, err = session:release_agent_by_skill("t", arguments)
      assert(not result and err.kind == "auth", err)
    end
  end
  call(50)
  collectgarbage "stop"
  io.open "/mark"
  call(%d)
  io.open "/mark"]]

local LETTERS = { poll = "p", recvfrom = "r", sendto = "s" }
local MEMORY = { brk = true, mmap = true, munmap = true }

-- The system calls between the marks, but for those that get memory, and for libcurl 8.2x's look whether somebody wants to wake
-- its multi handle, which raw libcurl has too: a letter each, k for a look (MSG_PEEK); others by name.
local function traced(server)
  local file = os.tmpname()
  local script = SCRIPT:format(server.base_url, server.ca_file and ("%q"):format(server.ca_file) or "nil", CALLS)
  local process = processes.spawn(("strace -o %s %s -e %s"):format(file, processes.LUA, processes.quote(script)),
    { LUA_PATH = package.path, LUA_CPATH = package.cpath })
  local status, output = process:wait()
  local found, is_between = {}, false
  for line in io.lines(file) do
    local name = line:match "^([%w_]+)%("
    if line:find('"/mark"', 1, true) then
      is_between = not is_between
    elseif is_between and name and not MEMORY[name] and not line:find "^read%(%d+, 0x%x+, 64%) += %-1 EAGAIN" then
      found[#found + 1] = line:find("MSG_PEEK", 1, true) and "k" or LETTERS[name] or " " .. name .. " "
      if name == "sendto" then assert.matches("MSG_NOSIGNAL", line) end
    end
  end
  os.remove(file)
  assert.same({ 0, "" }, { status, output })
  return table.concat(found)
end

-- The names of the files that a process opens which makes a session.
local function opened()
  local file, names = os.tmpname(), {}
  local script = 'require("aicc.curl").session { base_url = "https://127.0.0.1:9" }'
  local command = ("strace -f -e trace=open,openat -o %s %s -e %s"):format(file, processes.LUA, processes.quote(script))
  local process = processes.spawn(command, { LUA_PATH = package.path, LUA_CPATH = package.cpath })
  assert.same({ 0, "" }, { process:wait() })
  for line in io.lines(file) do names[#names + 1] = line:match '"([^"]+)"' end
  os.remove(file)
  return table.concat(names, "\n")
end

local function can_trace()
  local process = processes.spawn "strace -o /dev/null true"
  return (process:wait()) == 0
end

describe("a call on a kept connection #lua54 #nosan", function()
  for _, scheme in ipairs { "http", "https" } do
    it("looks whether it still stands, sends once, waits and receives, and asks nothing else; over " .. scheme, function()
      if not can_trace() then return pending "strace may not trace here" end
      local server = assert(sandbox.start { tls = scheme == "https" })
      local calls = traced(server)
      server:stop()
      -- Before a request: libcurl's look at the connection, and ours; after it: waits for the answer, and its pieces.
      assert.equal("", (calls:gsub("[pk]*s[pr]*", "")), calls)
      local _, sends = calls:gsub("s", "")
      local _, looks = calls:gsub("k", "")
      assert.equal(CALLS, sends)
      assert.is_true(looks >= CALLS and looks <= 2 * CALLS, calls)
      assert.is_true(#calls <= (scheme == "http" and 8 or 14) * CALLS, calls)
    end)
  end
end)

describe("the first session of a process #lua54 #nosan", function()
  it("initialises nothing that libcurl has for other protocols: no LDAP, no SASL plugin", function()
    if not can_trace() then return pending "strace may not trace here" end
    local names = opened()
    assert.matches("libcurl", names)
    for _, other in ipairs { "sasl2/", "ldap.conf", "ldaprc" } do assert.is_nil(names:find(other, 1, true), names) end
  end)
end)
