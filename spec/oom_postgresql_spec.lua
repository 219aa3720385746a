-- Memory runs out in jobs whose store is a PostgreSQL server's: the same as oom_spec.lua has on SQLite. libpq's memory runs out,
-- too.

local compile = require "spec.support.compile"
local oom = require "spec.support.oom"
local postgresql = require "spec.support.postgresql"
local support = require "spec.support.jobs"

describe("out of memory in PostgreSQL #postgresql #slow #nosan #lua54", function()
  local server

  setup(function() server = postgresql.start() end)
  teardown(function()
    server.stop()
    compile.clean()
    support.clean()
  end)

  for _, row in ipairs { { "plan, postgresql", 499 }, { "apply, postgresql", 799 } } do
    for _, mode in ipairs { "once", "twice", "forever" } do
      it(("%s, %s"):format(row[1], mode), function() oom.exhaust(row[1], mode, row[2], nil, server.url) end)
    end
  end
end)
