import Apus
import ApusGraph
import ApusOperators

extension Graph {
  /// The graph with the nodes of its fusions instead of the fusions.
  public func inliningFusions() throws -> Graph {
    try rewritten(sharingEqualNodes: false) { node, operands, builder in
      node.op is Fusion ? .replace(try node.regions[0].inlined(into: builder, operands)) : .keep
    }
  }
}
