--- The transport inside Copas: libcurl's, told where to wait.
-- @module aicc.transport.copas

return require("aicc.transport.curl").waiting(require "aicc.transport.loops.copas")
