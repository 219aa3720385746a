# What the two `run` scripts have in common; sourced by them. Ends with $work, a folder for the server's files, and the address and
# certificate of an API: a sandbox's, started here, unless the caller gave another one.
#
#     LISTEN             where the webhook listens; 127.0.0.1:8080
#     API, CA, NAME      HOST:PORT of another API than the sandbox, a file of what to trust, and whom its certificate names
#     WORK               the folder; a new one, removed at the end

make -s build ABI=5.4
work=${WORK:-$(mktemp -d)}
chmod 755 "$work"
[ -n "${WORK-}" ] || trap 'rm -rf "$work"' EXIT
: "${LISTEN:=127.0.0.1:8080}"

if [ -z "${API-}" ]; then
  # The sandbox ends with this script, however that ends: nobody else holds the other end of its standard input.
  mkfifo "$work/input"
  LUA_PATH="lua/?.lua;lua/?/init.lua;;" LUA_CPATH="build/5.4/?.so;;" lua5.4 examples/sandbox.lua "$work" <"$work/input" &
  exec 9>"$work/input"
  until [ -f "$work/api" ]; do
    kill -0 $! 2>/dev/null || { echo 'the sandbox did not start' >&2; exit 1; }
    sleep 0.05
  done
  API=$(cat "$work/api") CA=$work/ca.pem NAME=localhost
fi

export AICC_BASE_URL="https://$NAME" AICC_APP_KEY="${AICC_APP_KEY:-sandbox-key}" AICC_APP_SECRET="${AICC_APP_SECRET:-sandbox-secret}"
export HOOK_SECRET="${HOOK_SECRET:-open sesame}" HOOK_OFFBOARD_QUEUES="${HOOK_OFFBOARD_QUEUES-3 4}"
export XDG_CONFIG_HOME="$work" # what its owner has set for the command and for scripts is not for these
unset AICC_CA_FILE AICC_CA_PATH AICC_PROXY AICC_MAX_IN_FLIGHT

# Runs a server in the foreground. It gets the signals that this script gets.
serve() {
  echo "curl -d '{\"queues\":[3,4]}' -H 'X-Hook-Secret: $HOOK_SECRET' http://${LISTEN%%[; ]*}/agents/1001/signed-off"
  echo "curl -X POST -H 'X-Hook-Secret: $HOOK_SECRET' http://${LISTEN%%[; ]*}/agents/1003/offboarded"
  "$@" 9>&- &
  trap "kill $! 2>/dev/null || true" INT TERM
  wait $! || wait $!
}
