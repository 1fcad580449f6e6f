import ApusCore
import ApusGraph
import ApusOperators

/// Replaces composites by their definitions, so that passes after it see the primitives inside. Those whose definition
/// needs the sizes of symbols stay until they are bound.
public struct ExpandComposites: Pass {
  public static let record = PassRecord(
    "expand-composites", "replaces composites by their definitions",
    statistics: [PassStatistic("expanded", "composites replaced")])

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let composites = graph.compositeCount
    if composites == 0 { return graph }
    let result = try graph.expandingComposites(leavesUnbound: true) { _ in context.permits() }
    let left = result.compositeCount
    if left > 0, !graph.symbols.isEmpty {
      context.missed(
        "\(left) composite\(left == 1 ? "" : "s") cannot be expanded before the symbols \(graph.symbols.joined(separator: ", ")) are bound"
      )
    }
    if result == graph { return graph }
    // Definitions may hold some that stay.
    context.count("expanded", max(1, composites - left))
    return result
  }
}

extension Graph {
  /// Composites, those in regions too.
  fileprivate var compositeCount: Int {
    nodes.reduce(0) { sum, node in
      sum + (node.op.asComposite == nil ? 0 : 1) + node.regions.reduce(0) { $0 + $1.compositeCount }
    }
  }
}
