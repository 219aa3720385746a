--- What is said of arguments that are wrong: with what was probably meant, and where there is help.
-- @module aicc.cli.misuse

local nearest = require "aicc.cli.nearest"

local M = {}

-- What others call it. No command has such an option, lest somebody think that the commands without it are for trying.
local DRY_RUN = { ["--dry-run"] = true, ["--dryrun"] = true, ["--dry_run"] = true, ["--no-act"] = true, ["--simulate"] = true }

-- Of commands that a plan is no trial of.
local READS = {}
for name in ("status report jobs agents agent queues token config help"):gmatch "%l+" do READS[name] = true end

local function dry_run(option, name)
  if name == "plan" then return ("%s: leave it out, for `aicc plan` is that: it changes nothing"):format(option) end
  if name and READS[name] then return ("%s: leave it out, `aicc %s` only reads"):format(option, name) end
  local apply = (name == "apply" or name == "resume") and "; `aicc status JOB` says what is left to do" or ""
  return ("%s: `aicc plan` is that: it reads rows and their queues, and says what a job would do%s; nothing was done"):format(
    option, apply)
end

--- The names of a parser's commands, in its order.
-- @tparam table parser
-- @treturn {string,...}
function M.commands(parser)
  local names = {}
  for i, command in ipairs(parser._commands) do names[i] = command._name end
  return names
end

--- A command by its name, or nil.
-- @tparam table parser
-- @tparam string name
-- @treturn ?table
function M.command(parser, name)
  for _, command in ipairs(parser._commands) do
    if command._name == name then return command end
  end
end

-- The long names of the options that a parser has.
local function options_of(parser)
  local names = {}
  for _, option in ipairs(parser._options) do
    for _, alias in ipairs(option._aliases) do
      if alias:find "^%-%-" then names[#names + 1] = alias end
    end
  end
  return names
end

-- The command among arguments: the first of them that is no option, since none of the options before it takes a value.
local function command_among(parser, arguments)
  for _, argument in ipairs(arguments) do
    if argument:sub(1, 1) ~= "-" then return M.command(parser, argument) end
  end
end

-- Those commands that have an option.
local function having(parser, option)
  local names = {}
  for _, command in ipairs(parser._commands) do
    for _, name in ipairs(options_of(command)) do
      if name == option then names[#names + 1] = command._name end
    end
  end
  return names
end

-- The long options that a letter (-v) may stand for: those that begin with it, unless they are many.
local function spelled_out(word, names)
  local letter, found = word:match "^%-(%a)$", {}
  if not letter then return found end
  for _, name in ipairs(names) do
    if name:sub(3, 3) == letter:lower() then found[#found + 1] = name end
  end
  table.sort(found)
  return #found <= 3 and found or {}
end

--- A question with what was probably meant; empty if nobody knows.
-- @tparam string word
-- @tparam {string,...} names
-- @treturn string
function M.meant(word, names)
  local near = nearest.of(word, names)
  if #near == 0 then near = spelled_out(word, names) end
  if #near == 0 then return "" end
  return ("\nDid you mean %s?"):format(table.concat(near, " or "))
end

-- What was probably meant by a word that is none of these, though perhaps of the other kind: a command that was typed as an
-- option, or an option as a command.
local function meant_otherwise(word, names, otherwise, others)
  local text = M.meant(word, names)
  return text ~= "" and text or M.meant(otherwise, others)
end

--- What is wrong with arguments, as it is told.
-- @tparam table parser
-- @tparam {string,...} arguments
-- @tparam string problem as the parser tells it
-- @treturn string
function M.message(parser, arguments, problem)
  local command = command_among(parser, arguments)
  local name = command and command._name
  local help = name and ("\nTry `aicc help %s`."):format(name) or "\nTry `aicc help`."
  local kind, word = problem:match "^unknown (%l+) '([^\n]*)'"
  if not kind then return problem .. help end
  if kind == "option" and DRY_RUN[word] then return dry_run(word, name) .. "." .. help end
  local text = ("unknown %s '%s'"):format(kind, word)
  if kind == "command" then
    return text .. meant_otherwise(word, M.commands(parser), "--" .. word, options_of(parser)) .. help
  end
  local meant = command and M.meant(word, options_of(command))
    or meant_otherwise(word, options_of(parser), (word:gsub("^%-+", "")), M.commands(parser))
  local others = meant == "" and having(parser, word) or {}
  if #others > 0 then meant = ("\n%s is for: %s."):format(word, table.concat(others, ", ")) end
  if command then text = text .. " of " .. name end
  return text .. meant .. help
end

return M
