import ApusCore
import ApusGraph
import ApusOperators

/// Replaces composites by their definitions, so that passes after it see the primitives inside.
public struct ExpandComposites: Pass {
  public static let record = PassRecord(
    "expand-composites", "replaces composites by their definitions",
    statistics: [PassStatistic("expanded", "composites replaced")])

  public init() {}

  public func run(_ graph: Graph, _ context: inout PassContext) throws -> Graph {
    let composites = graph.compositeCount
    context.count("expanded", composites)
    return composites == 0 ? graph : try graph.expandingComposites()
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
