#!/usr/bin/env bash
# Prints a graph of any size, to measure how the time to compile it grows.
#
#   grow.sh chain NODES          elementwise nodes on 64 numbers, each reading the one before
#   grow.sh network NODES        dense layers of 64 units, four nodes each: a product, a bias, tanh and a residual sum
#   grow.sh transformer LAYERS   layers of a transformer encoder: 128 positions of 256, 4 heads
#   grow.sh densenet             DenseNet-121 (Huang et al. 2017) for one picture of 224 × 224
set -euo pipefail

kind=${1:-}
size=${2:-0}
case $kind in
chain | network | transformer)
  [[ $size =~ ^[1-9][0-9]*$ ]] || {
    echo "grow.sh $kind takes a number from 1, as grow.sh $kind 1000" >&2
    exit 2
  }
  ;;
densenet) ;;
*)
  echo "there is no kind '$kind': chain, network, transformer, densenet" >&2
  exit 2
  ;;
esac

awk -v kind="$kind" -v size="$size" '
  # A line of the graph; what it defines is the value that follows.
  function node(text) { print "  %" ++count " = " text; return "%" count }
  function variable(name, type, start) {
    print "  %" name ": f32[" type "] = variable(" start ")"
    return "%" name
  }

  function chain(x, i) {
    for (i = 1; i <= size; i++) x = node(i % 2 ? "sin(" x ")" : "add(" x ", %x)")
    return x
  }

  # All layers have the same weights, so that the graph grows and its memory does not.
  function network(x, i, y) {
    for (i = 1; i <= size / 4; i++) {
      y = node("matmul(" x ", %w)")
      y = node("add(" y ", %b)")
      y = node("tanh(" y ")")
      x = node("add(" y ", " x ")")
    }
    return x
  }

  function dense(x, name, inputs, outputs) {
    x = node("matmul(" x ", " variable(name "_w", inputs ", " outputs, "glorot_uniform") ")")
    return node("add(" x ", " variable(name "_b", outputs, "zeros") ")")
  }
  function heads(x) {
    x = node("reshape(" x ", shape: [1, 128, 4, 64])")
    return node("transpose(" x ", permutation: [0, 2, 1, 3])")
  }
  function layer_norm(x, name) {
    return node("layer_norm(" x ", " variable(name "_gamma", 256, "ones") ", " variable(name "_beta", 256, "zeros") ")")
  }
  function transformer(x, i, q, k, v, y) {
    for (i = 1; i <= size; i++) {
      q = heads(dense(x, "q" i, 256, 256))
      k = heads(dense(x, "k" i, 256, 256))
      v = heads(dense(x, "v" i, 256, 256))
      y = node("matmul(" q ", " k ", transpose_b: true)")
      y = node("softmax(" y ")")
      y = node("matmul(" y ", " v ")")
      y = node("transpose(" y ", permutation: [0, 2, 1, 3])")
      y = node("reshape(" y ", shape: [1, 128, 256])")
      x = layer_norm(node("add(" x ", " dense(y, "o" i, 256, 256) ")"), "n" i)
      y = node("gelu(" dense(x, "f" i, 256, 1024) ")")
      x = layer_norm(node("add(" x ", " dense(y, "g" i, 1024, 256) ")"), "m" i)
    }
    return x
  }

  function convolution(x, side, inputs, outputs, rest) {
    return node("convolution(" x ", " \
      variable("w" ++layers, side ", " side ", " inputs ", " outputs, "glorot_uniform") ", padding: same" rest ")")
  }
  function normalized(x, channels) {
    layers++
    x = node("batch_norm(" x ", " variable("gamma" layers, channels, "ones") ", " \
      variable("beta" layers, channels, "zeros") ", " variable("mean" layers, channels, "zeros, trainable: false") ", " \
      variable("variance" layers, channels, "ones, trainable: false") ")")
    return node("relu(" x ")")
  }
  function densenet(x, block, i, channels, y) {
    x = normalized(convolution(x, 7, 3, 64, ", strides: [2, 2]"), 64)
    x = node("max_pool(" x ", window: [3, 3], strides: [2, 2], padding: same)")
    channels = 64
    split("6 12 24 16", lengths, " ")
    for (block = 1; block <= 4; block++) {
      for (i = 1; i <= lengths[block]; i++) {
        y = convolution(normalized(x, channels), 1, channels, 128, "")
        y = convolution(normalized(y, 128), 3, 128, 32, "")
        x = node("concatenate(" x ", " y ", axis: 3)")
        channels += 32
      }
      x = normalized(x, channels)
      if (block == 4) break
      x = convolution(x, 1, channels, channels / 2, "")
      x = node("average_pool(" x ", window: [2, 2], strides: [2, 2])")
      channels /= 2
    }
    x = node("global_average_pool(" x ")")
    return node("softmax(" dense(x, "predictions", channels, 1000) ")")
  }

  BEGIN {
    if (kind == "chain") { print "graph @chain(%x: f32[64]) {"; x = chain("%x") }
    if (kind == "network") { print "graph @network(%x: f32[32, 64], %w: f32[64, 64], %b: f32[64]) {"; x = network("%x") }
    if (kind == "transformer") { print "graph @transformer(%x: f32[1, 128, 256]) {"; x = transformer("%x") }
    if (kind == "densenet") { print "graph @densenet(%x: f32[1, 224, 224, 3]) {"; x = densenet("%x") }
    print "  return " x "\n}"
  }'
