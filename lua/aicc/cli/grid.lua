--- Lines of cells, one below the other in columns; one of the columns, that of names, gives way where the terminal is too narrow.
-- @module aicc.cli.grid

local fold = require "aicc.cli.fold"
local width = require "aicc.cli.width"

local M = {}

local GAP = "  "  -- between two columns
local LEAST = 8 -- columns that are left of names

-- How wide each column is: as its widest cell, but that names have what the others leave.
local function widths_of(columns, rows, most)
  local widths, total, flexible = {}, -#GAP, nil
  for i, column in ipairs(columns) do
    widths[i] = width.of(column.title)
    for _, row in ipairs(rows) do widths[i] = math.max(widths[i], width.of(row[i] or "")) end
    if column.is_name then flexible = i end
    total = total + widths[i] + #GAP
  end
  if most and flexible and total > most then
    widths[flexible] = math.min(widths[flexible], math.max(LEAST, widths[flexible] - (total - most)))
  end
  return widths
end

-- A line's text, without blanks at its end.
local function line_of(columns, widths, cells)
  local parts = {}
  for i, column in ipairs(columns) do
    local cell = cells[i] or ""
    if column.is_name then
      parts[i] = width.padded(cell, widths[i])
    else
      local blanks = (" "):rep(widths[i] - width.of(cell))
      parts[i] = column.is_number and blanks .. cell or cell .. blanks
    end
  end
  return (table.concat(parts, GAP):gsub("%s+$", ""))
end

--- Rows under their columns' titles, as lines. A column of names in which there is nothing is left out.
-- @tparam {table,...} columns `title`; `is_number`: it stands to the right; `is_name`: it is made harmless, and gives way
-- @tparam {table,...} rows arrays of strings, as many as there are columns; nil is an empty cell
-- @tparam ?integer most columns of the terminal, if that is not to be exceeded
-- @treturn {string,...}
function M.lines(columns, rows, most)
  local shown, from = {}, {}
  for i, column in ipairs(columns) do
    local is_used = not column.is_name
    for _, row in ipairs(rows) do is_used = is_used or row[i] ~= nil end
    if is_used then shown[#shown + 1], from[#from + 1] = column, i end
  end
  local cells = {}
  for n, row in ipairs(rows) do
    cells[n] = {}
    for i, at in ipairs(from) do
      local cell = row[at]
      cells[n][i] = cell and shown[i].is_name and width.harmless(cell) or cell
    end
  end
  local widths, titles = widths_of(shown, cells, most), {}
  for i, column in ipairs(shown) do titles[i] = column.title end
  local lines = { line_of(shown, widths, titles) }
  for _, row in ipairs(cells) do lines[#lines + 1] = line_of(shown, widths, row) end
  return lines
end

--- Prints them.
-- @tparam table out `aicc.cli.output`
-- @tparam {table,...} columns as for `lines`
-- @tparam {table,...} rows as for `lines`
function M.print(out, columns, rows)
  for _, line in ipairs(M.lines(columns, rows, fold.width(1))) do out:line("%s", line) end
end

return M
