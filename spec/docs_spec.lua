-- What the documents say to type is typed here, as it stands there: by a shell with the command on its PATH, by Lua, at Lua's
-- prompt. What needs another system, root or a network names the script of .ci/ that does it.

local child = require "spec.support.child"
local documented = require "spec.support.documented"
local jobs = require "spec.support.jobs"
local parser = require "aicc.cli.parser"
local processes = require "spec.support.processes"
local tree = require "spec.support.tree"
local tunnel = require "spec.support.tunnel"

local quote, read = processes.quote, tree.read

-- What no spec can do as it stands: where it is done, and by which words.
local ELSEWHERE = {
  ["make test"] = { ".ci/run", "make test" },
  ["make demo"] = { ".ci/check-systems", "make demo" },
  ["sudo make install"] = { ".ci/check-install", "make install" },
  ["luarocks --lua-version=5.4 --local make rockspecs/aicc-scm-1.rockspec"] =
    { ".ci/check-install", "readme . 'luarocks .* make '" },
  ["dpkg-buildpackage -us -uc -b"] = { ".ci/check-deb", "dpkg-buildpackage -us -uc" },
  ["docker build -t aicc ."] = { "README.md", "tried step by step, not with Docker" },
  ["sudo apt-get install luarocks lua5.4 lua-cjson libcurl4"] = { ".ci/deps", "lua-cjson" },
  ["luarocks --lua-version=5.4 --local install --deps-mode=none ./aicc-0.1.0-1.linux-x86_64.rock"] =
    { ".ci/check-install", "'luarocks .* install '" },
  ['eval "$(luarocks --lua-version=5.4 --local path)"'] = { ".ci/check-install", "'eval '" },
  ['lua5.4 -e \'print(require("aicc").VERSION)\''] = { ".ci/check-install", "'lua5.4 -e '" },
  ["examples/openresty/run"] = { "spec/support/hosts/host.lua", "examples/%s/run" },
  ["examples/haproxy/run"] = { "spec/support/hosts/host.lua", "examples/%s/run" },
  ['psql "postgresql://aicc@db.example/aicc"'] = { "spec/jobs_postgresql_spec.lua", "answers each query of doc/jobs.md" },
}

-- What stands for a line that opens SQLite's prompt: a question, or where that program is missing, whether the file is there.
local ASK = "if command -v sqlite3; then sqlite3 %1 'SELECT count(*) FROM report'; else test -s %1; fi"

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local folder

before_each(function() folder = jobs.folder() end)
after_each(jobs.clean)

