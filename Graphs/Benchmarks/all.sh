#!/usr/bin/env bash
# Measures everything that Docs/Benchmarks.md shows, in one go, and writes it as Markdown.
#
#   Graphs/Benchmarks/all.sh [OPTION ...] [APUS]          APUS: .build/release/apus if left out
#
#   --only SECTION,...   some of: roof products transformers training inference shared layers compile fit peers
#   --quick              short runs of a part of each section, to see that everything works
#   --rounds N           how often each figure is measured; 5 if left out
#   --seconds S          how long a run of most sections measures; 1.5 if left out
#   --output FILE        instead of standard output
#   --page FILE          puts the sections into a page that has them, up to the line <!-- notes --> in each
#   --peers COMMAND      measures other programs: see peers.sh; that section is left out without it
#   --beside COMMAND     measures one of them where the machine is shared: see shared.sh
#
# Training needs the data set fashion-mnist, layers.py needs Python. A section that cannot be measured says why.
set -euo pipefail

all=(roof products transformers training inference shared layers compile fit peers)
only=() peers='' output='' page='' quick='' rounds=5 seconds=1.5 companion=()
fail() {
  echo "all.sh: $*" >&2
  exit 2
}
while [[ ${1:-} == --* ]]; do
  if [ "$1" = --quick ]; then
    quick=yes
    shift
    continue
  fi
  [ $# -ge 2 ] || fail "$1 takes a value"
  case $1 in
  --only) IFS=', ' read -ra only <<<"$2" ;;
  --rounds) rounds=$2 ;;
  --seconds) seconds=$2 ;;
  --output) output=$(realpath -m "$2") ;;
  --page) page=$(realpath -e "$2") || fail "there is no page '$2'" ;;
  --peers) peers=$2 ;;
  --beside) companion=(--beside "$2") ;;
  *) fail "there is no option '$1': --only, --quick, --rounds, --seconds, --output, --page, --peers, --beside" ;;
  esac
  shift 2
done
for section in "${only[@]}"; do
  [[ " ${all[*]} " == *" $section "* ]] || fail "there is no section '$section': ${all[*]}"
