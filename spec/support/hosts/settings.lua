-- A host that lacks a setting says which one, and does not start. In either host the same.

local assert = require "luassert"
local busted = require "busted"
local host = require "spec.support.hosts.host"
local load = require "spec.support.hosts.load"

local SETTINGS = {
  AICC_BASE_URL = "https://localhost", AICC_APP_KEY = "k", AICC_APP_SECRET = "not-to-be-told", HOOK_SECRET = "nor-this-one",
}

-- The shell commands that try the example with an environment: in a folder of its own, on a port of its own.
local COMMANDS = {
  haproxy = [[
    cp examples/hook.lua examples/haproxy/hook_haproxy.lua examples/haproxy/haproxy.cfg "$work"
    HOOK_LISTEN=127.0.0.1:%d HOOK_FOLDER="$work" HOOK_LUA="$work" HOOK_USER=$(id -un) HOOK_GROUP=$(id -gn) API=127.0.0.1:1 \
      timeout 5 haproxy -db -f "$work/haproxy.cfg"]],
  openresty = [[
    cp examples/hook.lua examples/openresty/addresses.lua "$work"
    sed -e "s|/run/hook/|$work/|" -e "s|service.besclouds.com:443|127.0.0.1:1|" -e "s|127.0.0.1:8080|127.0.0.1:%d|" \
      examples/openresty/nginx.conf >"$work/nginx.conf"
    timeout 5 nginx -p "$work" -e stderr -c nginx.conf -g 'daemon off;']],
}

return function(name)
  local function output_without(setting)
    local lines = {
      'work=$(mktemp -d) && chmod 755 "$work"', 'export LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;;"',
      ('export LUA_CPATH="$PWD/build/%s/?.so;;"'):format(name == "haproxy" and host.haproxy_abi() or "5.1"),
    }
    for variable, value in pairs(SETTINGS) do
      lines[#lines + 1] = variable == setting and "unset " .. variable or ("export %s='%s'"):format(variable, value)
    end
    lines[#lines + 1] = "{ " .. COMMANDS[name]:format(load.free_port()) .. '; } 2>&1; echo "exit $?"; rm -rf "$work"'
    local pipe = io.popen(table.concat(lines, "\n"))
    local output = pipe:read "*a"
    pipe:close()
    return output
  end

  busted.it("without one of its settings it does not start, and says which", function()
    for setting in pairs(SETTINGS) do
      local output = output_without(setting)
      assert.truthy(output:find("exit 1\n", 1, true), output) -- by itself: it would be 124 for timeout, or 143
      assert.truthy(output:find(setting, 1, true), setting .. " is not in\n" .. output)
      assert.falsy(output:find("not-to-be-told", 1, true) or output:find("nor-this-one", 1, true), output)
    end
  end)
end
