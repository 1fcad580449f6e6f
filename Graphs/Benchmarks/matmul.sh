#!/usr/bin/env bash
# Times matrix products on one core, native code against OpenBLAS (what the interpreter calls), as a Markdown table.
#
#   matmul.sh [--rounds N] [--seconds S] [APUS [M,N,K or M,N,K,f64 ...]]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
export OPENBLAS_NUM_THREADS=1

shapes=("${rest[@]}")
[ ${#shapes[@]} -gt 0 ] || shapes=(32,128,784 784,128,32 32,10,128 1792,512,28 64,512,128 1,4096,4096 1000,1000,1000
  256,256,256 512,512,512 1024,1024,1024 2048,2048,2048 512,512,512,f64 1024,1024,1024,f64)
milliseconds() { # file, m, n, k, backend
  "$apus" bench "$benchmarks/$1" --bind "m=$2,n=$3,k=$4" --threads 1 --seconds "$seconds" --json --backend "$5" | field ms
}

roof=$("$apus" devices --json)
header 'm × n × k' 'ms' 'OpenBLAS, ms' 'GFLOP/s' 'share of the roof' 'times OpenBLAS'
for shape in "${shapes[@]}"; do
  IFS=, read -r m n k type <<<"$shape"
  type=${type:-f32}
  file=matmul.graph
  [ "$type" = f32 ] || file=matmul_$type.graph
  native=() blas=()
  for _ in $(seq "$rounds"); do
    native+=("$(milliseconds "$file" "$m" "$n" "$k" native)")
    blas+=("$(milliseconds "$file" "$m" "$n" "$k" interpreter)")
  done
  gigaflops=$(printf '%s\n' "${native[@]}" | awk -v flops=$((2 * m * n * k)) '{ print flops / $1 / 1e6 }')
  row "$m × $n × $k, $type" "$(printf '%s\n' "${native[@]}" | cell)" "$(printf '%s\n' "${blas[@]}" | cell)" \
    "$(cell <<<"$gigaflops")" \
    "$(awk -v roof="$(field "gflops_$type" <<<"$roof")" '{ print 100 * $1 / roof }' <<<"$gigaflops" | cell %)" \
    "$(quotients "${blas[*]}" "${native[*]}" | cell)"
done
