#!/usr/bin/env bash
# Times matrix products on one core, native code against OpenBLAS (what the interpreter calls), as a Markdown table.
#   matmul.sh PATH-TO-APUS
set -euo pipefail
apus=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
export OPENBLAS_NUM_THREADS=1
field() { sed -n "s/.*\"$1\":\([-0-9.e]*\).*/\1/p"; }
milliseconds() { # file, m, n, k, backend
  "$apus" bench "$here/$1" --bind "m=$2,n=$3,k=$4" --threads 1 --seconds 1 --json --backend "$5" | field ms
}
roof=$("$apus" devices --json)
echo '| m × n × k | ms | GFLOP/s | share of the roof | times OpenBLAS |'
echo '|---|---|---|---|---|'
row() { # file, element type, m, n, k
  native=$(milliseconds "$1" "$3" "$4" "$5" native)
  blas=$(milliseconds "$1" "$3" "$4" "$5" interpreter)
  awk -v m="$3" -v n="$4" -v k="$5" -v t="$native" -v b="$blas" -v roof="$(field "gflops_$2" <<<"$roof")" -v type="$2" 'BEGIN {
    rate = 2 * m * n * k / t / 1e6
    printf "| %d × %d × %d, %s | %.4f | %.0f | %.0f%% | %.2f |\n", m, n, k, type, t, rate, 100 * rate / roof, b / t
  }'
}
for shape in '32 128 784' '784 128 32' '32 10 128' '1792 512 28' '64 512 128' '1 4096 4096' '1000 1000 1000' \
  '256 256 256' '512 512 512' '1024 1024 1024' '2048 2048 2048'; do
  read -r m n k <<<"$shape"
  row matmul.graph f32 "$m" "$n" "$k"
done
for size in 512 1024; do row matmul_f64.graph f64 "$size" "$size" "$size"; done
