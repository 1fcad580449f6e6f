#!/usr/bin/env bash
# How fast workloads run and train, by one worker and by as many as there are cores, as a Markdown table.
#
#   steps.sh [--rounds N] [--seconds S] [APUS [WORKLOAD ...]]     with data for training
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

workloads=("${rest[@]}")
[ ${#workloads[@]} -gt 0 ] || mapfile -t workloads < <(awk '!/^#/ { print $1 }' "$benchmarks/workloads.txt")
cores=$(nproc)
header workload threads 'samples a second' 'ms a step'
for name in "${workloads[@]}"; do
  batch=$(workload "$name" | sed -E 's/.*--batch ([0-9]+).*/\1/')
  for threads in $(printf '1\n%s\n' "$cores" | uniq); do
    rates=$(for _ in $(seq "$rounds"); do bench "$name" --threads "$threads" | rate; done)
    row "$name, $batch" "$threads" "$(cell <<<"$rates")" \
      "$(awk -v batch="$batch" '{ print 1000 * batch / $1 }' <<<"$rates" | cell)"
  done
done
