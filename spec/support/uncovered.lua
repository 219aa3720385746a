-- Files of which `make coverage` sees less than 95 % of the lines, and why that is so.

local reasons = {}

local function because(reason)
  return function(names)
    for name in names:gmatch "%S+" do reasons[name] = reason end
  end
end

because "what is missing is what follows when memory or descriptors run out: core_memory_spec does that, without the recorder" [[
  src/call.c src/endpoint.c src/engine.c src/handle.c src/sockets.c src/pollable.c src/polled.c src/pollset.c
  src/sandbox/cafile.c src/sandbox/gate.c src/sandbox/request.c src/sandbox/state.c ]]

because "what is missing ends transactions and statements for which there is no memory (oom_spec, check-oom), and PostgreSQL's" [[
  lua/aicc/jobs/db/connection.lua ]]

because "of characters that every caller refuses before; check-fuzz has them" [[ src/json.c src/text.c ]]

because "blocks SIGPIPE for libcurl before 7.88 and for other TLS libraries; a random source is never missing" [[ src/sys.c ]]

because "only plain Lua 5.1 needs it: check-luas" [[ src/uncaught.c ]]

because "asks a terminal, and runs on one: check-terminal" [[
  src/processlib.c lua/aicc/cli.lua lua/aicc/cli/jobs.lua lua/aicc/cli/show.lua lua/aicc/cli/queues_of_job.lua
  lua/aicc/cli/terminal.lua lua/aicc/cli/watch.lua lua/aicc/jobs/names.lua ]]

because "its troubles are made in an environment of their own (env -i), or by another user, where nothing is recorded" [[
  lua/aicc/cli/token_cache.lua ]]

because "ends by a signal, after which nothing is recorded" [[ lua/aicc/cli/sandbox.lua ]]

because "of workers that share a job, and PostgreSQL: check-postgresql" [[
  lua/aicc/jobs/db/open.lua lua/aicc/jobs/job_lock.lua lua/aicc/jobs/queue_claims.lua lua/aicc/jobs/workers.lua ]]

because "runs in the sandbox's own Lua state, where nothing is recorded; each spec with a sandbox runs it" [[
  lua/aicc/sandbox/body.lua lua/aicc/sandbox/faults.lua lua/aicc/sandbox/inquiries.lua lua/aicc/sandbox/operations.lua
  lua/aicc/sandbox/queues.lua lua/aicc/sandbox/replies.lua lua/aicc/sandbox/service.lua ]]

because "runs in nginx or HAProxy: check-hosts" [[
  lua/aicc/host.lua lua/aicc/store/shdict.lua lua/aicc/transport/egress.lua lua/aicc/transport/haproxy.lua
  lua/aicc/transport/http.lua lua/aicc/transport/nginx.lua ]]

because "runs in cqueues, luv and Copas: check-loops" [[
  lua/aicc/transport/curl.lua lua/aicc/transport/loops/copas.lua lua/aicc/transport/loops/cqueues.lua
  lua/aicc/transport/loops/luv.lua lua/aicc/transport/loops/stands_in.lua
  lua/aicc/transport/polled.lua ]]

return reasons
