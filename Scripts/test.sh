#!/usr/bin/env bash
# All tests: small cases exhaustively in a debug build, training runs in a release build, and a package that depends
# on Apus as a user's would.
set -euo pipefail
cd "$(dirname "$0")/.."

swift test
swift build -c release --product apus
Tests/EndToEnd/run.sh .build/release/apus
swift run --package-path Tests/Consumer
