#!/usr/bin/env bash
# How much of the quiet rate is left on a machine that other processes use, too. For each workload the rate alone, beside one
# busy process of the same priority, beside one of low priority, beside four busy ones, and of two runs at the same time.
#
#   Graphs/Benchmarks/shared.sh [APUS [WORKLOAD ...]]     with data for training; medians of three rounds
set -euo pipefail
cd "$(dirname "$0")/../.."

apus=${1:-.build/release/apus}
shift || true
workloads=("$@")
[ ${#workloads[@]} -gt 0 ] || workloads=(mlp cnn lstm gru resnet50)
rounds=3
seconds=1.5

training() { # model optimizer batch
  echo "Graphs/Models/$1.graph --train --optimizer $2 --batch $3 --data fashion-mnist"
}

arguments() {
  case $1 in
  mlp) training mlp rmsprop 32 ;;
  cnn) training cnn adam 32 ;;
  lstm | gru) training "$1" adam 64 ;;
  resnet50 | vgg16 | mobilenet_v2) echo "Graphs/Models/$1.graph --batch 1" ;;
  *)
    echo "there is no workload '$1': mlp, cnn, lstm, gru, resnet50, vgg16, mobilenet_v2" >&2
    exit 2
    ;;
  esac
}

# Samples a second.
rate() { # workload
  # shellcheck disable=SC2046 # several words
  "$apus" bench $(arguments "$1") --seconds $seconds --json |
    sed -nE 's/.*"samples_per_s":([0-9.]+).*/\1/p; s/.*"ms":([0-9.e-]+).*/\1 ms/p' |
    awk '$2 == "ms" { print 1000 / $1; next } { print $1 }'
}

busy=()
start_busy() { # command...
  "$@" bash -c 'while :; do :; done' &
  busy+=($!)
}
stop_busy() {
  for process in ${busy[@]+"${busy[@]}"}; do
    kill "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  busy=()
}
trap stop_busy EXIT

median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

printf '%-14s %12s %10s %10s %10s %10s\n' "samples/s" quiet "one busy" "one nice" "four busy" "two runs"
for workload in "${workloads[@]}"; do
  arguments "$workload" >/dev/null
  quiet=() one=() low=() four=() two=()
  for _ in $(seq $rounds); do
    quiet+=("$(rate "$workload")")
    start_busy env
    one+=("$(rate "$workload")")
    stop_busy
    start_busy nice -n 19
    low+=("$(rate "$workload")")
    stop_busy
    for _ in 1 2 3 4; do start_busy env; done
    four+=("$(rate "$workload")")
    stop_busy
    # Both rates together.
    other=$(mktemp)
    rate "$workload" >"$other" &
    mine=$(rate "$workload")
    wait $!
    two+=("$(awk -v a="$mine" '{ print a + $1 }' "$other")")
    rm "$other"
  done
  base=$(printf '%s\n' "${quiet[@]}" | median)
  printf '%-14s %12.6g' "$workload" "$base"
  for list in "${one[*]}" "${low[*]}" "${four[*]}" "${two[*]}"; do
    # shellcheck disable=SC2086 # a word each
    printf '%s\n' $list | median | awk -v base="$base" '{ printf " %9.0f%%", 100 * $1 / base }'
  done
  echo
done
