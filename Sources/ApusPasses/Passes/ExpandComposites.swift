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
    let composites = graph.nodes.count { $0.op is any CompositeOperator }
    context.count("expanded", composites)
    let isInside = graph.nodes.contains { $0.regions.contains { $0.nodes.contains { $0.op is any CompositeOperator } } }
    return composites == 0 && !isInside ? graph : try graph.expandingComposites()
  }
}
