# Words on the terminal, and waiting. Sourced by `cluster`.

now() { printf '%s' "${EPOCHREALTIME/,/.}"; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }
digest() { sha256sum | cut -c1-32; }
k() { kubectl --kubeconfig "$kubeconfig" --request-timeout=20s "$@"; }

# fail COMPONENT MESSAGE: names the component that failed and shows the end of its log.
fail() {
  local log=$logs/$1.log
  say "cluster: $1: $2"
  if [ -s "$log" ]; then
    say "---- last lines of $log"
    tail -n 15 "$log" >&2
  fi
  exit 1
}

# phase TITLE COMMAND...: runs a command and prints how long it took.
phase() {
  local title=$1 start
  start=$(now)
  shift
  "$@"
  printf '%8s s  %s\n' "$(since "$start")" "$title" >&2
}

# await SECONDS COMPONENT WHAT COMMAND...: repeats a command until it succeeds. Ends early when
# a component has died.
await() {
  local limit=$1 component=$2 what=$3 end dead
  shift 3
  end=$((SECONDS + limit))
  until "$@" >/dev/null 2>&1; do
    dead=$(dead_component)
    [ -z "$dead" ] || fail "$dead" "ended while $component was to give $what"
    [ "$SECONDS" -lt "$end" ] || fail "$component" "no $what after $limit s"
    sleep 0.3
  done
}
