#!/usr/bin/env bash
# How long compiling takes: graphs that grow, and first results without the cache of compiled code and from it, as Markdown
# tables.
#
#   compile.sh [--rounds N] [APUS [NODES ...]]     with data for training
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

sizes=("${rest[@]}")
[ ${#sizes[@]} -gt 0 ] || sizes=(1000 10000 100000)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -m 700 "$work/cache"

# Elapsed seconds of the process, and what it used of all processors.
times() { # command...
  local measured
  measured=$(for _ in $(seq "$rounds"); do timed "$@"; done)
  cut -d ' ' -f 1 <<<"$measured" | cell ' s'
  cut -d ' ' -f 2 <<<"$measured" | cell ' s'
}

echo 'Graphs that grow (`grow.sh`), without the cache: seconds of the whole process, and of all processors.'
echo
header graph nodes elapsed processor
for kind in chain network; do
  for size in "${sizes[@]}"; do
    "$benchmarks/grow.sh" "$kind" "$size" >"$work/graph.graph"
    mapfile -t cells < <(APUS_CACHE=off times "$apus" bench "$work/graph.graph" --seconds 0.001)
    row "$kind" "$size" "${cells[@]}"
  done
done

echo
echo 'Seconds to compile and run once, without the cache and from it.'
echo
"$benchmarks/grow.sh" densenet >"$work/densenet121.graph"
"$benchmarks/grow.sh" transformer 24 >"$work/transformer24.graph"
header graph 'without the cache' 'from the cache'
first_run() { # name, command...
  local name=$1 cells=() folder
  shift
  APUS_CACHE=$work/cache "$@" >/dev/null
  for folder in off "$work/cache"; do
    cells+=("$(for _ in $(seq "$rounds"); do APUS_CACHE=$folder "$@" | field compile_s; done | cell ' s')")
  done
  row "$name" "${cells[@]}"
}
for name in mlp vgg16 resnet50 mobilenet_v2 encoder; do
  # shellcheck disable=SC2046 # several words
  first_run "$name" "$apus" bench $(workload "$name") --seconds 0.001 --json
done
for name in densenet121 transformer24; do
  first_run "$name" "$apus" bench "$work/$name.graph" --seconds 0.001 --json
done

echo
mapfile -t version < <(times "$apus" --version)
echo "\`apus --version\` takes ${version[0]}."
