--- The picture of the documents that shows the command: `make pictures` writes doc/plan.svg, and a spec sees whether that is what
-- the command says.

local jobs = require "spec.support.jobs"
local processes = require "spec.support.processes"

local M = {}

local COLUMNS, CELL, LINE, MARGIN = 80, 8.4, 20, 16 -- of a terminal; of its letters and its edge, in pixels

local ESCAPED = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

-- A terminal's screen as SVG: lines of text, of which those that were typed begin with "$ ".
local function svg(lines, title)
  local width, height = COLUMNS * CELL + 2 * MARGIN, #lines * LINE + 2 * MARGIN
  local parts = {
    ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" role="img">\n'):format(
      width, height, width, height),
    "<title>" .. title .. "</title>\n",
    '<rect width="100%" height="100%" rx="6" fill="#1b1f24"/>\n',
    '<g font-family="ui-monospace, \'DejaVu Sans Mono\', Menlo, monospace" font-size="14" fill="#d8dee6">\n',
  }
  for at, line in ipairs(lines) do
    local text = line:gsub("[&<>]", ESCAPED):gsub(" ", "\u{A0}") -- blanks that stay
      :gsub("^%$\u{A0}(.*)$", '<tspan fill="#7d8794">$\u{A0}</tspan><tspan fill="#ffffff" font-weight="bold">%1</tspan>')
    if text ~= "" then
      -- As wide as its letters are counted, whatever font there is.
      parts[#parts + 1] = ('<text x="%g" y="%g" textLength="%g" lengthAdjust="spacing">%s</text>\n'):format(
        MARGIN, MARGIN + at * LINE - 6, utf8.len(line) * CELL, text)
    end
  end
  parts[#parts + 1] = "</g>\n</svg>\n"
  return table.concat(parts)
end

--- What `aicc plan` shows of a night's rows over three queues.
-- @treturn string SVG
function M.plan()
  local folder = jobs.folder()
  local server = jobs.sandbox {
    queues = { [3] = "Support", [4] = "Sales", [17] = "Night desk" },
    agents = { [3] = jobs.agents(120), [4] = jobs.agents(40, "b"), [17] = jobs.agents(8, "c") },
  }
  local rows = {}
  for i = 1, 30 do rows[#rows + 1] = { 3, "a" .. i } end
  for i = 1, 12 do rows[#rows + 1] = { 4, "b" .. i } end
  for i = 1, 6 do rows[#rows + 1] = { 17, "c" .. i } end
  rows[#rows + 1] = { 17, "x9" }
  jobs.csv(folder .. "/night.csv", rows)
  local command = jobs.command(folder, server, "plan " .. folder .. "/night.csv")
  command = ("stty cols %d; %s 2>%s/progress"):format(COLUMNS, command, folder)
  local pipe = assert(io.popen(("script -qec %s /dev/null </dev/null"):format(processes.quote(command))))
  local lines = { "$ aicc plan night.csv" }
  for line in pipe:lines() do lines[#lines + 1] = line:gsub("\r$", "") end
  assert(pipe:close(), lines[2])
  jobs.clean()
  return svg(lines, "aicc plan: for each queue, how many agents it has, how many would be released, and how many would be left")
end

--- Writes them all.
-- @tparam string folder
function M.write(folder)
  local file = assert(io.open(folder .. "/plan.svg", "w"))
  assert(file:write(M.plan()))
  file:close()
end

return M
