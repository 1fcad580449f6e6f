#!/usr/bin/env bash
# Plants the faults of Tests/Mutants/mutants.txt, one at a time, and says which test notices each.
#   bash Scripts/mutants.sh [NUMBER …]    all of them, or those; ends with 1 if fewer than 97 in 100 are noticed
#   bash Scripts/mutants.sh --check       only whether each entry still stands exactly once in its file
#
# All faults are built at once, into a copy of the tree: each is a choice that an environment variable makes while the
# tests run. Settings:
#   APUS_MUTANTS             the folder of the copy (.build/mutants)
#   APUS_MUTANT_BUILT=1      take the copy as the last run built it
#   APUS_MUTANT_WAIT         seconds that the likely tests may take (900). A fault after which they do not end is noticed,
#                            so this must be more than they take without one
#   APUS_MUTANT_WIDER_WAIT   the same of the wider tests (3600); 0: run none
#   APUS_MUTANT_RUN          a command that runs the build and each run of tests, such as "nice -n 19"
set -euo pipefail
cd "$(dirname "$0")/.."
list=Tests/Mutants/mutants.txt
copy="${APUS_MUTANTS:-$PWD/.build/mutants}"
limit="${APUS_MUTANT_WAIT:-900}"
# What notices most of what the likely tests do not: minutes.
wider_limit="${APUS_MUTANT_WIDER_WAIT:-3600}"
wider='CatalogTests|ApusPassesTests.FileTests|NativeExecutableTests|PlanCheckTests|TrainerTests|FuzzTests.FuzzTests/native'

