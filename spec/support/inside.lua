--- Where a spec's calls are made: here, or in the event loop that another spec has chosen, as one of its tasks.

local inside = {}

local loop

--- From now on in that loop (`spec.support.loops`); nil: here.
function inside.use(chosen) loop = chosen end

--- What `f` returns.
function inside.call(f, ...)
  if not loop then return f(...) end
  local arguments = { n = select("#", ...), ... }
  local result = loop.run { function() return f((table.unpack or unpack)(arguments, 1, arguments.n)) end }
  return (table.unpack or unpack)(result[1], 1, result[1].n)
end

--- A client's options, with the transport for that loop.
function inside.options(options)
  options = options or {}
  options.transport = loop and loop.name or options.transport
  return options
end

return inside
