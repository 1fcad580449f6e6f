#!/usr/bin/env bash
# Builds the DocC archive of `Apus` from the catalog Sources/Apus/Apus.docc and the modules of a finished build. Any
# warning fails it.
#   documentation.sh [BUILD-FOLDER [OUTPUT-FOLDER]]
# Articles of the catalog are links to Docs/*.md. Here their links to each other become links between articles, and
# links to other files of the checkout become file names.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-.build/debug}
output=${2:-.build/documentation/Apus.doccarchive}

docc=$(command -v docc || true)
if [ -z "$docc" ]; then
  docc=$(dirname "$(realpath "$(command -v swift)")")/docc
fi
if [ ! -x "$docc" ]; then
  echo "SKIPPED: documentation: this Swift toolchain has no docc"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -rL Sources/Apus/Apus.docc "$work/Apus.docc"
# A catalog finds pictures by their names alone.
find Docs/Images \( -name '*.svg' -o -name '*.png' \) -exec cp {} "$work/Apus.docc" \;
sed -E -i \
  -e 's/\]\(Images\//](/g' \
  -e 's/\[[^]]*\]\(([A-Za-z]+)\.md(#[^)]*)?\)/<doc:\1>/g' \
  -e 's/(^|[^!])\[([^]]*)\]\((\.\.\/)?[A-Za-z][A-Za-z0-9_\/.]*\)/\1\2/g' \
  "$work"/Apus.docc/Articles/*.md

# What the umbrella exports is documented as its own.
exported=$(grep -rhoP '^@_exported import (?:(?:struct|class|enum|protocol|typealias|func) )?\K\w+' Sources --include='*.swift' | sort -u | paste -sd,)
checkouts=$build/../../checkouts
clang=()
for map in Sources/*/module.modulemap "$checkouts"/swift-numerics/Sources/_NumericsShims/include/module.modulemap; do
  clang+=(-Xcc "-fmodule-map-file=$map" -Xcc "-I$(dirname "$map")")
done
for flag in $(pkg-config --cflags-only-I zlib); do clang+=(-Xcc "$flag"); done
mkdir "$work/symbols"
swift symbolgraph-extract -module-name Apus -I "$build/Modules" "${clang[@]}" \
  -target "$(swift -print-target-info | sed -n 's/.*"unversionedTriple": "\(.*\)".*/\1/p')" \
  -output-dir "$work/symbols" -minimum-access-level public -experimental-allowed-reexported-modules="$exported"

rm -rf "$output"
mkdir -p "$(dirname "$output")"
"$docc" convert "$work/Apus.docc" --additional-symbol-graph-dir "$work/symbols" --warnings-as-errors \
  --fallback-display-name Apus --fallback-bundle-identifier apus --output-path "$output"
articles=$(find "$output/data/documentation/apus" -maxdepth 1 -name '*.json' | wc -l)
echo "ok: documentation, $articles pages at the top in $output"
