--- The transport inside luv (libuv): libcurl's, told where to wait.
--
-- luv knows no coroutines, so nobody can tell by looking whether one is resumed by its callbacks or by a loop of the program's
-- own, which would take our yield for its next value. By itself the transport is chosen where the coroutine was begun with
-- `spawn`; with `transport = "luv"` any coroutine will do. Anywhere else, while `uv.run` runs, a call is refused: it would hold
-- up all others.
-- @module aicc.transport.luv

local how = require "aicc.transport.loops.luv"

local M = require("aicc.transport.curl").waiting(how)

--- Begins a coroutine in which clients wait by yielding to luv, whatever transport they were given. It runs at once, until it
-- yields for the first time.
-- An error in it is raised by what resumes it.
-- @tparam function f
-- @param ... its arguments
-- @treturn thread
function M.spawn(f, ...) return how.spawn(f, ...) end

return M
