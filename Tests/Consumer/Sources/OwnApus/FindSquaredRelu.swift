import Apus
import ApusGraph
import ApusOperators

/// max(x, 0)², defined by other operators: that is its meaning, its gradient and its native code.
struct SquaredRelu: CompositeOperator {
  static let record = OperatorRecord(
    "squared_relu", .activation, "max(x, 0)²", operands: [OperandRecord("x", .floating)])

  func expand(_ operands: [Value], _ builder: GraphBuilder) throws -> [Value] { [try operands[0].relu().square()] }
}

/// Finds a squared_relu that is written out.
struct FindSquaredRelu: Pass {
  static let square = RewriteRule("square", "relu(x) · relu(x) → squared_relu(x)")
  static let record = PassRecord(
    "find-squared-relu", "finds squared_relu where it is written out",
    statistics: [PassStatistic("found", "products replaced")], rules: [square])

  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    var count = 0
    let result = try graph.rewritten { node, operands, builder in
      guard node.op is ApusOperators.Multiply, operands[0] == operands[1] else { return .keep }
      let relu = builder.graph.producer(of: operands[0])
      guard relu.op is Relu, context.permits(Self.square) else { return .keep }
      count += 1
      return .replace(
        try builder.append(SquaredRelu(), relu.operands, names: graph.names(of: node), origin: node.origin))
    }
    context.count("found", count)
    return count == 0 ? graph : try result.withoutDeadNodes()
  }
}
