#!/usr/bin/env bash
# All tests: small cases exhaustively in a debug build whose compiler and kernels are optimized, training runs in a release
# build, the documentation, and a package that depends on Apus as a user's would.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A build prints warnings of what it compiles only, so this sees all of them in a clean build and those of what has
# changed in any other.
build_without_warnings() { # swift build's arguments...
  swift build "$@" 2>&1 | tee "$work/build.log"
  if grep -E '^/.*: warning: ' "$work/build.log" | sort -u >"$work/warnings.log"; then
    echo "FAILED: the build has warnings:"
    cat "$work/warnings.log"
    exit 1
  fi
}

# Programs that are run here keep compiled code for this run only.
export APUS_CACHE=$work/cache
mkdir -m 700 "$APUS_CACHE"

# Package.swift says what it changes.
export APUS_OPTIMIZED_TESTS=1
build_without_warnings --build-tests
swift test --skip-build
Scripts/documentation.sh .build/debug
unset APUS_OPTIMIZED_TESTS

# A package of its own, from outside the checkout: the listing of the README, and the examples of the guides, an operator
# with native code, a layer and a pass. Its build has all of Apus in it, so the command comes from there, too.
build_without_warnings -c release --package-path Tests/Consumer
build_without_warnings -c release --package-path Tests/Consumer --product apus
release=$(realpath Tests/Consumer/.build/release)
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
