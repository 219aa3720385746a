# Completion of the command aicc for bash: source this file, or install it where bash-completion looks.

# The names of the jobs, in the store that the line names.
_aicc_jobs() {
  local i store=()
  for ((i = 2; i < COMP_CWORD - 1; i++)); do
    [ "${COMP_WORDS[i]}" = --store ] && store=(--store "$(_aicc_value $((i + 1)))")
  done
  aicc jobs "${store[@]}" 2>/dev/null | awk 'NF > 3 { print $1 }'
}

# The value that begins at a word: readline takes it apart at : and =.
_aicc_value() {
  local i=$1 value=
  [ "${COMP_WORDS[i]}" = = ] && ((i++))
  value=${COMP_WORDS[i]}
  while [[ ${COMP_WORDS[i+1]-} == [:=]* || ${COMP_WORDS[i]} == *[:=] ]] && ((i + 1 < COMP_CWORD)); do
    value+=${COMP_WORDS[++i]}
  done
  printf '%s' "$value"
}

_aicc_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$word"); }

# Readline is told that these are files: it adds the slash of a folder, and quotes blanks.
_aicc_files() {
  mapfile -t COMPREPLY < <(compgen -f -- "$word")
  compopt -o filenames 2>/dev/null
}

_aicc() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]-} options
  local commands="plan apply resume undo status report jobs forget release bind agents agent queues token config sandbox help"
  local everywhere="--store --json --quiet --help"

  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    _aicc_words "$commands --help --version"
    return
  fi
  [ "$word" = = ] || [ "$word" = : ] && before=$word word=
  case $before in
    =) before=${COMP_WORDS[COMP_CWORD-2]}; [ "$before" = = ] && before=${COMP_WORDS[COMP_CWORD-3]}
       [ "${COMP_WORDS[COMP_CWORD]}" = = ] && before=${COMP_WORDS[COMP_CWORD-1]} ;;
    :) [[ " ${COMP_WORDS[*]:COMP_CWORD-3:3}" == *" sqlite"* ]] && _aicc_files; return ;;
  esac
  case $before in
    --format) _aicc_words "csv jsonl html markdown"; return ;;
    --agents | --log | --output | -o) _aicc_files; return ;;
    --store) _aicc_words "sqlite: postgresql://"; compopt -o nospace 2>/dev/null; return ;;
    --rate | --concurrency | --chunk | --job | --skill | --agent | --except | --name | --ids | --agent-weight | --skill-weight | --port) return ;;
  esac
  case $command in
    plan) options="--job --chunk --rate --concurrency --agents --sweep --ask --log" ;;
    apply | resume | undo) options="--force --yes --rate --concurrency --log" ;;
    status) options="--watch" ;;
    report) options="--format --failed --output" ;;
    release) options="--skill --all --agent --except --yes --log" ;;
    bind) options="--skill --agent-weight --skill-weight --log" ;;
    agents) options="--skill --log" ;;
    agent) options="--log" ;;
    queues) options="--name --ids --count --rate --log" ;;
    token) options="--check --log" ;;
    sandbox) options="--port --agents --tls" ;;
    help) everywhere="--help" ;;
  esac
  if [ "${word:0:1}" = - ]; then
    _aicc_words "${options-} $everywhere"
    return
  fi
  case $command in
    plan) _aicc_files ;;
    apply | resume | undo | status | report | forget) _aicc_words "$(_aicc_jobs)" ;;
    help) _aicc_words "$commands" ;;
  esac
}

complete -F _aicc aicc