done
[ ${#only[@]} -gt 0 ] || only=("${all[@]}")
[ -z "$quick" ] || rounds=1 seconds=0.1
set -- --rounds "$rounds" --seconds "$seconds" "$@"
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
[ ${#rest[@]} -eq 0 ] || fail "there is no use for '${rest[*]}': one program is measured"
options=(--rounds "$rounds" --seconds "$seconds")

# In a quick run the first few words stand for all.
some() { # count, words...
  local count=$1
  shift
  if [ -n "$quick" ]; then echo "${@:1:count}"; else echo "$@"; fi
}
script() { # name, arguments...
  "$benchmarks/$1.sh" "${options[@]}" "${@:2}"
}
# What a section cannot do without.
requires() { # what it is, command...
  local what=$1
  shift
  "$@" >/dev/null 2>&1 && return
  echo "Left out: $what."
  return 1
}
has_data() { requires 'the data set fashion-mnist is not there' "$apus" data fashion-mnist; }

# The sections: each says what it measures, and prints its tables. Words in lists of names are split on purpose.
# shellcheck disable=SC2046
roof() {
  printf '%s\n\n' 'What one core can do (`apus devices`).'
  local reports key
  reports=$(for _ in $(seq "$rounds"); do "$apus" devices --json; done)
  header 'of one core' measured
  row 'f32 multiply-adds' "$(field gflops_f32 <<<"$reports" | cell ' GFLOP/s')"
  row 'f64 multiply-adds' "$(field gflops_f64 <<<"$reports" | cell ' GFLOP/s')"
  for key in L1 L2 L3 memory; do row "reading $key" "$(field $key <<<"$reports" | cell ' GB/s')"; done
}
products() {
  printf '%s\n\n' 'Whole runs on one core, into new memory and with operands packed each time, beside OpenBLAS (`matmul.sh`).'
  script matmul "$apus" ${quick:+32,128,784 64,64,64,f64}
}
transformers() {
  printf '%s\n\n' 'One run of the encoder, whole training steps of the decoder, both on random ids (`steps.sh encoder gpt`).'
  script steps "$apus" $(some 1 encoder gpt)
}
training() {
  has_data || return 0
  printf '%s\n\n' 'Whole steps (forward, backward, update) on Fashion-MNIST; the name is followed by the batch (`steps.sh`).'
  script steps "$apus" $(some 1 mlp cnn lstm gru)
}
inference() {
  printf '%s\n\n' 'One picture, from the buffer of the caller to the result (`steps.sh`).'
  script steps "$apus" $(some 1 mlp1 vgg16 resnet50 mobilenet_v2)
}
shared() {
  has_data || return 0
  printf '%s\n\n' 'What is left of the quiet rate beside other processes; of two runs, the rates of both (`shared.sh`).'
  script shared "${companion[@]}" "$apus" $(some 1 mlp cnn lstm gru resnet50)
}
layers() {
  local model
  requires 'Python is not there' python3 --version || return 0
  printf '%s\n' 'One picture, all cores. The share of the peak counts the arithmetic of the direct sum (`layers.py`).'
  for model in $(some 1 vgg16 resnet50 mobilenet_v2); do
    printf '\n### %s\n\n' "$model"
    python3 "$benchmarks/layers.py" "$apus" "Graphs/Models/$model.graph" --threads "$(nproc)" "${options[@]}"
  done
}
compile() {
  has_data || return 0
  script compile "$apus" $(some 1 1000 10000 100000)
}
fit() {
  has_data || return 0
  printf '%s\n\n' 'Ratios are of runs that follow each other; callbacks: `early_stopping` and `csv_logger` (`fit.sh`).'
  script fit "$apus" $(some 1 mlp cnn lstm)
}
peers() {
  requires 'no command was given with --peers' test -n "$peers" || return 0
  printf '%s\n\n' 'Programs in turn; the ratio is that of Apus to the best of the others (`peers.sh`).'
  script peers --beside "$peers" "$apus" $(some 1 mlp lstm gru cnn mlp1 vgg16 resnet50 mobilenet_v2 encoder gpt)
}

declare -A titles=(
  [roof]='The roof' [products]='Matrix products' [transformers]='Transformers' [training]='Training'
  [inference]='Inference' [shared]='On machines that others use, too' [layers]='Layers of convolutional networks'
  [compile]='Compiling' [fit]='`apus train` against `apus bench --train`' [peers]='Against other frameworks'
)
report() {
  echo "Measured by \`Graphs/Benchmarks/all.sh\`: medians of runs, $rounds each, in parentheses the least and the largest."
  echo
  header machine ''
  row processor "$(sed -nE 's/^(model name|Processor)[[:space:]]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"
  row kernel "$(uname -sr)"
  row apus "$("$apus" --version)"
  row 'other load' "$(cut -d ' ' -f 1 /proc/loadavg) processes were ready or running when it began"
  row date "$(date -u '+%Y-%m-%d %H:%M UTC')"
  for section in "${only[@]}"; do
    echo "all.sh: $section" >&2
    printf '\n## %s\n\n' "${titles[$section]}"
    "$section"
  done
}
# A page with the sections of a report: what is between a heading, or the line <!-- machine -->, and the line <!-- notes -->
# or the next heading. Sections that the page has not are left out.
updated() { # report, page
  awk '
    NR == FNR { if (/^## /) section = $0; else text[section] = text[section] $0 "\n"; next }
    /^## / || /^<!-- (machine|notes) -->$/ {
      isReplaced = 0
      key = /^<!-- machine/ ? "" : $0
      if (key in text && text[key] !~ /\nLeft out: /) { printf "%s\n%s\n", $0, text[key]; isReplaced = 1; next }
    }
    !isReplaced' "$1" "$2" | cat -s
}

if [ -n "$page" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  report >"$work/report"
  updated "$work/report" "$page" >"$work/page"
  cp "$work/page" "$page"
elif [ -n "$output" ]; then
  report >"$output"
else
  report
fi
