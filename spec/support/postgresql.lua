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

--- Starts one; `url` is where it is, `stop` ends it and removes its folder.
function postgresql.start()
  local folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  local as = ""
  if io.popen "id -u":read "l" == "0" then
    run("chown postgres " .. folder)
    as = "cd / && setpriv --reuid=postgres --regid=postgres --init-groups "
  end
  local bin, data = programs(), folder .. "/data"
  run(as .. bin .. "initdb -A trust -U aicc --no-sync -E UTF8 --locale=C -D " .. data)
  local options = ("-k %s -c listen_addresses= -c fsync=off"):format(folder)
  run(("%s%spg_ctl -w -t 60 -l %s/log -D %s -o '%s' start >/dev/null"):format(as, bin, folder, data, options))
  return {
    data = data, -- its folder
    url = "postgresql://aicc@/postgres?host=" .. folder,
    stop = function()
      run(as .. bin .. "pg_ctl -w -m immediate -D " .. data .. " stop")
      core.sleep(0.1)
      run("rm -rf " .. folder)
    end,
  }
end

return postgresql
