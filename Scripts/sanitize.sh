#!/usr/bin/env bash
# Runs tests under ThreadSanitizer and AddressSanitizer, in builds of their own.
#   bash Scripts/sanitize.sh [thread|address] [FILTER]     both, and all tests of native code and of networks, unless
#                                                          told otherwise: two builds of 6 minutes, 8 minutes each
# Machine code that Apus makes is not instrumented: what is watched is the team of workers, the loader, the planner and all
# that is written in Swift. Tests/Sanitizers/thread.txt holds the exceptions and their reasons.
set -euo pipefail
cd "$(dirname "$0")/.."
kinds=(thread address)
case "${1:-}" in thread | address)
  kinds=("$1")
  shift
  ;;
esac
filter="${1:-ApusNativeTests|ApusNNTests}"
status=0
for kind in "${kinds[@]}"; do
  echo "== $kind"
  swift build --build-tests -c release -Xswiftc -enable-testing --sanitize "$kind" \
    --scratch-path ".build/sanitize-$kind" 2>&1 | grep -E 'error:|^Build complete'
  TSAN_OPTIONS="halt_on_error=0:suppressions=$PWD/Tests/Sanitizers/thread.txt" \
    ASAN_OPTIONS="detect_leaks=0" \
    swift test --skip-build -c release --sanitize "$kind" --scratch-path ".build/sanitize-$kind" --filter "$filter" || status=1
done
exit $status
