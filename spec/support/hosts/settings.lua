-- A host that lacks a setting, or has one that it could not heed, says which one, and does not start. In either host the same.

local assert = require "luassert"
local busted = require "busted"
local host = require "spec.support.hosts.host"
local load = require "spec.support.hosts.load"

local SETTINGS = {
  AICC_BASE_URL = "https://localhost", AICC_APP_KEY = "app-key", AICC_APP_SECRET = "not-to-be-told", HOOK_SECRET = "nor-this-one",
}

-- The shell commands that try the example with an environment: in a folder of its own, on a port of its own.
local COMMANDS = {
  haproxy = [[
    cp examples/hook.lua examples/haproxy/hook_haproxy.lua examples/haproxy/haproxy.cfg "$work"
    export HOOK_LISTEN=127.0.0.1:%d HOOK_FOLDER="$work" HOOK_LUA="$work" HOOK_USER=$(id -un) HOOK_GROUP=$(id -gn) API=127.0.0.1:1
    try timeout 20 haproxy -db -f "$work/haproxy.cfg"]],
  openresty = [[
    cp examples/hook.lua examples/openresty/addresses.lua "$work"
    sed -e "s|/run/hook/|$work/|" -e "s|service.besclouds.com:443|127.0.0.1:1|" -e "s|127.0.0.1:8080|127.0.0.1:%d|" \
      examples/openresty/nginx.conf >"$work/nginx.conf"
    try timeout 20 nginx -p "$work" -e stderr -c nginx.conf -g 'daemon off;']],
}

return function(name)
  -- What the host writes with these variables until it ends by itself, or until it has written `word`. `file` is what the
  -- configuration file holds.
  local function output_with(variables, word, file)
    local lines = {
      'work=$(mktemp -d) && chmod 755 "$work"', 'export LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;;"',
      ('export LUA_CPATH="$PWD/build/%s/?.so;;"'):format(name == "haproxy" and host.haproxy_abi() or "5.1"),
      'mkdir "$work/aicc" && export XDG_CONFIG_HOME="$work" && : >"$work/output"',
      file and ("printf %%s '%s' >\"$work/aicc/config.json\""):format(file) or "",
      [[try() {
          "$@" >"$work/output" 2>&1 &
          pid=$!
          while kill -0 $pid 2>/dev/null && ! grep -q "$word" "$work/output"; do sleep 0.02; done
          grep -q "$word" "$work/output" && kill $pid 2>/dev/null
          wait $pid
          echo "exit $?" >>"$work/output"
        }]],
      ("word='%s'"):format(word or "^there is no such line$"),
    }
    for variable, value in pairs(variables) do lines[#lines + 1] = ("export %s='%s'"):format(variable, value) end
    lines[#lines + 1] = COMMANDS[name]:format(load.free_port())
    lines[#lines + 1] = 'cat "$work/output"; rm -rf "$work"'
    local pipe = io.popen(table.concat(lines, "\n"))
    local output = pipe:read "*a"
    pipe:close()
    return output
  end

  local function with(more)
    local variables = {}
    for variable, value in pairs(SETTINGS) do variables[variable] = value end
    for variable, value in pairs(more or {}) do variables[variable] = value ~= "" and value or nil end
    return variables
  end

  busted.it("without one of its settings it does not start, and says which", function()
    for setting in pairs(SETTINGS) do
      local output = output_with(with { [setting] = "" })
      assert.truthy(output:find("exit 1\n", 1, true), output) -- by itself: it would be 124 for timeout, or 143
      assert.truthy(output:find(setting, 1, true), setting .. " is not in\n" .. output)
      assert.falsy(output:find("not-to-be-told", 1, true) or output:find("nor-this-one", 1, true), output)
    end
  end)

  busted.it("with a setting that would have no effect it does not start, and says which one and where it is from", function()
    for variable, setting in pairs {
      AICC_CA_FILE = "ca_file", AICC_CA_PATH = "ca_path", AICC_PROXY = "proxy", AICC_MAX_IN_FLIGHT = "max_in_flight",
    } do
      local output = output_with(with { [variable] = "7" })
      assert.truthy(output:find("exit 1\n", 1, true), output)
      assert.truthy(output:find(setting .. ": it has no effect in ", 1, true), output)
      assert.truthy(output:find("(it is from: environment " .. variable .. "): ", 1, true), output)
    end
    for setting, file in pairs { verify = '{"verify":false}', max_in_flight = '{"max_in_flight":16}' } do
      local output = output_with(with(), nil, file)
      assert.truthy(output:find("exit 1\n", 1, true), output)
      assert.truthy(output:find(setting .. ": it has no effect in ", 1, true), output)
      assert.truthy(output:find "%(it is from: file /[^\n]*/aicc/config.json%): ", output)
    end
  end)

  busted.it("a proxy that is named for the whole machine is in the log as one that has no effect; it starts", function()
    local variables = with { AICC_BASE_URL = "https://api.example", https_proxy = "http://u:p-0816@proxy:1" }
    local output = output_with(variables, "it is from")
    assert.truthy(output:find "proxy: it has no effect in %w+ %(it is from: environment https_proxy%): the egress says", output)
    assert.falsy(output:find("p-0816", 1, true), output)
    assert.falsy(output:find("exit 1\n", 1, true), output)
  end)
end
