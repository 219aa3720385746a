--- What the documents say to type: README, CONTRIBUTING, SECURITY, doc/*.md, the man page, and the heads of the examples.

local tree = require "spec.support.tree"

local documented = {}

--- The documents' paths.
documented.PAGES = tree.printed "ls README.md CONTRIBUTING.md SECURITY.md doc/*.md"
documented.MAN = "doc/aicc.1"
documented.EXAMPLES = tree.printed "ls examples/*.lua"

-- The blocks of a page: fenced ones, whose `language` is what the fence says, and indented ones. `line` is where one begins.
local function blocks_of_page(path)
  local blocks, block, is_fenced = {}, nil, false
  for at, line in ipairs(tree.lines(path)) do
    local language = line:match "^```(%w*)$"
    if language then
      is_fenced = not is_fenced
      block = is_fenced and { line = at + 1, language = language, lines = {} } or nil
      blocks[#blocks + 1] = block
    elseif is_fenced then
      block.lines[#block.lines + 1] = line
    elseif line:find "^    %s*%S" then
      if not block then
        block = { line = at, lines = {} }
        blocks[#blocks + 1] = block
      end
      block.lines[#block.lines + 1] = line:sub(5)
    elseif line ~= "" then
      block = nil
    end
  end
  return blocks
end

-- The blocks of a man page: what stands between .nf and .fi.
local function blocks_of_man(path)
  local blocks, block = {}, nil
  for at, line in ipairs(tree.lines(path)) do
    if line == ".nf" then
      block = { line = at + 1, lines = {} }
      blocks[#blocks + 1] = block
    elseif line == ".fi" then
      block = nil
    elseif block then
      block.lines[#block.lines + 1] = (line:gsub("\\(.)", "%1"))
    end
  end
  return blocks
end

-- The words with which a line of a shell begins here.
local PROGRAMS = { "make", "aicc", "sudo", "lua5%.%d", "luarocks", "dpkg%-buildpackage", "dpkg", "docker", "apt%-get", "sqlite3",
  "psql", "eval", "export", "mkdir", "examples/%w+/run" }

local function is_shell(line)
  for _, program in ipairs(PROGRAMS) do
    if line:find("^" .. program .. "%f[%s\0]") then return true end
  end
  return false
end

--- The blocks of a document, each with its `kind`: `shell`, `repl` (Lua after a prompt, with what it answers), `lua`, `sql`, or
-- `picture` for all else.
function documented.blocks(path)
  local blocks = (path == documented.MAN and blocks_of_man or blocks_of_page)(path)
  for _, block in ipairs(blocks) do
    local first = block.lines[1]
    block.text = table.concat(block.lines, "\n")
    block.kind = first:find "^> " and "repl" or block.language == "lua" and "lua" or is_shell(first) and "shell"
      or load(block.text) and "lua" or first:find "^SELECT" and "sql" or "picture"
  end
  return blocks
end

--- The commands of a block of a shell's: each a line, without the remark beside it, whole where it is continued.
function documented.commands(block)
  local commands = {}
  for line in (block.text:gsub("\\\n%s*", "")):gmatch "[^\n]+" do
    local command = line:gsub("%s%s+.*$", ""):gsub("%s+#.*$", "")
    if command ~= "" then commands[#commands + 1] = command end
  end
  return commands
end

--- What a page's sentences name between backquotes; code within fences is left out.
function documented.quoted(path)
  local text = table.concat(tree.lines(path), "\n"):gsub("\n```.-\n```", "")
  local quoted = {}
  for words in text:gmatch "`([^`\n]+)`" do quoted[#quoted + 1] = words end
  return quoted
end

--- The commands that the heads of examples give: `eval "$(make)"; lua5.4 examples/night.lua`.
function documented.of_examples()
  local commands = {}
  for _, path in ipairs(documented.EXAMPLES) do
    local head = table.concat(tree.lines(path), "\n"):match "^%-%-.-\n\n"
    for line in head:gmatch "[^\n]+" do
      local command = line:match "^%-%-     (.*lua5%.%d .*)$"
      if command then commands[#commands + 1] = { path = path, command = (command:gsub("%s%s+.*$", "")) } end
    end
  end
  return commands
end

return documented
