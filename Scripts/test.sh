#!/usr/bin/env bash
# All tests: small cases exhaustively in a debug build, training runs in a release build, and a package that depends
# on Apus as a user's would.
set -euo pipefail
cd "$(dirname "$0")/.."

swift test
swift build -c release --product apus
Tests/EndToEnd/run.sh .build/release/apus

# The listing of the README, in a package of its own, from outside the checkout.
swift build -c release --package-path Tests/Consumer
consumer=$(realpath Tests/Consumer/.build/release/Consumer)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && "$consumer" >log && grep -q 'test accuracy: 0\.8' log && grep -q '<svg' history.svg)
echo "ok: the package in Tests/Consumer builds and runs"
