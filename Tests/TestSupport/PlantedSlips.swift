import Apus
import ApusGraph
import ApusOperators

extension GraphFault {
  /// Slips in what moves, pads, pools and multiplies.
  public static let slips: [GraphFault] = [
    GraphFault("a reduction over the other axis", "%x: f32[3, 3]", "%1 = exp(%x)\n%r = reduce_sum(%1, axes: [0])") {
      node, x in node.op is ReduceSum ? try x[0].sum(axes: [1]) : nil
    },
    GraphFault(
      "a transpose is dropped from a square", "%x: f32[4, 4]", "%1 = transpose(%x, permutation: [1, 0])\n%r = tanh(%1)"
    ) {
      node, x in node.op is Tanh ? try operand(x[0], of: Transpose.self)?.tanh() : nil
    },
    GraphFault("a broadcast along the other axis", "%x: f32[3, 3], %b: f32[3]", "%r = add(%x, %b)") { node, x in
      node.op is ApusOperators.Add ? try x[0] + x[1].reshaped([3, 1]) : nil
    },
    GraphFault("padding is off by one", "%x: f32[4]", "%r = pad(%x, low: [1], high: [2], interior: [0])") { node, x in
      node.op is Pad ? try x[0].padded(low: [2], high: [1]) : nil
    },
    GraphFault("relu before the bias", "%x: f32[4, 3], %b: f32[3]", "%1 = add(%x, %b)\n%r = relu(%1)") { node, x in
      guard node.op is Relu, let a = operand(x[0], of: ApusOperators.Add.self),
        let b = operand(x[0], of: ApusOperators.Add.self, 1)
      else { return nil }
      return try a.relu() + b
    },
    GraphFault(
      "parts are joined in the other order", "%x: f32[3], %y: f32[3]", "%1 = concatenate(%x, %y, axis: 0)\n%r = exp(%1)"
    ) {
      node, x in
      guard node.op is Exp, let a = operand(x[0], of: Concatenate.self), let b = operand(x[0], of: Concatenate.self, 1)
      else {
        return nil
      }
      return try concatenate([b, a], axis: 0).exp()
    },
    GraphFault("a slice begins one too early", "%x: f32[8]", "%r = slice(%x, starts: [2], limits: [6])") { node, x in
      node.op is Slice ? try x[0].sliced(axis: 0, from: 1, to: 5) : nil
    },
    GraphFault("products with the other operand transposed", "%x: f32[3, 3], %y: f32[3, 3]", "%r = matmul(%x, %y)") {
      node, x in node.op is Matmul ? try x[0].matmul(x[1], transposeB: true) : nil
    },
    GraphFault("a reversal is dropped", "%x: f32[6]", "%1 = reverse(%x, axes: [0])\n%r = tanh(%1)") { node, x in
      node.op is Tanh ? try operand(x[0], of: Reverse.self)?.tanh() : nil
    },
    GraphFault(
      "the filter is turned", "%x: f32[1, 5, 5, 1], %w: f32[3, 3, 1, 1]",
      "%r = convolution(%x, %w, strides: [1, 1], dilation: [1, 1])"
    ) { node, x in
      node.op is Convolution ? try x[0].convolution(x[1].reversed(axes: [0, 1])) : nil
    },
    GraphFault(
      "a mean divides by one less", "%x: f32[8]", "%1 = reduce_sum(%x)\n%8: f32 = constant(8)\n%r = divide(%1, %8)"
    ) {
      node, x in node.op is Divide ? try x[0] / 7 : nil
    },
    // Seen in double precision only: single precision rounds as much.
    GraphFault(
      "a coefficient in its seventh digit", "%x: f32[16]", "%c: f32 = constant(0.25)\n%r = multiply(%x, %c)",
      isRounding: true
    ) { node, x in node.op is ApusOperators.Multiply ? try x[0] * 0.250000015 : nil },
    GraphFault(
      "an epsilon is left out", "%x: f32[16]", "%e: f32 = constant(1e-07)\n%1 = add(%x, %e)\n%r = negate(%1)",
      isRounding: true
    ) { node, x in node.op is Negate ? try operand(x[0], of: ApusOperators.Add.self)?.negated() : nil },
  ]
}
