#!/usr/bin/env bash
# Kills `apus` at random moments, and fills its disk, while it saves: a model that loads must be there each time, and
# training must go on from it to the same bytes.
#   run.sh PATH-TO-APUS [KILLED-SAVES [KILLED-TRAININGS]]
# 20 and 5 where nothing is given, as the tests run it; Docs/Reliability.md has the figures of 200 and 50.
set -euo pipefail
apus=$(realpath "$1")
saves=${2:-20}
trainings=${3:-5}
work=$(mktemp -d)
trap 'umount "$work/full" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
RANDOM=${SEED:-7}

fail() {
  echo "FAILED: $*"
  ls -laR trained* full 2>/dev/null || true
  cat err.log 2>/dev/null || true
  exit 1
}

# Two models whose weights do not fit each other's graph, so that a mixture of both does not load. Training flips half of
# the images and shifts their brightness, by draws of each step.
model() { # name, units
  cat <<END
graph @$1(%input: u8[batch, 4, 4]) {
  %x = cast(%input, dtype: f32)
  %scale: f32 = constant(0.004)
  %2 = multiply(%x, %scale)
  %step = training_step()
  %draw = random_uniform(%step, shape: [batch, 1, 1], seed: 11)
  %half: f32 = constant(0.5)
  %isFlipped = less(%draw, %half)
  %flipped = reverse(%2, axes: [2])
  %either = select(%isFlipped, %flipped, %2)
  %light = random_uniform(%step, shape: [batch, 1, 1], seed: 12, low: -0.1, high: 0.1)
  %augmented = add(%either, %light)
  %image = while_training(%augmented, %2)
  %3: f32[batch, 16] = reshape(%image, shape: [batch, 16])
  %k1: f32[16, $2] = variable(glorot_uniform)
  %5 = matmul(%3, %k1)
  %6 = tanh(%5)
  %7 = dropout(%6, rate: 0.2)
  %k2: f32[$2, 3] = variable(glorot_uniform)
  %9 = matmul(%7, %k2)
  %10 = softmax(%9)
  return %10
}
END
}
model a 5 >a.graph
model b 6 >b.graph

