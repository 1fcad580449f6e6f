#!/usr/bin/env bash
# How much of the quiet rate is left on a machine that other processes use, too: beside one busy process of the same
# priority, one of the lowest, four busy ones, and of two runs at the same time, together. A Markdown table.
#
#   shared.sh [--rounds N] [--seconds S] [--beside COMMAND] [APUS [WORKLOAD ...]]     with data for training
#
# COMMAND measures something else in turn under the same conditions: it is called with WORKLOAD in it replaced by the
# workload's name, and prints samples_per_s or ms as `apus bench --json` does.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

workloads=("${rest[@]}")
[ ${#workloads[@]} -gt 0 ] || workloads=(mlp cnn lstm gru resnet50)
for name in "${workloads[@]}"; do workload "$name" >/dev/null; done

busy=()
start_busy() { # command...
  "$@" bash -c 'while :; do :; done' &
  busy+=($!)
}
stop_busy() {
  local process
  for process in ${busy[@]+"${busy[@]}"}; do
    # Not every caller lets a process be told to end.
    kill -KILL "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  busy=()
}
trap stop_busy EXIT

# What a program does a second of a workload.
measured() { # apus or beside, workload
  if [ "$1" = apus ]; then bench "$2" | rate; else bash -c "${beside//WORKLOAD/$2}" | rate; fi
}
together() { # two runs at the same time
  local other mine
  other=$(mktemp)
  measured "$1" "$2" >"$other" &
  mine=$(measured "$1" "$2")
  wait $!
  awk -v a="$mine" '{ print a + $1 }' "$other"
  rm "$other"
}

declare -A rates
note() { # condition, program, workload, command...
  local key="$1 $2"
  shift 2
  rates[$key]+=" $("$@")"
}
percent() { # quiet rates, others: words
  tr ' ' '\n' <<<"$2" | grep . | awk -v base="$(tr ' ' '\n' <<<"$1" | grep . | median)" '{ print 100 * $1 / base }' | cell %
}

conditions=(quiet one low four two)
programs=(apus)
[ -z "$beside" ] || programs+=(beside)
header workload program 'quiet, a second' 'one busy' 'one of low priority' 'four busy' 'two runs'
for workload in "${workloads[@]}"; do
  rates=()
  for _ in $(seq "$rounds"); do
    for condition in "${conditions[@]}"; do
      for program in "${programs[@]}"; do
        case $condition in
        one) start_busy env ;;
        low) start_busy nice -n 19 ;;
        four) for _ in 1 2 3 4; do start_busy env; done ;;
        esac
        run=measured
        [ "$condition" != two ] || run=together
        note "$condition" "$program" "$run" "$program" "$workload"
        stop_busy
      done
    done
  done
  for program in "${programs[@]}"; do
    cells=("$(tr ' ' '\n' <<<"${rates[quiet $program]}" | grep . | cell)")
    for condition in "${conditions[@]:1}"; do
      cells+=("$(percent "${rates[quiet $program]}" "${rates[$condition $program]}")")
    done
    row "$workload" "$program" "${cells[@]}"
  done
  [ -n "$beside" ] || continue
  cells=()
  for condition in "${conditions[@]}"; do
    cells+=("$(quotients "${rates[$condition apus]# }" "${rates[$condition beside]# }" | cell)")
  done
  row "$workload" 'apus / beside' "${cells[@]}"
done
