#!/usr/bin/env bash
# What `apus train` makes of the rate that `apus bench --train` measures, without callbacks and with two of them, as a
# Markdown table. Runs take turns; a ratio is of runs that follow each other.
#
#   fit.sh [--rounds N] [--seconds S] [APUS [WORKLOAD ...]]     with data; S is about how long a run takes
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

workloads=("${rest[@]}")
[ ${#workloads[@]} -gt 0 ] || workloads=(mlp cnn lstm)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fit() { # workload, epochs, more arguments...
  local words epochs=$2
  words=$(workload "$1" | sed 's/ --train / /')
  shift 2
  # shellcheck disable=SC2086 # several words
  "$apus" train $words --epochs "$epochs" --verbose silent --json "$@" | rate
}

header workload epochs 'bench, samples a second' 'train' 'train / bench' 'with callbacks' 'with callbacks / bench'
for name in "${workloads[@]}"; do
  measured=() plain=() watched=()
  for _ in $(seq "$rounds"); do
    measured+=("$(bench "$name" | rate)")
    # As many epochs of 60,000 samples as take about that long.
    epochs=$(awk -v rate="${measured[0]}" -v seconds="$seconds" 'BEGIN {
      n = int(rate * seconds / 60000); print (n < 1 ? 1 : n) }')
    plain+=("$(fit "$name" "$epochs")")
    watched+=("$(fit "$name" "$epochs" --callbacks "early_stopping(patience=99,monitor=loss),csv_logger($work/log.csv)")")
  done
  row "$name" "$epochs" "$(printf '%s\n' "${measured[@]}" | cell)" \
    "$(printf '%s\n' "${plain[@]}" | cell)" "$(quotients "${plain[*]}" "${measured[*]}" | cell)" \
    "$(printf '%s\n' "${watched[@]}" | cell)" "$(quotients "${watched[*]}" "${measured[*]}" | cell)"
done