# 24 and 6 images of 4 × 4 bytes with labels 0, 1, 2, as IDX files.
idx() { # count
  awk -v n="$1" 'BEGIN { for (i = 0; i < n * 16; i++) printf "\\x%02x", (i * 37 + int(i / 16) * 11) % 256 }'
}
labels() { awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "\\x%02x", i % 3 }'; }
mkdir data
for part in train:24 t10k:6; do
  n=${part#*:}
  size=$(printf '\\x00\\x00\\x00\\x%02x' "$n")
  printf "\\x00\\x00\\x08\\x03$size\\x00\\x00\\x00\\x04\\x00\\x00\\x00\\x04$(idx "$n")" >"data/${part%:*}-images-idx3-ubyte"
  printf "\\x00\\x00\\x08\\x01$size$(labels "$n")" >"data/${part%:*}-labels-idx1-ubyte"
done

options=(--data data --backend interpreter --optimizer adam --batch 8 --verbose silent)
train() { "$apus" train "$@" "${options[@]}"; } # graph, options...
resume=("$apus" train part --resume part --data data --backend interpreter --verbose silent --save part)
steps() { grep -o '"steps" : [0-9]*' "$1/training.json"; }
# The model loads, graph and weights fit, and all of it is of one save: the steps that training.json tells are those that
# the weights' file tells.
check_whole() { # folder
  local folder=$1 source=$1
  "$apus" evaluate "$folder" --data data --backend interpreter >out.log 2>err.log || fail "$folder does not load"
  [ -e "$folder/.apus-saved/training.json" ] && source=$folder/.apus-saved
  local weights=$folder/weights.safetensors
  [ -e "$folder/.apus-saved/weights.safetensors" ] && weights=$folder/.apus-saved/weights.safetensors
  local number
  number=$(steps "$source" | tr -dc 0-9)
  grep -aqF "steps\\\" : $number\\u" "$weights" || fail "$folder: training.json is of another save"
}
# Random parts of a second.
pause() { sleep "0.$(printf %03d $((RANDOM % $1 + $2)))"; }

# Saves, killed: training that saves after each of very many short epochs, now of one model and now of the other.
train a.graph --epochs 1 --save trained >/dev/null
echo "mine" >trained/notes.txt
interrupted=0
for i in $(seq "$saves"); do
  if ((i % 2)); then graph=b.graph; else graph=a.graph; fi
  # Not the function, whose process would be a shell's.
  "$apus" train "$graph" "${options[@]}" --epochs 1000000 --callbacks "model_checkpoint(trained)" >out.log 2>err.log &
  pid=$!
  pause 300 100
  kill -9 "$pid" 2>/dev/null || fail "training ended by itself"
  wait "$pid" 2>/dev/null || true
  compgen -G 'trained/.apus-*' >/dev/null && interrupted=$((interrupted + 1))
  check_whole trained
done
[ "$(cat trained/notes.txt)" = mine ] || fail "a file of the user's was lost"
# The next save leaves nothing of all that.
train a.graph --epochs 1 --save trained >/dev/null
check_whole trained
compgen -G 'trained/.apus-*' >/dev/null && fail "leftovers stay"
[ "$(ls trained | wc -l)" -eq 4 ] || fail "other files in the folder"
echo "ok: $saves killed saves ($interrupted of them half way) left a whole model"

# Trainings, killed once each, and resumed to their end: the bytes of one that was not interrupted.
epochs=40
train a.graph --epochs $epochs --seed 3 --save whole >/dev/null
kills=0
while [ "$kills" -lt "$trainings" ]; do
  rm -rf part
  train a.graph --epochs 1 --seed 3 --save part >/dev/null
  "${resume[@]}" --epochs $epochs --callbacks "model_checkpoint(part)" >out.log 2>err.log &
  pid=$!
  pause 400 100
  if kill -9 "$pid" 2>/dev/null; then
    wait "$pid" 2>/dev/null || true
    kills=$((kills + 1))
    check_whole part
  else
    wait "$pid" || fail "resuming"
  fi
  "${resume[@]}" --epochs $epochs >out.log 2>err.log || fail "resuming"
  cmp whole/weights.safetensors part/weights.safetensors || fail "a resumed training gave other bytes"
done
echo "ok: $kills killed trainings, resumed, ended with the bytes of one that was not interrupted"

# A disk that is full: a limit on the size of files, and as root a file system of 64 KiB.
cp -r trained before
refuses() { # what, command...
  local what=$1
  shift
  if "$@" >out.log 2>err.log; then fail "$what: saved all the same"; fi
  grep -q 'error: .*cannot be written' err.log || fail "$what: no clear error"
}
limited() { (
  ulimit -f 1
  train b.graph --epochs 1 --save trained
); }
refuses "a limit on files" limited
diff -r before trained || fail "the old model was changed"
check_whole trained
full=skipped
if mkdir full && mount -t tmpfs -o size=64k tmpfs full 2>/dev/null; then
  train a.graph --epochs 1 --save full/trained >/dev/null
  cp -r full/trained before-full
  for room in 0 1 2 3 4 5 6 7 8; do
    rm -f full/filler
    dd if=/dev/zero of=full/filler bs=1k count=64 2>/dev/null || true
    truncate -s "-$((room * 1024))" full/filler
    if train b.graph --epochs 1 --save full/trained >out.log 2>err.log; then break; fi
    grep -Eq 'error: .*(No space left|cannot be)' err.log || fail "a full disk with $room KiB left: no clear error"
    diff -r before-full full/trained || fail "a full disk with $room KiB left changed the old model"
    check_whole full/trained
  done
  rm -f full/filler
  train b.graph --epochs 1 --save full/trained >/dev/null
  check_whole full/trained
  full="as well"
fi
echo "ok: a full disk leaves the old model (a file system that fills: $full)"
