#!/usr/bin/env bash
# Opens pages of `apus report` in headless Chromium, clicks through them, and fails if something is not shown, or if a script
# fails. Needs Debian's packages chromium and graphviz.
#   bash Scripts/report_clicks.sh [apus]
set -euo pipefail
cd "$(dirname "$0")/.."
apus=${1:-.build/debug/apus}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failed=0
: >"$folder/all"

click() {
  local name=$1
  shift
  "$apus" report "$@" --output "$folder/$name.html" || [ -s "$folder/$name.html" ]
  if [ "$(stat -c %s "$folder/$name.html")" -gt 5000000 ]; then
    echo "FAILED: the page of $name has more than 5 MB"
    failed=1
  fi
  { cat "$folder/$name.html"; echo '<script>'; cat Scripts/report_clicks.js; echo '</script>'; } >"$folder/$name.clicks.html"
  chromium --headless --no-sandbox --disable-gpu --window-size=1600,1000 --virtual-time-budget=60000 \
    --enable-logging=stderr --dump-dom "file://$folder/$name.clicks.html" >"$folder/$name.dom" 2>"$folder/$name.log" || true
  local result
  result=$(sed -n '/<pre id="clicks">/,/<\/pre>/p' "$folder/$name.dom" | sed 's/.*<pre id="clicks">//; s/<\/pre>.*//')
  if [ -z "$result" ]; then result="FAILED: the page did not answer"; fi
  printf '%s\n%s\n' "$name" "$(sed 's/^/  /' <<<"$result")"
  if grep -q FAILED <<<"$result"; then failed=1; fi
  echo "$result" >>"$folder/all"
  if grep -E 'CONSOLE.*(Error|error)' "$folder/$name.log"; then failed=1; fi
}

click lenet5 Graphs/Models/lenet5.graph
click cnn-training Graphs/Models/cnn.graph --training --bind batch=32
click resnet50 Graphs/Models/resnet50.graph
click values Graphs/Models/mlp.graph --values
click loop Graphs/Models/lstm.graph --bind batch=2
click validated Graphs/Models/mlp.graph --validate
# A program with a pass that is wrong, of the tests' build. Its report is written, and ends in an error.
apus=.build/debug/CommandExample
[ -x "$apus" ] || { echo "there is no $apus: swift build --build-tests" >&2; exit 1; }
click fault - --passes cse,careless-signs,fuse --validate --bisect <Tests/CommandTests/Resources/signs.graph
apus=${1:-.build/debug/apus}
click double - --profile --seconds 0.1 <<'END'
graph @double(%x: f64[64, 64]) {
  %w: f64[64, 64] = variable(glorot_uniform)
  %c: f64[64] = variable(zeros)
  %y = matmul(%x, %w)
  %z = add(%y, %c)
  %t = tanh(%z)
  return %t
}
END

# What one page has not, another has.
while read -r name; do
  if ! grep -qxF "passed $name" "$folder/all"; then
    echo "FAILED: no page had anything for: $name"
    failed=1
  fi
done < <(sed -n 's/^absent //p' "$folder/all" | sort -u)
exit $failed
