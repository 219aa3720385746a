-- nginx with the example's own files: its configuration, and its unit for systemd.

local load = require "spec.support.hosts.load"

-- The example in a folder of its own, with the values changed that it says to change; then a shell command there.
local function copied(command)
  local script = [[
    work=$(mktemp -d) && chmod 755 "$work" && cp examples/hook.lua examples/openresty/* "$work"
    sed -i -e "s|/run/hook/|$work/|" -e "s|service.besclouds.com:443|127.0.0.1:1|" -e "s|127.0.0.1:8080|127.0.0.1:%d|" \
      "$work/nginx.conf" "$work/hook.service"
    export LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;;" LUA_CPATH="$PWD/build/5.1/?.so;;" HOOK_SECRET=s
    export AICC_BASE_URL=https://service.besclouds.com AICC_APP_KEY=app-key AICC_APP_SECRET=secret
    cd "$work"; { %s; } 2>&1; cd /; rm -rf "$work"]]
  local pipe = io.popen(script:format(load.free_port(), command))
  local output = pipe:read "*a"
  pipe:close()
  return output
end

describe("nginx's example #hosts", function()
  it("the example's configuration is good where its comment says to copy it", function()
    local output = copied [[nginx -t -e stderr -p "$work" -c nginx.conf]]
    assert.truthy(output:find("test is successful", 1, true), output)
  end)

  it("its unit for systemd clears away the socket of an nginx that was killed", function()
    local output = copied [[
      start() { nginx -e stderr -p "$work" -c nginx.conf -g 'daemon off;' & }
      start; first=$!
      until [ -s nginx.pid ] && [ -S egress.sock ]; do sleep 0.02; done
      kill -STOP $first; kill -KILL $first $(pgrep -P $first); wait $first
      eval "$(sed -n 's/^ExecStartPre=//p' hook.service)"
      rm nginx.pid
      start; second=$!
      until [ -s nginx.pid ] || ! kill -0 $second; do sleep 0.02; done
      kill -QUIT $second; wait $second && echo started again]]
    assert.truthy(output:find("started again", 1, true), output)
  end)

  it("its unit is one that systemd takes, not as root, and with little left to lose", function()
    if not io.popen("command -v systemd-analyze"):read "*l" then return pending "systemd-analyze is not here" end
    local function run(command)
      local pipe = io.popen(command .. " 2>&1; echo status $?")
      local output = pipe:read "*a"
      pipe:close()
      return output
    end
    assert.equal("status 0\n", run "systemd-analyze verify examples/openresty/hook.service")
    local exposure = run "systemd-analyze security --offline=true --no-pager examples/openresty/hook.service"
    assert.is_true(tonumber(exposure:match "exposure level for hook.service: ([%d.]+)") < 2, exposure)
  end)

  it("the unit's start, as it says: nginx is not root, and nothing it writes is elsewhere than in /run/hook", function()
    if io.popen("id -u"):read "*l" ~= "0" then return pending "only root can become somebody else" end
    local output = copied [[
      mkdir there srv; mv hook.lua addresses.lua nginx.conf srv; chown www-data there; chmod 700 there
      sed -i "s|$work/egress.sock|$work/there/egress.sock|; s|/srv/hook/|$work/srv/|" srv/nginx.conf
      command=$(sed -n 's/^ExecStart=//p' hook.service | sed "s|-p /run/hook|-p $work/there|; s|/srv/hook|$work/srv|")
      eval "HOME=/var/www exec setpriv --reuid=www-data --regid=www-data --clear-groups $command" & server=$!
      until [ -S there/egress.sock ] && [ -s there/nginx.pid ] || ! kill -0 $server; do sleep 0.02; done
      ps -o user= -p $(cat there/nginx.pid)
      find . -newer srv/nginx.conf -not -path './there*' -type f -printf 'elsewhere: %p\\n'
      kill -QUIT $server; wait $server && echo ended]]
    assert.truthy(output:find "\nwww%-data\n", output)
    assert.truthy(output:find "\nended\n", output)
    assert.falsy(output:find("elsewhere", 1, true), output)
  end)
end)
