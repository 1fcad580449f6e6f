import ApusCore
import ApusGraph

/// Merges nodes that compute the same: the same operator on the same operands, in either order where it commutes.
///
/// Graphs that a builder made have few such nodes, for building shares equal ones. Texts have them, and rewrites that
/// make two operands equal. Random draws are functions of their counter, so equal draws merge as well.
public struct CommonSubexpressions: Pass {
  public static let record = PassRecord(
    "cse", "merges nodes that compute the same",
    statistics: [PassStatistic("merged", "nodes merged into an earlier one")])

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let graph = try graph.rewritingControlFlow { try run($0, &context) }
    let result = try graph.rewritten { node, operands, builder in
      guard node.op.traits.contains(.commutative), operands[0] > operands[1] else { return .keep }
      return .replace(
        try builder.append(
          node.op, operands.reversed(), regions: node.regions, names: graph.names(of: node), origin: node.origin))
    }
    context.count("merged", graph.nodes.count - result.nodes.count)
    // Ordering operands is a means, not an end: where nothing merged the text stays as it was.
    return result.nodes.count == graph.nodes.count ? graph : result
  }
}
