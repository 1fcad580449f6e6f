#!/usr/bin/env bash
# Compares the listings below `<!-- own: ARGUMENTS -->` in a document with what a program prints, errors first.
#   listings.sh PROGRAM DOCUMENT
set -euo pipefail
program=$(realpath "$1")
document=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
while IFS= read -r arguments; do
  # The block after the mark, without its fences.
  awk -v mark="<!-- own: $arguments -->" '
    $0 == mark { found = 1; next }
    found == 1 && /^```/ { found = 2; next }
    found == 2 && /^```/ { exit }
    found == 2 { print }' "$document" >"$work/listing"
  # Arguments are words without spaces.
  # shellcheck disable=SC2086
  "$program" $arguments >"$work/output" 2>"$work/errors"
  diff "$work/listing" <(cat "$work/errors" "$work/output")
  count=$((count + 1))
done < <(sed -n 's/^<!-- own: \(.*\) -->$/\1/p' "$document")
[ "$count" -gt 0 ] || { echo "$document has no listing of the program" >&2; exit 1; }
