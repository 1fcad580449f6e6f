#!/bin/bash
# The long run: random graphs, the interpreter without passes against native code.
#   bash Tests/FuzzTests/run.sh [COUNT] [FIRST SEED]
# COUNT is 20,000 where it is left out, FIRST SEED where the last run ended. One graph in 200 is huge: values of up to 2^22
# elements, on both sides of the sizes from which native code shares work (APUS_FUZZ_HUGE, of a thousand). Small graphs of
# failures go to the folder APUS_FUZZ_FILES, .build/fuzz where it is not set. The graph that is being run is there as
# fuzz-current.graph, so that a crash leaves its cause behind. APUS_FUZZ_BUILD=debug takes the build of the other tests.
set -eu
cd "$(dirname "$0")/../.."
export APUS_FUZZ_FILES="${APUS_FUZZ_FILES:-$PWD/.build/fuzz}"
mkdir -p "$APUS_FUZZ_FILES"
last=0
if [ -e "$APUS_FUZZ_FILES/next-seed" ]; then last=$(cat "$APUS_FUZZ_FILES/next-seed"); fi
export APUS_FUZZ="${1:-20000}" APUS_FUZZ_FIRST="${2:-$last}"
echo "seeds $APUS_FUZZ_FIRST to $((APUS_FUZZ_FIRST + APUS_FUZZ - 1)); failures go to $APUS_FUZZ_FILES"
status=0
swift test -c "${APUS_FUZZ_BUILD:-release}" --filter 'FuzzTests.FuzzTests/nativeCodeComputesWhatTheInterpreterDoes' || status=$?
echo "the next run begins with seed $(cat "$APUS_FUZZ_FILES/next-seed"); $(find "$APUS_FUZZ_FILES" -name 'fuzz-[0-9]*.graph' | wc -l) graphs of failures are in $APUS_FUZZ_FILES"
exit "$status"
