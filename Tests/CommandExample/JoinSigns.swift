import Apus
import ApusGraph
import ApusOperators

/// −(a − b) → b − a, the same but for the sign of zeros: where a is b the first is −0 and the second 0.
struct JoinSigns: Pass {
  static let record = PassRecord(
    "join-signs", "replaces −(a − b) by b − a", statistics: [PassStatistic("joined", "differences turned round")],
    precision: .exactButZeroSigns)

  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    // The bodies of loops and branches first.
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    var count = 0
    let result = try graph.rewritten { node, operands, builder in
      guard node.op is Negate else { return .keep }
      let difference = builder.graph.producer(of: operands[0])
      guard difference.op is ApusOperators.Subtract else {
        context.missed("\(graph.label(of: node.result)) does not negate a difference", at: node)
        return .keep
      }
      guard context.permits() else { return .keep }
      count += 1
      return .replace(
        try builder.append(
          ApusOperators.Subtract(), difference.operands.reversed(), names: graph.names(of: node), origin: node.origin))
    }
    context.count("joined", count)
    return count == 0 ? graph : try result.withoutDeadNodes()
  }
}

/// The same, by an author who forgot that −0 is not 0. Tests show with it what `--validate` and `--bisect` say.
struct CarelessSigns: Pass {
  static let record = PassRecord(
    "careless-signs", "as join-signs, and says that it is exact", statistics: JoinSigns.record.statistics)

  func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph { try JoinSigns().run(graph, &context) }
}
