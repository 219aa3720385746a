#!/usr/bin/env bash
# What a job takes the place of: a loop around curl. A row, a process, a connection, a call; the token is fetched once.
#     loop.sh BASE_URL TOKEN <rows.csv    prints the seconds, and the peak memory of the shell and of a curl in KiB
url=$1/apiaccess/rest/cc-management/v1/agentAccount/releaseAgentBySkillId
headers=(-H 'Content-Type: application/json' -H "Authorization: Bearer $2" -H 'x-app-key: sandbox-key')

began=$EPOCHREALTIME
while IFS=, read -r skill account; do
  body="{\"skillId\":$skill,\"userAccounts\":[\"$account\"]}"
  curl -sf -o /dev/null "${headers[@]}" -d "$body" "$url" || exit 1
done
ended=$EPOCHREALTIME

# A curl that, after such a call, shows what the kernel knows of it.
curl=$(curl -sf -o /dev/null "${headers[@]}" -d "$body" "$url" --next -s file:///proc/self/status | awk '/^VmHWM/ { print $2 }')
shell=$(awk '/^VmHWM/ { print $2 }' /proc/$$/status)
echo $((${ended/./} - ${began/./})) $((curl + shell))