# Reads the list. Without a folder it checks the entries and prints them: number, filter, title. With one it plants them.
plant() {
  perl -CSD -Mstrict -Mwarnings -Mutf8 - "$list" "$@" <<'PERL'
my ($list, $folder) = @ARGV;
sub text { my ($path) = @_; local $/; open(my $file, '<:utf8', $path) or die "$path: $!\n"; return scalar <$file> }
my (@mutants, $part);
for my $line (split /\n/, text($list)) {
  if ($line =~ /^#/ && !defined $part) { next }
  elsif ($line =~ /^\[(\w+)\] (.+)/) { push @mutants, { title => $line, original => '', faulty => '' }; $part = '' }
  elsif ($line eq '') { undef $part }
  elsif ($line =~ /^in (.+)/ && $part eq '') { $mutants[-1]{file} = $1 }
  elsif ($line =~ /^by (.+)/ && $part eq '') { $mutants[-1]{filter} = $1 }
  elsif ($line =~ /^- (.*)/ && $part eq '') { $part = 'original'; $mutants[-1]{$part} = $1 }
  elsif ($line =~ /^\+ (.*)/ && $part eq 'original') { $part = 'faulty'; $mutants[-1]{$part} = $1 }
  else { $mutants[-1]{$part} .= "\n$line" }
}
my (%places, $bad);
for my $number (1 .. @mutants) {
  my $m = $mutants[$number - 1];
  my $text = text($m->{file});
  my $at = index($text, $m->{original});
  my $again = $at < 0 ? -1 : index($text, $m->{original}, $at + 1);
  if ($at < 0 || $again >= 0) {
    print STDERR "$list: $m->{title}: the original stands ", $at < 0 ? 'not at all' : 'more than once', " in $m->{file}\n";
    $bad = 1;
    next;
  }
  my $active = "Mutant.isActive($number)";
  my $new = $m->{faulty};
  if ($new =~ s/\{M\}/$active/g == 0) { $new = "($active ? ($m->{faulty}) : ($m->{original}))" }
  push @{$places{$m->{file}}}, [$at, length $m->{original}, $new, $m->{title}];
  print "$number\t$m->{filter}\t$m->{title}\n" unless $folder;
}
exit 1 if $bad;
for my $file (sort keys %places) {
  my $text = text($file);
  my $end = length $text;
  for my $place (sort { $b->[0] <=> $a->[0] } @{$places{$file}}) {
    if ($place->[0] + $place->[1] > $end) { print STDERR "$list: $place->[3] overlaps another entry\n"; exit 1 }
    substr($text, $place->[0], $place->[1]) = $place->[2];
    $end = $place->[0];
  }
  next unless $folder;
  $text = "import ApusCore\n$text" if $file !~ m{/ApusCore/} && $text !~ /^import ApusCore$/m;
  open(my $out, '>:utf8', "$folder/$file") or die "$folder/$file: $!\n";
  print $out $text;
}
PERL
}

if [ "${1:-}" = --check ]; then
  plant > /dev/null && echo "$(plant | wc -l) entries stand"
  exit
fi
table="$(plant)"

# The copy: as the tree is, but for what the faults change. Files that stay as they are keep their time, so that a second
# run builds little.
if [ -z "${APUS_MUTANT_BUILT:-}" ]; then
  mkdir -p "$copy"
  fresh="$copy.fresh"
  rm -rf "$fresh" && mkdir "$fresh"
  git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --create | tar --extract --directory "$fresh"
  plant "$fresh"
  cat > "$fresh/Sources/ApusCore/Mutant.swift" <<'SWIFT'
import Foundation

/// Which planted fault is there.
public enum Mutant {
  private static let active = ProcessInfo.processInfo.environment["APUS_MUTANT"].flatMap { Int($0) } ?? 0
  public static func isActive(_ number: Int) -> Bool { active == number }
}
SWIFT
  (cd "$fresh" && find . \( -type f -o -type l \) -print0) | while IFS= read -r -d '' file; do
  cmp -s "$fresh/$file" "$copy/$file" || { mkdir -p "$(dirname "$copy/$file")" && cp -P "$fresh/$file" "$copy/$file"; }
  done
  # What the tree no longer has, as a file that was moved, would be built twice.
  (cd "$copy" && find . -path ./.build -prune -o \( -type f -o -type l \) -print0) | while IFS= read -r -d '' file; do
    [ -e "$fresh/$file" ] || [ -L "$fresh/$file" ] || rm "$copy/$file"
  done
  rm -rf "$fresh"
  cd "$copy"
  ${APUS_MUTANT_RUN:-} swift build --build-tests 2>&1 | grep -E 'error:|^Build complete'
fi
cd "$copy"
binary="$copy/.build/debug/ApusPackageTests.xctest"

# What a run of tests notices: the first test with an issue, a crash or a hang; empty if it notices nothing. A run ends with
# its first issue.
noticed() {
  local log cache status=0 run issue='✘ Test [^ ]+ recorded'
  log="$(mktemp)" cache="$(mktemp -d)"
  # Objects of another mutant must not be found in the cache.
  APUS_MUTANT="$1" APUS_CACHE="$cache" ${APUS_MUTANT_RUN:-} timeout -k 5 "$limit" \
    "$binary" --testing-library swift-testing --filter "$2" > "$log" 2>&1 &
  run=$!
  while kill -0 "$run" 2> /dev/null && ! grep -qE "$issue" "$log"; do sleep 0.3; done
  if grep -qE "$issue" "$log"; then pkill -TERM -x -P "$run" timeout || kill "$run" 2> /dev/null || true; fi
  wait "$run" 2> /dev/null || status=$?
  rm -rf "$cache"
  if grep -qE "$issue" "$log"; then
    grep -m 1 -oE "$issue" "$log" | sed -E 's/✘ Test (.*) recorded/\1/'
  elif [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
    echo "no end after $limit s"
  elif [ "$status" -ne 0 ]; then
    echo "a crash, exit $status"
  fi
  rm -f "$log"
}

[ -n "${APUS_MUTANT_BUILT:-}" ] || [ -z "$(noticed 0 RoundTripTests)" ] || { echo "the copy fails its tests without a fault"; exit 70; }
all=0 found=0
printf '%4s  %-74s  %-52s %5s\n' no. fault 'noticed by' s
while IFS=$'\t' read -r number filter title; do
  if [ $# -gt 0 ] && [[ " $* " != *" $number "* ]]; then continue; fi
  start=$SECONDS
  by="$(noticed "$number" "$filter")"
  [ -n "$by" ] || [ "$wider_limit" = 0 ] || by="$(limit=$wider_limit noticed "$number" "$wider")"
  all=$((all + 1))
  if [ -n "$by" ]; then found=$((found + 1)); else by='NOT NOTICED'; fi
  printf '%4d  %-74s  %-52s %5d\n' "$number" "$title" "$by" $((SECONDS - start))
done <<< "$table"
echo "$found of $all noticed"
[ $((100 * found)) -ge $((97 * all)) ]
