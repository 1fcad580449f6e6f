#!/usr/bin/env bash
# Trains the course's network from its graph file with the program given, and checks what a user would.
#   run.sh PATH-TO-APUS
set -euo pipefail
apus=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# The user's cache of compiled code is left alone.
export APUS_CACHE=${APUS_CACHE:-$work/cache}
mkdir -p -m 700 "$APUS_CACHE"
passed=0

check() { # description, command...
  local what=$1
  shift
  if "$@" >check.log 2>&1; then
    passed=$((passed + 1))
    echo "ok: $what"
  else
    echo "FAILED: $what: $*"
    cat check.log
    exit 1
  fi
}
field() { sed -n "s/.*\"$2\":\([-0-9.e]*\).*/\1/p" "$1"; } # of a JSON object on one line
at_least() { awk -v x="$1" -v limit="$2" 'BEGIN { exit !(x >= limit) }'; }
refuses() { # status, pattern, command...
  local status=$1 pattern=$2 actual=0
  shift 2
  "$@" >out.log 2>err.log || actual=$?
  [ "$actual" -eq "$status" ] && grep -q "$pattern" err.log
}

train=("$apus" train "$root/Graphs/Models/mlp.graph" --data fashion-mnist --loss sparse_categorical_crossentropy
  --optimizer rmsprop --batch 32 --validation-split 0.2 --verbose silent)

# RMSprop's last epoch wanders by about half a percent from seed to seed, so the middle one of three runs is judged.
for seed in 0 1 2; do
  "${train[@]}" --epochs 5 --seed "$seed" --plot history.svg --json >"result$seed.json"
  field "result$seed.json" test_accuracy
done | sort >accuracies
accuracy=$(sed -n 2p accuracies)
check "five epochs reach a test accuracy of 0.86 ($accuracy)" at_least "$accuracy" 0.86
check "the plot is an SVG" grep -q '<svg' history.svg

"${train[@]}" --epochs 2 --seed 7 --save a --json >/dev/null
"${train[@]}" --epochs 2 --seed 7 --save b --json >/dev/null
check "the same seed gives the same bytes" cmp a/weights.safetensors b/weights.safetensors
"${train[@]}" --epochs 1 --seed 7 --save c --json >/dev/null
"${train[@]}" --epochs 2 --seed 7 --resume c --save d --json >/dev/null
check "an interrupted run ends where an uninterrupted one does" cmp a/weights.safetensors d/weights.safetensors

# Native code and the interpreter learn alike. In f32 by plain gradient descent: the other optimizers divide a gradient by
# its own size, so that where it is nearly 0 its rounding decides a whole step.
first_loss() { # backend, graph, optimizer
  "$apus" train "$2" --data fashion-mnist --epochs 1 --batch 32 --seed 3 --optimizer "$3" --backend "$1" \
    --verbose silent --json | sed -n 's/.*"loss":\[\([0-9.e-]*\)\].*/\1/p'
}
near() { awk -v a="$1" -v b="$2" -v limit="$3" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(a > 0 && d <= limit * b) }'; }
sed 's/f32/f64/g' "$root/Graphs/Models/mlp.graph" >double.graph
check "an epoch in f32 gives the interpreter's loss" \
  near "$(first_loss native "$root/Graphs/Models/mlp.graph" sgd)" \
  "$(first_loss interpreter "$root/Graphs/Models/mlp.graph" sgd)" 1e-4
check "an epoch in f64 gives the interpreter's loss" \
  near "$(first_loss native double.graph rmsprop)" "$(first_loss interpreter double.graph rmsprop)" 1e-9
"${train[@]/mlp.graph/cnn.graph}" --epochs 2 --optimizer adam --seed 0 --json >cnn.json
check "a convolutional network reaches 0.87 in two epochs" at_least "$(field cnn.json test_accuracy)" 0.87
"$apus" evaluate a --data fashion-mnist --json >evaluated.json
check "a saved model evaluates" at_least "$(field evaluated.json accuracy)" 0.8
check "a misspelt data set is refused" refuses 1 "did you mean 'fashion-mnist'" "${train[@]/fashion-mnist/fashon-mnist}"
check "an unknown flag is a usage error" refuses 2 'Unknown option' "${train[@]}" --epoch 3

# The models that are too large for the other tests give in C the bits that they give here, by one thread and by two.
for length in 64 128; do
  cat >ids$length.graph <<END
graph @ids() {
  %1: i64 = constant(0)
  %2 = random_uniform(%1, shape: [1, $length], low: 0, high: 60)
  %ids: i32[1, $length] = cast(%2, dtype: i32)
  return %ids
}
END
done
cat >image.graph <<'END'
graph @image() {
  %1: i64 = constant(0)
  %image = random_uniform(%1, shape: [1, 224, 224, 3], low: -1, high: 1)
  return %image
}
END
numbers() { tail -c "$1" "$2"; } # what an .npy file holds behind its header
gives_the_same_bits() ( # model, graph of its input, bytes of the input, bytes of the output
  # `check` runs this in a condition, where a failed command would end nothing: so they are chained.
  model=$1 input=$2 taken=$3 given=$4
  name=$(echo "$model" | tr '[:lower:]' '[:upper:]')
  "$apus" run "$input.graph" --output in &&
    "$apus" run "$root/Graphs/Models/$model.graph" --backend native --seed 5 --input in/*.npy --output here &&
    numbers "$given" here/*.npy >expected && numbers "$taken" in/*.npy >input &&
    "$apus" compile "$root/Graphs/Models/$model.graph" --bind batch=1 --seed 5 --output c || exit
  for threads in 1 2; do
    cc -std=c11 -O1 -I c "-DMODEL=$model" "-DARENA=${name}_ARENA_BYTES" "-DTHREADS=$threads" "-D${name}_WITH_THREADS" \
      "$root/Tests/CommandTests/Resources/run_compiled.c" "c/$model.o" -o run_compiled -pthread &&
      ./run_compiled "c/$model.weights" result "$given" -- input && cmp result expected || exit
  done
  rm -r in here c
)
for case in "vgg16 image 602112 4000" "resnet50 image 602112 4000" "mobilenet_v2 image 602112 4000" \
  "encoder ids128 512 262144" "gpt ids64 256 24576" "text ids64 256 8"; do
  read -ra words <<<"$case"
  check "${words[0]} in C gives the same bits" gives_the_same_bits "${words[@]}"
done

# Benchmarks are measured and printed as tables; what they are is another matter.
check "benchmarks run" "$root/Graphs/Benchmarks/all.sh" --quick --only roof,training,inference,fit --output "$work/benchmarks.md" \
  "$apus"
check "benchmarks are tables" test "$(grep -cE '^\| (mlp|mlp1|f32 multiply-adds)[, ].*\| [0-9]' benchmarks.md)" -ge 4

echo "$passed passed, 0 failed"
