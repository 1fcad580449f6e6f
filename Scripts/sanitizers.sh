#!/usr/bin/env bash
# The tests of native code and of the training library under the thread and the address sanitizer.
#   bash Scripts/sanitizers.sh [thread|address …]
# Each has a build of its own in .build/sanitize-…, which takes minutes. Machine code of kernels is not instrumented.
set -euo pipefail
cd "$(dirname "$0")/.."

# What a sanitizer must not look at, and why.
thread_options="halt_on_error=0 exitcode=66 suppressions=$PWD/Scripts/sanitizers-thread.txt"
# Memory of loaded code and of the worker team lives as long as the process.
address_options="detect_leaks=0 exitcode=66"
filter='ApusNativeTests|ApusNNTests'

status=0
for sanitizer in "${@:-thread address}"; do
  for name in $sanitizer; do
    echo "== $name sanitizer"
    log=".build/sanitize-$name.log"
    ${APUS_SANITIZER_RUN:-} swift build --build-tests --sanitize "$name" --scratch-path ".build/sanitize-$name" > "$log" 2>&1 \
      || { tail -n 20 "$log"; exit 1; }
    TSAN_OPTIONS="$thread_options" ASAN_OPTIONS="$address_options" ${APUS_SANITIZER_RUN:-} \
      swift test --skip-build --sanitize "$name" --scratch-path ".build/sanitize-$name" --filter "$filter" > "$log" 2>&1 || status=1
    grep -E '^(WARNING: ThreadSanitizer|==[0-9]+==ERROR)|SUMMARY:' "$log" | sort | uniq -c | sort -rn | head -n 40
    grep -E 'Test run with' "$log" || true
    if grep -qE 'SUMMARY: (Thread|Address)Sanitizer' "$log"; then status=1; fi
  done
done
exit "$status"
