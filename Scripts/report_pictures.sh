#!/usr/bin/env bash
# Makes the pictures of Docs/Inspecting.md. Needs Debian's packages chromium and graphviz.
#   bash Scripts/report_pictures.sh [apus]
set -euo pipefail
cd "$(dirname "$0")/.."
apus=${1:-.build/debug/apus}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# picture NAME PAGE [SCRIPT [HEIGHT]]: what the page shows when the script has run. It finds what it shows by name.
picture() {
  { cat "$folder/$2.html"; echo "<script>(async () => {
    while (document.getElementById('report') && !document.body.dataset.ready) await new Promise(done => setTimeout(done, 20));
    const pass = name => choosePass(R.passes.findIndex(p => p.name === name && p.before !== p.after));
    const node = (op, layer) => String(R.stages[state.stage].nodes.findIndex(n => n.op === op && (!layer || n.layer === layer)));
    ${3:-}
  })()</script>"; } >"$folder/$1.page.html"
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size="1400,${4:-760}" \
    --virtual-time-budget=8000 --screenshot="Docs/Images/$1.png" "file://$folder/$1.page.html" 2>/dev/null
}

"$apus" report Graphs/Models/resnet50.graph --output "$folder/resnet50.html"
"$apus" report Graphs/Models/cnn.graph --training --bind batch=32 --profile --output "$folder/cnn.html"
"$apus" report Graphs/Models/lenet5.graph --values --output "$folder/values.html"
# A program with a pass that is wrong: its report is written, and ends in an error.
.build/debug/CommandExample report - --passes cse,careless-signs,fuse --validate --bisect --output "$folder/fault.html" \
  2>/dev/null <Tests/CommandTests/Resources/signs.graph || [ -s "$folder/fault.html" ]
"$apus" explain Docs/Examples/two_neurons.graph --gradient --random --digits 6 --output "$folder/chain.html"

picture report-graph resnet50
picture report-changes cnn 'pass("fuse"); go({ view: "changes" });'
picture report-rewrites cnn 'pass("simplify"); const steps = R.passes[state.pass].steps;
  go({ view: "rewrites", rewrite: steps.findIndex(s => s.rules.some(r => r.name === "add-negated")) });'
picture report-verdict fault 'go({ view: "verdict" });' 900
picture report-way cnn 'go({ node: node("convolution", "conv2") });'
picture report-values values 'pass("fuse"); go({ node: node("fusion", "c3"), tint: "error" });'
picture report-memory cnn 'go({ view: "memory" });'
picture report-kernels cnn 'const all = R.programs[0].launches;
  go({ view: "kernels", launch: all.indexOf(all.reduce((a, b) => (b.seconds || 0) > (a.seconds || 0) ? b : a)) });'
picture explain-chain chain '' 900
