#!/bin/bash
# The long run: random graphs, the interpreter against native code, release build.
#   bash Tests/FuzzTests/run.sh [COUNT] [FIRST SEED]
# Small graphs of failures go to the folder APUS_FUZZ_FILES, .build/fuzz where it is not set. The graph that is being run
# lies there as fuzz-current.graph, so that a crash leaves its cause behind.
set -eu
cd "$(dirname "$0")/../.."
export APUS_FUZZ="${1:-10000}" APUS_FUZZ_FIRST="${2:-0}" APUS_FUZZ_FILES="${APUS_FUZZ_FILES:-$PWD/.build/fuzz}"
mkdir -p "$APUS_FUZZ_FILES"
exec swift test -c release --filter 'FuzzTests.FuzzTests'
