import Apus
import ApusGraph
import ApusOperators

/// A gradient that is wrong though the values are right.
///
/// A node y is replaced by stop(y) + (z − stop(z)), which is y, and has the gradient of z.
struct GradientFault: Sendable, CustomStringConvertible {
  typealias Slope = @Sendable (_ node: Node, _ operands: [Value]) throws -> Value?
  let name: String
  /// The operator at fault.
  let op: String
  let graph: String
  let slope: Slope
  var description: String { name }

  /// Makes gradients, wrong ones for this operator.
  @Sendable func differentiate(_ graph: Graph) throws -> Graph {
    try graph.rewritten { node, operands, builder in
      guard node.op.name == op, let z = try slope(node, operands.map(builder.value)) else { return .keep }
      let y = try builder.value(builder.append(node.op, operands, regions: node.regions, origin: node.origin)[0])
      return .replace([try (y.stopGradient() + (z - z.stopGradient())).id])
    }.differentiated()
  }

  private static func one(_ body: String) -> String {
    "graph @g(%x: f32[4]) {\n%1 = exp(%x)\n\(body)\n%s = reduce_sum(%r)\nreturn %s\n}"
  }
  private static func two(_ body: String, _ type: String = "f32[3, 3]") -> String {
    "graph @g(%x: \(type), %y: \(type)) {\n%1 = tanh(%x)\n%2 = exp(%y)\n\(body)\n%s = reduce_sum(%r)\nreturn %s\n}"
  }

  static let all: [GradientFault] = [
    GradientFault(name: "the square loses its factor of two", op: "multiply", graph: one("%r = multiply(%1, %1)")) {
      _, x in try x[0] * x[1].stopGradient()
    },
    GradientFault(name: "the subtrahend's sign is lost", op: "subtract", graph: two("%r = subtract(%1, %2)")) {
      _, x in try x[0] + x[1]
    },
    GradientFault(name: "the divisor has no gradient", op: "divide", graph: two("%r = divide(%1, %2)")) {
      _, x in try x[0] / x[1].stopGradient()
    },
    GradientFault(name: "tanh has the slope 1 − y", op: "tanh", graph: one("%r = tanh(%1)")) { _, x in
      try x[0] * (1 - x[0].tanh()).stopGradient()
    },
    GradientFault(name: "sigmoid has the slope y", op: "sigmoid", graph: one("%r = sigmoid(%1)")) { _, x in
      try x[0] * x[0].sigmoid().stopGradient()
    },
    GradientFault(name: "the mask of a maximum is turned round", op: "maximum", graph: two("%r = maximum(%1, %2)")) {
      _, x in try x[0].minimum(x[1])
    },
    GradientFault(name: "a product's operand is transposed", op: "matmul", graph: two("%r = matmul(%1, %2)")) { _, x in
      try x[0].matmul(x[1].stopGradient(), transposeB: true) + x[0].stopGradient().matmul(x[1])
    },
    GradientFault(name: "a sum counts its terms twice", op: "reduce_sum", graph: one("%r = negate(%1)")) {
      _, x in try x[0].sum() * 2
    },
    GradientFault(name: "the logarithm has the slope 1", op: "log", graph: one("%2 = multiply(%1, %1)\n%r = log(%2)")) {
      _, x in x[0]
    },
  ]
}
