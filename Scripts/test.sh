#!/usr/bin/env bash
# All tests: small cases exhaustively in a debug build whose compiler and kernels are optimized, training runs in a release
# build, the documentation, and a package that depends on Apus as a user's would.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A build prints warnings of what it compiles only, so this sees all of them in a clean build and those of what has
# changed in any other.
build_without_warnings() { # log, swift build's arguments...
  local log=$1
  shift
  swift build "$@" >"$log" 2>&1 || return 1
  ! grep -qE '^/.*: warning: ' "$log"
}

# Programs that are run here keep compiled code for this run only.
export APUS_CACHE=$work/cache
mkdir -m 700 "$APUS_CACHE"

# A package of its own, from outside the checkout: the listing of the README, and the examples of the guides, an operator
# with native code, a layer and a pass. Its build has all of Apus in it, so the command comes from there, too. It is built
# beside the tests: neither build keeps two cores busy all the time.
build_consumer() {
  build_without_warnings "$work/consumer.log" -c release --package-path Tests/Consumer &&
    build_without_warnings "$work/apus.log" -c release --package-path Tests/Consumer --product apus
}
echo "building the tests, and Tests/Consumer with the command, for some ten minutes"
build_consumer &
consumer=$!

# Package.swift says what APUS_OPTIMIZED_TESTS changes.
tests=0
APUS_OPTIMIZED_TESTS=1 build_without_warnings "$work/tests.log" --build-tests || tests=1
wait "$consumer" && [ "$tests" -eq 0 ] || {
  cat "$work"/*.log
  echo "FAILED: a build failed, or has warnings:"
  grep -hE '^/.*: (warning|error): ' "$work"/*.log | sort -u
  exit 1
}
tail -n 1 "$work"/*.log
release=$(realpath Tests/Consumer/.build/release)

# The program is tested as users run it; the library keeps its assertions.
export APUS_OPTIMIZED_TESTS=1 APUS_TEST_PROGRAM=$release/apus
swift test --skip-build
Scripts/documentation.sh .build/debug
unset APUS_OPTIMIZED_TESTS APUS_TEST_PROGRAM

Tests/EndToEnd/run.sh "$release/apus"
if command -v chromium >/dev/null && command -v dot >/dev/null; then
  bash Scripts/report_clicks.sh "$release/apus"
else
  echo "SKIPPED: clicks through reports: they need chromium and graphviz"
fi

(cd "$work" && "$release/Consumer" >log && grep -q 'test accuracy: 0\.8' log && grep -q '<svg' history.svg)
echo "ok: the package in Tests/Consumer builds and runs"
Tests/Consumer/listings.sh "$release/OwnApus" Docs/WriteAPass.md
echo "ok: its command prints what the guide shows"
"$release/TrainWithExtension" | tee "$work/extension.log"
diff <(sed -E 's/(interpreter|native code): (0\.9[0-9]*|1\.0)$/\1: at least 0.9/' "$work/extension.log") - <<'END'
replaced: 2
read back: true
interpreter: at least 0.9
native code: at least 0.9
END
echo "ok: it trains with an operator, a layer and a pass of its own"
