# What the scripts of this folder share; they source it. Afterwards the project's root is the current folder, and options
# that come first are in `rounds` and `seconds`, the program in `apus`, the rest in `rest`.
#
#   SCRIPT [--rounds N] [--seconds S] [APUS [WORD ...]]

benchmarks=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rounds=3
seconds=1.5
beside=
fail() {
  echo "$(basename "$0"): $*" >&2
  exit 2
}
while [[ ${1:-} == --* ]]; do
  [ $# -ge 2 ] || fail "$1 takes a value"
  case $1 in
  --rounds) [[ $2 =~ ^[1-9][0-9]*$ ]] || fail "--rounds takes a number from 1, not '$2'" && rounds=$2 ;;
  --seconds) [[ $2 =~ ^[0-9]*\.?[0-9]+$ ]] || fail "--seconds takes a number, not '$2'" && seconds=$2 ;;
  --beside) beside=$2 ;;
  *) fail "there is no option '$1': --rounds, --seconds, --beside" ;;
  esac
  shift 2
done
apus=${1:-$benchmarks/../../.build/release/apus}
[ -x "$apus" ] || fail "there is no program '$apus': swift build -c release --product apus"
apus=$(realpath "$apus")
shift || true
rest=("$@")
cd "$benchmarks/../.."

# What `apus bench` is called with for a workload.
workload() { # name
  local words
  words=$(awk -v name="$1" '$1 == name { $1 = ""; print substr($0, 2) }' "$benchmarks/workloads.txt")
  [ -n "$words" ] || fail "there is no workload '$1': $(awk '!/^#/ { printf "%s%s", comma, $1; comma = ", " }' "$benchmarks/workloads.txt")"
  echo "$words"
}

# A number of a JSON object that is on one line.
field() { sed -nE "s/.*\"$1\":(-?[0-9][-+0-9.e]*).*/\1/p"; } # name

# Samples a second of what `apus bench --json` prints; runs a second of a workload of single runs.
rate() { awk '
  match($0, /"samples_per_s": *[-+0-9.e]+/) { sub(/.*"samples_per_s": */, ""); print $0 + 0; found = 1; exit }
  match($0, /"ms": *[-+0-9.e]+/) { sub(/.*"ms": */, ""); print 1000 / ($0 + 0); found = 1; exit }
  END { if (!found) { print "no samples_per_s or ms was printed" >"/dev/stderr"; exit 1 } }'; }
bench() { # workload, more arguments...
  local words
  words=$(workload "$1")
  shift
  # shellcheck disable=SC2086 # several words
  "$apus" bench $words --seconds "$seconds" --json "$@"
}

# Of numbers, one a line: the least, the median (of an even number the lower of the two in the middle) and the largest.
spread() { sort -g | awk '{ v[NR] = $1 } END { print v[1], v[int((NR + 1) / 2)], v[NR] }'; }
median() { spread | cut -d ' ' -f 2; }

# A spread as a cell of a table: "median (least to largest)", with three digits, thousands apart.
cell() { # unit after the numbers, if any
  spread | awk -v unit="${1:-}" '
    function text(x, power, whole, result) {
      x = sprintf("%.2e", x) + 0
      if (x == 0) return "0"
      power = log(x < 0 ? -x : x) / log(10) + 1e-9
      power = int(power) - (power < 0 && power != int(power))
      if (power < 2) return sprintf("%.*f", 2 - power, x)
      whole = sprintf("%.0f", x)
      while (length(whole) > 3) {
        result = "," substr(whole, length(whole) - 2) result
        whole = substr(whole, 1, length(whole) - 3)
      }
      return whole result
    }
    {
      if (text($1) == text($3)) print text($2) unit
      else print text($2) unit " (" text($1) " to " text($3) ")"
    }'
}

# The quotients of two lists of as many numbers, in turn.
quotients() { # numerators, denominators: words
  paste <(tr ' ' '\n' <<<"$1") <(tr ' ' '\n' <<<"$2") | awk '{ print $1 / $2 }'
}

# Seconds of a command, and what it used of all processors: "elapsed processor".
timed() { # command...
  local TIMEFORMAT='%R %U %S'
  { time "$@" >/dev/null 2>&3; } 3>&2 2>&1 | awk '{ print $1, $2 + $3 }'
}

row() { # cells...
  local cell
  printf '|'
  for cell in "$@"; do printf ' %s |' "$cell"; done
  echo
}
header() { # names of columns...
  row "$@"
  printf '|%.0s---' "$@"
  echo '|'
}
