-- What shells complete: the files of doc/ against the command's parser, and in the shells themselves as far as they are there.

local completions = require "spec.support.completions"
local parser = require "aicc.cli.parser"
local support = require "spec.support.jobs"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

local function has(program) return os.execute(("command -v %s >/dev/null"):format(program)) end

-- Words, sorted and each once, with a blank between them.
local function sorted(words)
  local list, seen = {}, {}
  for word in words:gmatch "%S+" do
    if not seen[word] then list[#list + 1], seen[word] = word, true end
  end
  table.sort(list)
  return table.concat(list, " ")
end

describe("the completion #lua54", function()
  it("for zsh and fish is what the parser says: make completions", function()
    assert.equal(completions.zsh(parser.build()), read "doc/aicc.zsh")
    assert.equal(completions.fish(parser.build()), read "doc/aicc.fish")
  end)

  it("for bash knows each command with its options, and no others", function()
    local bash = read "doc/aicc.bash"
    local names, without_value = {}, {}
    for _, command in ipairs(parser.build()._commands) do
      names[#names + 1] = command._name
      local own, expected = "", {}
      for line, options in bash:gmatch '\n    ([%w |]+)%) (%l+="[^"]*")' do
        if (" " .. line .. " "):find(" " .. command._name .. " ", 1, true) then own = own .. " " .. options:match '"(.*)"' end
      end
      if command._name ~= "help" then own = own .. " " .. bash:match 'everywhere="([^"]*)"' end
      for i, option in ipairs(command._options) do
        expected[i] = option._aliases[#option._aliases]
        if option._minargs == 0 then without_value[expected[i]] = true end
      end
      assert.equal(sorted(table.concat(expected, " ")), sorted(own), command._name)
      -- Nothing is completed as if it were another argument where an option's value is.
      for _, option in ipairs(expected) do
        local takes = bash:find("\n    [^\n]*" .. option:gsub("%-", "%%-") .. "[^%w-][^\n]*return") ~= nil
        assert.equal(not without_value[option], takes, option)
      end
    end
    assert.equal(sorted(table.concat(names, " ")), sorted(bash:match 'commands="([^"]*)"'))
  end)
end)

describe("in a shell, a completion #lua54 #nosan #slow", function()
  local folder

  before_each(function()
    folder = support.folder()
    local server = support.sandbox { agents = { [3] = support.agents(10) } }
    support.csv(folder .. "/night.csv", { { 3, "a1" } })
    for _, name in ipairs { "night-1", "night-2", "day" } do
      assert.equal(0, (support.run(folder, server, ("plan --rate 0 %s/night.csv --job %s"):format(folder, name))))
    end
    assert.equal(0, (support.run(folder, server, ("plan --rate 0 %s/night.csv --job other --store sqlite:%s/other.db"):format(
      folder, folder))))
    assert(os.execute(([[mkdir -p %s/bin '%s/in/some folder' && touch '%s/in/some file.csv' &&
      cp doc/aicc.zsh %s/bin/_aicc]]):format(folder, folder, folder, folder)))
    local script = assert(io.open(folder .. "/bin/aicc", "w"))
    script:write(("#!/bin/sh\ncd '%s' && exec %s\n"):format(io.popen("pwd"):read "l", support.command(folder, nil, '"$@"')))
    script:close()
    assert(os.execute(("chmod +x %s/bin/aicc"):format(folder)))
  end)
  after_each(support.clean)

  -- What a command of the shell prints, with our command on its path.
  local function output(...)
    local pipe = io.popen(("PATH=%s/bin:$PATH HOME=%s "):format(folder, folder) .. string.format(...))
    local text = pipe:read "a"
    pipe:close()
    return text
  end

  local WAYS = {
    bash = function(line)
      -- As readline takes a line apart.
      local words = {}
      for word in line:gsub("[=:]+", " %0 "):gmatch "%S+" do words[#words + 1] = "'" .. word .. "'" end
      if line:find " $" then words[#words + 1] = "''" end
      return output([[bash -c 'source doc/aicc.bash; COMP_WORDS=(%s); COMP_CWORD=%d; _aicc; printf "%%s\n" "${COMPREPLY[@]}"']],
        table.concat(words, " "):gsub("'", [["]]), #words - 1)
    end,
    fish = function(line)
      return (output([[fish -N -c 'source doc/aicc.fish; complete -C "%s"']], line):gsub("\t[^\n]*", ""))
    end,
    zsh = function(line)
      local found = {}
      for word in output("timeout 60 zsh -f spec/support/shells/complete.zsh %s/bin '%s'", folder, line):gmatch "<([^<>\n]*)>" do
        if word ~= "end" then found[#found + 1] = word end
      end
      return table.concat(found, "\n")
    end,
  }

  for shell, complete in pairs(WAYS) do
    if has(shell) then
      it("of " .. shell .. " has commands, options, jobs, files and folders", function()
        for line, expected in pairs {
          ["aicc re"] = "release report resume", ["aicc help rep"] = "report", ["aicc report --fo"] = "--format",
          ["aicc report x --format "] = "csv html jsonl markdown", ["aicc apply ni"] = "night-1 night-2",
          ["aicc undo "] = "day night-1 night-2",
          ["aicc apply agents --ra"] = "--rate", ["aicc apply --rate "] = "",
          [("aicc status --store sqlite:%s/other.db "):format(folder)] = "other",
        } do
          assert.equal(expected, sorted(complete(line)), line)
        end
        for _, start in ipairs { "aicc plan ", "aicc plan --agents ", "aicc plan --agents=", "aicc sandbox --agents " } do
          local found = complete(start .. folder .. "/in/some")
          assert.matches("some\\? file%.csv", found)
          assert.matches("some\\? folder", found)
        end
      end)
    else
      pending("of " .. shell .. ", which is not installed")
    end
  end
end)
