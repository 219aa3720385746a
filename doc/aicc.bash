# Completion of the command aicc for bash: source this file, or install it where bash-completion looks.

_aicc() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]-} options
  local commands="plan apply resume undo status report jobs forget release bind agents agent queues token config sandbox help"
  local everywhere="--store --json --quiet --help"

  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$word")
    return
  fi
  case $before in
    --format) mapfile -t COMPREPLY < <(compgen -W "csv jsonl" -- "$word"); return ;;
    --agents) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    --store | --rate | --concurrency | --chunk | --job | --skill | --agent | --except | --name | --ids | --agent-weight | --skill-weight | --port) return ;;
  esac
  case $command in
    plan) options="--job --chunk --rate --concurrency --agents --sweep --ask" ;;
    apply | resume | undo) options="--force --yes --rate --concurrency" ;;
    report) options="--format --failed" ;;
    release) options="--skill --all --agent --except --yes" ;;
    bind) options="--skill --agent-weight --skill-weight" ;;
    agents) options="--skill" ;;
    queues) options="--name --ids --count --rate" ;;
    token) options="--check" ;;
    sandbox) options="--port --agents --tls" ;;
  esac
  if [ "${word:0:1}" = - ]; then
    mapfile -t COMPREPLY < <(compgen -W "${options-} $everywhere" -- "$word")
    return
  fi
  case $command in
    plan) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    apply | resume | undo | status | report | forget)
      mapfile -t COMPREPLY < <(compgen -W "$(aicc jobs 2>/dev/null | awk 'NF > 3 { print $1 }')" -- "$word") ;;
  esac
}

complete -F _aicc aicc
