#!/usr/bin/env bash
# The server's own limit: wrk.sh URL CONNECTIONS TOKEN FOLDER COUNT prints the seconds that COUNT of wrk's requests take. It runs for a
# second, from one thread; FOLDER is for its script.
cat >"$4/wrk.lua" <<'LUA'
wrk.method = "POST"
wrk.body = '{"skillId":3,"userAccounts":["1001","1002"]}'
LUA
wrk -t 1 -c "$2" -d 1s -s "$4/wrk.lua" -H 'Content-Type: application/json' -H "Authorization: Bearer $3" -H 'x-app-key: sandbox-key' "$1" |
  awk -v count="$5" '/^Requests\/sec:/ { printf "%.6f\n", count / $2 }'
