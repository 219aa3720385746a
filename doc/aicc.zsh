#compdef aicc
# Completion of the command aicc for zsh: in a folder of $fpath, by the name _aicc. Made by `make completions`.

# The names of the jobs, in the store that the line names.
_aicc_jobs() {
  local -a names store
  [[ -n ${opt_args[--store]-} ]] && store=(--store ${(Q)opt_args[--store]})
  names=(${(f)"$(aicc jobs $store 2>/dev/null | awk 'NF > 3 { print $1 }')"})
  _wanted jobs expl job compadd -a names
}

_aicc_commands() {
  local -a commands=(
    'plan:Read rows, look at their queues, and say what a job would do'
    'apply:Release a job'\''s rows'
    'resume:Go on with a job that was interrupted, killed or stopped'
    'undo:Bind again, with their own weights, whom a job released'
    'status:Say how far a job is'
    'report:Print what became of each row, in input order'
    'jobs:List the jobs'
    'forget:Delete a job and all that is known of its rows'
    'release:Unbind agents from a queue, at once and without a job'
    'bind:Bind agents to a queue, or change their weights'
    'agents:List the agents of a queue'
    'agent:Show who an agent is, and in which queues'
    'queues:List the queues'
    'token:See whether the API gives a token'
    'config:Print each setting and where it comes from, secrets masked'
    'sandbox:Serve the API on a loopback port, for trying, until Ctrl-C'
    'help:Show help, of a command too, with examples'
  )
  _describe -t commands command commands
}

_aicc() {
  local curcontext=$curcontext state line expl
  typeset -A opt_args
  _arguments -C '(- *)'{-h,--help}'[help]' '(- *)--version[the version]' '1:command:_aicc_commands' '*::argument:->rest' && return
  [[ $state = rest ]] || return
  curcontext=${curcontext%:*:*}:aicc-$words[1]:
  case $words[1] in
    plan)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--agents=[A file of accounts, who are to leave all of their queues]:FILE:_files' \
        '--sweep[With --agents\: list every queue instead of asking the API for each account]' \
        '--ask[With --sweep\: ask for each account too, and say where the two ways differ]' \
        '--job=[The job'\''s name]:NAME: ' \
        '--chunk=[Accounts in a request]:N: ' \
        '--log=[Append a line of JSON for each request, pause, and run]:FILE:_files' \
        '--rate=[Requests per second; 0 for no limit]:N: ' \
        '--concurrency=[Queues at once]:N: ' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' \
        ':file:_files' ;;
    apply)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--log=[Append a line of JSON for each request, pause, and run]:FILE:_files' \
        '--force[Also beyond the blast radius\: more than 500 agents, or more than half of a queue]' \
        '(-y --yes)'{-y,--yes}'[With --force\: do not ask before going beyond it]' \
        '--rate=[Requests per second; 0 for no limit]:N: ' \
        '--concurrency=[Queues at once]:N: ' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' \
        ':job:_aicc_jobs' ;;
    resume)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--log=[Append a line of JSON for each request, pause, and run]:FILE:_files' \
        '--force[Also beyond the blast radius\: more than 500 agents, or more than half of a queue]' \
        '(-y --yes)'{-y,--yes}'[With --force\: do not ask before going beyond it]' \
        '--rate=[Requests per second; 0 for no limit]:N: ' \
        '--concurrency=[Queues at once]:N: ' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' \
        ':job:_aicc_jobs' ;;
    undo)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--log=[Append a line of JSON for each request, pause, and run]:FILE:_files' \
        '--force[Also beyond the blast radius\: more than 500 agents, or more than half of a queue]' \
        '(-y --yes)'{-y,--yes}'[With --force\: do not ask before going beyond it]' \
        '--rate=[Requests per second; 0 for no limit]:N: ' \
        '--concurrency=[Queues at once]:N: ' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' \
        ':job:_aicc_jobs' ;;
    status)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--watch=[Look again every second, or every so many, until the job is done]::SECONDS: ' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' \
        ':job:_aicc_jobs' ;;
    report)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--format=[csv (the default), jsonl (the default with --json), html or markdown]:value:(csv jsonl html markdown)' \
        '--failed[Only rows that are failed, unknown, pending or no_agent]' \
        '(-o --output)'{-o,--output}'[Write it to this file, which it replaces as a whole and nobody else may read]:FILE:_files' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' \
        ':job:_aicc_jobs' ;;
    jobs)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' ;;
    forget)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' \
        ':job:_aicc_jobs' ;;
    release)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--skill=[The queue'\''s number (skillId), or its name if only one queue has it]:ID: ' \
        '--log=[Append a line of JSON for each request, pause, and run]:FILE:_files' \
        '*--agent=[An account that is to leave all of its queues; more than once for several]:ACCOUNT: ' \
        '*--except=[With --agent\: a queue in which they stay; more than once for several]:ID: ' \
        '--all[Everybody in the queue]' \
        '(-y --yes)'{-y,--yes}'[With --all or --agent\: do not ask]' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' \
        '*:accounts: ' ;;
    bind)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--skill=[The queue'\''s number (skillId), or its name if only one queue has it]:ID: ' \
        '--log=[Append a line of JSON for each request, pause, and run]:FILE:_files' \
        '--agent-weight=[Larger is served first]:N: ' \
        '--skill-weight=[Default\: 1]:N: ' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' \
        '*:accounts: ' ;;
    agents)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--skill=[The queue'\''s number (skillId), or its name if only one queue has it]:ID: ' \
        '--log=[Append a line of JSON for each request, pause, and run]:FILE:_files' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' ;;
    agent)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--log=[Append a line of JSON for each request, pause, and run]:FILE:_files' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' \
        ':account: ' ;;
    queues)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--name=[Those whose names the API finds by this]:TEXT: ' \
        '*--ids=[Those of these numbers, with commas between them]:ID,...: ' \
        '--count[How many agents are in each\: at least a request a queue]' \
        '--rate=[Requests per second; 0 for no limit]:N: ' \
        '--log=[Append a line of JSON for each request, pause, and run]:FILE:_files' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' ;;
    token)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--log=[Append a line of JSON for each request, pause, and run]:FILE:_files' \
        '--check[Fetch one, print nothing of it]' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' ;;
    config)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' ;;
    sandbox)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        '--port=[Default\: any that is free]:N: ' \
        '--agents=[CSV of skill_id and user_account\: who is bound]:FILE:_files' \
        '--tls[HTTPS, with a certificate made for this run]' \
        '--store=[Job store\: sqlite\:PATH or postgresql\://…]:URL: ' \
        '--json[One JSON object a line, for machines]' \
        '(-q --quiet)'{-q,--quiet}'[Print errors only]' ;;
    help)
      _arguments \
        '(- *)'{-h,--help}'[Show this help message and exit]' \
        ':topic:_aicc_commands' ;;
  esac
}

_aicc "$@"
