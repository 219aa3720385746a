#!/usr/bin/env bash
# The benches' request with the curl command, a process for each: caller.sh URL CA_FILE TOKEN COUNT prints the seconds that they took.
options=(-sf -o /dev/null -H 'Content-Type: application/json' -H "Authorization: Bearer $3" -H 'x-app-key: sandbox-key')
[ -z "$2" ] || options+=(--cacert "$2")
began=$EPOCHREALTIME
for ((i = 0; i < $4; i++)); do
  curl "${options[@]}" -d '{"skillId":3,"userAccounts":["1001","1002"]}' "$1" || exit 1
done
ended=$EPOCHREALTIME
awk -v took=$((${ended/./} - ${began/./})) 'BEGIN { printf "%.6f\n", took / 1e6 }'
