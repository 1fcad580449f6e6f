#!/usr/bin/env bash
# Makes the pictures of Docs/Inspecting.md. Needs Debian's packages chromium and graphviz.
#   bash Scripts/report_pictures.sh [apus]
set -euo pipefail
cd "$(dirname "$0")/.."
apus=${1:-.build/debug/apus}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# picture NAME PAGE ADDRESS [HEIGHT]: what the page shows at an address.
picture() {
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size="1400,${4:-760}" \
    --virtual-time-budget=8000 --screenshot="Docs/Images/$1.png" "file://$folder/$2.html$3" 2>/dev/null
}

"$apus" report Graphs/Models/resnet50.graph --output "$folder/resnet50.html"
"$apus" report Graphs/Models/cnn.graph --training --bind batch=32 --profile --output "$folder/cnn.html"
"$apus" explain Docs/Examples/two_neurons.graph --gradient --random --digits 6 --output "$folder/chain.html"

picture report-graph resnet50 ''
picture report-changes cnn '#view=changes&pass=14&stage=8&old=7'
picture report-way cnn '#view=graph&pass=-1&stage=0&node=11'
picture report-memory cnn '#view=memory'
picture report-kernels cnn '#view=kernels&program=0&launch=7'
picture explain-chain chain '' 900