-- Runs lines in bash, in the spec's folder, with `aicc` on PATH and a sandbox for its API, where each of them is typed: what they
-- wrote, and the exit statuses. `typed` is what is answered where one asks.
local function bash(server, lines, typed)
  local here = child.shell "pwd"
  os.execute(("mkdir -p %s/bin"):format(folder))
  write(folder .. "/bin/aicc", ('#!/bin/sh\nexec env LUA_PATH=%s LUA_CPATH=%s %s %s "$@"\n'):format(
    quote((package.path:gsub("%./", here .. "/"))), quote(package.cpath), quote(processes.LUA), quote(here .. "/bin/aicc")))
  local script = {}
  for _, line in ipairs(lines) do script[#script + 1] = line .. '\necho "exit $?"\n' end
  write(folder .. "/typed", table.concat(script))
  local environment = { "-u", "AICC_STORE", "-u", "XDG_STATE_HOME", "-u", "XDG_CONFIG_HOME", "HOME=" .. folder,
    "XDG_RUNTIME_DIR=" .. folder, "PATH=" .. folder .. "/bin:" .. os.getenv "PATH", "AICC_BASE_URL=" .. server.base_url,
    "AICC_APP_KEY=" .. server.app_key, "AICC_APP_SECRET=" .. server.app_secret }
  for at, word in ipairs(environment) do environment[at] = quote(word) end
  local command = ("chmod 755 %s/bin/aicc; cd %s; printf %s | env %s script -qec 'bash typed' /dev/null 2>&1"):format(
    folder, folder, quote(typed or ""), table.concat(environment, " "))
  local pipe = assert(io.popen(command))
  local output = pipe:read "a":gsub("\r", "")
  pipe:close()
  local statuses = {}
  for status in output:gmatch "exit (%d+)" do statuses[#statuses + 1] = tonumber(status) end
  return output, statuses
end

describe("what the documents say to type #lua54 #slow #nosan", function()
  it("compiles, where it is Lua", function()
    local count = 0
    for _, path in ipairs(documented.PAGES) do
      for _, block in ipairs(documented.blocks(path)) do
        if block.kind == "lua" then
          count = count + 1
          assert(load(block.text, ("%s:%d"):format(path, block.line)))
        end
      end
    end
    assert.is_true(count >= 10)
  end)

  it("is a goal of the Makefile, where it is make's", function()
    local makefile, goals = read "Makefile", {}
    for names in makefile:gmatch "\n([%w%-][%w%- ]*):" do
      for name in names:gmatch "%S+" do goals[name] = true end
    end
    for name in makefile:match("\nCHECKS = ([^\n]+)"):gmatch "%S+" do goals["check-" .. name] = true end
    local count = 0
    local function check(path, command)
      for word in (command:match "^make (.*)$" or ""):gsub("%b''", ""):gsub('%b""', ""):gmatch "%S+" do
        if not word:find "=" and not word:find "^%-" then
          count = count + 1
          assert.is_true(goals[word] or false, ("%s: `%s`: no such goal: %s"):format(path, command, word))
        end
        local spec = word:match "^SPEC=([%w/_]+%.lua)$"
        if spec then read(spec) end
      end
    end
    for _, path in ipairs(documented.PAGES) do
      for _, words in ipairs(documented.quoted(path)) do check(path, words) end
      for _, block in ipairs(documented.blocks(path)) do
        for _, command in ipairs(block.kind == "shell" and documented.commands(block) or {}) do check(path, command) end
      end
    end
    assert.is_true(count > 40)
  end)

  it("is a command of aicc's with options that it has, where a sentence names one", function()
    local commands, count = {}, 0
    for _, command in ipairs(parser.build()._commands) do
      local options = {}
      for _, option in ipairs(command._options) do
        for _, alias in ipairs(option._aliases) do options[alias] = true end
      end
      commands[command._aliases and command._aliases[1] or command._name] = options
    end
    local function check(path, line)
      local name = line:match "^aicc ([a-z]+)%f[^a-z]"
      if not name then return end
      count = count + 1
      local options = assert(commands[name], ("%s: `%s`: aicc has no command %s"):format(path, line, name))
      for option in line:gmatch "%f[%S]%-%-[%w-]+" do
        assert.is_true(options[option] or false, ("%s: `%s`: no such option: %s"):format(path, line, option))
      end
    end
    for _, path in ipairs(documented.PAGES) do
      for _, words in ipairs(documented.quoted(path)) do check(path, words) end
    end
    assert.is_true(count >= 10)
  end)

  it("works in a shell, or names the script that does it", function()
    local server = jobs.sandbox { agents = { [3] = { "1001", "1002", "1003" }, [4] = { "1001", "1004" } } }
    jobs.csv(folder .. "/night.csv", { { 3, "1001" }, { 3, "1002" }, { 4, "nobody" } })
    write(folder .. "/leavers.csv", "user_account\n1004\n")
    local pages = { documented.MAN }
    for _, path in ipairs(documented.PAGES) do pages[#pages + 1] = path end
    local typed = 0
    for _, path in ipairs(pages) do
      local lines = {}
      for _, block in ipairs(documented.blocks(path)) do
        for _, command in ipairs(block.kind == "shell" and path ~= "CONTRIBUTING.md" and documented.commands(block) or {}) do
          local elsewhere = ELSEWHERE[command]
          if elsewhere then
            assert.truthy(read(elsewhere[1]):find(elsewhere[2], 1, true), command .. ": not in " .. elsewhere[1])
          else
            lines[#lines + 1] = command:gsub("^sqlite3 (%S+)$", ASK)
          end
        end
      end
      if lines[1] then
        typed = typed + #lines
        if path == "doc/jobs.md" then table.insert(lines, 1, "aicc plan night.csv") end
        local output, statuses = bash(server, lines, "yes\n")
        for at, line in ipairs(lines) do assert.equal(0, statuses[at], ("%s: %s\n%s"):format(path, line, output)) end
        os.execute(("rm -rf %s/.local"):format(folder)) -- each page begins anew
      end
    end
    assert.is_true(typed >= 14)
  end)

  it("works as a program: README's Lua, from its first line to its last", function()
    local server = jobs.sandbox { tls = true, certificate = { names = { "service.besclouds.com", "localhost" } },
      agents = { [3] = { "1001", "1002", "1003" }, [4] = { "1001", "1002", "1003" } } }
    local blocks = {}
    for _, block in ipairs(documented.blocks "README.md") do
      if block.kind == "lua" then blocks[#blocks + 1] = block.text end
    end
    write(folder .. "/readme.lua", table.concat(blocks, "\n"))
    local process, proxy = tunnel.to(server.port)
    local output = child.run(("dofile %q"):format(folder .. "/readme.lua"), { AICC_APP_KEY = server.app_key,
      AICC_APP_SECRET = server.app_secret, AICC_CA_FILE = server.ca_file, AICC_BASE_URL = server.base_url, HTTPS_PROXY = proxy,
      https_proxy = proxy, HOME = folder, XDG_CONFIG_HOME = folder, NO_PROXY = " ", no_proxy = " " })
    process:stop()
    local lines = {}
    for line in output:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.equal("applied\tsuccess", lines[1], output)
    table.sort(lines)
    assert.truthy(output:find("\n3\tapplied: 1 agent from queue 3\n", 1, true), output)
    assert.truthy(output:find("\n4\tapplied: 2 agents from queue 4\n", 1, true), output)
    assert.truthy(output:find("\n# TYPE aicc_calls_total counter\n", 1, true), output)
    assert.same({ {}, { "1001" } }, { server:accounts(3), server:accounts(4) })
    for _, request in ipairs(server:requests()) do assert.equal("service.besclouds.com", request.header.host) end
  end)

  it("answers at the prompt as the page shows", function()
    local count = 0
    for _, path in ipairs(documented.PAGES) do
      for _, block in ipairs(documented.blocks(path)) do
        if block.kind == "repl" then
          count = count + 1
          local typed, shown = { "aicc = require 'aicc'" }, {}
          for _, line in ipairs(block.lines) do
            local command = line:match "^> (.*)$"
            if command then typed[#typed + 1] = command else shown[#shown + 1] = line end
          end
          write(folder .. "/typed", table.concat(typed, "\n") .. "\n")
          local pipe = assert(io.popen(child.command("", {}):gsub("%-e ''$", "-i") .. " <" .. folder .. "/typed 2>&1"))
          local output = pipe:read "a"
          pipe:close()
          local answers = {}
          for line in output:gmatch "[^\n]+" do
            if not line:find "^>" and not line:find "^Lua 5" then answers[#answers + 1] = line end
          end
          assert.same(shown, answers, output)
        end
      end
    end
    assert.equal(1, count)
  end)

  it("shows the plan that the command shows", function()
    assert.equal(require("spec.support.pictures").plan(), read "doc/plan.svg") -- else: make pictures
  end)

  it("runs the examples, as their heads say", function()
    local here, count = child.shell "pwd", 0
    for _, of in ipairs(documented.of_examples()) do
      local module = of.path:match "(%w+)%.lua$"
      local needs = ({ cqueues = true, luv = true, copas = true })[module]
      local has = not needs or os.execute(of.command:match "lua5%.%d" .. " -e 'require \"" .. module .. "\"' 2>/dev/null")
      local built = io.open("build/" .. of.command:match "lua(5%.%d)" .. "/aicc/core.so")
      if has and built then
        count = count + 1
        local pipe = assert(io.popen(("cd %s; env -u LUA_PATH -u LUA_CPATH bash -c %s </dev/null 2>&1; echo \"exit $?\""):format(
          quote(here), quote(of.command))))
        local output = pipe:read "a"
        pipe:close()
        assert.matches("exit 0\n$", output, of.path .. ": " .. of.command)
      end
      if built then built:close() end
    end
    assert.is_true(count >= 3)
  end)
end)
