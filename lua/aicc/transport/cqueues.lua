--- The transport inside cqueues: libcurl's, told where to wait.
-- @module aicc.transport.cqueues

return require("aicc.transport.curl").waiting(require "aicc.transport.loops.cqueues")
