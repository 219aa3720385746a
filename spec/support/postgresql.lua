-- A PostgreSQL server of the spec's own: in a folder of its own, on a Unix socket. As root it runs as the user postgres, since
-- the server refuses root.

local core = require "aicc.core"
local lfs = require "lfs"

local postgresql = {}

local function run(command)
  local pipe = io.popen(command .. " 2>&1")
  local output = pipe:read "a"
  return pipe:close() and output or error(command .. ":\n" .. output)
end

-- Where Debian keeps the server's programs; "" where they are in PATH.
local function programs()
  local newest = ""
  for path in io.popen "ls -d /usr/lib/postgresql/*/bin 2>/dev/null":lines() do newest = path .. "/" end
  return newest
end

--- Starts one; `url` is where it is, `stop` ends it and removes its folder, `crash` ends it as a power cut would and starts it
-- again, `revive` starts it if it has ended by itself, and waits until it takes connections. `parent`: where its folder is to be;
-- `settings`: more of its options; `layout`: of its files.
function postgresql.start(parent, settings, layout)
  local folder = parent and parent .. "/postgresql" or os.tmpname()
  if not parent then os.remove(folder) end
  assert(lfs.mkdir(folder))
  local as = ""
  if io.popen "id -u":read "l" == "0" then
    run("chown postgres " .. folder)
    as = "cd / && setpriv --reuid=postgres --regid=postgres --init-groups "
  end
  local bin, data = programs(), folder .. "/data"
  run(as .. bin .. "initdb -A trust -U aicc --no-sync -E UTF8 --locale=C -D " .. data .. " " .. (layout or ""))
  local options = ("-k %s -c listen_addresses= -c fsync=off %s"):format(folder, settings or "")
  local function control(words) return run(("%s%spg_ctl -w -t 60 -D %s %s"):format(as, bin, data, words)) end
  local function start() control(("-l %s/log -o '%s' start >/dev/null"):format(folder, options)) end
  start()
  return {
    data = data, -- its folder
    folder = folder, -- its socket's
    bin = bin, -- where its programs are
    url = "postgresql://aicc@/postgres?host=" .. folder,
    crash = function()
      control "-m immediate stop"
      start()
    end,
    revive = function()
      local gives_up = core.now() + 60
      while not pcall(run, bin .. "pg_isready -q -h " .. folder) do -- it may be about to end, or recovering by itself
        if not pcall(control, "status") then start() end
        if core.now() > gives_up then error "the PostgreSQL server does not come back" end
        core.sleep(0.05)
      end
    end,
    stop = function()
      control "-m immediate stop"
      core.sleep(0.1)
      run("rm -rf " .. folder)
    end,
  }
end

--- Starts a pool before a server, as root by the user postgres, since pgbouncer refuses root. `url` leads to it; `stop` ends it.
function postgresql.pool(server, mode, size)
  local folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  local file = assert(io.open(folder .. "/ini", "w"))
  file:write(([[
[databases]
postgres = user=aicc host=%s
[pgbouncer]
listen_addr =
unix_socket_dir = %s
auth_type = any
pool_mode = %s
default_pool_size = %d
logfile = %s/log
pidfile = %s/pid
]]):format(server.url:match "host=(.*)$", folder, mode, size, folder, folder))
  file:close()
  local as = ""
  if io.popen "id -u":read "l" == "0" then
    run("chown -R postgres " .. folder)
    as = "cd / && setpriv --reuid=postgres --regid=postgres --init-groups "
  end
  run(("%spgbouncer -q -d %s/ini"):format(as, folder))
  local pid
  repeat -- it writes this once it listens
    core.sleep(0.02)
    local noted = io.open(folder .. "/pid")
    pid = noted and noted:read "n"
    if noted then noted:close() end
  until pid
  return {
    url = "postgresql://aicc@/postgres?port=6432&host=" .. folder,
    stop = function()
      run(("kill %d; while kill -0 %d 2>/dev/null; do sleep 0.05; done"):format(pid, pid))
      run("rm -rf " .. folder)
    end,
  }
end

return postgresql
