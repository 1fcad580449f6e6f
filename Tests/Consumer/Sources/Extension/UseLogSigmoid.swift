import Apus
import ApusOperators

/// ln σ(x) → log_sigmoid(x): one operator instead of two, and exact where σ(x) is 0 in floating point.
public struct UseLogSigmoid: Pass {
  public static let record = PassRecord(
    "use-log-sigmoid", "replaces log(sigmoid(x)) by log_sigmoid(x), which is exact in both tails",
    statistics: [PassStatistic("replaced", "logarithms replaced")], precision: .approximate(error: 1e-6))
  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    // The bodies of loops and branches first.
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    var count = 0
    let result = try graph.rewritten { node, operands, builder in
      guard node.op is Log else { return .keep }
      let sigmoid = builder.graph.producer(of: operands[0])
      guard sigmoid.op is Sigmoid else {
        context.missed("\(graph.label(of: node.result)) is not the logarithm of a sigmoid", at: node)
        return .keep
      }
      count += 1
      return .replace(
        try builder.append(LogSigmoid(), sigmoid.operands, names: graph.names(of: node), origin: node.origin))
    }
    context.count("replaced", count)
    // Sigmoids that nothing reads any more.
    return count == 0 ? graph : try result.withoutDeadNodes()
  }
}
