-- The unit for systemd beside HAProxy's example: it is one, and its start does what it says.

local assert = require "luassert"
local host = require "spec.support.hosts.host"
local load = require "spec.support.hosts.load"

local UNIT = "examples/haproxy/hook.service"

local function run(command)
  local pipe = io.popen("{ " .. command .. "; } 2>&1; echo status $?")
  local output = pipe:read "*a"
  pipe:close()
  return output
end

describe("HAProxy's unit #hosts", function()
  it("is one that systemd takes, not as root, and with little left to lose", function()
    if not io.popen("command -v systemd-analyze"):read "*l" then return pending "systemd-analyze is not here" end
    assert.equal("status 0\n", run("systemd-analyze verify " .. UNIT))
    local exposure = run("systemd-analyze security --offline=true --no-pager " .. UNIT)
    assert.is_true(tonumber(exposure:match "exposure level for hook.service: ([%d.]+)") < 2, exposure)
  end)

  -- The commands of the unit with the variables that it sets, in a folder of ours for /run/hook and one for /etc/hook.
  it("starts, reloads and ends as it says, is not root, and writes nowhere else than in /run/hook", function()
    if io.popen("id -u"):read "*l" ~= "0" then return pending "only root can become somebody else" end
    local port, abi = load.free_port(), host.haproxy_abi()
    local output = run(([[
      work=$(mktemp -d) && chmod 755 "$work" && mkdir "$work/run" "$work/etc" && chown haproxy:haproxy "$work/run"
      chmod 700 "$work/run"; cp examples/hook.lua examples/haproxy/* "$work/etc"
      sed -i "s|/run/hook|$work/run|g; s|/etc/hook/haproxy|$work/etc|g" "$work/etc/hook.service"
      export LUA_PATH="$PWD/lua/?.lua;$PWD/lua/?/init.lua;;" LUA_CPATH="$PWD/build/%s/?.so;;" HOOK_LISTEN=127.0.0.1:%d
      export AICC_BASE_URL=https://localhost AICC_APP_KEY=app-key AICC_APP_SECRET=secret HOOK_SECRET=s HOME=/var/lib/haproxy
      export $(sed -n 's/^Environment=HOOK/HOOK/p' "$work/etc/hook.service")
      line() { sed -n "s|^$1=||p" "$work/etc/hook.service"; }
      touch "$work/began"
      cd /; setpriv --reuid=haproxy --regid=haproxy --clear-groups $(line ExecStart) & server=$!
      alive() { curl -sS --retry 20 --retry-delay 1 --retry-max-time 20 --retry-connrefused -m 5 http://127.0.0.1:%d/health; }
      alive
      ps -o user= -p $(pgrep -P $server) | sort -u | sed 's/^/user /'
      curl -sS -m 5 -H 'X-Hook-Secret: s' -d '{"queues":[3]}' http://127.0.0.1:%d/agents/1/signed-off
      before=$(pgrep -P $server)
      line ExecReload | sed "s|.MAINPID|$server|" | while read command; do
        setpriv --reuid=haproxy --regid=haproxy --clear-groups $command || echo "failed: $command"
      done
      until after=$(pgrep -P $server) && [ "$after" != "$before" ] && [ $(echo "$after" | wc -l) = 1 ] || ! kill -0 $server; do
        sleep 0.05
      done
      alive
      find "$work" -newer "$work/began" -not -path "$work/run*" -type f -printf 'elsewhere: %%p\n'
      kill -$(line KillSignal | sed 's/SIG//') $server; wait $server; echo "ended with $?"
      rm -rf "$work"]]):format(abi, port, port, port))
    assert.truthy(output:find "\nuser haproxy\n", output)
    local _, answered = output:gsub("ok\n", "")
    assert.equal(2, answered, output)
    assert.truthy(output:find('"error":"network","outcome":"not_sent"', 1, true), output)
    assert.truthy(output:find "\nended with 0\n", output)
    for _, wrong in ipairs { "elsewhere", "failed:", "ALERT" } do assert.falsy(output:find(wrong, 1, true), output) end
  end)
end)
