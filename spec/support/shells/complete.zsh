# complete.zsh FOLDER LINE - what zsh would complete LINE with: presses Tab in a shell in a pseudo terminal, whose compadd tells.
# FOLDER has the completion, named _aicc.
zmodload zsh/zpty || exit 2
folder=$1
cat >$folder/rc <<'RC'
PROMPT=
bindkey '^I' complete-word
autoload -Uz compinit && compinit -u -D
tell() { print -r -- "<$1>" }
comppostfuncs=(finish)
finish() { tell end; exit }
compadd() {
  local -a hits
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
  builtin compadd -A hits "$@"
  local hit; for hit in $hits; do tell $hit; done
  builtin compadd "$@"
}
tell ready
RC
zpty shell env TERM=dumb zsh -f -i
zpty -w shell "fpath=($folder \$fpath); source $folder/rc"
zpty -r shell seen '*<ready>*' || exit 3
zpty -n -w shell "$2"$'\t'
while zpty -r shell seen; do
  seen=${seen//$'\r'/}
  print -rn -- "$seen"
  [[ $seen == *'<end>'* ]] && break
done
zpty -d shell
