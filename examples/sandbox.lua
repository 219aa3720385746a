-- The sandbox of the API for the two `run` scripts beside this file: over HTTPS, with a CA of its own.
-- It writes that CA and its own address into a folder, and lives until its standard input ends.

local sandbox = require "aicc.sandbox"

local folder = arg[1]
local server <close> = assert(sandbox.start { tls = true, agents = { [3] = { "1001", "1002" }, [4] = { "1001", "1003" } } })

local function write(name, text)
  local file <close> = assert(io.open(folder .. "/" .. name .. ".new", "w"))
  assert(file:write(text))
  assert(os.rename(folder .. "/" .. name .. ".new", folder .. "/" .. name))
end

write("ca.pem", server.ca_pem)
write("api", ("127.0.0.1:%d\n"):format(server.port))
io.read "a"
