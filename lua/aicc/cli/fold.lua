--- Text on a terminal: how wide it is, where lines are broken. On a pipe text is left as it is.
-- @module aicc.cli.fold

local columns = require "aicc.cli.width"
local core = require "aicc.core"

local M = {}

local USUAL = 80 -- columns of a terminal that does not tell

--- The columns that lines may have, or nil where nobody looks at them. The last one stays free: some terminals go on to the next
-- line once it is filled.
-- @tparam integer descriptor 1 or 2
-- @treturn ?integer
function M.width(descriptor)
  if not core.is_terminal(descriptor) then return nil end
  return (core.terminal_size(descriptor) or USUAL) - 1
end

-- Breaks one line at blanks; what has none, where the width ends.
local function fold(line, width)
  local parts, at, indent = {}, 1, ""
  while true do
    local last = math.max(columns.fitting(line, at, width - #indent), at)
    if last >= #line then break end
    local blank = line:sub(at, last + 1):match "^.*%S()%s+%S?" -- the last one that something stands before
    local stop = blank and at + blank - 2 or last
    parts[#parts + 1] = indent .. line:sub(at, stop)
    at = line:match("^%s*()", stop + 1)
    indent = "  "
  end
  parts[#parts + 1] = indent .. line:sub(at)
  return table.concat(parts, "\n")
end

--- Breaks a text's lines so that none is wider.
-- @tparam string text
-- @tparam ?integer width nil leaves them as they are
-- @treturn string
function M.text(text, width)
  if not width then return text end
  return (text:gsub("[^\n]+", function(line) return fold(line, width) end))
end

--- Puts a command's words on lines that can be pasted as they are. A word is never broken.
-- @tparam string prefix what stands before it
-- @tparam {string,...} words
-- @tparam ?integer width nil makes it one line
-- @treturn string
function M.command(prefix, words, width)
  local lines, line = {}, prefix .. words[1]
  for i = 2, #words do
    if width and #line + #words[i] + #"  \\" > width then
      lines[#lines + 1] = line .. " \\"
      line = "  " .. words[i]
    else
      line = line .. " " .. words[i]
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

return M
