#!/usr/bin/env bash
# Apus against other programs, as a Markdown table of the workloads given.
#
#   peers.sh [--rounds N] --beside COMMAND [APUS [WORKLOAD ...]]
#
# `COMMAND WORKLOAD` measures Apus and the others in turn and prints
#
#   WORKLOAD (UNIT, ...)
#     PROGRAM  NUMBER  ...
#     ratio to the best peer (PROGRAM): RATIO ...
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[ -n "$beside" ] || fail "--beside is missing: the command that measures the others"

workloads=("${rest[@]}")
[ ${#workloads[@]} -gt 0 ] || mapfile -t workloads < <(awk '!/^#/ { print $1 }' "$benchmarks/workloads.txt")
header workload unit apus 'best other' ratio others
for name in "${workloads[@]}"; do
  output=$(for _ in $(seq "$rounds"); do $beside "$name"; done)
  unit=$(sed -nE "s/^$name \(([a-z_]+),.*/\1/p" <<<"$output" | head -n 1)
  values() { awk -v program="$1" '/^  / && $1 == program && $2 + 0 > 0 { print $2 }' <<<"$output"; } # program
  ratios=$(sed -nE 's/^ *ratio to the best peer \([^)]*\): ([0-9.]+).*/\1/p' <<<"$output")
  if [ -z "$unit" ] || [ -z "$ratios" ]; then
    echo "peers.sh: '$beside $name' printed no ratio" >&2
    row "$name" '' '' '' '' 'not measured'
    continue
  fi
  best=$(sed -nE 's/^ *ratio to the best peer \(([^)]*)\).*/\1/p' <<<"$output" | sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }')
  others=$(awk '/^  / && $1 != "apus" && $1 != "ratio" && !seen[$1]++ { print $1 }' <<<"$output" | grep -vx "$best" || true)
  list=$(for other in $others; do echo "$other $(values "$other" | cell)"; done | paste -sd ';' | sed 's/;/; /g')
  row "$name" "$unit" "$(values apus | cell)" "$best $(values "$best" | cell)" "$(cell <<<"$ratios")" "$list"
done
