--- The completions for zsh and fish, made from the command's parser: `make completions` writes them to doc/, and a spec sees
-- whether they are what it would write.

local M = {}

-- What a value or an argument of that name is.
local FILE, JOB, COMMAND = "file", "job", "command"
local KINDS = {
  ["--agents"] = FILE, ["--log"] = FILE, ["--output"] = FILE, file = FILE, job = JOB, topic = COMMAND,
}

-- The first sentence of a description, in a line, in single quotes; `special` is a pattern of what else is escaped.
local function described(text, special)
  text = text:gsub("\n", " "):gsub("%.%s.*$", ""):gsub("%.$", "")
  return (text:gsub(special, "\\%0"))
end

local function zsh_text(text) return (described(text, "[%[%]:\\]"):gsub("'", "'\\''")) end
local function fish_text(text) return described(text, "['\\]") end

local function each_option(command, take)
  for _, option in ipairs(command._options) do
    local short, long
    for _, alias in ipairs(option._aliases) do
      if alias:find "^%-%-" then long = alias else short = alias end
    end
    take(option, short, long)
  end
end

-- ---- zsh ----

local ZSH_HEAD = [=[
#compdef aicc
# Completion of the command aicc for zsh: in a folder of $fpath, by the name _aicc. Made by `make completions`.

# The names of the jobs, in the store that the line names.
_aicc_jobs() {
  local -a names store
  [[ -n ${opt_args[--store]-} ]] && store=(--store ${(Q)opt_args[--store]})
  names=(${(f)"$(aicc jobs $store 2>/dev/null | awk 'NF > 3 { print $1 }')"})
  _wanted jobs expl job compadd -a names
}

_aicc_commands() {
  local -a commands=(
]=]

local ZSH_MIDDLE = [=[
  )
  _describe -t commands command commands
}

_aicc() {
  local curcontext=$curcontext state line expl
  typeset -A opt_args
  _arguments -C '(- *)'{-h,--help}'[help]' '(- *)--version[the version]' '1:command:_aicc_commands' '*::argument:->rest' && return
  [[ $state = rest ]] || return
  curcontext=${curcontext%:*:*}:aicc-$words[1]:
  case $words[1] in
]=]

local ZSH_TAIL = [=[
  esac
}

_aicc "$@"
]=]

local ZSH_OF_KIND = { [FILE] = "_files", [JOB] = "_aicc_jobs", [COMMAND] = "_aicc_commands" }

local function zsh_option(option, short, long)
  local text, value = zsh_text(option._description), ""
  if option._choices then
    value = (":value:(%s)"):format(table.concat(option._choices, " "))
  elseif option._maxargs > 0 then
    local optional = option._minargs == 0 and ":" or ""
    value = ("%s:%s:%s"):format(optional, (option._argname or "value"):gsub(":", "\\:"), ZSH_OF_KIND[KINDS[long]] or " ")
  end
  if long == "--help" then return ("'(- *)'{-h,--help}'[%s]'"):format(text) end
  if short then return ("'(%s %s)'{%s,%s}'[%s]%s'"):format(short, long, short, long, text, value) end
  return ("'%s%s%s[%s]%s'"):format(option._maxcount > 1 and "*" or "", long, value ~= "" and "=" or "", text, value)
end

local function zsh_argument(argument)
  local kind = ZSH_OF_KIND[KINDS[argument._name]] or " "
  return ("'%s:%s:%s'"):format(argument._maxargs > 1 and "*" or "", argument._name, kind)
end

--- The completion for zsh.
-- @tparam table parser
-- @treturn string
function M.zsh(parser)
  local parts = { ZSH_HEAD }
  local function add(...) parts[#parts + 1] = string.format(...) end
  for _, command in ipairs(parser._commands) do add("    '%s:%s'\n", command._name, zsh_text(command._summary)) end
  add("%s", ZSH_MIDDLE)
  for _, command in ipairs(parser._commands) do
    add("    %s)\n      _arguments", command._name)
    each_option(command, function(...) add(" \\\n        %s", zsh_option(...)) end)
    for _, argument in ipairs(command._arguments) do add(" \\\n        %s", zsh_argument(argument)) end
    add " ;;\n"
  end
  add("%s", ZSH_TAIL)
  return table.concat(parts)
end

-- ---- fish ----

local FISH_HEAD = [=[
# Completion of the command aicc for fish. Made by `make completions`.

# Whether the command of the line is one of these; without any: whether there is none yet.
function __aicc_is
    set -l words (commandline -opc)
    if test (count $argv) -eq 0
        test (count $words) -eq 1
    else
        test (count $words) -ge 2; and contains -- $words[2] $argv
    end
end

# The names of the jobs, in the store that the line names.
function __aicc_jobs
    set -l words (commandline -opc)
    set -l at (contains -i -- --store $words)
    set -l store
    test -n "$at"; and set store --store $words[(math $at + 1)]
    aicc jobs $store 2>/dev/null | awk 'NF > 3 { print $1 }'
end

complete -c aicc -f
complete -c aicc -n __aicc_is -s h -l help -d 'Show help'
complete -c aicc -n __aicc_is -l version -d 'Print the version'
]=]

--- The completion for fish.
-- @tparam table parser
-- @treturn string
function M.fish(parser)
  local parts = { FISH_HEAD }
  local function add(...) parts[#parts + 1] = string.format(...) end
  for _, command in ipairs(parser._commands) do
    add("complete -c aicc -n __aicc_is -a %s -d '%s'\n", command._name, fish_text(command._summary))
  end
  for _, command in ipairs(parser._commands) do
    local start = ("complete -c aicc -n '__aicc_is %s'"):format(command._name)
    each_option(command, function(option, short, long)
      local value = ""
      if option._choices then
        value = (" -x -a '%s'"):format(table.concat(option._choices, " "))
      elseif option._minargs > 0 then -- what may be left out is no word of its own for fish
        value = KINDS[long] == FILE and " -r -F" or " -x"
      end
      add("%s%s -l %s%s -d '%s'\n", start, short and " -s " .. short:sub(2) or "", long:sub(3), value,
        fish_text(option._description))
    end)
    for _, argument in ipairs(command._arguments) do
      local kind = KINDS[argument._name]
      if kind == FILE then add("%s -F\n", start) end
      if kind == JOB then add("%s -a '(__aicc_jobs)'\n", start) end
      if kind == COMMAND then
        local names = {}
        for i, other in ipairs(parser._commands) do names[i] = other._name end
        add("%s -a '%s'\n", start, table.concat(names, " "))
      end
    end
  end
  return table.concat(parts)
end

--- Writes both.
-- @tparam string folder
function M.write(folder)
  local parser = require("aicc.cli.parser").build()
  for _, shell in ipairs { "zsh", "fish" } do
    local file = assert(io.open(("%s/aicc.%s"):format(folder, shell), "w"))
    file:write(M[shell](parser))
    assert(file:close())
  end
end

return M
